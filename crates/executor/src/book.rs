//! Keeps the ledger of a block from the effects of its transactions, in their order.

use crate::{
    ledger::{Entry, Field, Ledger, Touched, note_account},
    outcome::{Effect, Key, Seen, Value},
    slots::{Chain, number},
};
use alloy_primitives::{
    Address, U256,
    map::{AddressMap, hash_map::Entry as MapEntry},
};
use trellis_primitives::{Change, StateError, StateReader};

/// A ledger in the making, over the state before the block.
pub(crate) struct Book<'a, R> {
    state: &'a R,
    index: AddressMap<u32>,
    ledger: Ledger,
    known: Vec<Known>,
}

/// What is known of an account beside its line in the ledger.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Its value is known, because it was written.
    written: bool,
    /// Where it was destroyed although it existed before the block.
    wiped: Option<u32>,
}

impl<'a, R: StateReader> Book<'a, R> {
    /// A book that begins with what happened before the transactions.
    pub(crate) fn new(state: &'a R, before: Ledger) -> Self {
        let index = (0..)
            .zip(&before.touched)
            .map(|(id, touched)| (touched.address, id))
            .collect();
        let written = Known {
            written: true,
            wiped: None,
        };
        Self {
            state,
            index,
            known: vec![written; before.touched.len()],
            ledger: before,
        }
    }

    /// Notes that an account was looked at.
    pub(crate) fn account(&mut self, address: Address) -> usize {
        match self.index.entry(address) {
            MapEntry::Occupied(found) => *found.get() as usize,
            MapEntry::Vacant(vacant) => {
                let id = self.ledger.touched.len();
                vacant.insert(number(id));
                self.ledger.touched.push(Touched {
                    address,
                    account: Change {
                        before: None,
                        after: None,
                    },
                    chain: Chain::default(),
                });
                self.known.push(Known::default());
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
            (Key::Account(address), _) => {
                self.account(address);
                Ok(())
            }
            (Key::Slot(address, slot), Seen::Slot(value)) => {
                let id = self.account(address);
                self.slot(id, slot, value)
            }
            _ => Ok(()),
        }
    }

    /// Makes a slot known. If nothing wrote it before, `value` is what it had before the block.
    fn slot(&mut self, id: usize, slot: U256, value: U256) -> Result<(), StateError> {
        let Ledger { touched, slots, .. } = &mut self.ledger;
        let Touched { address, chain, .. } = &mut touched[id];
        let Some(index) = self.known[id].wiped else {
            let (before, after) = (value, value);
            slots.entry(chain, id, slot, Change { before, after });
            return Ok(());
        };
        if slots.get(id, slot).is_some() {
            return Ok(());
        }
        let (before, after) = (self.state.storage(*address, slot)?, U256::ZERO);
        slots.insert(chain, id, slot, Change { before, after });
        if !before.is_zero() {
            self.note_slot(id, index, slot, after);
        }
        Ok(())
    }

    fn note_slot(&mut self, id: usize, index: u32, slot: U256, value: U256) {
        self.ledger.entries.push(Entry {
            account: number(id),
            index,
            field: Field::Slot(slot, value),
        });
    }

    /// Notes what the transaction at `index` changed.
    ///
    /// # Errors
    /// [`StateError`] if the state before the block cannot be read.
    pub(crate) fn write(&mut self, index: u32, effect: &Effect) -> Result<(), StateError> {
        for (_, key, value) in &effect.writes.items {
            match (*key, *value) {
                (Key::Account(address), Value::Account { began, after, .. }) => {
                    let id = self.account(address);
                    let account = &mut self.ledger.touched[id].account;
                    if !self.known[id].written {
                        self.known[id].written = true;
                        account.before = began;
                        account.after = began;
                    }
                    let before = core::mem::replace(&mut account.after, after);
                    note_account(&mut self.ledger.entries, id, index, before, after);
                }
                (Key::Slot(address, slot), Value::Slot { began, after }) => {
                    let id = self.account(address);
                    self.slot(id, slot, began)?;
                    self.set(id, index, slot, after);
                }
                (Key::Storage(address), _) => {
                    let id = self.account(address);
                    let chain = self.ledger.touched[id].chain;
                    let slots = self.ledger.slots.of(chain).map(|(slot, _)| slot);
                    let slots: Vec<U256> = slots.collect();
                    for slot in slots {
                        self.set(id, index, slot, U256::ZERO);
                    }
                    self.known[id].wiped = Some(index);
                }
                _ => {}
            }
        }
        for (hash, code) in &effect.code {
            self.ledger
                .code
                .entry(*hash)
                .or_insert_with(|| code.clone());
        }
        Ok(())
    }

    fn set(&mut self, id: usize, index: u32, slot: U256, value: U256) {
        let known = self.ledger.slots.get_mut(id, slot);
        if let Some(known) = known
            && core::mem::replace(&mut known.after, value) != value
        {
            self.note_slot(id, index, slot, value);
        }
    }

    /// The ledger.
    pub(crate) fn finish(self) -> Ledger {
        self.ledger
    }
}
