//! A validator's verdict on a block: the rules its header and access list follow, and whether execution gives what both say.
//!
//! ```text
//! header, senders, list ──► every listed value, in one batch ─┬─► transactions, in parallel, held against the list ─┬─► verdict
//!                                                             └─► what the list changes ──► roots of the trees ─────┘
//! ```
//!
//! The list says what the block changes before anything is executed, so the roots are computed meanwhile. A list that is
//! wrong gives roots that nobody uses.

use super::{Module, Runtime, fatal_unless_stale};
use crate::{build, imports, payments, rules};
use alloy_primitives::{Address, U256};
use commonware_glue::stateful::Finality;
use commonware_runtime::Handle;
use std::sync::Arc;
use trellis_executor::{
    AccessList, Executed, ExecutionError, ListError, Outcomes, Setting, Transaction, VerifyError,
    check_structure, claimed_difference, decode_access_list,
};
use trellis_primitives::{Block, StateDiff, StateError, StateReader as _, system::POOL};
use trellis_state::{
    CodeBatch, Known, KnownState,
    tree::{self, AccountsDb, SealedOf, StorageDb},
};

/// A block to execute, and every value it needs.
struct Work {
    setting: Setting,
    transactions: Vec<Transaction>,
    list: AccessList,
    known: Known,
}

/// What the list changes, and the trees with it.
type Sealed<E> = (
    StateDiff,
    SealedOf<E, AccountsDb<E>>,
    SealedOf<E, StorageDb<E>>,
);

impl Module {
    /// Checks a block against its parent and executes it. `Err` is the rule it breaks.
    pub(super) async fn check<E: Runtime>(
        &self,
        runtime: E,
        parent: &Block,
        block: &Block,
        batches: tree::Batches<E>,
        finality: Finality,
    ) -> Result<tree::Sealed<E>, String> {
        let spec = self.chain.spec();
        rules::check_header(spec, parent, block).map_err(|e| e.to_string())?;
        let transactions = build::recover(&self.chain, block)
            .map_err(|(index, rule)| format!("transaction {index}: {rule}"))?;
        let broken = |(index, rule): (usize, String)| format!("transaction {index}: {rule}");
        let records = payments::check_record(&self.chain, parent, &transactions).map_err(broken)?;
        if spec.payments.is_some() {
            payments::check_signed(&transactions).map_err(broken)?;
        }
        let imports = imports::check(&self.chain, records, &transactions).map_err(broken)?;
        if finality == Finality::Candidate {
            // Those of a final block were checked by who voted for it.
            payments::check_proofs(&self.chain, &transactions).map_err(broken)?;
        }
        let list = sound_list(block).map_err(|error| VerifyError::from(error).to_string())?;
        let setting = Setting::new(&rules::env_of(spec, block));
        let (executed, sealed, transactions, pool) = self
            .execute(runtime, batches, setting, transactions, list)
            .await
            .map_err(|error| match error {
                VerifyError::Execution(error) => fatal_unless_stale("check", &error),
                VerifyError::List(_) => error.to_string(),
            })?;
        compare::<E>(block, &executed, &sealed)?;
        payments::check_outcome(records, &executed.receipts)?;
        imports::check_outcome(records, imports, &executed.receipts)?;
        let lanes = self.lanes(parent, &executed);
        let notes = self.notes(parent, &transactions, &executed);
        payments::check_fees(notes.fees(), pool)?;
        if block.extension().outbox != lanes.root() {
            return Err("outbox does not match execution".into());
        }
        self.remember(block, transactions, executed, lanes, notes);
        Ok(sealed)
    }

    /// Executes a block while the roots of what its list changes are computed (EXE-1). The last part of the result is what the pool of
    /// private payments holds after it, in wei, if the block touches it.
    async fn execute<E: Runtime>(
        &self,
        runtime: E,
        batches: tree::Batches<E>,
        setting: Setting,
        transactions: Vec<Transaction>,
        list: AccessList,
    ) -> Result<(Executed, tree::Sealed<E>, Vec<Transaction>, U256), VerifyError> {
        let (accounts, slots) = touched(&list);
        let state = |error: StateError| VerifyError::Execution(error.into());
        let known = Known::read::<E>(&batches, &accounts, &slots);
        let known = known.await.map_err(state)?;
        let work = Arc::new(Work {
            setting,
            transactions,
            list,
            known,
        });
        let (account_tree, storage_tree, code_tree) = batches;
        let sealing = self.seal(&runtime, work.clone(), account_tree, storage_tree);
        let verifying = self.verify(&runtime, work.clone(), code_tree);
        let (mut executed, code_tree) = joined(verifying).await?;
        let (diff, account_tree, storage_tree) = joined(sealing).await?;
        let code_tree = tree::seal_code::<E>(code_tree, &diff).await;
        executed.diff = diff;
        let transactions = work.transactions.clone();
        let sealed = (account_tree, storage_tree, code_tree.map_err(state)?);
        // A block that does not touch the pool has no transfers.
        let before = work.known.account(POOL).ok().flatten();
        let pool = payments::pool_after(&executed.diff, before);
        Ok((executed, sealed, transactions, pool))
    }

    /// Computes the roots of what the list changes.
    fn seal<E: Runtime>(
        &self,
        runtime: &E,
        work: Arc<Work>,
        account_tree: tree::BatchOf<E, AccountsDb<E>>,
        storage_tree: tree::BatchOf<E, StorageDb<E>>,
    ) -> Handle<Result<Sealed<E>, VerifyError>> {
        let runtime = runtime.child("seal").shared(self.may_block());
        runtime.spawn(move |_| async move {
            let diff = claimed_difference(&work.known, &work.list)?;
            let (account_tree, storage_tree) = futures::join!(
                tree::seal_accounts::<E>(account_tree, &diff),
                tree::seal_storage::<E>(storage_tree, &diff)
            );
            let state = |error: StateError| VerifyError::Execution(error.into());
            Ok((
                diff,
                account_tree.map_err(state)?,
                storage_tree.map_err(state)?,
            ))
        })
    }

    /// Executes the transactions and holds the list against what they do. The difference is not part of the result.
    fn verify<E: Runtime>(
        &self,
        runtime: &E,
        work: Arc<Work>,
        code_tree: CodeBatch<E>,
    ) -> Handle<Result<(Executed, CodeBatch<E>), VerifyError>> {
        let (engine, bridge) = (self.chain.engine().clone(), self.bridge);
        let runtime = runtime.child("verify").shared(self.may_block());
        runtime.spawn(move |_| async move {
            let state = KnownState::new(&work.known, code_tree, bridge);
            let ran = loop {
                match engine.verify(&work.setting, &state, &work.transactions, &work.list) {
                    Err(VerifyError::Execution(ExecutionError::State(StateError::Pending))) => {
                        let fetched = state.fetch().await;
                        fetched.map_err(|error| VerifyError::Execution(error.into()))?;
                    }
                    other => break other?,
                }
            };
            let outcomes = Outcomes {
                ran,
                ..Outcomes::default()
            };
            Ok((outcomes.seal(), state.into_code()))
        })
    }
}

/// The access list of a block, if its structure is sound.
fn sound_list(block: &Block) -> Result<AccessList, ListError> {
    let list = decode_access_list(block.access_list())?;
    let gas_limit = block.header().gas_limit;
    check_structure(&list, block.transactions().len(), gas_limit)?;
    Ok(list)
}

/// The accounts and slots of a list.
fn touched(list: &AccessList) -> (Vec<Address>, Vec<(Address, U256)>) {
    let accounts = list.iter().map(|account| account.address).collect();
    let slots = list.iter().flat_map(|account| {
        let written = account.storage_changes.iter().map(|changes| changes.slot);
        let read = account.storage_reads.iter().copied();
        let slots = written.chain(read);
        slots.map(|slot| (account.address, slot))
    });
    (accounts, slots.collect())
}

/// The result of a task of this runtime.
async fn joined<T>(task: Handle<Result<T, VerifyError>>) -> Result<T, VerifyError>
where
    T: Send + 'static,
{
    match task.await {
        Ok(result) => result,
        // The runtime ends and took the task with it, as it will this one: there is nothing left to say.
        Err(commonware_runtime::Error::Closed) => futures::future::pending().await,
        Err(error) => Err(ExecutionError::Internal(format!("verification task: {error}")).into()),
    }
}

/// The outcome must be the one the header commits to (EXE-1).
fn compare<E: Runtime>(
    block: &Block,
    executed: &Executed,
    sealed: &tree::Sealed<E>,
) -> Result<(), String> {
    let header = block.header();
    if header.gas_used != executed.gas_used {
        return Err(format!(
            "gasUsed is {}, executed {}",
            header.gas_used, executed.gas_used
        ));
    }
    if header.receipts_root != executed.receipts_root {
        return Err("receiptsRoot does not match execution".into());
    }
    if header.logs_bloom != executed.logs_bloom {
        return Err("logsBloom does not match execution".into());
    }
    if block.extension().state != tree::commitment::<E>(sealed) {
        return Err("state commitment does not match execution".into());
    }
    Ok(())
}
