//! The slots of a block's accounts, in one table: a block touches thousands of slots of hundreds of accounts, and a table
//! for each account would spend more time growing than answering.

use alloy_primitives::{U256, map::HashMap};
use trellis_primitives::Change;

/// The slots of one account: the newest of a chain through the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain(Option<u32>);

/// Slots of many accounts, by the account's number.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    index: HashMap<(u32, U256), u32>,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    account: u32,
    slot: U256,
    change: Change<U256>,
    next: Chain,
}

/// The number of an account as the table has it.
pub(crate) fn number(account: usize) -> u32 {
    u32::try_from(account).expect("fewer accounts than gas")
}

impl Slots {
    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.items.clear();
    }

    /// Slots there is memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.items.capacity()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn get(&self, account: usize, slot: U256) -> Option<&Change<U256>> {
        let at = *self.index.get(&(number(account), slot))?;
        Some(&self.items[at as usize].change)
    }

    pub(crate) fn get_mut(&mut self, account: usize, slot: U256) -> Option<&mut Change<U256>> {
        let at = *self.index.get(&(number(account), slot))?;
        Some(&mut self.items[at as usize].change)
    }

    /// Adds a slot that is not there yet.
    pub(crate) fn insert(
        &mut self,
        chain: &mut Chain,
        account: usize,
        slot: U256,
        change: Change<U256>,
    ) {
        let (account, at) = (number(account), number(self.items.len()));
        self.index.insert((account, slot), at);
        self.items.push(Item {
            account,
            slot,
            change,
            next: *chain,
        });
        *chain = Chain(Some(at));
    }

    /// The slot, added with `first` if it is not there.
    pub(crate) fn entry(
        &mut self,
        chain: &mut Chain,
        account: usize,
        slot: U256,
        first: Change<U256>,
    ) -> &mut Change<U256> {
        let at = match self.index.get(&(number(account), slot)) {
            Some(at) => *at as usize,
            None => {
                self.insert(chain, account, slot, first);
                self.items.len() - 1
            }
        };
        &mut self.items[at].change
    }

    /// Takes back the newest slot if there are more than `len`: its account, and the chain without it.
    pub(crate) fn pop(&mut self, len: usize) -> Option<(usize, Chain)> {
        if self.items.len() <= len {
            return None;
        }
        let item = self.items.pop()?;
        self.index.remove(&(item.account, item.slot));
        Some((item.account as usize, item.next))
    }

    /// The slots of one account, newest first.
    pub(crate) fn of(&self, chain: Chain) -> impl Iterator<Item = (U256, &Change<U256>)> {
        let mut next = chain;
        core::iter::from_fn(move || {
            let item = &self.items[next.0? as usize];
            next = item.next;
            Some((item.slot, &item.change))
        })
    }
}
