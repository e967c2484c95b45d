mod changes;
mod database;
mod replica;

use crate::{
    kept::{Buffers, Kept},
    ledger::{self, Field, Ledger, Touched},
    slots::number,
};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, map::AddressMap};
use revm::{database_interface::DBErrorMarker, state::Bytecode};
use std::{
    collections::{BTreeMap, hash_map::Entry as MapEntry},
    sync::Arc,
};
use trellis_primitives::{Account, Change, StateError, StateReader};

/// A block's view of the state: what was read, and what its transactions changed so far.
///
/// Every value is read from the reader at most once and kept beside its current value, so the difference the block
/// makes falls out at the end. A failed read is remembered in [`Self::take_failure`] and never cached: the same
/// read is tried again next time.
pub(crate) struct Overlay<R> {
    reader: R,
    /// Positions in [`Ledger::touched`].
    index: AddressMap<usize>,
    /// What was looked at, and what was changed, when.
    ledger: Ledger,
    /// Code that is ready to run, of this and other blocks, and memory.
    kept: Arc<Kept>,
    /// Number of the block being executed.
    number: u64,
    /// Empty accounts exist (before EIP-161).
    keep_empty: bool,
    /// Block hashes known without reading: the parent's, and those a simulation sets.
    hashes: BTreeMap<u64, B256>,
    failure: Option<StateError>,
    /// Most bytes the encoded access list has for the first so many of them.
    listed: (usize, usize),
    /// The index changes are noted under: 0 before the transactions, then theirs plus one.
    position: u32,
    /// Numbers of entries and slots when the transaction began.
    began: (usize, usize),
    /// Slots of the history contract that answered `BLOCKHASH` since, which the journal does not know of.
    hashes_read: Vec<(U256, U256)>,
}

const NO_CHANGE: Change<U256> = Change {
    before: U256::ZERO,
    after: U256::ZERO,
};

/// A read failed; the overlay holds the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state read failed")]
pub(crate) struct ReadFailed;

impl DBErrorMarker for ReadFailed {}

impl<R: StateReader> Overlay<R> {
    /// Nothing read yet of the state before block `number`.
    pub(crate) fn new(
        reader: R,
        number: u64,
        hashes: BTreeMap<u64, B256>,
        kept: Arc<Kept>,
    ) -> Self {
        let Buffers { index, ledger } = kept.take_buffers();
        Self {
            kept,
            reader,
            number,
            keep_empty: false,
            index,
            ledger,
            hashes,
            failure: None,
            listed: (0, 0),
            position: 0,
            began: (0, 0),
            hashes_read: Vec::new(),
        }
    }

    /// Lets empty accounts exist, as before EIP-161.
    pub(crate) fn keep_empty(&mut self) {
        self.keep_empty = true;
    }

    /// Begins a transaction, or a call before them, whose changes belong to `position`.
    pub(crate) fn begin(&mut self, position: u32) {
        self.position = position;
        self.began = (self.ledger.touched.len(), self.ledger.slots.len());
        self.hashes_read.clear();
    }

    /// Slots of the history contract that answered `BLOCKHASH`, with their values.
    pub(crate) fn take_hashes_read(&mut self) -> Vec<(U256, U256)> {
        core::mem::take(&mut self.hashes_read)
    }

    /// Forgets what was read since [`Self::begin`]: a transaction that is not part of the block touched nothing.
    pub(crate) fn forget(&mut self) {
        while let Some((id, chain)) = self.ledger.slots.pop(self.began.1) {
            self.ledger.touched[id].chain = chain;
        }
        for entry in self.ledger.touched.drain(self.began.0..) {
            self.index.remove(&entry.address);
        }
    }

    /// Whether a read failed since [`Self::take_failure`].
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The reason of the failed read since the last call, if one failed.
    pub(crate) fn take_failure(&mut self) -> Option<StateError> {
        self.failure.take()
    }

    /// The reason of the read that has just failed.
    pub(crate) fn failure(&mut self) -> StateError {
        self.take_failure()
            .expect("a failed read leaves its reason")
    }

    /// The account at this point in the block.
    pub(crate) fn account(&mut self, address: Address) -> Result<Option<Account>, ReadFailed> {
        let id = self.load(address)?;
        Ok(self.ledger.touched[id].account.after)
    }

    /// The account at this point in the block, without counting as looked at.
    pub(crate) fn peek(&self, address: Address) -> Result<Option<Account>, StateError> {
        match self.index.get(&address) {
            Some(id) => Ok(self.ledger.touched[*id].account.after),
            None => self.reader.account(address),
        }
    }

    /// Position of the account's entry, read on first use.
    fn load(&mut self, address: Address) -> Result<usize, ReadFailed> {
        match self.index.entry(address) {
            MapEntry::Occupied(entry) => Ok(*entry.get()),
            MapEntry::Vacant(vacant) => {
                let account = match self.reader.account(address) {
                    Ok(account) => account
                        .filter(|account| self.keep_empty || !account.is_empty())
                        .map(normalize),
                    Err(error) => {
                        self.failure = Some(error);
                        return Err(ReadFailed);
                    }
                };
                let id = self.ledger.touched.len();
                vacant.insert(id);
                self.ledger.touched.push(Touched::new(address, account));
                Ok(id)
            }
        }
    }

    fn slot(&mut self, id: usize, slot: U256) -> Result<U256, ReadFailed> {
        if let Some(known) = self.ledger.slots.get(id, slot) {
            return Ok(known.after);
        }
        let entry = &mut self.ledger.touched[id];
        let before = if entry.fresh && entry.wiped.is_none() {
            U256::ZERO
        } else {
            match self.reader.storage(entry.address, slot) {
                Ok(value) => value,
                Err(error) => {
                    self.failure = Some(error);
                    return Err(ReadFailed);
                }
            }
        };
        let after = if entry.fresh { U256::ZERO } else { before };
        self.ledger
            .slots
            .insert(&mut entry.chain, id, slot, Change { before, after });
        if let Some(index) = entry.wiped
            && !before.is_zero()
        {
            self.ledger.entries.push(ledger::Entry {
                account: number(id),
                index,
                field: Field::Slot(slot, U256::ZERO),
            });
        }
        Ok(after)
    }

    /// Sets block hashes a simulation wants to see.
    pub(crate) fn set_block_hashes(&mut self, hashes: &BTreeMap<u64, B256>) {
        self.hashes.extend(hashes);
    }

    /// Makes code known that the reader does not have.
    pub(crate) fn add_code(&mut self, hash: B256, code: Bytecode) {
        self.ledger.code.insert(hash, code);
    }

    /// Replaces an account for a simulation, and some of its slots; with `all`, the others become zero.
    pub(crate) fn replace(
        &mut self,
        address: Address,
        account: Account,
        all: bool,
        slots: Vec<(U256, U256)>,
    ) -> Result<(), ReadFailed> {
        let id = self.load(address)?;
        let entry = &mut self.ledger.touched[id];
        entry.account.after = Some(account).filter(|account| !account.is_empty());
        entry.fresh |= all;
        for (slot, value) in slots {
            let (before, after) = (value, value);
            let chain = &mut self.ledger.touched[id].chain;
            *self.ledger.slots.entry(chain, id, slot, NO_CHANGE) = Change { before, after };
        }
        Ok(())
    }

    /// Most bytes the encoded access list has so far.
    pub(crate) fn listed_bytes_max(&mut self) -> usize {
        let (mut bytes, counted) = self.listed;
        for change in &self.ledger.entries[counted..] {
            bytes += change.field.listed_bytes_max();
            if let Field::Code(hash) = change.field {
                bytes += self.ledger.code.get(&hash).map_or(0, Bytecode::len);
            }
        }
        self.listed = (bytes, self.ledger.entries.len());
        bytes
            + self.ledger.touched.len() * ledger::ACCOUNT_BYTES_MAX
            + self.ledger.slots.len() * ledger::SLOT_BYTES_MAX
    }

    /// Everything the block touched and changed.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl<R> Drop for Overlay<R> {
    fn drop(&mut self) {
        self.kept.give_back(Buffers {
            index: core::mem::take(&mut self.index),
            ledger: core::mem::take(&mut self.ledger),
        });
    }
}

/// One spelling for "no code", so that values compare.
pub(crate) fn normalize(account: Account) -> Account {
    let code_hash = if account.has_code() {
        account.code_hash
    } else {
        KECCAK256_EMPTY
    };
    Account {
        code_hash,
        ..account
    }
}
