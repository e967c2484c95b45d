use crate::engine::CodeCache;
use crate::ledger::{self, Field, Ledger, Touched};
use crate::outcome::{Effect, Key, Value};
use crate::slots::{Chain, Slots, number};
use crate::transfer::Transfer;
use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{
    Address, B256, KECCAK256_EMPTY, U256,
    map::{AddressMap, B256Map},
};
use revm::{
    Database,
    database_interface::DBErrorMarker,
    state::{Account as EvmAccount, AccountId, AccountInfo, AccountStatus, Bytecode, EvmStorage},
};
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
    index: AddressMap<usize>,
    entries: Vec<Entry>,
    slots: Slots,
    code: B256Map<Bytecode>,
    /// Code that is ready to run, of this and other blocks.
    shared: Arc<CodeCache>,
    /// Number of the block being executed.
    number: u64,
    /// Empty accounts exist (before EIP-161).
    keep_empty: bool,
    /// Block hashes known without reading: the parent's, and those a simulation sets.
    hashes: BTreeMap<u64, B256>,
    failure: Option<StateError>,
    /// What was changed, when.
    changes: Vec<ledger::Entry>,
    /// The index changes are noted under: 0 before the transactions, then theirs plus one.
    position: u32,
    /// Numbers of entries and slots when the transaction began.
    began: (usize, usize),
    /// Slots of the history contract that answered `BLOCKHASH` since, which the journal does not know of.
    hashes_read: Vec<(U256, U256)>,
}

struct Entry {
    address: Address,
    account: Change<Option<Account>>,
    /// The slots that are known.
    chain: Chain,
    /// The account was created or destroyed in this block, so a slot that is not known is zero.
    fresh: bool,
    /// Where in the block an account that existed before was destroyed, which took its storage with it. Only before
    /// Cancun (EIP-6780).
    wiped: Option<u32>,
}

impl Entry {
    fn new(address: Address, account: Option<Account>) -> Self {
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
        shared: Arc<CodeCache>,
    ) -> Self {
        Self {
            shared,
            reader,
            number,
            keep_empty: false,
            index: AddressMap::default(),
            entries: Vec::new(),
            slots: Slots::default(),
            code: B256Map::default(),
            hashes,
            failure: None,
            changes: Vec::new(),
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
        self.began = (self.entries.len(), self.slots.len());
        self.hashes_read.clear();
    }

    /// Slots of the history contract that answered `BLOCKHASH`, with their values.
    pub(crate) fn take_hashes_read(&mut self) -> Vec<(U256, U256)> {
        core::mem::take(&mut self.hashes_read)
    }

    /// Forgets what was read since [`Self::begin`]: a transaction that is not part of the block touched nothing.
    pub(crate) fn forget(&mut self) {
        while let Some((id, chain)) = self.slots.pop(self.began.1) {
            self.entries[id].chain = chain;
        }
        for entry in self.entries.drain(self.began.0..) {
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
        Ok(self.entries[id].account.after)
    }

    /// The account at this point in the block, without counting as looked at.
    pub(crate) fn peek(&self, address: Address) -> Result<Option<Account>, StateError> {
        match self.index.get(&address) {
            Some(id) => Ok(self.entries[*id].account.after),
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
                let id = self.entries.len();
                vacant.insert(id);
                self.entries.push(Entry::new(address, account));
                Ok(id)
            }
        }
    }

    fn slot(&mut self, id: usize, slot: U256) -> Result<U256, ReadFailed> {
        if let Some(known) = self.slots.get(id, slot) {
            return Ok(known.after);
        }
        let entry = &mut self.entries[id];
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
        self.slots
            .insert(&mut entry.chain, id, slot, Change { before, after });
        if let Some(index) = entry.wiped
            && !before.is_zero()
        {
            self.changes.push(ledger::Entry {
                account: number(id),
                index,
                field: Field::Slot(slot, U256::ZERO),
            });
        }
        Ok(after)
    }

    /// An account before the block and now, read on first use.
    pub(crate) fn load_both(
        &mut self,
        address: Address,
    ) -> Result<(Option<Account>, Option<Account>), ReadFailed> {
        let id = self.load(address)?;
        let Change { before, after } = self.entries[id].account;
        Ok((before, after))
    }

    /// An account that is known, before the block and now.
    pub(crate) fn known(&self, address: Address) -> (Option<Account>, Option<Account>) {
        let id = self.index.get(&address);
        let id = *id.expect("the journal loads accounts from here");
        let Change { before, after } = self.entries[id].account;
        (before, after)
    }

    /// A slot before the block, if its account had it.
    pub(crate) fn known_slot(&self, address: Address, slot: U256) -> U256 {
        let id = self.index.get(&address);
        let slot = id.and_then(|id| self.slots.get(*id, slot));
        slot.map_or(U256::ZERO, |change| change.before)
    }

    /// An account now, if it is known.
    pub(crate) fn now(&self, address: Address) -> Option<Option<Account>> {
        let id = self.index.get(&address)?;
        Some(self.entries[*id].account.after)
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
                    self.entries[id].account.after = after;
                    self.entries[id].fresh |= fresh;
                }
                (Key::Slot(address, slot), Value::Slot { began, after }) => {
                    let id = self.index[&address];
                    let first = Change {
                        before: began,
                        after,
                    };
                    let chain = &mut self.entries[id].chain;
                    self.slots.entry(chain, id, slot, first).after = after;
                }
                (Key::Storage(address), Value::Wiped) => {
                    let id = self.index[&address];
                    self.entries[id].wiped = Some(position);
                    for slot in self.slots_of(id) {
                        if let Some(known) = self.slots.get_mut(id, slot) {
                            known.after = U256::ZERO;
                        }
                    }
                }
                _ => {}
            }
        }
        for (hash, code) in &effect.code {
            self.code.entry(*hash).or_insert_with(|| code.clone());
        }
    }

    /// Position of the account's entry, made from its value before the block if there is none.
    fn know(&mut self, address: Address, began: Option<Account>) -> usize {
        let next = self.entries.len();
        let id = *self.index.entry(address).or_insert(next);
        if id == next {
            self.entries.push(Entry::new(address, began));
        }
        id
    }

    /// Does a plain transfer. `false`, with nothing changed, if it is for the EVM after all.
    pub(crate) fn transfer(
        &mut self,
        transfer: &Transfer,
        beneficiary: Address,
    ) -> Result<bool, ReadFailed> {
        let sender = self.load(transfer.sender)?;
        let to = self.load(transfer.to)?;
        let account = |id: usize| self.entries[id].account.after;
        let Some(moved) = transfer.settle(account(sender), account(to)) else {
            return Ok(false);
        };
        let rewarded = self.load(beneficiary)?;
        let before = self.entries[rewarded].account.after.unwrap_or_default();
        let Some(balance) = before.balance.checked_add(moved.tip) else {
            return Ok(false);
        };
        let after = Account { balance, ..before };
        self.set_account(sender, Some(moved.sender));
        self.set_account(to, moved.to);
        self.set_account(rewarded, Some(after).filter(|account| !account.is_empty()));
        Ok(true)
    }

    /// Takes over what one transaction left in the journal.
    pub(crate) fn apply(&mut self, changes: impl Iterator<Item = (Address, EvmAccount)>) {
        for (address, account) in changes {
            let id = *self
                .index
                .get(&address)
                .expect("the journal loads accounts from here");
            let created = account.is_created();
            if !created && !account.storage.is_empty() && account.info.is_empty_code_hash() {
                // Its creation was reverted. Until then its slots were zero without being read here.
                for slot in account.storage.keys() {
                    let chain = &mut self.entries[id].chain;
                    self.slots.entry(chain, id, *slot, NO_CHANGE);
                }
            }
            if !account.is_touched() {
                continue;
            }
            self.update_storage(id, account.status, account.storage);
            let after = if account.status.contains(AccountStatus::SelfDestructed) {
                None
            } else {
                self.after(id, account.info)
            };
            self.set_account(id, after);
        }
    }

    /// Sets an account, noting what changes.
    fn set_account(&mut self, id: usize, after: Option<Account>) {
        let account = &mut self.entries[id].account;
        let before = core::mem::replace(&mut account.after, after);
        ledger::note_account(&mut self.changes, id, self.position, before, after);
    }

    /// Sets a slot that is known, noting what changes.
    fn set_slot(&mut self, id: usize, slot: U256, value: U256) {
        let chain = &mut self.entries[id].chain;
        let known = self.slots.entry(chain, id, slot, NO_CHANGE);
        if core::mem::replace(&mut known.after, value) != value {
            self.changes.push(ledger::Entry {
                account: number(id),
                index: self.position,
                field: Field::Slot(slot, value),
            });
        }
    }

    fn update_storage(&mut self, id: usize, status: AccountStatus, storage: EvmStorage) {
        if status.intersects(AccountStatus::SelfDestructed | AccountStatus::Created) {
            let existed = !self.entries[id].fresh && !status.contains(AccountStatus::Created);
            self.entries[id].fresh = true;
            if status.contains(AccountStatus::SelfDestructed) {
                self.destroy_storage(id, existed, storage);
                return;
            }
            // Slots of a new account are zero without being read here, but they were looked at.
            for (slot, value) in storage {
                self.set_slot(id, slot, value.present_value);
            }
            return;
        }
        for (slot, value) in storage {
            if value.is_changed() {
                self.set_slot(id, slot, value.present_value);
            }
        }
    }

    /// The slots of an account that are known.
    fn slots_of(&self, id: usize) -> Vec<U256> {
        let slots = self.slots.of(self.entries[id].chain);
        slots.map(|(slot, _)| slot).collect()
    }

    fn destroy_storage(&mut self, id: usize, existed: bool, storage: EvmStorage) {
        if existed {
            self.entries[id].wiped = Some(self.position);
        }
        let mut slots = self.slots_of(id);
        slots.extend(storage.into_keys());
        for slot in slots {
            self.set_slot(id, slot, U256::ZERO);
        }
    }

    /// The account to keep: none if empty (EIP-161). Remembers its code if that is new.
    fn after(&mut self, id: usize, info: AccountInfo) -> Option<Account> {
        let after = Account {
            nonce: info.nonce,
            balance: info.balance,
            code_hash: info.code_hash,
        };
        if after.is_empty() {
            return self.keep_empty.then_some(after);
        }
        let known = self.entries[id]
            .account
            .after
            .map(|account| account.code_hash);
        if known != Some(after.code_hash)
            && after.has_code()
            && let Some(code) = info.code
        {
            self.code.entry(after.code_hash).or_insert(code);
        }
        Some(after)
    }

    /// Sets block hashes a simulation wants to see.
    pub(crate) fn set_block_hashes(&mut self, hashes: &BTreeMap<u64, B256>) {
        self.hashes.extend(hashes);
    }

    /// Makes code known that the reader does not have.
    pub(crate) fn add_code(&mut self, hash: B256, code: Bytecode) {
        self.code.insert(hash, code);
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
        let entry = &mut self.entries[id];
        entry.account.after = Some(account).filter(|account| !account.is_empty());
        entry.fresh |= all;
        for (slot, value) in slots {
            let (before, after) = (value, value);
            let chain = &mut self.entries[id].chain;
            *self.slots.entry(chain, id, slot, NO_CHANGE) = Change { before, after };
        }
        Ok(())
    }

    /// Everything the block touched and changed.
    pub(crate) fn into_ledger(self) -> Ledger {
        let touched = self.entries.into_iter().map(|entry| Touched {
            address: entry.address,
            account: entry.account,
            chain: entry.chain,
        });
        Ledger {
            touched: touched.collect(),
            slots: self.slots,
            entries: self.changes,
            code: self.code,
        }
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

impl<R: StateReader> Database for Overlay<R> {
    type Error = ReadFailed;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        let id = self.load(address)?;
        Ok(self.entries[id].account.after.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: AccountId::new(id),
            // Loaded by hash when something runs or inspects it.
            code: None,
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadFailed> {
        if let Some(code) = self.code.get(&hash) {
            return Ok(code.clone());
        }
        if let Some(code) = self.shared.get(&hash) {
            self.code.insert(hash, code.clone());
            return Ok(code);
        }
        let code = self.reader.code(hash).and_then(|bytes| {
            Bytecode::new_raw_checked(bytes)
                .map_err(|error| StateError::Storage(format!("code {hash} is malformed: {error}")))
        });
        match code {
            Ok(code) => {
                self.shared.insert(hash, &code);
                self.code.insert(hash, code.clone());
                Ok(code)
            }
            Err(error) => {
                self.failure = Some(error);
                Err(ReadFailed)
            }
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        let id = self.load(address)?;
        self.slot(id, slot)
    }

    fn storage_by_account_id(
        &mut self,
        address: Address,
        id: AccountId,
        slot: U256,
    ) -> Result<U256, ReadFailed> {
        debug_assert_eq!(self.entries[id.get()].address, address);
        self.slot(id.get(), slot)
    }

    /// Answers `BLOCKHASH` from the history contract's ring of storage slots (EIP-2935). The EVM asks only for the 256
    /// blocks before its own, all of which the ring holds; a simulation that moves the number may ask for others.
    fn block_hash(&mut self, number: u64) -> Result<B256, ReadFailed> {
        if let Some(hash) = self.hashes.get(&number) {
            return Ok(*hash);
        }
        let window = HISTORY_SERVE_WINDOW as u64;
        if number >= self.number || self.number - number > window {
            return Ok(B256::ZERO);
        }
        let id = self.load(HISTORY_STORAGE_ADDRESS)?;
        let slot = U256::from(number % window);
        let value = self.slot(id, slot)?;
        self.hashes_read.push((slot, value));
        Ok(value.into())
    }
}
