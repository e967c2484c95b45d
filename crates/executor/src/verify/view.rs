//! What the EVM of one worker reads.

use crate::{Setting, journal, kept::Kept, listed::Listed, overlay::ReadFailed};
use alloy_eip7928::BlockAccessIndex;
use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, U256, map::B256Map};
use revm::{
    Database,
    state::{AccountId, AccountInfo, Bytecode},
};
use trellis_primitives::{Account, StateError, StateReader};

/// What the EVM of one worker reads: the state before one transaction, as the list claims it.
pub(super) struct ListView<'v, 'a, R> {
    pub(super) listed: &'v Listed<'a, R>,
    pub(super) setting: &'v Setting,
    pub(super) index: BlockAccessIndex,
    /// Code before the block that this worker had before.
    pub(super) code: B256Map<Bytecode>,
    pub(super) kept: &'v Kept,
    pub(super) failure: Option<Failure>,
}

pub(super) enum Failure {
    State(StateError),
    Account(Address),
    Slot(Address, U256),
}

impl<R: StateReader> ListView<'_, '_, R> {
    fn fail(&mut self, failure: Failure) -> ReadFailed {
        self.failure = Some(failure);
        ReadFailed
    }

    fn find(&mut self, address: Address) -> Result<usize, ReadFailed> {
        match self.listed.find(address) {
            Some(id) => Ok(id),
            None => Err(self.fail(Failure::Account(address))),
        }
    }

    fn account(&mut self, id: usize) -> Result<Option<Account>, ReadFailed> {
        let account = self.listed.account(id, self.index);
        account.map_err(|error| self.fail(Failure::State(error)))
    }

    fn slot(&mut self, id: usize, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        let Some(place) = self.listed.place(id, slot) else {
            return Err(self.fail(Failure::Slot(address, slot)));
        };
        let value = self.listed.slot(id, slot, place, self.index);
        value.map_err(|error| self.fail(Failure::State(error)))
    }
}

impl<R: StateReader> Database for ListView<'_, '_, R> {
    type Error = ReadFailed;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        let id = self.find(address)?;
        let account = self.account(id)?;
        Ok(account.map(|account| journal::info(account, id)))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadFailed> {
        if let Some(code) = self.listed.code.get(&hash).or_else(|| self.code.get(&hash)) {
            return Ok(code.clone());
        }
        match self.kept.load(hash, self.listed.state()) {
            Ok(code) => {
                self.code.insert(hash, code.clone());
                Ok(code)
            }
            Err(error) => Err(self.fail(Failure::State(error))),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        let id = self.find(address)?;
        self.slot(id, address, slot)
    }

    fn storage_by_account_id(
        &mut self,
        address: Address,
        id: AccountId,
        slot: U256,
    ) -> Result<U256, ReadFailed> {
        self.slot(id.get(), address, slot)
    }

    /// As in sequential execution, which looks at the ring of the history contract (EIP-2935).
    fn block_hash(&mut self, number: u64) -> Result<B256, ReadFailed> {
        if let Some(hash) = self.setting.hashes.get(&number) {
            return Ok(*hash);
        }
        let own: u64 = self.setting.block.number.saturating_to();
        let window = HISTORY_SERVE_WINDOW as u64;
        if number >= own || own - number > window {
            return Ok(B256::ZERO);
        }
        let (address, slot) = (HISTORY_STORAGE_ADDRESS, U256::from(number % window));
        let id = self.find(address)?;
        let value = self.slot(id, address, slot)?;
        self.listed.saw(id);
        if let Some(place) = self.listed.place(id, slot) {
            self.listed.saw_slot(place);
        }
        Ok(value.into())
    }
}
