//! Accounts that send transactions, and the contract they call.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEnvelope, TxLegacy};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex};
use alloy_signer::SignerSync as _;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use std::sync::LazyLock;
use trellis_messaging::gateway;
use trellis_module::Allocation;

/// The mnemonic of every Ethereum development node.
const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// Funded accounts.
const FUNDED: u32 = 8;
/// Accounts that send the workload; the rest serve liars.
pub const SENDERS: usize = 6;
/// Gas limit of every transaction of the workload.
const GAS_LIMIT: u64 = 300_000;
/// Gas limit of the delivery of a message.
const DELIVERY_GAS: u64 = 60_000;

/// Code that adds one to its slot 0, and then reverts if it was given any data:
/// `sstore(0, sload(0) + 1); if calldatasize() { revert(0, 0) }`.
const COUNTER: [u8; 16] = hex!("5f546001015f5536600c57005b5f5ffd");

/// The funded accounts, at the usual derivation path.
static ACCOUNTS: LazyLock<Vec<PrivateKeySigner>> = LazyLock::new(|| {
    let account = |index| {
        MnemonicBuilder::<English>::default()
            .phrase(MNEMONIC)
            .index(index)
            .and_then(|builder| builder.build())
            .expect("the mnemonic and its derivation path are valid")
    };
    (0..FUNDED).map(account).collect()
});

/// What genesis gives the funded accounts.
pub fn allocations() -> Vec<Allocation> {
    let balance = U256::from(10_000) * U256::from(10).pow(U256::from(18));
    let allocation = |signer: &PrivateKeySigner| Allocation {
        address: signer.address(),
        balance,
    };
    ACCOUNTS.iter().map(allocation).collect()
}

/// Address of a funded account.
pub fn address(account: usize) -> Address {
    ACCOUNTS[account].address()
}

/// An address nobody has a key for.
pub fn recipient(index: u8) -> Address {
    Address::with_last_byte(index).create(1)
}

/// Where the counter is once account 0 has sent its first transaction.
pub fn counter() -> Address {
    address(0).create(0)
}

/// Code whose execution installs the counter.
pub fn counter_deployment() -> Bytes {
    let mut code = vec![0x6f];
    code.extend_from_slice(&COUNTER);
    code.extend_from_slice(&hex!("5f5260106010f3"));
    code.into()
}

/// Call data that sends a message to an account of another chain. One with a payload fails there: neither the counter nor an
/// account without code takes messages.
pub fn message(chain_id: u64, recipient: Address, payload: Bytes) -> Bytes {
    gateway::send(chain_id, recipient, payload, DELIVERY_GAS)
}

/// How a transaction is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Before EIP-2718, with a chain id (EIP-155).
    Legacy,
    /// EIP-2930.
    AccessList,
    /// EIP-1559.
    DynamicFee,
}

/// What a transaction says, apart from who sends it.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Encoding.
    pub kind: Kind,
    /// Chain it is for.
    pub chain_id: u64,
    /// The sender's nonce.
    pub nonce: u64,
    /// Highest fee, in wei per gas.
    pub max_fee: u128,
    /// Highest tip, in wei per gas.
    pub tip: u128,
    /// Receiver, or the creation of a contract.
    pub to: TxKind,
    /// Amount, in wei.
    pub value: U256,
    /// Call data.
    pub input: Bytes,
}

impl Payment {
    /// Signs for a funded account: hash and encoding.
    pub fn sign(self, account: usize) -> (B256, Bytes) {
        self.sign_with(&ACCOUNTS[account])
    }

    fn sign_with(self, signer: &PrivateKeySigner) -> (B256, Bytes) {
        let Self {
            chain_id,
            nonce,
            to,
            value,
            input,
            ..
        } = self;
        let (gas_limit, gas_price) = (GAS_LIMIT, self.max_fee);
        let envelope: TxEnvelope = match self.kind {
            Kind::Legacy => {
                let chain_id = Some(chain_id);
                let tx = TxLegacy {
                    chain_id,
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    input,
                };
                let signature = signature(signer, &tx);
                tx.into_signed(signature).into()
            }
            Kind::AccessList => {
                let access_list = Default::default();
                let tx = TxEip2930 {
                    chain_id,
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    access_list,
                    input,
                };
                let signature = signature(signer, &tx);
                tx.into_signed(signature).into()
            }
            Kind::DynamicFee => {
                let tx = TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: self.max_fee,
                    max_priority_fee_per_gas: self.tip.min(self.max_fee),
                    to,
                    value,
                    access_list: Default::default(),
                    input,
                };
                let signature = signature(signer, &tx);
                tx.into_signed(signature).into()
            }
        };
        (*envelope.tx_hash(), envelope.encoded_2718().into())
    }
}

fn signature(signer: &PrivateKeySigner, tx: &impl SignableTransaction<Signature>) -> Signature {
    signer
        .sign_hash_sync(&tx.signature_hash())
        .expect("a key in memory signs any hash")
}

fn plain(chain_id: u64, nonce: u64) -> Payment {
    Payment {
        kind: Kind::DynamicFee,
        chain_id,
        nonce,
        max_fee: 10_000_000_000,
        tip: 1,
        to: TxKind::Call(recipient(9)),
        value: U256::from(1),
        input: Bytes::new(),
    }
}

/// A transaction whose predecessors do not exist.
pub fn nonce_gap(chain_id: u64) -> Bytes {
    plain(chain_id, 7).sign(SENDERS).1
}

/// A transaction of an account that has nothing.
pub fn unfunded(chain_id: u64) -> Bytes {
    let poor = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x77)).expect("a valid key");
    plain(chain_id, 0).sign_with(&poor).1
}
