//! Executing a block whose order may conflict: speculate in parallel, commit in order (the scheduler is `trellis-stm`).
//!
//! Each worker has an EVM over an overlay of its own, its replica of the state at some prefix of the block. An execution's
//! reads and wishes become an [`Outcome`]; the worker that commits turns it into an [`Effect`] with exact values, which
//! the other replicas take over. Results, gas and the list of effects are the line.

use crate::{
    ExecutionError, InvalidTransaction, Setting, TransactionError,
    block::{new_context, settle_outcome},
    book::Book,
    closing::{Part, Range, by_range, join},
    evm::{Evm, note_balances, transact},
    fill::{Admission, Candidate},
    hints::{Hints, Stopwatch},
    kept::Kept,
    outcome::{self, Effect, Hasher, Key, Outcome, Seen, SlotWish, Value, Wish, fits},
    overlay::{Overlay, ReadFailed},
    results::{Outcomes, Ran},
    rules::{check_alone, check_gas_left},
    transfer::Transfer,
};
use alloy_primitives::{B256, U256};
use revm::{MainBuilder as _, state::Bytecode};
use std::sync::Arc;
use trellis_primitives::{Account, Class, StateError, StateReader};
use trellis_stm::{Access, Workers, Workload, hold};

/// A block in which any two transactions may depend on each other.
pub(crate) struct OptimisticBlock<'a, R> {
    pub(crate) setting: &'a Setting,
    pub(crate) state: &'a R,
    pub(crate) candidates: &'a [Candidate<'a>],
    pub(crate) transfers: Vec<Option<Transfer>>,
    pub(crate) hints: Hints,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) kept: &'a Arc<Kept>,
    pub(crate) eager: bool,
    pub(crate) hasher: Hasher,
    /// What happened before the transactions.
    pub(crate) start: Effect,
}

/// What is decided in order.
#[derive(Default)]
pub(crate) struct Line<'a> {
    ran: Vec<Ran>,
    gas_used: u64,
    committed: Vec<Committed>,
    /// Chooses among candidates; without it all must be taken.
    pub(crate) admission: Option<Admission<'a>>,
}

impl<'a> Line<'a> {
    /// At the start of a block, of all transactions or of those that are admitted.
    pub(crate) fn with(admission: Option<Admission<'a>>) -> Self {
        Self {
            admission,
            ..Self::default()
        }
    }
}

/// What a committed transaction touched and changed.
struct Committed {
    reads: Vec<Access<Key, Seen>>,
    effect: Arc<Effect>,
    owed: bool,
}

impl<'a, R: StateReader + Sync> Workload for OptimisticBlock<'a, R> {
    type Replica = Evm<Overlay<&'a R>>;
    type Outcome = Outcome;
    type Effect = Arc<Effect>;
    type Line = Line<'a>;
    type Error = ExecutionError;

    fn len(&self) -> usize {
        self.candidates.len()
    }

    fn is_worth_speculating(&self, index: usize) -> bool {
        self.eager || self.transfers[index].is_none()
    }

    fn seems_to_depend(&self, index: usize, committed: usize) -> bool {
        !self.eager && self.hints.depends(index, committed)
    }

    fn note(&self, index: usize, held: bool) {
        self.hints.note(index, held);
    }

    fn replica(&self, _worker: usize) -> Self::Replica {
        let mut evm = new_context(self.setting, self.state, self.kept).build_mainnet();
        evm.ctx.chain.defer_fees = true;
        note_balances(&mut evm.instruction);
        evm.ctx.journaled_state.database.take_over(&self.start, 0);
        evm
    }

    fn pass_over(&self, line: &mut Line<'a>, index: usize) -> Option<Arc<Effect>> {
        let left = self.gas_left(line);
        let admission = line.admission.as_mut()?;
        (!admission.admits(&self.candidates[index], left)).then(Arc::default)
    }

    fn is_over(&self, line: &Line<'a>) -> bool {
        self.is_cheap() || line.admission.as_ref().is_some_and(Admission::is_over)
    }

    fn execute(&self, evm: &mut Self::Replica, index: usize) -> Outcome {
        let tx = self.candidates[index].transaction;
        if let Some(transfer) = &self.transfers[index]
            && let Some(outcome) = self.transfer(evm, transfer)
        {
            return outcome;
        }
        if let Err(error) = check_alone(self.setting, tx) {
            return Outcome::refused(error);
        }
        evm.ctx.chain.clear();
        self.stopwatch.time(|| {
            let result = transact(evm, tx);
            let result = settle_outcome(&mut evm.ctx, tx.signer(), result);
            let ran = result.map(|result| Ran::new(tx.inner().tx_type(), result));
            outcome::take(&mut evm.ctx, &self.hasher, tx, ran)
        })
    }

    fn holds(&self, outcome: &Outcome, since: &[Arc<Arc<Effect>>]) -> bool {
        // A state that could not be read says nothing about the transaction.
        if matches!(outcome.result, Err(ref error) if error.class() != Class::Invalid) {
            return false;
        }
        hold(
            &outcome.reads,
            since.iter().map(|effect| &effect.writes),
            fits,
        )
    }

    fn commit(
        &self,
        evm: &mut Self::Replica,
        line: &mut Line<'a>,
        index: usize,
        outcome: Outcome,
        exact: bool,
    ) -> Result<Option<Arc<Effect>>, ExecutionError> {
        let candidate = &self.candidates[index];
        let fail = |error| ExecutionError::at(index, error);
        let left = self.gas_left(line);
        let Outcome {
            reads,
            wishes,
            slots,
            code,
            fee,
            result,
        } = outcome;
        let ran = match (in_order(left, candidate, result), &mut line.admission) {
            (Ok(ran), _) => ran,
            (Err(TransactionError::Invalid(rule)), Some(admission)) => {
                admission.refuse(candidate, &rule);
                return Ok(Some(Arc::default()));
            }
            (Err(error), _) => return Err(fail(error)),
        };
        let overlay = &mut evm.ctx.journaled_state.database;
        let changes = (wishes, slots, code);
        let Some(effect) = self.effect(overlay, changes, fee, exact)? else {
            return Ok(None);
        };
        if let Some(admission) = &mut line.admission {
            let listed = effect.listed_bytes_max() + outcome::listed_bytes_max(&reads);
            admission.take(index, candidate, listed);
        }
        line.gas_used += ran.gas_used;
        line.ran.push(ran);
        let effect = Arc::new(effect);
        line.committed.push(Committed {
            reads: reads.into_items(),
            effect: effect.clone(),
            owed: fee.is_some(),
        });
        self.apply(evm, index, &effect);
        Ok(Some(effect))
    }

    fn apply(&self, evm: &mut Self::Replica, index: usize, effect: &Arc<Effect>) {
        let position = u32::try_from(index + 1).unwrap_or(u32::MAX);
        evm.ctx.journaled_state.database.take_over(effect, position);
    }
}

/// The result at its place in the block. Of several rules that are broken, the one that execution in order names: gas that
/// is not left comes after what the transaction alone decides, and before everything else.
fn in_order(
    left: u64,
    candidate: &Candidate<'_>,
    result: Result<Ran, TransactionError>,
) -> Result<Ran, TransactionError> {
    match result {
        Err(TransactionError::Invalid(InvalidTransaction::Static(_))) => result,
        _ => check_gas_left(left, candidate.transaction).and(result),
    }
}

/// Accounts, slots and code an outcome wants to change.
type Changes = (Vec<Wish>, Vec<SlotWish>, Vec<(B256, Bytecode)>);

/// The account with the credit of an execution that did not look at its balance.
fn credited(now: Option<Account>, wish: &Wish) -> Option<Account> {
    let (found, left) = (
        wish.found.unwrap_or_default(),
        wish.left.unwrap_or_default(),
    );
    let credit = left.balance.checked_sub(found.balance)?;
    let balance = now.unwrap_or_default().balance.checked_add(credit)?;
    Some(Account { balance, ..left })
}

impl<'a, R: StateReader + Sync> OptimisticBlock<'a, R> {
    /// Whether the run is given up, because execution in order is faster.
    pub(crate) fn is_cheap(&self) -> bool {
        !self.eager && self.stopwatch.says_cheap()
    }

    fn gas_left(&self, line: &Line<'_>) -> u64 {
        self.setting.gas_limit().saturating_sub(line.gas_used)
    }

    /// What an outcome's wishes are on the exact state, which the overlay has. `None` if they cannot all be met; those of an
    /// execution on the exact state can.
    fn effect(
        &self,
        overlay: &mut Overlay<&'a R>,
        (wishes, slots, code): Changes,
        fee: Option<U256>,
        exact: bool,
    ) -> Result<Option<Effect>, ExecutionError> {
        let mut effect = Effect {
            code,
            ..Effect::default()
        };
        let writes = &mut effect.writes.items;
        writes.reserve(wishes.len() + slots.len() + 1);
        for wish in &wishes {
            let now = overlay.now(wish.address).unwrap_or(wish.found);
            let after = if exact || wish.exact {
                wish.left
            } else if let Some(after) = credited(now, wish) {
                Some(after)
            } else {
                // The execution saw a balance that takes the credit, the real one does not.
                return Ok(None);
            };
            let (began, fresh) = (wish.began, wish.fresh);
            let value = Value::Account {
                began,
                after,
                fresh,
            };
            writes.push((wish.hash, Key::Account(wish.address), value));
            if wish.wiped {
                let key = Key::Storage(wish.address);
                writes.push((outcome::hash(&self.hasher, &key), key, Value::Wiped));
            }
        }
        let slots = slots.into_iter();
        writes.extend(slots.map(|(hash, address, slot, began, after)| {
            (hash, Key::Slot(address, slot), Value::Slot { began, after })
        }));
        if let Some(fee) = fee {
            writes.extend(self.reward(overlay, fee)?);
        }
        Ok(Some(effect))
    }

    /// The credit of a fee to the beneficiary, if it changes anything.
    fn reward(
        &self,
        overlay: &mut Overlay<&'a R>,
        fee: U256,
    ) -> Result<Option<(u64, Key, Value)>, ExecutionError> {
        let beneficiary = self.setting.block.beneficiary;
        let (began, now) = overlay
            .load_both(beneficiary)
            .map_err(|ReadFailed| overlay.failure())?;
        let account = now.unwrap_or_default();
        let Some(balance) = account.balance.checked_add(fee) else {
            let reason = "the beneficiary's balance overflows".to_owned();
            return Err(ExecutionError::Internal(reason));
        };
        let after = Some(Account { balance, ..account }).filter(|account| !account.is_empty());
        let key = Key::Account(beneficiary);
        let value = Value::Account {
            began,
            after,
            fresh: false,
        };
        Ok((after != now).then(|| (outcome::hash(&self.hasher, &key), key, value)))
    }

    /// A plain transfer's outcome, unless it is for the EVM after all.
    fn transfer(&self, evm: &mut Evm<Overlay<&'a R>>, transfer: &Transfer) -> Option<Outcome> {
        let overlay = &mut evm.ctx.journaled_state.database;
        let mut both = |address| overlay.load_both(address).ok();
        let (sender, to) = (both(transfer.sender)?, both(transfer.to)?);
        let moved = transfer.settle(sender.1, to.1)?;
        let found = [
            (transfer.sender, sender.0, sender.1),
            (transfer.to, to.0, to.1),
        ];
        Some(outcome::of_transfer(&self.hasher, transfer, found, moved))
    }

    /// Results, difference and access list of everything committed.
    pub(crate) fn close(
        &self,
        workers: &Workers,
        line: Line<'_>,
    ) -> Result<Outcomes, ExecutionError> {
        let accesses = line.committed.iter().map(|committed| committed.reads.len());
        let parts = by_range(workers, accesses.sum(), |range| self.part(range, &line));
        let parts: Result<Vec<Part>, StateError> = parts.into_iter().collect();
        let (diff, access_list) = join(parts?);
        Ok(Outcomes {
            ran: line.ran,
            diff,
            access_list,
        })
    }

    /// What was committed in a range of addresses.
    fn part(&self, range: Range, line: &Line<'_>) -> Result<Part, StateError> {
        let mut book = Book::new(self.state, self.kept, range);
        book.write(0, &self.start)?;
        let beneficiary = self.setting.block.beneficiary;
        for (index, committed) in (1..).zip(&line.committed) {
            for access in &committed.reads {
                book.read(access.key, access.seen)?;
            }
            if committed.owed {
                book.account(beneficiary);
            }
            book.write(index, &committed.effect)?;
        }
        Ok(book.close())
    }
}
