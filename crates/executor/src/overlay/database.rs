//! What the EVM reads of an overlay.

use super::{Overlay, ReadFailed};
use crate::journal;
use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, U256};
use revm::{
    Database,
    state::{AccountId, AccountInfo, Bytecode},
};
use trellis_primitives::StateReader;

impl<R: StateReader> Database for Overlay<R> {
    type Error = ReadFailed;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        let id = self.load(address)?;
        let account = self.ledger.touched[id].account.after;
        Ok(account.map(|account| journal::info(account, id)))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadFailed> {
        if let Some(code) = self.ledger.code.get(&hash) {
            return Ok(code.clone());
        }
        match self.kept.load(hash, &self.reader) {
            Ok(code) => {
                self.ledger.code.insert(hash, code.clone());
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
        debug_assert_eq!(self.ledger.touched[id.get()].address, address);
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
