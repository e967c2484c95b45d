//! What a block touched and changed, and the two forms it leaves in: the state difference and the access list (EIP-7928).

use crate::slots::{Chain, Slots, number};
use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use alloy_primitives::{Address, B256, Bytes, U256, map::B256Map};
use alloy_rlp::Encodable as _;
use revm::state::Bytecode;
use trellis_primitives::{Account, Change, StateDiff};

/// One account of a block.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) address: Address,
    pub(crate) account: Change<Option<Account>>,
    /// Every slot that was looked at, in [`Ledger::slots`].
    pub(crate) chain: Chain,
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
    /// The state difference, and the access list in its canonical order.
    pub(crate) fn close(self) -> (StateDiff, Vec<AccountChanges>) {
        let Self {
            touched,
            slots,
            entries,
            code,
        } = self;
        let by_account = group(&entries, touched.len());
        let mut order: Vec<usize> = (0..touched.len()).collect();
        order.sort_unstable_by(|a, b| touched[*a].address.cmp(&touched[*b].address));
        let mut list = Vec::with_capacity(touched.len());
        let mut accounts = Vec::new();
        let mut storage = Vec::new();
        let mut new_code = StateDiff::default().code;
        for position in order {
            let Touched {
                address,
                account,
                chain,
            } = &touched[position];
            let entries_of = by_account.of(position);
            list.push(listed(
                *address,
                slots.of(*chain),
                entries_of,
                &entries,
                &code,
            ));
            if account.before != account.after {
                accounts.push((*address, *account));
                if let Some(hash) = deployed(account.before, account.after)
                    && let Some(code) = code.get(&hash)
                {
                    new_code.insert(hash, code.original_bytes());
                }
            }
            let changed = slots.of(*chain);
            let changed = changed.filter(|(_, change)| change.before != change.after);
            storage.extend(changed.map(|(slot, change)| ((*address, slot), *change)));
        }
        let diff = StateDiff {
            accounts: accounts.into_iter().collect(),
            storage: storage.into_iter().collect(),
            code: new_code,
        };
        (diff, list)
    }
}

/// Positions of entries, by account, each account's in order.
struct Groups {
    starts: Vec<u32>,
    positions: Vec<u32>,
}

impl Groups {
    fn of(&self, account: usize) -> &[u32] {
        &self.positions[self.starts[account] as usize..self.starts[account + 1] as usize]
    }
}

fn group(entries: &[Entry], accounts: usize) -> Groups {
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
    Groups { starts, positions }
}

/// One account's part of the list.
fn listed<'a>(
    address: Address,
    slots: impl Iterator<Item = (U256, &'a Change<U256>)>,
    positions: &[u32],
    entries: &[Entry],
    code: &B256Map<Bytecode>,
) -> AccountChanges {
    let mut account = AccountChanges::new(address);
    let mut writes: Vec<(U256, u32, U256)> = Vec::new();
    for position in positions {
        let Entry { index, field, .. } = entries[*position as usize];
        let at = BlockAccessIndex::new(u64::from(index));
        match field {
            Field::Balance(balance) => account
                .balance_changes
                .push(BalanceChange::new(at, balance)),
            Field::Nonce(nonce) => account.nonce_changes.push(NonceChange::new(at, nonce)),
            Field::Code(hash) => account.code_changes.push(CodeChange {
                block_access_index: at,
                new_code: code
                    .get(&hash)
                    .map_or_else(Bytes::new, Bytecode::original_bytes),
            }),
            Field::Slot(slot, value) => writes.push((slot, index, value)),
        }
    }
    writes.sort_unstable_by_key(|(slot, index, _)| (*slot, *index));
    for (slot, index, value) in writes {
        let change = StorageChange::new(BlockAccessIndex::new(u64::from(index)), value);
        match account.storage_changes.last_mut() {
            Some(last) if last.slot == slot => last.changes.push(change),
            _ => account
                .storage_changes
                .push(SlotChanges::new(slot, vec![change])),
        }
    }
    let changed = |slot: &U256| {
        let changes = &account.storage_changes;
        changes
            .binary_search_by(|change| change.slot.cmp(slot))
            .is_ok()
    };
    let slots = slots.map(|(slot, _)| slot);
    account.storage_reads = if account.storage_changes.is_empty() {
        slots.collect()
    } else {
        slots.filter(|slot| !changed(slot)).collect()
    };
    account.storage_reads.sort_unstable();
    account
}

/// The code an account has now and had not before the block.
fn deployed(before: Option<Account>, after: Option<Account>) -> Option<B256> {
    let after = after.filter(Account::has_code)?.code_hash;
    (before.map(|account| account.code_hash) != Some(after)).then_some(after)
}
