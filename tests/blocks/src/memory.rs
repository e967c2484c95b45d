use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256,
    map::{AddressMap, B256Map, HashMap},
};
use trellis_primitives::{Account, StateDiff, StateError, StateReader};

/// A state in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    accounts: AddressMap<(Account, HashMap<U256, U256>)>,
    code: B256Map<Bytes>,
}

impl Memory {
    /// Sets an account, with its code.
    pub fn insert(&mut self, address: Address, balance: U256, nonce: u64, code: Bytes) {
        let mut code_hash = KECCAK256_EMPTY;
        if !code.is_empty() {
            code_hash = keccak256(&code);
            self.code.insert(code_hash, code);
        }
        let account = Account {
            nonce,
            balance,
            code_hash,
        };
        self.accounts.entry(address).or_default().0 = account;
    }

    /// Sets a slot of an account.
    pub fn store(&mut self, address: Address, slot: U256, value: U256) {
        let (_, slots) = self.accounts.entry(address).or_default();
        slots.insert(slot, value);
    }

    /// Every account with its slots, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &Account, &HashMap<U256, U256>)> {
        self.accounts
            .iter()
            .map(|(address, (account, slots))| (address, account, slots))
    }

    /// Code by hash.
    pub fn codes(&self) -> impl Iterator<Item = (&B256, &Bytes)> {
        self.code.iter()
    }

    /// Changes the state as a block did.
    pub fn apply(&mut self, diff: &StateDiff) {
        for (address, change) in &diff.accounts {
            self.accounts.entry(*address).or_default().0 = change.after.unwrap_or_default();
        }
        for ((address, slot), change) in &diff.storage {
            self.store(*address, *slot, change.after);
        }
        for (hash, code) in &diff.code {
            self.code.insert(*hash, code.clone());
        }
    }
}

impl StateReader for Memory {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        Ok(self.accounts.get(&address).map(|(account, _)| *account))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let slots = self.accounts.get(&address);
        let value = slots.and_then(|(_, slots)| slots.get(&slot));
        Ok(value.copied().unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        let code = self.code.get(&hash).cloned();
        code.ok_or_else(|| StateError::Storage(format!("no code {hash}")))
    }
}
