//! Keeps the ledger of a block, or of a range of its addresses, from the effects of its transactions, in their order.

use crate::{
    closing::Range,
    kept::{Buffers, Kept},
    ledger::{Entry, Field, Touched, note_account},
    outcome::{Effect, Key, Seen, Value},
    slots::number,
};
use alloy_primitives::{Address, U256, map::hash_map::Entry as MapEntry};
use trellis_primitives::{Change, StateError, StateReader};

/// A ledger in the making, over the state before the block.
pub(crate) struct Book<'a, R> {
    state: &'a R,
    kept: &'a Kept,
    range: Range,
    buffers: Buffers,
    /// Whether the value of an account is known, because it was written.
    written: Vec<bool>,
}

impl<'a, R: StateReader> Book<'a, R> {
    pub(crate) fn new(state: &'a R, kept: &'a Kept, range: Range) -> Self {
        Self {
            state,
            kept,
            range,
            buffers: kept.take_buffers(),
            written: Vec::new(),
        }
    }

    /// Notes that an account was looked at, if it is one of the range.
    pub(crate) fn account(&mut self, address: Address) {
        if self.range.has(address) {
            self.find(address);
        }
    }

    fn find(&mut self, address: Address) -> usize {
        let Buffers { index, ledger } = &mut self.buffers;
        match index.entry(address) {
            MapEntry::Occupied(found) => *found.get(),
            MapEntry::Vacant(vacant) => {
                let id = ledger.touched.len();
                vacant.insert(id);
                ledger.touched.push(Touched::new(address, None));
                self.written.push(false);
                id
            }
        }
    }

    /// Notes one read of a transaction.
    ///
    /// # Errors
    /// [`StateError`] if the state before the block cannot be read.
    pub(crate) fn read(&mut self, key: Key, seen: Seen) -> Result<(), StateError> {
        match (key, seen) {
            (Key::Slot(address, slot), Seen::Slot(value)) if self.range.has(address) => {
                let id = self.find(address);
                self.slot(id, slot, value)
            }
            (Key::Account(address), _) => {
                self.account(address);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Makes a slot known. If nothing wrote it before, `value` is what it had before the block.
    fn slot(&mut self, id: usize, slot: U256, value: U256) -> Result<(), StateError> {
        let ledger = &mut self.buffers.ledger;
        let Touched {
            address,
            chain,
            wiped,
            ..
        } = &mut ledger.touched[id];
        let Some(index) = *wiped else {
            let (before, after) = (value, value);
            ledger
                .slots
                .entry(chain, id, slot, Change { before, after });
            return Ok(());
        };
        if ledger.slots.get(id, slot).is_some() {
            return Ok(());
        }
        let (before, after) = (self.state.storage(*address, slot)?, U256::ZERO);
        ledger
            .slots
            .insert(chain, id, slot, Change { before, after });
        if !before.is_zero() {
            self.note_slot(id, index, slot, after);
        }
        Ok(())
    }

    fn note_slot(&mut self, id: usize, index: u32, slot: U256, value: U256) {
        self.buffers.ledger.entries.push(Entry {
            account: number(id),
            index,
            field: Field::Slot(slot, value),
        });
    }

    /// Notes what the transaction at `index` changed. An account stands before its slots.
    ///
    /// # Errors
    /// [`StateError`] if the state before the block cannot be read.
    pub(crate) fn write(&mut self, index: u32, effect: &Effect) -> Result<(), StateError> {
        // The account of the last key, which most often is that of the next.
        let mut last = None;
        for (_, key, value) in &effect.writes.items {
            let (Key::Account(address) | Key::Slot(address, _) | Key::Storage(address)) = *key;
            if !self.range.has(address) {
                continue;
            }
            let id = match last {
                Some((known, id)) if known == address => id,
                _ => self.find(address),
            };
            last = Some((address, id));
            match (*key, *value) {
                (Key::Account(_), Value::Account { began, after, .. }) => {
                    let ledger = &mut self.buffers.ledger;
                    let account = &mut ledger.touched[id].account;
                    if !core::mem::replace(&mut self.written[id], true) {
                        account.before = began;
                        account.after = began;
                    }
                    let before = core::mem::replace(&mut account.after, after);
                    note_account(&mut ledger.entries, id, index, before, after);
                }
                (Key::Slot(_, slot), Value::Slot { began, after }) => {
                    self.slot(id, slot, began)?;
                    self.set(id, index, slot, after);
                }
                (Key::Storage(_), _) => self.wipe(id, index),
                _ => {}
            }
        }
        for (hash, code) in &effect.code {
            let codes = &mut self.buffers.ledger.code;
            codes.entry(*hash).or_insert_with(|| code.clone());
        }
        Ok(())
    }

    fn set(&mut self, id: usize, index: u32, slot: U256, value: U256) {
        let known = self.buffers.ledger.slots.get_mut(id, slot);
        if let Some(known) = known
            && core::mem::replace(&mut known.after, value) != value
        {
            self.note_slot(id, index, slot, value);
        }
    }

    /// Notes that the transaction at `index` destroyed an account that existed before the block.
    fn wipe(&mut self, id: usize, index: u32) {
        let ledger = &self.buffers.ledger;
        let slots = ledger.slots.of(ledger.touched[id].chain);
        let slots: Vec<U256> = slots.map(|(slot, _)| slot).collect();
        for slot in slots {
            self.set(id, index, slot, U256::ZERO);
        }
        self.buffers.ledger.touched[id].wiped = Some(index);
    }

    /// Difference and list of what was noted.
    pub(crate) fn close(self) -> crate::closing::Part {
        let part = self.buffers.ledger.close_alone();
        self.kept.give_back(self.buffers);
        part
    }
}
