//! The state at any point of a block, from the state before it and its access list (EIP-7928).
//!
//! With the list every transaction has its exact inputs before any other has run: the value before transaction *i* is the
//! last one the list has below *i*'s index, or the one before the block. The list is what the block claims; [`crate::verify`]
//! holds every claim against what execution does.

use crate::overlay::normalize;
use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, NonceChange, SlotChanges, StorageChange,
};
use alloy_primitives::{
    Address, B256, KECCAK256_EMPTY, U256, keccak256,
    map::{AddressMap, B256Map},
};
use core::sync::atomic::{AtomicBool, Ordering};
use revm::state::Bytecode;
use std::sync::OnceLock;
use trellis_primitives::{Account, StateError, StateReader};

/// An account of the list.
pub(crate) struct ListedAccount<'a> {
    pub(crate) changes: &'a AccountChanges,
    /// Hashes of the codes it changes to, by index.
    pub(crate) code: Vec<(BlockAccessIndex, B256)>,
    before: OnceLock<Option<Account>>,
    /// Some transaction looked at it.
    pub(crate) seen: AtomicBool,
    /// Where its slots begin: those that change, then those that are only read.
    slots: usize,
}

/// A slot of the list.
#[derive(Default)]
struct ListedSlot {
    before: OnceLock<U256>,
    seen: AtomicBool,
}

/// An access list over the state before its block.
pub(crate) struct Listed<'a, R> {
    state: &'a R,
    pub(crate) accounts: Vec<ListedAccount<'a>>,
    index: AddressMap<u32>,
    slots: Vec<ListedSlot>,
    /// Code the block deploys.
    pub(crate) code: B256Map<Bytecode>,
}

/// A slot's place in the list.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    cell: usize,
    /// Its changes, unless it is only read.
    pub(crate) changes: &'a [StorageChange],
}

/// The change at an index, and the last one below it.
fn split<T>(
    changes: &[T],
    index: BlockAccessIndex,
    at: impl Fn(&T) -> BlockAccessIndex,
) -> (Option<&T>, Option<&T>) {
    let first = changes.partition_point(|change| at(change) < index);
    let here = changes.get(first).filter(|change| at(change) == index);
    (here, first.checked_sub(1).map(|last| &changes[last]))
}

/// What the list says of an account at an index.
pub(crate) struct Claims {
    pub(crate) balance: Option<U256>,
    pub(crate) nonce: Option<u64>,
    pub(crate) code: Option<B256>,
}

impl<'a, R: StateReader> Listed<'a, R> {
    /// Prepares a list whose structure is valid. `Err` names an account whose code is none.
    pub(crate) fn new(state: &'a R, list: &'a [AccountChanges]) -> Result<Self, Address> {
        let mut code = B256Map::default();
        let mut accounts = Vec::with_capacity(list.len());
        let mut slots = 0;
        for changes in list {
            let mut codes = Vec::with_capacity(changes.code_changes.len());
            for change in &changes.code_changes {
                let mut hash = KECCAK256_EMPTY;
                if !change.new_code.is_empty() {
                    hash = keccak256(&change.new_code);
                    let bytecode = Bytecode::new_raw_checked(change.new_code.clone());
                    code.insert(hash, bytecode.map_err(|_| changes.address)?);
                }
                codes.push((change.block_access_index, hash));
            }
            accounts.push(ListedAccount {
                changes,
                code: codes,
                before: OnceLock::new(),
                seen: AtomicBool::new(false),
                slots,
            });
            slots += changes.storage_changes.len() + changes.storage_reads.len();
        }
        let index = (0..)
            .zip(list)
            .map(|(id, changes)| (changes.address, id))
            .collect();
        Ok(Self {
            state,
            accounts,
            index,
            slots: (0..slots).map(|_| ListedSlot::default()).collect(),
            code,
        })
    }

    pub(crate) fn state(&self) -> &'a R {
        self.state
    }

    /// Number of accounts and slots.
    pub(crate) fn len(&self) -> usize {
        self.accounts.len() + self.slots.len()
    }

    /// Position of an account, if it is listed.
    pub(crate) fn find(&self, address: Address) -> Option<usize> {
        self.index.get(&address).map(|id| *id as usize)
    }

    /// An account before the block.
    pub(crate) fn before(&self, id: usize) -> Result<Option<Account>, StateError> {
        let listed = &self.accounts[id];
        if let Some(known) = listed.before.get() {
            return Ok(*known);
        }
        let account = self.state.account(listed.changes.address)?;
        let account = account.filter(|account| !account.is_empty()).map(normalize);
        // Another worker may have been faster, with the same value.
        Ok(*listed.before.get_or_init(|| account))
    }

    /// An account before the transaction at `index`.
    pub(crate) fn account(
        &self,
        id: usize,
        index: BlockAccessIndex,
    ) -> Result<Option<Account>, StateError> {
        let ListedAccount { changes, code, .. } = &self.accounts[id];
        let balance = split(
            &changes.balance_changes,
            index,
            BalanceChange::block_access_index,
        )
        .1;
        let nonce = split(
            &changes.nonce_changes,
            index,
            NonceChange::block_access_index,
        )
        .1;
        let code = split(code, index, |(at, _)| *at).1;
        let mut account = match (balance, nonce, code) {
            (Some(_), Some(_), Some(_)) => Account::default(),
            _ => self.before(id)?.unwrap_or_default(),
        };
        if let Some(change) = balance {
            account.balance = change.post_balance;
        }
        if let Some(change) = nonce {
            account.nonce = change.new_nonce;
        }
        if let Some((_, hash)) = code {
            account.code_hash = *hash;
        }
        Ok(Some(account).filter(|account| !account.is_empty()))
    }

    /// What the list says the transaction at `index` changes of an account.
    pub(crate) fn claims(&self, id: usize, index: BlockAccessIndex) -> Claims {
        let ListedAccount { changes, code, .. } = &self.accounts[id];
        Claims {
            balance: split(
                &changes.balance_changes,
                index,
                BalanceChange::block_access_index,
            )
            .0
            .map(|change| change.post_balance),
            nonce: split(
                &changes.nonce_changes,
                index,
                NonceChange::block_access_index,
            )
            .0
            .map(|change| change.new_nonce),
            code: split(code, index, |(at, _)| *at).0.map(|(_, hash)| *hash),
        }
    }

    /// A slot's place, if it is listed.
    pub(crate) fn place(&self, id: usize, slot: U256) -> Option<Place<'a>> {
        let ListedAccount { changes, slots, .. } = &self.accounts[id];
        let written = &changes.storage_changes;
        if let Ok(at) = written.binary_search_by(|changes| changes.slot.cmp(&slot)) {
            return Some(Place {
                cell: slots + at,
                changes: &written[at].changes,
            });
        }
        let at = changes.storage_reads.binary_search(&slot).ok()?;
        Some(Place {
            cell: slots + written.len() + at,
            changes: &[],
        })
    }

    /// The places of an account's slots, with the slots.
    pub(crate) fn places(&self, id: usize) -> impl Iterator<Item = (U256, Place<'a>)> {
        let ListedAccount { changes, slots, .. } = &self.accounts[id];
        let written = changes.storage_changes.iter();
        let written = written.map(|SlotChanges { slot, changes }| (*slot, changes.as_slice()));
        let read = changes
            .storage_reads
            .iter()
            .map(|slot| (*slot, [].as_slice()));
        let slots = *slots;
        written
            .chain(read)
            .enumerate()
            .map(move |(at, (slot, changes))| {
                let cell = slots + at;
                (slot, Place { cell, changes })
            })
    }

    /// A slot before the block.
    pub(crate) fn slot_before(
        &self,
        id: usize,
        slot: U256,
        place: Place<'_>,
    ) -> Result<U256, StateError> {
        let before = &self.slots[place.cell].before;
        if let Some(known) = before.get() {
            return Ok(*known);
        }
        let value = self
            .state
            .storage(self.accounts[id].changes.address, slot)?;
        Ok(*before.get_or_init(|| value))
    }

    /// A slot before the transaction at `index`.
    pub(crate) fn slot(
        &self,
        id: usize,
        slot: U256,
        place: Place<'_>,
        index: BlockAccessIndex,
    ) -> Result<U256, StateError> {
        match split(place.changes, index, |change| change.block_access_index).1 {
            Some(change) => Ok(change.new_value),
            None => self.slot_before(id, slot, place),
        }
    }

    /// What the list says the transaction at `index` writes to a slot.
    pub(crate) fn claimed_slot(place: Place<'_>, index: BlockAccessIndex) -> Option<U256> {
        split(place.changes, index, |change| change.block_access_index)
            .0
            .map(|change| change.new_value)
    }

    pub(crate) fn saw(&self, id: usize) {
        mark(&self.accounts[id].seen);
    }

    pub(crate) fn saw_slot(&self, place: Place<'_>) {
        mark(&self.slots[place.cell].seen);
    }

    /// The first listed account, or slot of one, that nothing looked at.
    pub(crate) fn unseen(&self) -> Option<(Address, Option<U256>)> {
        (0..self.accounts.len()).find_map(|id| {
            let listed = &self.accounts[id];
            let address = listed.changes.address;
            if !listed.seen.load(Ordering::Relaxed) {
                return Some((address, None));
            }
            let unseen = |place: &Place<'_>| !self.slots[place.cell].seen.load(Ordering::Relaxed);
            let mut slots = self.places(id);
            let (slot, _) = slots.find(|(_, place)| unseen(place))?;
            Some((address, Some(slot)))
        })
    }

    /// Number of changes the list claims.
    pub(crate) fn claimed(&self) -> usize {
        let of = |account: &ListedAccount<'_>| {
            let AccountChanges {
                storage_changes,
                balance_changes,
                nonce_changes,
                code_changes,
                ..
            } = account.changes;
            let slots: usize = storage_changes.iter().map(|slot| slot.changes.len()).sum();
            slots + balance_changes.len() + nonce_changes.len() + code_changes.len()
        };
        self.accounts.iter().map(of).sum()
    }
}

/// Sets a flag that is mostly set already, without taking its cache line from others then.
fn mark(flag: &AtomicBool) {
    if !flag.load(Ordering::Relaxed) {
        flag.store(true, Ordering::Relaxed);
    }
}
