//! An overlay as a replica: it takes over what other overlays' transactions changed.

use super::{Overlay, ReadFailed};
use crate::{
    ledger::Touched,
    outcome::{Effect, Key, Value},
};
use alloy_primitives::{Address, U256};
use trellis_primitives::{Account, Change, StateReader};

impl<R: StateReader> Overlay<R> {
    /// An account before the block and now, read on first use.
    pub(crate) fn load_both(
        &mut self,
        address: Address,
    ) -> Result<(Option<Account>, Option<Account>), ReadFailed> {
        let id = self.load(address)?;
        let Change { before, after } = self.ledger.touched[id].account;
        Ok((before, after))
    }

    /// An account that is known, before the block and now.
    pub(crate) fn known(&self, address: Address) -> (Option<Account>, Option<Account>) {
        let id = self.index.get(&address);
        let id = *id.expect("the journal loads accounts from here");
        let Change { before, after } = self.ledger.touched[id].account;
        (before, after)
    }

    /// A slot before the block, if its account had it.
    pub(crate) fn known_slot(&self, address: Address, slot: U256) -> U256 {
        let id = self.index.get(&address);
        let slot = id.and_then(|id| self.ledger.slots.get(*id, slot));
        slot.map_or(U256::ZERO, |change| change.before)
    }

    /// An account now, if it is known.
    pub(crate) fn now(&self, address: Address) -> Option<Option<Account>> {
        let id = self.index.get(&address)?;
        Some(self.ledger.touched[*id].account.after)
    }

    /// Takes over what the transaction at `position` changed, as another overlay tells it.
    pub(crate) fn take_over(&mut self, effect: &Effect, position: u32) {
        for (_, key, value) in &effect.writes.items {
            match (*key, *value) {
                (
                    Key::Account(address),
                    Value::Account {
                        began,
                        after,
                        fresh,
                    },
                ) => {
                    let id = self.know(address, began);
                    self.ledger.touched[id].account.after = after;
                    self.ledger.touched[id].fresh |= fresh;
                }
                (Key::Slot(address, slot), Value::Slot { began, after }) => {
                    let id = self.index[&address];
                    let first = Change {
                        before: began,
                        after,
                    };
                    let chain = &mut self.ledger.touched[id].chain;
                    self.ledger.slots.entry(chain, id, slot, first).after = after;
                }
                (Key::Storage(address), Value::Wiped) => {
                    let id = self.index[&address];
                    self.ledger.touched[id].wiped = Some(position);
                    for slot in self.slots_of(id) {
                        if let Some(known) = self.ledger.slots.get_mut(id, slot) {
                            known.after = U256::ZERO;
                        }
                    }
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
    }

    /// Position of the account's entry, made from its value before the block if there is none.
    fn know(&mut self, address: Address, began: Option<Account>) -> usize {
        let next = self.ledger.touched.len();
        let id = *self.index.entry(address).or_insert(next);
        if id == next {
            self.ledger.touched.push(Touched::new(address, began));
        }
        id
    }
}
