//! The two forms in which what a block did leaves: the state difference, and the access list in its canonical order.
//!
//! Both are ordered by address, so ranges of addresses are closed apart from each other, each by a worker.

use crate::ledger::{Entry, Field, Ledger, Touched};
use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use alloy_primitives::{Address, B256, Bytes, U256, map::B256Map};
use litemap::LiteMap;
use revm::state::Bytecode;
use std::sync::OnceLock;
use trellis_primitives::{Account, Change, StateDiff};
use trellis_stm::Workers;

/// Fewer accounts and slots than this are closed faster than a second thread wakes up.
const PARALLEL_FROM: usize = 1024;

/// One of several ranges of addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl Range {
    /// All addresses.
    pub(crate) const ALL: Self = Self { number: 0, of: 1 };

    pub(crate) fn has(self, address: Address) -> bool {
        self.of == 1 || (usize::from(address[0]) * self.of) >> 8 == self.number
    }
}

/// Calls `task` for as many ranges as there are workers if there is enough to do, and returns the results in order.
pub(crate) fn by_range<T: Send + Sync>(
    workers: &Workers,
    items: usize,
    task: impl Fn(Range) -> T + Sync,
) -> Vec<T> {
    let of = workers.count();
    if of == 1 || items < PARALLEL_FROM {
        return vec![task(Range::ALL)];
    }
    let results: Vec<OnceLock<T>> = (0..of).map(|_| OnceLock::new()).collect();
    workers.each(|number| {
        let result = task(Range { number, of });
        // Each worker has a number of its own.
        let _ = results[number].set(result);
    });
    results
        .into_iter()
        .filter_map(OnceLock::into_inner)
        .collect()
}

/// What a block did to a range of addresses.
#[derive(Debug, Default)]
pub(crate) struct Part {
    list: Vec<AccountChanges>,
    pub(crate) accounts: Vec<(Address, Change<Option<Account>>)>,
    pub(crate) storage: Vec<((Address, U256), Change<U256>)>,
    pub(crate) code: Vec<(B256, Bytes)>,
}

/// The parts of all ranges, in order, as one.
pub(crate) fn join(parts: Vec<Part>) -> (StateDiff, Vec<AccountChanges>) {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for part in parts {
        all.list.extend(part.list);
        all.accounts.extend(part.accounts);
        all.storage.extend(part.storage);
        all.code.extend(part.code);
    }
    let diff = StateDiff {
        accounts: LiteMap::from_sorted_store_unchecked(all.accounts),
        storage: LiteMap::from_sorted_store_unchecked(all.storage),
        code: all.code.into_iter().collect(),
    };
    (diff, all.list)
}

impl Ledger {
    /// The state difference, and the access list in its canonical order.
    pub(crate) fn close(&self, workers: &Workers) -> (StateDiff, Vec<AccountChanges>) {
        let groups = Groups::new(&self.entries, self.touched.len());
        let items = self.touched.len() + self.slots.len();
        join(by_range(workers, items, |range| self.part(range, &groups)))
    }

    /// Everything at once.
    pub(crate) fn close_alone(&self) -> Part {
        let groups = Groups::new(&self.entries, self.touched.len());
        self.part(Range::ALL, &groups)
    }

    fn part(&self, range: Range, groups: &Groups) -> Part {
        let order = self.order(range);
        let mut part = Part {
            list: Vec::with_capacity(order.len()),
            ..Part::default()
        };
        let mut scratch = Scratch::default();
        for (_, id) in order {
            let touched = &self.touched[id as usize];
            let entries = groups.of(id).iter().map(|at| &self.entries[*at as usize]);
            let mut listed = self.listed(touched.address, entries, &mut scratch);
            self.close_slots(touched, &mut scratch, &mut listed, &mut part.storage);
            part.list.push(listed);
            let Change { before, after } = touched.account;
            if before != after {
                part.accounts.push((touched.address, touched.account));
                let code = deployed(before, after).and_then(|hash| self.code.get_key_value(&hash));
                part.code
                    .extend(code.map(|(hash, code)| (*hash, code.original_bytes())));
            }
        }
        part
    }

    /// The accounts of a range, by address.
    fn order(&self, range: Range) -> Vec<(u64, u32)> {
        let start = |address: Address| {
            let mut start = [0; 8];
            start.copy_from_slice(&address[..8]);
            u64::from_be_bytes(start)
        };
        let all = (0..).zip(&self.touched);
        let mut order: Vec<(u64, u32)> = all
            .filter(|(_, touched)| range.has(touched.address))
            .map(|(id, touched)| (start(touched.address), id))
            .collect();
        let address = |id: u32| self.touched[id as usize].address;
        order.sort_unstable_by(|a, b| {
            let first = a.0.cmp(&b.0);
            first.then_with(|| address(a.1).cmp(&address(b.1)))
        });
        order
    }

    /// What the list has of an account, beside its slots; what was written to these is in `scratch` then.
    fn listed<'a>(
        &self,
        address: Address,
        entries: impl ExactSizeIterator<Item = &'a Entry>,
        scratch: &mut Scratch,
    ) -> AccountChanges {
        let mut account = AccountChanges::new(address);
        scratch.writes.clear();
        let most = entries.len();
        for Entry { index, field, .. } in entries {
            let at = BlockAccessIndex::new(u64::from(*index));
            match *field {
                Field::Balance(balance) => {
                    let changes = &mut account.balance_changes;
                    first(changes, most).push(BalanceChange::new(at, balance));
                }
                Field::Nonce(nonce) => {
                    let changes = &mut account.nonce_changes;
                    first(changes, most).push(NonceChange::new(at, nonce));
                }
                Field::Code(hash) => account.code_changes.push(CodeChange {
                    block_access_index: at,
                    new_code: code_of(&self.code, hash),
                }),
                Field::Slot(slot, value) => {
                    scratch.writes.push((slot, StorageChange::new(at, value)));
                }
            }
        }
        account
    }

    /// The slots of an account: those that were written, with every change, then those only looked at.
    fn close_slots(
        &self,
        touched: &Touched,
        scratch: &mut Scratch,
        listed: &mut AccountChanges,
        storage: &mut Vec<((Address, U256), Change<U256>)>,
    ) {
        let Scratch { slots, writes } = scratch;
        slots.clear();
        slots.extend(
            self.slots
                .of(touched.chain)
                .map(|(slot, change)| (slot, *change)),
        );
        slots.sort_unstable_by_key(|(slot, _)| *slot);
        // Stable: the changes of one slot stay in the order of time.
        writes.sort_by_key(|(slot, _)| *slot);
        let mut rest = writes.as_slice();
        for (slot, change) in slots {
            let count = rest.iter().take_while(|(at, _)| at == slot).count();
            let (here, after) = rest.split_at(count);
            rest = after;
            if here.is_empty() {
                listed.storage_reads.push(*slot);
                continue;
            }
            let changes = here.iter().map(|(_, change)| change.clone()).collect();
            listed
                .storage_changes
                .push(SlotChanges::new(*slot, changes));
            if change.before != change.after {
                storage.push(((touched.address, *slot), *change));
            }
        }
    }
}

/// Lists used again for each account.
#[derive(Default)]
struct Scratch {
    slots: Vec<(U256, Change<U256>)>,
    writes: Vec<(U256, StorageChange)>,
}

/// Makes room for what most accounts have: one change, or as many as there are entries.
fn first<T>(changes: &mut Vec<T>, most: usize) -> &mut Vec<T> {
    if changes.capacity() == 0 {
        changes.reserve_exact(if most <= 4 { 1 } else { 4 });
    }
    changes
}

fn code_of(codes: &B256Map<Bytecode>, hash: B256) -> Bytes {
    let code = codes.get(&hash);
    code.map_or_else(Bytes::new, Bytecode::original_bytes)
}

/// Positions of entries, by account, each account's in order.
struct Groups {
    starts: Vec<u32>,
    positions: Vec<u32>,
}

impl Groups {
    fn new(entries: &[Entry], accounts: usize) -> Self {
        let mut starts = vec![0_u32; accounts + 1];
        for entry in entries {
            starts[entry.account as usize + 1] += 1;
        }
        for account in 0..accounts {
            starts[account + 1] += starts[account];
        }
        let mut next = starts.clone();
        let mut positions = vec![0_u32; entries.len()];
        for (position, entry) in (0_u32..).zip(entries) {
            let at = &mut next[entry.account as usize];
            positions[*at as usize] = position;
            *at += 1;
        }
        Self { starts, positions }
    }

    fn of(&self, account: u32) -> &[u32] {
        let account = account as usize;
        &self.positions[self.starts[account] as usize..self.starts[account + 1] as usize]
    }
}

/// The code an account has now and had not before the block.
pub(crate) fn deployed(before: Option<Account>, after: Option<Account>) -> Option<B256> {
    let after = after.filter(Account::has_code)?.code_hash;
    (before.map(|account| account.code_hash) != Some(after)).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every address is in one range, and ranges are in the order of addresses.
    #[test]
    fn ranges_divide_all_addresses() {
        for of in 1..=32 {
            let mut last = 0;
            for byte in 0..=255 {
                let address = Address::repeat_byte(byte);
                let ranges = (0..of).filter(|number| {
                    let number = *number;
                    Range { number, of }.has(address)
                });
                let ranges: Vec<_> = ranges.collect();
                assert_eq!(ranges.len(), 1, "{address} of {of}");
                assert!(ranges[0] >= last);
                last = ranges[0];
            }
            assert!(Range::ALL.has(Address::repeat_byte(0xff)));
        }
    }

    #[test]
    fn results_come_in_the_order_of_ranges() {
        for count in [1, 2, 4, 8] {
            let workers = Workers::exactly(count);
            let numbers = by_range(&workers, PARALLEL_FROM, |range| (range.number, range.of));
            let all: Vec<_> = (0..count).map(|number| (number, count)).collect();
            assert_eq!(numbers, all);
            assert_eq!(by_range(&workers, PARALLEL_FROM - 1, |_| ()).len(), 1);
        }
    }
}
