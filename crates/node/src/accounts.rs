//! The accounts every development network funds: the ones Ethereum's development nodes have made familiar.

use alloy_primitives::{Address, U256, hex};
use alloy_signer_local::{MnemonicBuilder, coins_bip39::English};
use trellis_module::Allocation;

/// The mnemonic of every development node. Public: never use it with real value.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// How many accounts are funded.
const COUNT: u32 = 10;
/// Native coin of each account, in whole coins.
const BALANCE: u64 = 10_000;

/// A funded development account.
#[derive(Clone, Debug)]
pub struct DevAccount {
    /// Its address, the same in every module.
    pub address: Address,
    /// Its secret key as 0x-prefixed hex. Public knowledge, hence printable.
    pub secret_key_hex: String,
    /// Its balance at genesis, in whole coins.
    pub balance_ether: u64,
}

/// The funded accounts, at the usual derivation path `m/44'/60'/0'/0/index`.
pub fn dev_accounts() -> Vec<DevAccount> {
    (0..COUNT)
        .map(|index| {
            let signer = MnemonicBuilder::<English>::default()
                .phrase(MNEMONIC)
                .index(index)
                .and_then(|builder| builder.build())
                .expect("the mnemonic and its derivation path are valid");
            DevAccount {
                address: signer.address(),
                secret_key_hex: hex::encode_prefixed(signer.to_bytes()),
                balance_ether: BALANCE,
            }
        })
        .collect()
}

/// What the accounts hold at genesis.
pub(crate) fn allocations() -> Vec<Allocation> {
    let wei = U256::from(10).pow(U256::from(18));
    dev_accounts()
        .into_iter()
        .map(|account| Allocation {
            address: account.address,
            balance: U256::from(account.balance_ether) * wei,
        })
        .collect()
}

/// Who may pause private payments on a development network: the last of the funded accounts.
pub(crate) fn governance() -> Address {
    dev_accounts()
        .last()
        .map(|account| account.address)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;
    use alloy_signer_local::PrivateKeySigner;

    #[test]
    fn accounts_are_the_familiar_ones() {
        let accounts = dev_accounts();
        assert_eq!(accounts.len(), 10);
        assert_eq!(
            accounts[0].address,
            address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
        );
        assert_eq!(
            accounts[0].secret_key_hex,
            "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
        );
        assert_eq!(
            accounts[9].address,
            address!("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720")
        );
    }

    /// What is printed can be used: each key is the key of its address.
    #[test]
    fn keys_belong_to_their_addresses() {
        let mut addresses = std::collections::BTreeSet::new();
        for account in dev_accounts() {
            let signer: PrivateKeySigner = account.secret_key_hex.parse().unwrap();
            assert_eq!(signer.address(), account.address);
            addresses.insert(account.address);
        }
        assert_eq!(addresses.len(), 10);
    }

    #[test]
    fn every_account_is_funded_with_what_is_shown() {
        let wei = U256::from(1_000_000_000_000_000_000_u64);
        let shown = dev_accounts();
        let given = allocations();
        assert_eq!(shown.len(), given.len());
        for (account, allocation) in shown.iter().zip(given) {
            assert_eq!(allocation.address, account.address);
            assert_eq!(allocation.balance, U256::from(account.balance_ether) * wei);
            assert_eq!(account.balance_ether, 10_000);
        }
    }
}
