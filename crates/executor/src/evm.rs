//! The EVM as this crate runs it: revm's, with two things to observe.
//!
//! *Fees.* Every transaction pays the block's beneficiary, so if that were an ordinary write, no two transactions would be
//! independent. With [`Notes::defer_fees`] the fee is noted instead of credited, unless the transaction has the
//! beneficiary's account in its hands: then its balance may matter, and the credit is made as usual.
//!
//! *Balances.* Calling a contract loads its account, balance included, and paying it changes that balance. Neither depends
//! on how much it holds. The instructions that do look, or take from it, note whose balance it was, so that all the
//! others can be treated as if they had not seen it (see [`crate::outcome`]).

use crate::{Transaction, evm_transaction, overlay::ReadFailed, transaction::Payer};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, U256, hex};
use revm::{
    Context, Database, Journal, MainnetEvm,
    bytecode::opcode,
    context::{BlockEnv as EvmBlock, CfgEnv, ContextSetters, TxEnv},
    context_interface::{
        Block as _, JournalTr as _, Transaction as _,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction as EvmInvalid},
    },
    handler::{
        EthFrame, EvmTr, FrameResult, Handler, MainnetHandler, instructions::EthInstructions,
    },
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, instructions::instruction_table,
        interpreter::EthInterpreter, interpreter_types::InputsTr as _,
    },
    primitives::hardfork::SpecId,
};

/// Everything the EVM works on.
pub(crate) type EvmContext<D> = Context<EvmBlock, TxEnv, CfgEnv, D, Journal<D>, Notes>;

/// The EVM over a view of the state.
pub(crate) type Evm<D> = MainnetEvm<EvmContext<D>>;

/// A view of the state at one point of a block. A failed read leaves its reason with the view.
pub(crate) trait View: Database<Error = ReadFailed> {}
impl<D: Database<Error = ReadFailed>> View for D {}

/// What one transaction does besides its result and its changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// Note fees instead of crediting them, and balances that were looked at.
    pub(crate) defer_fees: bool,
    /// The fee the beneficiary is still owed.
    pub(crate) fee: Option<U256>,
    /// What the transaction pays per gas, in wei, if somebody else than its sender does.
    pub(crate) price: Option<u128>,
    /// Accounts whose exact balance mattered; some may stand here more than once.
    pub(crate) exact: Vec<Address>,
}

impl Notes {
    /// Forgets the last transaction.
    pub(crate) fn clear(&mut self) {
        self.fee = None;
        self.exact.clear();
    }
}

/// Runs a transaction. What it changed stays in the journal.
pub(crate) fn transact<D: View>(
    evm: &mut Evm<D>,
    tx: &Transaction,
) -> Result<ExecutionResult, EVMError<ReadFailed>> {
    let payer = Payer::of(tx);
    evm.ctx.cfg.disable_base_fee = payer != Payer::Sender;
    evm.ctx.chain.price = (payer == Payer::Pool).then(|| tx.inner().max_fee_per_gas());
    evm.ctx.set_tx(evm_transaction(tx));
    let result = Fees::<D>(core::marker::PhantomData).run(evm)?;
    if payer == Payer::Pool && !result.is_success() {
        // It would spend nothing, so nobody would pay for it (docs/spec/payments.md, 11.2).
        let reason = result.output().and_then(|output| output.first_chunk::<4>());
        let reason = reason.map_or_else(|| "out of gas".into(), hex::encode_prefixed);
        let rule = format!("private transfer: the pool refuses it ({reason})");
        return Err(EVMError::Transaction(EvmInvalid::Str(rule.into())));
    }
    Ok(result)
}

/// revm's rules, with the fee as [`Notes`] say.
struct Fees<D>(core::marker::PhantomData<D>);

impl<D: View> Handler for Fees<D> {
    type Evm = Evm<D>;
    type Error = EVMError<ReadFailed>;
    type HaltReason = HaltReason;

    fn reward_beneficiary(
        &self,
        evm: &mut Self::Evm,
        frame: &mut FrameResult,
    ) -> Result<(), Self::Error> {
        let context = evm.ctx_mut();
        let beneficiary = context.block.beneficiary();
        let in_hands = context
            .journaled_state
            .inner
            .state
            .contains_key(&beneficiary);
        let paid = context.chain.price;
        if paid.is_none() && (!context.chain.defer_fees || in_hands) {
            let usual =
                MainnetHandler::<Self::Evm, Self::Error, EthFrame<EthInterpreter>>::default();
            return usual.reward_beneficiary(evm, frame);
        }
        let base_fee = u128::from(context.block.basefee);
        let price = paid.unwrap_or_else(|| context.tx.effective_gas_price(base_fee));
        let tip = if context.cfg.spec.is_enabled_in(SpecId::LONDON) {
            price.saturating_sub(base_fee)
        } else {
            price
        };
        let gas = frame.gas();
        let used = gas.used().saturating_sub(gas.reservoir());
        let fee = U256::from(tip * u128::from(used));
        if in_hands || !context.chain.defer_fees {
            let journal = &mut context.journaled_state;
            journal.balance_incr(beneficiary, fee)?;
        } else {
            context.chain.fee = Some(fee);
        }
        Ok(())
    }
}

/// Makes the instructions that depend on an exact balance say whose.
pub(crate) fn note_balances<D: View>(
    instructions: &mut EthInstructions<EthInterpreter, EvmContext<D>>,
) {
    let noted = [
        (opcode::BALANCE, balance::<D> as Noting<D>),
        (opcode::SELFBALANCE, own::<D, { opcode::SELFBALANCE }>),
        (opcode::SELFDESTRUCT, own::<D, { opcode::SELFDESTRUCT }>),
        (opcode::CALL, sent::<D, { opcode::CALL }, 2>),
        (opcode::CALLCODE, sent::<D, { opcode::CALLCODE }, 2>),
        (opcode::CREATE, sent::<D, { opcode::CREATE }, 0>),
        (opcode::CREATE2, sent::<D, { opcode::CREATE2 }, 0>),
    ];
    for (code, instruction) in noted {
        instructions.instruction_table_mut()[code as usize] = Instruction::new(instruction);
    }
}

type Noting<D> = fn(InstructionContext<'_, EvmContext<D>, EthInterpreter>) -> InstructionExecResult;

/// Instructions as the EVM has them. The table is the same for every fork; what differs looks at the fork itself.
struct Usual<D, const CODE: u8>(core::marker::PhantomData<D>);

impl<D: View, const CODE: u8> Usual<D, CODE> {
    const INSTRUCTION: Instruction<EthInterpreter, EvmContext<D>> =
        instruction_table::<EthInterpreter, EvmContext<D>>()[CODE as usize];
}

/// `BALANCE`: of the account on the stack.
fn balance<D: View>(
    context: InstructionContext<'_, EvmContext<D>, EthInterpreter>,
) -> InstructionExecResult {
    if let Some(top) = context.interpreter.stack.top() {
        let address = Address::from_word((*top).into());
        context.host.chain.exact.push(address);
    }
    Usual::<D, { opcode::BALANCE }>::INSTRUCTION.execute(context)
}

/// Instructions that depend on the balance of the account that runs.
fn own<D: View, const CODE: u8>(
    context: InstructionContext<'_, EvmContext<D>, EthInterpreter>,
) -> InstructionExecResult {
    let address = context.interpreter.input.target_address();
    context.host.chain.exact.push(address);
    Usual::<D, CODE>::INSTRUCTION.execute(context)
}

/// Instructions that send the value at a place of the stack from the account that runs.
fn sent<D: View, const CODE: u8, const PLACE: usize>(
    context: InstructionContext<'_, EvmContext<D>, EthInterpreter>,
) -> InstructionExecResult {
    let stack = context.interpreter.stack.data();
    let value = stack.len().checked_sub(PLACE + 1).map(|at| stack[at]);
    if value.is_some_and(|value| !value.is_zero()) {
        let address = context.interpreter.input.target_address();
        context.host.chain.exact.push(address);
    }
    Usual::<D, CODE>::INSTRUCTION.execute(context)
}
