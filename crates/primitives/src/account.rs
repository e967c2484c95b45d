use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use litemap::LiteMap;

/// What the state holds for one address. Storage and code live beside it, under their own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Transactions sent, or contracts created, plus one for a contract (EIP-161).
    pub nonce: u64,
    /// Native coin, in wei.
    pub balance: U256,
    /// keccak256 of the code; [`KECCAK256_EMPTY`] when there is none.
    pub code_hash: B256,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            nonce: 0,
            balance: U256::ZERO,
            code_hash: KECCAK256_EMPTY,
        }
    }
}

impl Account {
    /// Encoded size: nonce, balance, code hash.
    pub const SIZE: usize = 8 + 32 + 32;

    /// Whether EIP-161 calls this account empty; an empty account is not stored.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && !self.has_code()
    }

    /// Whether the account has code (a contract, or an EIP-7702 delegation).
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK256_EMPTY && !self.code_hash.is_zero()
    }

    /// Big-endian nonce, balance, code hash.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        out[..8].copy_from_slice(&self.nonce.to_be_bytes());
        out[8..40].copy_from_slice(&self.balance.to_be_bytes::<32>());
        out[40..].copy_from_slice(self.code_hash.as_slice());
        out
    }

    /// Inverse of [`Self::to_bytes`].
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let mut nonce = [0; 8];
        nonce.copy_from_slice(&bytes[..8]);
        Self {
            nonce: u64::from_be_bytes(nonce),
            balance: U256::from_be_slice(&bytes[8..40]),
            code_hash: B256::from_slice(&bytes[40..]),
        }
    }
}

/// Why a state read has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The value is not in memory and the reader cannot wait. It is being fetched; run again (see `trellis-module`, bridge).
    #[error("state is being fetched")]
    Pending,
    /// The state this reader was opened on is gone: a competing block was finalized.
    #[error("this state was abandoned: a competing block was finalized")]
    Stale,
    /// The database failed.
    #[error("state database failed: {0}")]
    Storage(String),
}

/// Synchronous reads of one fixed state. Execution does no I/O of its own; it sees only this.
///
/// Every read of one reader answers from the same state, whatever is finalized meanwhile.
pub trait StateReader {
    /// The account at `address`; `None` if it was never created or is empty.
    fn account(&self, address: Address) -> Result<Option<Account>, StateError>;
    /// The value of a storage slot; zero if never written.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError>;
    /// The code with this hash. Only hashes found in an [`Account`] of the same state are asked for.
    fn code(&self, hash: B256) -> Result<Bytes, StateError>;
}

impl<T: StateReader + ?Sized> StateReader for &T {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        (**self).account(address)
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        (**self).storage(address, slot)
    }
    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        (**self).code(hash)
    }
}

/// A value before and after a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<T> {
    /// Value in the parent state.
    pub before: T,
    /// Value in the state after the block.
    pub after: T,
}

/// Everything one block changed, in key order so that every node writes it in the same order. A block changes thousands
/// of keys at once, so they are kept in sorted lists.
///
/// Holds only real changes: an entry whose `before` equals its `after` is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDiff {
    /// Accounts by address; `None` means absent (EIP-161).
    pub accounts: LiteMap<Address, Change<Option<Account>>>,
    /// Storage by address and slot.
    pub storage: LiteMap<(Address, U256), Change<U256>>,
    /// New code by its hash.
    pub code: LiteMap<B256, Bytes>,
}

impl StateDiff {
    /// Whether the block changed nothing.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.storage.is_empty() && self.code.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_round_trips() {
        let account = Account {
            nonce: 7,
            balance: U256::MAX - U256::from(3),
            code_hash: B256::repeat_byte(9),
        };
        assert_eq!(Account::from_bytes(&account.to_bytes()), account);
        assert!(!account.is_empty());
        assert!(Account::default().is_empty());
    }
}
