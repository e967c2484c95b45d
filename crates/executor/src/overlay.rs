use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{
    Address, B256, KECCAK256_EMPTY, U256,
    map::{AddressMap, B256Map, HashMap},
};
use revm::{
    Database,
    database_interface::DBErrorMarker,
    state::{Account as EvmAccount, AccountId, AccountInfo, AccountStatus, Bytecode, EvmStorage},
};
use std::collections::{BTreeMap, hash_map::Entry as MapEntry};
use trellis_primitives::{Account, Change, StateDiff, StateError, StateReader};

/// A block's view of the state: what was read, and what its transactions changed so far.
///
/// Every value is read from the reader at most once and kept beside its current value, so the difference the block
/// makes falls out at the end. A failed read is remembered in [`Self::take_failure`] and never cached: the same
/// read is tried again next time.
pub(crate) struct Overlay<R> {
    reader: R,
    index: AddressMap<usize>,
    entries: Vec<Entry>,
    code: B256Map<Bytecode>,
    /// Number of the block being executed.
    number: u64,
    /// Block hashes known without reading: the parent's, and those a simulation sets.
    hashes: BTreeMap<u64, B256>,
    failure: Option<StateError>,
}

struct Entry {
    address: Address,
    account: Change<Option<Account>>,
    slots: HashMap<U256, Change<U256>>,
    /// The account was created or destroyed in this block. It had no storage before (EIP-7610, EIP-6780), so a slot
    /// not in `slots` is zero.
    fresh: bool,
}

/// A read failed; the overlay holds the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state read failed")]
pub(crate) struct ReadFailed;

impl DBErrorMarker for ReadFailed {}

impl<R: StateReader> Overlay<R> {
    /// Nothing read yet of the state before block `number`.
    pub(crate) fn new(reader: R, number: u64, parent_hash: B256) -> Self {
        let parent = number.checked_sub(1);
        Self {
            reader,
            number,
            index: AddressMap::default(),
            entries: Vec::new(),
            code: B256Map::default(),
            hashes: parent
                .map(|parent| (parent, parent_hash))
                .into_iter()
                .collect(),
            failure: None,
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

    /// Position of the account's entry, read on first use.
    fn load(&mut self, address: Address) -> Result<usize, ReadFailed> {
        match self.index.entry(address) {
            MapEntry::Occupied(entry) => Ok(*entry.get()),
            MapEntry::Vacant(vacant) => {
                let account = match self.reader.account(address) {
                    Ok(account) => account.filter(|account| !account.is_empty()).map(normalize),
                    Err(error) => {
                        self.failure = Some(error);
                        return Err(ReadFailed);
                    }
                };
                let id = self.entries.len();
                vacant.insert(id);
                self.entries.push(Entry {
                    address,
                    account: Change {
                        before: account,
                        after: account,
                    },
                    slots: HashMap::default(),
                    fresh: false,
                });
                Ok(id)
            }
        }
    }

    fn slot(&mut self, id: usize, slot: U256) -> Result<U256, ReadFailed> {
        let entry = &mut self.entries[id];
        match entry.slots.entry(slot) {
            MapEntry::Occupied(found) => Ok(found.get().after),
            MapEntry::Vacant(_) if entry.fresh => Ok(U256::ZERO),
            MapEntry::Vacant(vacant) => match self.reader.storage(entry.address, slot) {
                Ok(value) => {
                    vacant.insert(Change {
                        before: value,
                        after: value,
                    });
                    Ok(value)
                }
                Err(error) => {
                    self.failure = Some(error);
                    Err(ReadFailed)
                }
            },
        }
    }

    /// Takes over what one transaction left in the journal.
    pub(crate) fn apply(&mut self, changes: impl Iterator<Item = (Address, EvmAccount)>) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            let id = *self
                .index
                .get(&address)
                .expect("the journal loads accounts from here");
            self.entries[id].update_storage(account.status, account.storage);
            let after = if account.status.contains(AccountStatus::SelfDestructed) {
                None
            } else {
                self.after(id, account.info)
            };
            self.entries[id].account.after = after;
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
            return None;
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
        let slots = slots.into_iter();
        entry.slots.extend(slots.map(|(slot, value)| {
            (
                slot,
                Change {
                    before: value,
                    after: value,
                },
            )
        }));
        Ok(())
    }

    /// Everything the block changed.
    pub(crate) fn into_diff(self) -> StateDiff {
        let Self { entries, code, .. } = self;
        let mut diff = StateDiff::default();
        let mut accounts = Vec::with_capacity(entries.len());
        let mut storage = Vec::new();
        for entry in &entries {
            let Change { before, after } = entry.account;
            if before != after {
                accounts.push((entry.address, entry.account));
                if let Some(hash) = new_code(before, after)
                    && let Some(code) = code.get(&hash)
                {
                    diff.code.insert(hash, code.original_bytes());
                }
            }
            let changed = entry
                .slots
                .iter()
                .filter(|(_, change)| change.before != change.after);
            storage.extend(changed.map(|(slot, change)| ((entry.address, *slot), *change)));
        }
        // Both maps sort what they are built from, so the order of the hash maps does not show.
        diff.accounts = accounts.into_iter().collect();
        diff.storage = storage.into_iter().collect();
        diff
    }
}

/// One spelling for "no code", so that values compare.
fn normalize(account: Account) -> Account {
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

/// The code an account has now and had not before the block.
fn new_code(before: Option<Account>, after: Option<Account>) -> Option<B256> {
    let after = after.filter(Account::has_code)?.code_hash;
    (before.map(|account| account.code_hash) != Some(after)).then_some(after)
}

impl Entry {
    fn update_storage(&mut self, status: AccountStatus, storage: EvmStorage) {
        self.fresh |= status.intersects(AccountStatus::SelfDestructed | AccountStatus::Created);
        if status.contains(AccountStatus::SelfDestructed) {
            return;
        }
        for (slot, value) in storage {
            if value.is_changed() {
                // A slot the transaction changed was read through here, unless the account is fresh and had none.
                self.slots
                    .entry(slot)
                    .or_insert(Change {
                        before: U256::ZERO,
                        after: U256::ZERO,
                    })
                    .after = value.present_value;
            }
        }
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
        let code = self.reader.code(hash).and_then(|bytes| {
            Bytecode::new_raw_checked(bytes)
                .map_err(|error| StateError::Storage(format!("code {hash} is malformed: {error}")))
        });
        match code {
            Ok(code) => {
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
        Ok(self.slot(id, U256::from(number % window))?.into())
    }
}
