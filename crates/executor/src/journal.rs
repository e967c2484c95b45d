//! The EVM's journal and this crate's accounts, one in terms of the other: the same words for whoever reads or empties it.

use alloy_primitives::U256;
use revm::state::{Account as EvmAccount, AccountId, AccountInfo, AccountStatus, EvmStorageSlot};
use trellis_primitives::Account;

/// An account as the EVM reads it. Its code is loaded by hash when something runs or inspects it.
pub(crate) fn info(account: Account, id: usize) -> AccountInfo {
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: account.code_hash,
        account_id: AccountId::new(id),
        code: None,
    }
}

/// What the EVM holds of an account.
pub(crate) fn account(info: &AccountInfo) -> Account {
    Account {
        nonce: info.nonce,
        balance: info.balance,
        code_hash: info.code_hash,
    }
}

/// The beneficiary's account with a fee, where no transaction has it in hands; none if it is empty (EIP-161).
pub(crate) fn rewarded(before: Option<Account>, fee: U256) -> Option<Account> {
    let account = before.unwrap_or_default();
    let after = match account.balance.checked_add(fee) {
        Some(balance) => Some(Account { balance, ..account }),
        // More coin than there is. The EVM does not pay it either.
        None => before,
    };
    after.filter(|account| !account.is_empty())
}

/// How a transaction left an account of its journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    /// It was made by this transaction, so it had no storage.
    pub(crate) created: bool,
    /// It is gone, storage and all.
    pub(crate) destroyed: bool,
    touched: bool,
}

impl Fate {
    pub(crate) fn of(account: &EvmAccount) -> Self {
        let has = |status| account.status.contains(status);
        Self {
            created: has(AccountStatus::Created),
            destroyed: has(AccountStatus::SelfDestructed),
            touched: has(AccountStatus::Touched),
        }
    }

    /// It existed before the transaction, and is gone with its storage.
    pub(crate) const fn is_wiped(self) -> bool {
        self.destroyed && !self.created
    }

    /// The account after the transaction; none if it is empty (EIP-161).
    pub(crate) fn left(self, found: Option<Account>, info: &AccountInfo) -> Option<Account> {
        if !self.touched {
            found
        } else if self.destroyed {
            None
        } else {
            Some(account(info)).filter(|account| !account.is_empty())
        }
    }

    /// A slot before and after the transaction.
    pub(crate) const fn slot(self, slot: &EvmStorageSlot) -> (U256, U256) {
        let before = if self.created {
            U256::ZERO
        } else {
            slot.original_value
        };
        let after = if self.destroyed {
            U256::ZERO
        } else {
            slot.present_value
        };
        (before, after)
    }
}
