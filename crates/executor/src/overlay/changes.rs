//! What a transaction leaves becomes part of the block.

use super::{NO_CHANGE, Overlay, ReadFailed};
use crate::{
    journal,
    ledger::{self, Field},
    slots::number,
    transfer::Transfer,
};
use alloy_primitives::{Address, U256};
use revm::state::{Account as EvmAccount, AccountInfo, AccountStatus, EvmStorage};
use trellis_primitives::{Account, StateReader};

impl<R: StateReader> Overlay<R> {
    /// Does a plain transfer. `false`, with nothing changed, if it is for the EVM after all.
    pub(crate) fn transfer(
        &mut self,
        transfer: &Transfer,
        beneficiary: Address,
    ) -> Result<bool, ReadFailed> {
        let sender = self.load(transfer.sender)?;
        let to = self.load(transfer.to)?;
        let account = |id: usize| self.ledger.touched[id].account.after;
        let Some(moved) = transfer.settle(account(sender), account(to)) else {
            return Ok(false);
        };
        let rewarded = match moved.tip {
            Some(tip) => Some(self.rewarded(beneficiary, tip)?),
            None => None,
        };
        self.set_account(sender, Some(moved.sender));
        self.set_account(to, moved.to);
        if let Some((id, after)) = rewarded {
            self.set_account(id, after);
        }
        Ok(true)
    }

    /// The beneficiary's entry, and its account with a fee. The transaction does not have it in hands.
    pub(crate) fn rewarded(
        &mut self,
        beneficiary: Address,
        fee: U256,
    ) -> Result<(usize, Option<Account>), ReadFailed> {
        let id = self.load(beneficiary)?;
        let before = self.ledger.touched[id].account.after;
        Ok((id, journal::rewarded(before, fee)))
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
                    let chain = &mut self.ledger.touched[id].chain;
                    self.ledger.slots.entry(chain, id, *slot, NO_CHANGE);
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
    pub(crate) fn set_account(&mut self, id: usize, after: Option<Account>) {
        let account = &mut self.ledger.touched[id].account;
        let before = core::mem::replace(&mut account.after, after);
        ledger::note_account(&mut self.ledger.entries, id, self.position, before, after);
    }

    /// Sets a slot that is known, noting what changes.
    fn set_slot(&mut self, id: usize, slot: U256, value: U256) {
        let chain = &mut self.ledger.touched[id].chain;
        let known = self.ledger.slots.entry(chain, id, slot, NO_CHANGE);
        if core::mem::replace(&mut known.after, value) != value {
            self.ledger.entries.push(ledger::Entry {
                account: number(id),
                index: self.position,
                field: Field::Slot(slot, value),
            });
        }
    }

    fn update_storage(&mut self, id: usize, status: AccountStatus, storage: EvmStorage) {
        if status.intersects(AccountStatus::SelfDestructed | AccountStatus::Created) {
            let existed =
                !self.ledger.touched[id].fresh && !status.contains(AccountStatus::Created);
            self.ledger.touched[id].fresh = true;
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
    pub(super) fn slots_of(&self, id: usize) -> Vec<U256> {
        let slots = self.ledger.slots.of(self.ledger.touched[id].chain);
        slots.map(|(slot, _)| slot).collect()
    }

    fn destroy_storage(&mut self, id: usize, existed: bool, storage: EvmStorage) {
        if existed {
            self.ledger.touched[id].wiped = Some(self.position);
        }
        let mut slots = self.slots_of(id);
        slots.extend(storage.into_keys());
        for slot in slots {
            self.set_slot(id, slot, U256::ZERO);
        }
    }

    /// The account to keep: none if empty (EIP-161). Remembers its code if that is new.
    fn after(&mut self, id: usize, info: AccountInfo) -> Option<Account> {
        let after = journal::account(&info);
        if after.is_empty() {
            return self.keep_empty.then_some(after);
        }
        let known = self.ledger.touched[id]
            .account
            .after
            .map(|account| account.code_hash);
        if known != Some(after.code_hash)
            && after.has_code()
            && let Some(code) = info.code
        {
            self.ledger.code.entry(after.code_hash).or_insert(code);
        }
        Some(after)
    }
}
