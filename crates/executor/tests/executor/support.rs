//! A state in memory, signers, and short ways to write transactions.

use alloy_consensus::{
    SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy,
    transaction::Recovered,
};
use alloy_eips::{
    eip2930::AccessList,
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};
use trellis_executor::{BlockEnv, Executed, Transaction, execute_block};
use trellis_primitives::{Account, StateDiff, StateError, StateReader};

pub(crate) const CHAIN_ID: u64 = 7_001;
pub(crate) const BASE_FEE: u64 = 1_000_000_000;
pub(crate) const TIP: u128 = 2_000_000_000;
pub(crate) const MAX_FEE: u128 = 10_000_000_000;
pub(crate) const ETHER: u128 = 1_000_000_000_000_000_000;
pub(crate) const BENEFICIARY: Address = Address::repeat_byte(0xfe);

/// A state in memory. What a block changes is written back with [`Self::commit`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryState {
    pub(crate) accounts: BTreeMap<Address, Account>,
    pub(crate) storage: BTreeMap<(Address, U256), U256>,
    pub(crate) code: BTreeMap<B256, Bytes>,
}

impl StateReader for MemoryState {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self
            .storage
            .get(&(address, slot))
            .copied()
            .unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        Ok(self
            .code
            .get(&hash)
            .expect("only hashes found in accounts are asked for")
            .clone())
    }
}

impl MemoryState {
    /// The system contracts, and each signer with 1,000 ether.
    pub(crate) fn genesis(signers: &[&PrivateKeySigner]) -> Self {
        let mut state = Self::default();
        state.deploy(HISTORY_STORAGE_ADDRESS, &HISTORY_STORAGE_CODE);
        state.deploy(BEACON_ROOTS_ADDRESS, &BEACON_ROOTS_CODE);
        for signer in signers {
            state.fund(signer.address(), 1_000 * ETHER);
        }
        state
    }

    pub(crate) fn fund(&mut self, address: Address, wei: u128) {
        self.accounts.entry(address).or_default().balance = U256::from(wei);
    }

    pub(crate) fn deploy(&mut self, address: Address, code: &[u8]) {
        let account = self.accounts.entry(address).or_default();
        account.nonce = 1;
        account.code_hash = keccak256(code);
        self.code
            .insert(account.code_hash, Bytes::copy_from_slice(code));
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.accounts
            .get(&address)
            .map_or(U256::ZERO, |account| account.balance)
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        self.accounts
            .get(&address)
            .map_or(0, |account| account.nonce)
    }

    pub(crate) fn slot(&self, address: Address, slot: u64) -> U256 {
        self.storage
            .get(&(address, U256::from(slot)))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn supply(&self) -> U256 {
        self.accounts
            .values()
            .map(|account| account.balance)
            .fold(U256::ZERO, |a, b| a + b)
    }

    /// Writes a block's changes, checking that each `before` is what is here and that each is a real change.
    pub(crate) fn commit(&mut self, diff: &StateDiff) {
        for (address, change) in &diff.accounts {
            assert_ne!(change.before, change.after, "{address} did not change");
            assert_eq!(
                self.accounts.get(address).copied(),
                change.before,
                "{address}"
            );
            match change.after {
                Some(account) => self.accounts.insert(*address, account),
                None => self.accounts.remove(address),
            };
        }
        for (key, change) in &diff.storage {
            assert_ne!(change.before, change.after, "{key:?} did not change");
            assert_eq!(
                self.storage.get(key).copied().unwrap_or_default(),
                change.before,
                "{key:?}"
            );
            if change.after.is_zero() {
                self.storage.remove(key);
            } else {
                self.storage.insert(*key, change.after);
            }
        }
        for (hash, code) in &diff.code {
            assert_eq!(keccak256(code), *hash);
            self.code.insert(*hash, code.clone());
        }
    }

    /// Executes a block here and writes what it changed.
    pub(crate) fn run(&mut self, env: BlockEnv, transactions: &[Transaction]) -> Executed {
        let executed = execute_block(env, &*self, transactions).expect("block is valid");
        crate::parallel::assert_same_in_every_way(env, &*self, transactions, &executed);
        self.commit(&executed.diff);
        executed
    }
}

/// Answers [`StateError::Pending`] to the first read of every key, as a cache that fetches on a miss does.
pub(crate) struct Fetching<'a> {
    pub(crate) state: &'a MemoryState,
    pub(crate) fetched: RefCell<BTreeSet<(Address, Option<U256>, B256)>>,
    pub(crate) misses: Cell<usize>,
}

impl<'a> Fetching<'a> {
    pub(crate) fn new(state: &'a MemoryState) -> Self {
        Self {
            state,
            fetched: RefCell::default(),
            misses: Cell::new(0),
        }
    }

    fn fetch(&self, address: Address, slot: Option<U256>, hash: B256) -> Result<(), StateError> {
        if self.fetched.borrow_mut().insert((address, slot, hash)) {
            self.misses.set(self.misses.get() + 1);
            return Err(StateError::Pending);
        }
        Ok(())
    }
}

impl StateReader for Fetching<'_> {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        self.fetch(address, None, B256::ZERO)?;
        self.state.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.fetch(address, Some(slot), B256::ZERO)?;
        self.state.storage(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        self.fetch(Address::ZERO, None, hash)?;
        self.state.code(hash)
    }
}

/// A signer with a fixed key.
pub(crate) fn signer(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(seed)).expect("a small number is a valid key")
}

/// The environment of block `number`.
pub(crate) fn env(number: u64) -> BlockEnv {
    BlockEnv {
        chain_id: CHAIN_ID,
        number,
        timestamp: 1_700_000_000 + number,
        beneficiary: BENEFICIARY,
        gas_limit: 30_000_000,
        base_fee: BASE_FEE,
        prev_randao: B256::repeat_byte(0x77),
        parent_hash: keccak256(number.to_be_bytes()),
        parent_beacon_root: B256::repeat_byte(0xbe),
    }
}

/// Signs with the key of `signer`; the sender is recovered from the signature, as a node does.
pub(crate) fn sign<T>(signer: &PrivateKeySigner, tx: T) -> Transaction
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = signer
        .sign_hash_sync(&tx.signature_hash())
        .expect("local key signs");
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    let sender = envelope.recover_signer_unchecked_for_test();
    Recovered::new_unchecked(envelope, sender)
}

trait RecoverForTest {
    fn recover_signer_unchecked_for_test(&self) -> Address;
}

impl RecoverForTest for TxEnvelope {
    fn recover_signer_unchecked_for_test(&self) -> Address {
        alloy_consensus::transaction::SignerRecoverable::recover_signer(self)
            .expect("signature is valid")
    }
}

/// A dynamic-fee transaction with the usual fees; fields are changed by the caller.
pub(crate) fn dynamic(nonce: u64, to: impl Into<TxKind>) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 500_000,
        max_fee_per_gas: MAX_FEE,
        max_priority_fee_per_gas: TIP,
        to: to.into(),
        ..TxEip1559::default()
    }
}

/// A plain transfer.
pub(crate) fn transfer(from: &PrivateKeySigner, nonce: u64, to: Address, wei: u128) -> Transaction {
    let value = U256::from(wei);
    sign(
        from,
        TxEip1559 {
            value,
            gas_limit: 21_000,
            ..dynamic(nonce, to)
        },
    )
}

/// A call with input.
pub(crate) fn call(from: &PrivateKeySigner, nonce: u64, to: Address, input: &[u8]) -> Transaction {
    sign(
        from,
        TxEip1559 {
            input: Bytes::copy_from_slice(input),
            ..dynamic(nonce, to)
        },
    )
}

/// A creation from initcode.
pub(crate) fn create(from: &PrivateKeySigner, nonce: u64, initcode: &[u8]) -> Transaction {
    let input = Bytes::copy_from_slice(initcode);
    sign(
        from,
        TxEip1559 {
            input,
            ..dynamic(nonce, TxKind::Create)
        },
    )
}

pub(crate) fn legacy(nonce: u64, to: Address) -> TxLegacy {
    TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce,
        gas_price: MAX_FEE,
        gas_limit: 100_000,
        to: to.into(),
        ..TxLegacy::default()
    }
}

pub(crate) fn with_access_list(nonce: u64, to: Address, access_list: AccessList) -> TxEip2930 {
    TxEip2930 {
        chain_id: CHAIN_ID,
        nonce,
        gas_price: MAX_FEE,
        gas_limit: 100_000,
        to: to.into(),
        access_list,
        ..TxEip2930::default()
    }
}

pub(crate) fn set_code(
    nonce: u64,
    to: Address,
    authorizations: Vec<SignedAuthorization>,
) -> TxEip7702 {
    TxEip7702 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 500_000,
        max_fee_per_gas: MAX_FEE,
        max_priority_fee_per_gas: TIP,
        to,
        authorization_list: authorizations,
        ..TxEip7702::default()
    }
}

/// `signer`'s authorization to run the code of `delegate` as its own; zero clears it (EIP-7702).
pub(crate) fn authorize(
    signer: &PrivateKeySigner,
    nonce: u64,
    delegate: Address,
) -> SignedAuthorization {
    let authorization = Authorization {
        chain_id: U256::from(CHAIN_ID),
        address: delegate,
        nonce,
    };
    let signature = signer
        .sign_hash_sync(&authorization.signature_hash())
        .expect("local key signs");
    authorization.into_signed(signature)
}
