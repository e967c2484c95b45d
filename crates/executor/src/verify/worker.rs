//! Executes transactions on the inputs the list claims, and holds the list against what each does.

use super::{
    Verification,
    error::{ListError, VerifyError},
    view::{Failure, ListView},
};
use crate::{
    ExecutionError, TransactionError,
    block::context_over,
    evm::{Evm, transact},
    journal::{self, Fate},
    listed::{Claims, Listed, Place},
    overlay::ReadFailed,
    results::Ran,
    rules::{check_in_block, translate},
    transfer::{self, Transfer},
};
use alloy_eip7928::BlockAccessIndex;
use alloy_primitives::{Address, B256, Bytes, U256, map::B256Map};
use revm::{
    Journal, MainBuilder as _, SystemCallEvm as _,
    context_interface::result::{EVMError, ExecutionResult},
    state::Account as EvmAccount,
};
use trellis_primitives::{Account, StateReader};

/// One worker of a verification.
pub(super) struct Worker<'v, 'a, R: StateReader> {
    run: &'v Verification<'a, R>,
    evm: Evm<ListView<'v, 'a, R>>,
    /// Changes found as claimed.
    pub(super) made: usize,
    /// Where the beneficiary is listed, once that is known.
    beneficiary: Option<usize>,
}

impl<'v, 'a, R: StateReader + Sync> Worker<'v, 'a, R> {
    pub(super) fn new(run: &'v Verification<'a, R>) -> Self {
        let view = ListView {
            listed: run.listed,
            setting: run.setting,
            index: BlockAccessIndex::PRE_EXECUTION,
            code: B256Map::default(),
            kept: run.kept,
            failure: None,
        };
        let mut evm = context_over(run.setting, view).build_mainnet();
        evm.ctx.chain.defer_fees = true;
        Self {
            run,
            evm,
            made: 0,
            beneficiary: None,
        }
    }

    pub(super) fn call(&mut self, contract: Address, input: B256) -> Result<(), VerifyError> {
        let input = Bytes::copy_from_slice(input.as_slice());
        let result = self.evm.system_call_one(contract, input);
        let index = self.run.transactions.len();
        match self.settle(index, contract, result) {
            Ok(_) => Ok(()),
            Err(VerifyError::Execution(ExecutionError::Invalid { rule, .. })) => {
                Err(ExecutionError::Internal(rule.to_string()).into())
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn execute(&mut self, index: usize) -> Result<Ran, VerifyError> {
        let tx = &self.run.transactions[index];
        let setting = self.run.setting;
        let fail = |error| VerifyError::Execution(ExecutionError::at(index, error));
        check_in_block(setting, u64::MAX, tx).map_err(fail)?;
        self.evm.ctx.journaled_state.database.index = BlockAccessIndex::from_tx_index(index as u64);
        if let Some(transfer) = Transfer::of(setting, tx)
            && let Some(ran) = self.transfer(index, &transfer)?
        {
            return Ok(ran);
        }
        self.evm.ctx.chain.clear();
        let result = transact(&mut self.evm, tx);
        let owed = self.evm.ctx.chain.fee;
        let result = self.settle(index, tx.signer(), result)?;
        if let Some(fee) = owed {
            self.hold_reward(index, fee)?;
        }
        Ok(Ran::new(tx.inner().tx_type(), result))
    }

    /// Does a plain transfer, unless it is for the EVM after all, which then also finds what is not listed.
    fn transfer(&mut self, index: usize, transfer: &Transfer) -> Result<Option<Ran>, VerifyError> {
        let listed = self.run.listed;
        let at = self.evm.ctx.journaled_state.database.index;
        let (Some(sender), Some(to)) = (listed.find(transfer.sender), listed.find(transfer.to))
        else {
            return Ok(None);
        };
        let read = |id| listed.account(id, at).map_err(VerifyError::state);
        let (sender_before, to_before) = (read(sender)?, read(to)?);
        let Some(moved) = transfer.settle(sender_before, to_before) else {
            return Ok(None);
        };
        self.hold(index, sender, sender_before, Some(moved.sender))?;
        self.hold(index, to, to_before, moved.to)?;
        if let Some(tip) = moved.tip {
            self.hold_reward(index, tip)?;
        }
        Ok(Some(Ran {
            tx_type: transfer.tx_type,
            success: true,
            gas_used: transfer::GAS,
            logs: Vec::new(),
        }))
    }

    /// Holds the list against the reward of the beneficiary, whom the transaction does not look at otherwise.
    fn hold_reward(&mut self, index: usize, fee: U256) -> Result<(), VerifyError> {
        let listed = self.run.listed;
        let at = self.evm.ctx.journaled_state.database.index;
        let address = self.run.setting.block.beneficiary;
        let id = self.beneficiary.or_else(|| listed.find(address));
        let id = id.ok_or(ListError::MissingAccount { index, address })?;
        self.beneficiary = Some(id);
        let before = listed.account(id, at).map_err(VerifyError::state)?;
        self.hold(index, id, before, journal::rewarded(before, fee))?;
        Ok(())
    }

    /// Empties the journal, holding the list against it.
    fn settle(
        &mut self,
        index: usize,
        sender: Address,
        result: Result<ExecutionResult, EVMError<ReadFailed>>,
    ) -> Result<ExecutionResult, VerifyError> {
        let context = &mut self.evm.ctx;
        context.error = Ok(());
        let Journal { database, inner } = &mut context.journaled_state;
        let state = core::mem::take(&mut inner.state);
        inner.transaction_id = revm::state::TransactionId::ZERO;
        match database.failure.take() {
            Some(Failure::State(error)) => return Err(VerifyError::state(error)),
            Some(Failure::Account(address)) => {
                return Err(ListError::MissingAccount { index, address }.into());
            }
            Some(Failure::Slot(address, slot)) => {
                return Err(ListError::MissingSlot {
                    index,
                    address,
                    slot,
                }
                .into());
            }
            None => {}
        }
        let result = result.map_err(|error| {
            let error: TransactionError = translate(sender, error);
            VerifyError::Execution(ExecutionError::at(index, error))
        })?;
        for (address, account) in state {
            self.hold_account(index, address, account)?;
        }
        Ok(result)
    }

    /// Holds the list against what a transaction did to one account.
    fn hold_account(
        &mut self,
        index: usize,
        address: Address,
        account: EvmAccount,
    ) -> Result<(), VerifyError> {
        let listed = self.run.listed;
        let at = self.evm.ctx.journaled_state.database.index;
        let id = listed
            .find(address)
            .ok_or(ListError::MissingAccount { index, address })?;
        let before = listed.account(id, at).map_err(VerifyError::state)?;
        let fate = Fate::of(&account);
        let after = fate.left(before, &account.info);
        self.hold(index, id, before, after)?;
        for (slot, value) in &account.storage {
            let place = listed.place(id, *slot).ok_or(ListError::MissingSlot {
                index,
                address,
                slot: *slot,
            })?;
            listed.saw_slot(place);
            let (original, present) = fate.slot(value);
            self.hold_slot(index, address, *slot, place, original, present)?;
        }
        if fate.is_wiped() {
            self.hold_wiped(index, id, &account)?;
        }
        Ok(())
    }

    /// The listed slots of an account that was destroyed, besides those the transaction itself looked at.
    fn hold_wiped(
        &mut self,
        index: usize,
        id: usize,
        account: &EvmAccount,
    ) -> Result<(), VerifyError> {
        let listed = self.run.listed;
        let at = self.evm.ctx.journaled_state.database.index;
        let address = listed.accounts[id].changes.address;
        for (slot, place) in listed.places(id) {
            if !account.storage.contains_key(&slot) {
                let before = listed
                    .slot(id, slot, place, at)
                    .map_err(VerifyError::state)?;
                self.hold_slot(index, address, slot, place, before, U256::ZERO)?;
            }
        }
        Ok(())
    }

    fn hold_slot(
        &mut self,
        index: usize,
        address: Address,
        slot: U256,
        place: Place<'_>,
        before: U256,
        after: U256,
    ) -> Result<(), ListError> {
        let at = self.evm.ctx.journaled_state.database.index;
        let claimed = Listed::<R>::claimed_slot(place, at);
        if claimed != (before != after).then_some(after) {
            let what = format!("slot {slot:#x}");
            return Err(ListError::Mismatch {
                index,
                what,
                address,
            });
        }
        self.made += usize::from(claimed.is_some());
        Ok(())
    }

    /// Holds the list against an account before and after a transaction.
    fn hold(
        &mut self,
        index: usize,
        id: usize,
        before: Option<Account>,
        after: Option<Account>,
    ) -> Result<(), ListError> {
        let listed = self.run.listed;
        listed.saw(id);
        let at = self.evm.ctx.journaled_state.database.index;
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let Claims {
            balance,
            nonce,
            code,
        } = listed.claims(id, at);
        let what = if balance != (before.balance != after.balance).then_some(after.balance) {
            "balance"
        } else if nonce != (before.nonce != after.nonce).then_some(after.nonce) {
            "nonce"
        } else if code != (before.code_hash != after.code_hash).then_some(after.code_hash) {
            "code"
        } else {
            self.made += usize::from(balance.is_some())
                + usize::from(nonce.is_some())
                + usize::from(code.is_some());
            return Ok(());
        };
        Err(ListError::Mismatch {
            index,
            what: what.into(),
            address: listed.accounts[id].changes.address,
        })
    }
}
