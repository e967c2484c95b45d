//! What a block touched and changed. It leaves in two forms (see [`crate::closing`]): the state difference and the access
//! list (EIP-7928).

use crate::slots::{Chain, Slots, number};
use alloy_primitives::{Address, B256, U256, map::B256Map};
use alloy_rlp::Encodable as _;
use revm::state::Bytecode;
use trellis_primitives::{Account, Change};

/// One account of a block.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) address: Address,
    pub(crate) account: Change<Option<Account>>,
    /// Every slot that was looked at, in [`Ledger::slots`].
    pub(crate) chain: Chain,
    /// The account was created or destroyed in this block, so a slot that is not known is zero.
    pub(crate) fresh: bool,
    /// Where in the block an account that existed before was destroyed, which took its storage with it. Only before
    /// Cancun (EIP-6780).
    pub(crate) wiped: Option<u32>,
}

impl Touched {
    /// An account that was looked at and not changed.
    pub(crate) fn new(address: Address, account: Option<Account>) -> Self {
        Self {
            address,
            account: Change {
                before: account,
                after: account,
            },
            chain: Chain::default(),
            fresh: false,
            wiped: None,
        }
    }
}

/// What one transaction changed of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    Balance(U256),
    Nonce(u64),
    Code(B256),
    Slot(U256, U256),
}

/// A change, the position in [`Ledger::touched`] of the account it is of, and the index it belongs to: 0 before the
/// transactions, then theirs plus one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) account: u32,
    pub(crate) index: u32,
    pub(crate) field: Field,
}

/// Most bytes the encoded access list has for an account: address, and the headers of it and its five lists.
pub(crate) const ACCOUNT_BYTES_MAX: usize = 21 + 6 * 4;
/// Most bytes for a slot: itself, and the headers of its changes.
pub(crate) const SLOT_BYTES_MAX: usize = 33 + 2 * 4;
/// Most bytes of a change beside the value: a header, and the index.
const CHANGE_BYTES_MAX: usize = 1 + 4;

impl Field {
    /// Most bytes the encoded access list has for it. Code counts with its hash alone.
    pub(crate) fn listed_bytes_max(&self) -> usize {
        CHANGE_BYTES_MAX
            + match self {
                Self::Balance(value) | Self::Slot(_, value) => value.length(),
                Self::Nonce(nonce) => nonce.length(),
                Self::Code(_) => 2 * 4,
            }
    }
}

/// Everything a block touched, in no particular order, and what it changed, each account's and slot's in order of time.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) touched: Vec<Touched>,
    pub(crate) slots: Slots,
    pub(crate) entries: Vec<Entry>,
    pub(crate) code: B256Map<Bytecode>,
}

/// Notes what changed between two states of an account.
pub(crate) fn note_account(
    entries: &mut Vec<Entry>,
    account: usize,
    index: u32,
    before: Option<Account>,
    after: Option<Account>,
) {
    if before == after {
        return;
    }
    let account = number(account);
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let mut note = |field| {
        entries.push(Entry {
            account,
            index,
            field,
        });
    };
    if before.balance != after.balance {
        note(Field::Balance(after.balance));
    }
    if before.nonce != after.nonce {
        note(Field::Nonce(after.nonce));
    }
    if before.code_hash != after.code_hash {
        note(Field::Code(after.code_hash));
    }
}

impl Ledger {
    /// Forgets everything, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.touched.clear();
        self.slots.clear();
        self.entries.clear();
        self.code.clear();
    }
}
