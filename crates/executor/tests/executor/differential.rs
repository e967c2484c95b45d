//! The lean overlay against revm's own database, on blocks that mix everything few accounts can do to each other.

use crate::{code::*, support::*};
use alloy_consensus::{ReceiptEnvelope, Transaction as _, TxEip1559};
use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, TxKind, U256};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    bytecode::opcode as op,
    context::TxEnv,
    context_interface::{either::Either, result::ExecutionResult},
    database::{CacheState, EmptyDB, State},
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode},
};
use std::collections::BTreeMap;
use trellis_executor::{BlockEnv, BlockExecutor, Executed, Transaction};
use trellis_primitives::Account;

const SETTER_AT: Address = Address::repeat_byte(0xc1);
const FACTORY_AT: Address = Address::repeat_byte(0xc2);
const LOGGER_AT: Address = Address::repeat_byte(0xc3);
const REVERTER_AT: Address = Address::repeat_byte(0xc4);

/// A small generator, so that a failing seed can be run again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

pub(crate) fn genesis() -> MemoryState {
    let signers = [signer(1), signer(2), signer(3), signer(4)];
    let mut state = MemoryState::genesis(&signers.each_ref());
    state.deploy(SETTER_AT, &SETTER);
    state.deploy(FACTORY_AT, &FACTORY);
    state.deploy(LOGGER_AT, &LOGGER);
    state.deploy(REVERTER_AT, &reverting());
    state.storage.insert((SETTER_AT, U256::ZERO), U256::from(2));
    state
}

/// One random transaction of one of four senders, valid at this point in the block or nearly so.
fn transaction(random: &mut Random, nonces: &mut impl FnMut(Address) -> u64) -> Transaction {
    let actor = |random: &mut Random| signer(1 + random.below(4) as u8);
    let from = actor(random);
    // Now and then a nonce that is wrong.
    let nonce = nonces(from.address()) + random.below(12) / 11;
    let initcodes = [
        deployer(&store(&[(1, 1)]), &SETTER),
        deployer(&store(&[(1, 0)]), &[op::CALLER, op::SELFDESTRUCT]),
        [&store(&[(2, 2)])[..], &[op::CALLER, op::SELFDESTRUCT]].concat(),
        vec![op::INVALID],
    ];
    let initcode = initcodes[random.below(4) as usize].clone();
    let child = created2(FACTORY_AT, &initcode);
    let setting = set(random.below(3), random.below(3));
    let value = U256::from(random.below(3) * 1_000);
    let fresh = Address::with_last_byte(100 + random.below(4) as u8);
    let paid = |to: Address| {
        sign(
            &from,
            TxEip1559 {
                value,
                ..dynamic(nonce, to)
            },
        )
    };
    match random.below(12) {
        0 => paid(fresh),
        1 => paid(actor(random).address()),
        2 => paid(BENEFICIARY),
        3 => paid(child),
        4 => call(&from, nonce, SETTER_AT, &setting),
        5 => call(&from, nonce, child, &setting),
        6 => call(&from, nonce, actor(random).address(), &setting),
        7 => create(&from, nonce, &initcode),
        8 => {
            let input = Bytes::from(initcode);
            sign(
                &from,
                TxEip1559 {
                    input,
                    value,
                    ..dynamic(nonce, FACTORY_AT)
                },
            )
        }
        9 => call(&from, nonce, LOGGER_AT, &setting),
        10 => call(&from, nonce, REVERTER_AT, &[]),
        _ => delegating(random, &from, nonce, nonces, setting),
    }
}

/// Sets, replaces or clears the delegation of a random account, with a nonce that is sometimes wrong.
fn delegating(
    random: &mut Random,
    from: &alloy_signer_local::PrivateKeySigner,
    nonce: u64,
    nonces: &mut impl FnMut(Address) -> u64,
    input: Vec<u8>,
) -> Transaction {
    let authority = signer(1 + random.below(6) as u8);
    let own = u64::from(authority.address() == from.address());
    let next = nonces(authority.address()) + own + random.below(6) / 5;
    let delegates = [SETTER_AT, FACTORY_AT, LOGGER_AT, Address::ZERO];
    let delegate = delegates[random.below(4) as usize];
    let mut tx = set_code(
        nonce,
        authority.address(),
        vec![authorize(&authority, next, delegate)],
    );
    tx.input = input.into();
    sign(from, tx)
}

/// A random block, built as a leader builds it: what is refused is left out.
pub(crate) fn build(
    state: &MemoryState,
    block: BlockEnv,
    random: &mut Random,
) -> (Vec<Transaction>, Executed) {
    let mut executor = BlockExecutor::new(block, state).unwrap();
    let mut transactions = Vec::new();
    for _ in 0..40 {
        let next = transaction(random, &mut |address| executor.nonce(address).unwrap());
        if executor.execute(&next).is_ok() {
            transactions.push(next);
        }
    }
    (transactions, executor.finish())
}

/// The same accounts in revm's cache, above a database that has none.
fn database(state: &MemoryState) -> State<EmptyDB> {
    let mut cache = CacheState::new();
    for (address, account) in &state.accounts {
        let code = state.code.get(&account.code_hash).cloned();
        let code = Bytecode::new_raw(code.unwrap_or_default());
        let info = AccountInfo::new(account.balance, account.nonce, account.code_hash, code);
        let slots = state
            .storage
            .iter()
            .filter(|((owner, _), _)| owner == address);
        let storage = slots.map(|((_, slot), value)| (*slot, *value)).collect();
        cache.insert_account_with_storage(*address, info, storage);
    }
    State::builder().with_cached_prestate(cache).build()
}

fn evm_transaction(tx: &Transaction) -> TxEnv {
    let authorizations = tx.authorization_list().unwrap_or_default();
    let builder = TxEnv::builder()
        .caller(tx.signer())
        .nonce(tx.nonce())
        .chain_id(tx.chain_id())
        .gas_limit(tx.gas_limit())
        .max_fee_per_gas(tx.max_fee_per_gas())
        .gas_priority_fee(tx.max_priority_fee_per_gas())
        .kind(tx.kind())
        .value(tx.value())
        .data(tx.input().clone())
        .authorization_list(authorizations.iter().cloned().map(Either::Left).collect());
    builder.build().unwrap()
}

/// Executes with revm's own cache and commit.
fn reference(
    database: State<EmptyDB>,
    block: BlockEnv,
    transactions: &[Transaction],
) -> (Vec<ExecutionResult>, State<EmptyDB>) {
    let mut context = Context::mainnet().with_db(database);
    context.cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
    context.cfg.chain_id = block.chain_id;
    context.block.number = U256::from(block.number);
    context.block.timestamp = U256::from(block.timestamp);
    context.block.beneficiary = block.beneficiary;
    context.block.gas_limit = block.gas_limit;
    context.block.basefee = block.base_fee;
    context.block.prevrandao = Some(block.prev_randao);
    let mut evm = context.build_mainnet();
    let results = transactions
        .iter()
        .map(|tx| {
            evm.transact_commit(evm_transaction(tx))
                .expect("accepted before")
        })
        .collect();
    (results, evm.ctx.journaled_state.database)
}

fn assert_same_state(state: &MemoryState, theirs: &State<EmptyDB>, seed: u64) {
    let mut accounts = BTreeMap::new();
    let mut storage = BTreeMap::new();
    for (address, account) in theirs.cache.trie_account() {
        let info = &account.info;
        let (nonce, balance, code_hash) = (info.nonce, info.balance, info.code_hash);
        let plain = Account {
            nonce,
            balance,
            code_hash,
        };
        accounts.insert(address, plain);
        let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
        storage.extend(slots.map(|(slot, value)| ((address, *slot), *value)));
        if code_hash != KECCAK256_EMPTY {
            let code = info
                .code
                .as_ref()
                .or(theirs.cache.contracts.get(&code_hash));
            let code = code.expect("revm has the code").original_bytes();
            assert_eq!(state.code[&code_hash], code, "seed {seed}: {address}");
        }
    }
    assert_eq!(state.accounts, accounts, "seed {seed}");
    assert_eq!(state.storage, storage, "seed {seed}");
}

fn assert_same_receipts(executed: &Executed, results: &[ExecutionResult], seed: u64) {
    assert_eq!(results.len(), executed.receipts.len());
    let mut gas = 0;
    for (result, receipt) in results.iter().zip(&executed.receipts) {
        gas += result.tx_gas_used();
        assert_eq!(receipt.cumulative_gas_used(), gas, "seed {seed}");
        assert_eq!(receipt.status(), result.is_success(), "seed {seed}");
        assert_eq!(receipt.logs(), result.logs(), "seed {seed}");
    }
}

#[test]
fn random_blocks_end_as_revm_says() {
    let mut kinds = [0; 2];
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut state = genesis();
        let mut theirs = database(&state);
        // Genesis rules: no system calls, which revm leaves to its caller. Several blocks, so that later ones start
        // from what earlier ones left.
        for _ in 0..3 {
            let block = env(0);
            let (transactions, executed) = build(&state, block, &mut random);
            crate::parallel::assert_same_in_every_way(block, &state, &transactions, &executed);
            let (results, after) = reference(theirs, block, &transactions);
            theirs = after;
            assert_same_receipts(&executed, &results, seed);
            state.commit(&executed.diff);
            assert_same_state(&state, &theirs, seed);
            for result in &results {
                kinds[usize::from(result.is_success())] += 1;
            }
        }
    }
    assert!(
        kinds.iter().all(|count| *count > 500),
        "the mix is lopsided: {kinds:?}"
    );
}

#[test]
fn executing_again_gives_the_same_result() {
    let state = genesis();
    for seed in 0..10 {
        let (transactions, built) = build(&state, env(5), &mut Random(seed));
        let checked = trellis_executor::execute_block(env(5), &state, &transactions).unwrap();
        // What the builder refused in between left no trace.
        assert_eq!(built, checked, "seed {seed}");
        assert_eq!(checked.receipts.len(), transactions.len());
        let last = checked
            .receipts
            .last()
            .map_or(0, ReceiptEnvelope::cumulative_gas_used);
        assert_eq!(last, checked.gas_used);
    }
}

#[test]
fn a_transaction_with_a_thousand_accounts_does_not_disturb_the_next() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    // Calls every address from 0x10000 up to 0x10000 + 2,000.
    let looping = [
        op::PUSH3,
        1,
        0,
        0,
        op::JUMPDEST,
        op::DUP1,
        op::BALANCE,
        op::POP,
        op::PUSH1,
        1,
        op::ADD,
        op::DUP1,
        op::PUSH3,
        1,
        0x07,
        0xd0,
        op::GT,
        op::PUSH1,
        4,
        op::JUMPI,
        op::STOP,
    ];
    let contract = Address::repeat_byte(0xcc);
    state.deploy(contract, &looping);
    let mut big = dynamic(0, contract);
    big.gas_limit = 10_000_000;
    let executed = state.run(
        env(1),
        &[
            sign(&alice, big),
            transfer(&alice, 1, Address::repeat_byte(1), 1),
            sign(
                &alice,
                TxEip1559 {
                    gas_limit: 21_000,
                    ..dynamic(2, TxKind::Call(BENEFICIARY))
                },
            ),
        ],
    );
    assert!(executed.receipts.iter().all(ReceiptEnvelope::status));
    assert!(executed.gas_used > 5_000_000);
    assert_eq!(executed.diff.accounts.len(), 3);
}
