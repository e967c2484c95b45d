//! From the state commitment of a header extension to an account or a slot (docs/spec/state-proofs.md).

use crate::LightError;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use commonware_codec::{Copying, Decode as _, Encode as _};
use commonware_cryptography::{
    Sha256,
    sha256::{self, Digest},
};
use commonware_storage::{
    merkle::mmb,
    qmdb::{any::unordered, current::unordered::proof::constant::KeyValueProof},
};
use commonware_utils::sequence::FixedBytes;
use trellis_primitives::{Account, StateCommitment};

/// A hashed key.
pub type Key = FixedBytes<32>;
/// An encoded [`Account`].
pub type AccountBytes = FixedBytes<{ Account::SIZE }>;
/// A big-endian storage value.
pub type SlotBytes = FixedBytes<32>;

/// Bytes of the activity bitmap that are hashed together: part of the format of the trees.
pub const CHUNK: usize = 32;

/// Proof of one key of a state tree, as the database makes it.
pub type KeyProof = KeyValueProof<mmb::Family, Digest, CHUNK>;

/// Key of an account.
pub fn account_key(address: Address) -> Key {
    Key::new(keccak256(address).0)
}

/// Key of a storage slot.
pub fn storage_key(address: Address, slot: U256) -> Key {
    let mut preimage = [0; 52];
    preimage[..20].copy_from_slice(address.as_slice());
    preimage[20..].copy_from_slice(&slot.to_be_bytes::<32>());
    Key::new(keccak256(preimage).0)
}

/// That an account or a slot has a value in a state. There is none for what was never written: nothing can be proven
/// about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof(KeyProof);

impl StateProof {
    /// Most hashes a proof may have. A tree of 2^62 operations needs fewer.
    pub const HASHES_MAX: usize = 192;

    /// A proof that a database made.
    pub const fn new(proof: KeyProof) -> Self {
        Self(proof)
    }

    /// Checks that `address` holds `account` in `state`. A removed account is [`Account::default`].
    ///
    /// # Errors
    /// [`LightError::NotInState`].
    pub fn verify_account(
        &self,
        state: &StateCommitment,
        address: Address,
        account: &Account,
    ) -> Result<(), LightError> {
        let value = AccountBytes::new(account.to_bytes());
        self.verify(state.accounts.root, account_key(address), value)
    }

    /// Checks that `slot` of `address` holds `value` in `state`. A cleared slot is zero.
    ///
    /// # Errors
    /// [`LightError::NotInState`].
    pub fn verify_slot(
        &self,
        state: &StateCommitment,
        address: Address,
        slot: U256,
        value: U256,
    ) -> Result<(), LightError> {
        let value = SlotBytes::new(value.to_be_bytes());
        self.verify(state.storage.root, storage_key(address, slot), value)
    }

    fn verify<const N: usize>(
        &self,
        root: B256,
        key: Key,
        value: FixedBytes<N>,
    ) -> Result<(), LightError> {
        let operation = unordered::fixed::Operation::<mmb::Family, Key, FixedBytes<N>>::Update(
            unordered::Update(key, value),
        );
        if self
            .0
            .verify::<Sha256, _>(operation, &sha256::Digest(root.0))
        {
            Ok(())
        } else {
            Err(LightError::NotInState)
        }
    }

    /// Decodes a proof that takes all of `bytes` and has at most [`Self::HASHES_MAX`] hashes (NET-1).
    ///
    /// # Errors
    /// [`LightError::Encoding`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LightError> {
        let proof = KeyProof::decode_cfg(Copying(bytes), &Self::HASHES_MAX);
        proof
            .map(Self)
            .map_err(|_| LightError::Encoding("state proof"))
    }

    /// The encoding: inverse of [`Self::from_bytes`].
    pub fn to_bytes(&self) -> Bytes {
        self.0.encode().into()
    }
}
