//! EXE-1: whatever way a block is executed, with however many workers, it comes to the same: receipts, logs, gas, state,
//! access list.
//!
//! Every block any test of this suite executes goes through here, with readers that take their time at random.

use crate::{code::*, differential::Random, support::*};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, U256};
use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher as _},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};
use trellis_executor::{BlockEnv, Engine, Executed, Setting, Transaction};
use trellis_primitives::{Account, StateError, StateReader};
use trellis_stm::Workers;

/// Engines with these numbers of workers, whatever the machine has.
static ENGINES: LazyLock<Vec<Engine>> = LazyLock::new(|| {
    let engine = |count| Engine::new(Workers::exactly(count)).eager();
    [1, 2, 4, 8].map(engine).into()
});

/// A reader whose answers take a while, so that transactions finish in ever other orders.
struct Slow<'a> {
    state: &'a MemoryState,
    seed: u64,
    reads: AtomicU64,
}

impl Slow<'_> {
    fn dawdle(&self, key: impl Hash) {
        let mut hasher = DefaultHasher::new();
        let number = self.reads.fetch_add(1, Ordering::Relaxed);
        (self.seed, number, key).hash(&mut hasher);
        match hasher.finish() % 16 {
            0 => std::thread::sleep(std::time::Duration::from_micros(30)),
            1..=4 => std::thread::yield_now(),
            _ => {}
        }
    }
}

impl StateReader for Slow<'_> {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        self.dawdle(address);
        self.state.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.dawdle((address, slot));
        self.state.storage(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        self.dawdle(hash);
        self.state.code(hash)
    }
}

/// Executes a valid block in every way and compares the outcomes with the sequential one.
pub(crate) fn assert_same_in_every_way(
    env: BlockEnv,
    state: &MemoryState,
    transactions: &[Transaction],
    expected: &Executed,
) {
    let setting = Setting::new(&env);
    for engine in ENGINES.iter() {
        let workers = engine.workers();
        let slow = Slow {
            state,
            seed: workers as u64,
            reads: AtomicU64::new(0),
        };
        let (built, _) = engine
            .build(&setting, &slow, transactions)
            .unwrap_or_else(|error| panic!("build with {workers} workers: {error}"));
        assert_eq!(&built.seal(), expected, "build with {workers} workers");
        let checked = engine
            .check(&setting, &slow, transactions, expected.access_list.clone())
            .unwrap_or_else(|error| panic!("check with {workers} workers: {error}"));
        assert_eq!(&checked.seal(), expected, "check with {workers} workers");
    }
}

/// Runs a block in every way, and returns what it came to.
fn run(state: &mut MemoryState, transactions: &[Transaction]) -> Executed {
    state.run(env(1), transactions)
}

/// Deferred credits: one recipient of many payments, who also pays, beside the beneficiary who is paid by everybody.
#[test]
fn credits_are_exact_for_whoever_looks() {
    let signers: Vec<_> = (1..=6).map(signer).collect();
    let mut state = MemoryState::genesis(&signers.iter().collect::<Vec<_>>());
    let rich = Address::repeat_byte(0xee);
    // Logs the balances of the beneficiary and of itself.
    let watcher = Address::repeat_byte(0xdd);
    state.deploy(watcher, &balances_logged(BENEFICIARY));
    let mut transactions = Vec::new();
    for round in 0..6 {
        for from in &signers {
            let to = match round {
                0 | 2 => rich,
                1 | 4 => watcher,
                3 => BENEFICIARY,
                _ => signers[0].address(),
            };
            transactions.push(sign(
                from,
                TxEip1559 {
                    value: U256::from(1_000 + round),
                    ..dynamic(round, to)
                },
            ));
        }
    }
    let executed = run(&mut state, &transactions);
    assert!(
        executed
            .receipts
            .iter()
            .all(alloy_consensus::ReceiptEnvelope::status)
    );
    let seen: Vec<_> = executed
        .receipts
        .iter()
        .flat_map(|receipt| receipt.logs())
        .collect();
    assert_eq!(seen.len(), 12);
    assert!(
        seen.windows(2)
            .all(|pair| pair[0].data.data != pair[1].data.data)
    );
}

/// A contract that is paid by everybody and called by everybody is no bottleneck, and one that pays out is exact.
#[test]
fn a_purse_that_pays_and_is_paid_adds_up() {
    let signers: Vec<_> = (1..=8).map(signer).collect();
    for seed in 0..12 {
        let mut random = Random(seed);
        let mut state = MemoryState::genesis(&signers.iter().collect::<Vec<_>>());
        let purse = Address::repeat_byte(0xaa);
        state.deploy(purse, &purse_code());
        let mut nonces = [0; 8];
        let mut transactions = Vec::new();
        for _ in 0..60 {
            let who = random.below(8) as usize;
            let pays_out = random.below(3) == 0;
            let value = U256::from(if pays_out { 0 } else { 1 + random.below(3) });
            transactions.push(sign(
                &signers[who],
                TxEip1559 {
                    value,
                    input: if pays_out {
                        vec![2].into()
                    } else {
                        Bytes::new()
                    },
                    ..dynamic(nonces[who], purse)
                },
            ));
            nonces[who] += 1;
        }
        run(&mut state, &transactions);
    }
}

/// Metamorphic contracts: made, destroyed, paid and made again at one address, in ever other orders.
#[test]
fn contracts_come_and_go_at_one_address() {
    for seed in 1_000..1_060 {
        let state = crate::differential::genesis();
        let (transactions, executed) =
            crate::differential::build(&state, env(9), &mut Random(seed));
        assert_same_in_every_way(env(9), &state, &transactions, &executed);
    }
}

/// `BLOCKHASH` reads slots of the history contract, which count as looked at.
#[test]
fn older_block_hashes_are_looked_at() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let asker = Address::repeat_byte(0xbb);
    state.deploy(asker, &block_hash_stored());
    let history = alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
    state.deploy(history, &alloy_eips::eip2935::HISTORY_STORAGE_CODE);
    for number in 0..40_u64 {
        let hash = U256::from(7_000 + number);
        state.storage.insert((history, U256::from(number)), hash);
    }
    let transactions: Vec<_> = (0..20)
        .map(|nonce| {
            call(
                &alice,
                nonce,
                asker,
                &U256::from(10 + nonce).to_be_bytes::<32>(),
            )
        })
        .collect();
    let executed = state.run(env(40), &transactions);
    assert_eq!(state.storage[&(asker, U256::from(12))], U256::from(7_012));
    let listed = executed
        .access_list
        .iter()
        .find(|account| account.address == history);
    assert!(listed.is_some_and(|account| account.storage_reads.len() >= 20));
}

/// A failed read ends the run with its own error, whoever met it, and blames nobody (EXE-2).
#[test]
fn a_state_that_cannot_be_read_blames_nobody() {
    struct Broken<'a>(&'a MemoryState);
    impl StateReader for Broken<'_> {
        fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
            self.0.account(address)
        }
        fn storage(&self, _: Address, _: U256) -> Result<U256, StateError> {
            Err(StateError::Stale)
        }
        fn code(&self, hash: B256) -> Result<Bytes, StateError> {
            self.0.code(hash)
        }
    }
    let state = crate::differential::genesis();
    let (transactions, executed) = crate::differential::build(&state, env(0), &mut Random(4));
    let setting = Setting::new(&env(0));
    for engine in ENGINES.iter() {
        let built = engine
            .build(&setting, &Broken(&state), &transactions)
            .unwrap_err();
        assert_eq!(built, StateError::Stale.into());
        let list = &executed.access_list;
        let checked = engine
            .check(&setting, &Broken(&state), &transactions, list.clone())
            .unwrap_err();
        assert_eq!(
            checked,
            trellis_executor::ExecutionError::from(StateError::Stale).into()
        );
    }
}

/// An invalid transaction in the middle is named, in every way alike, and nothing of the block is applied.
#[test]
fn an_invalid_transaction_in_the_middle_is_named() {
    let state = crate::differential::genesis();
    let (mut transactions, executed) = crate::differential::build(&state, env(3), &mut Random(8));
    let middle = transactions.len() / 2;
    let gap = transfer(&signer(1), 1_000, Address::repeat_byte(1), 1);
    let mut greedy = dynamic(0, Address::repeat_byte(1));
    greedy.gas_limit = 16_000_000;
    greedy.value = U256::MAX;
    let poor = sign(&signer(77), greedy);
    for bad in [gap, poor] {
        let good = std::mem::replace(&mut transactions[middle], bad);
        let expected = trellis_executor::execute_block(env(3), &state, &transactions).unwrap_err();
        assert!(
            expected
                .to_string()
                .starts_with(&format!("transaction {middle}: ")),
            "{expected}"
        );
        let setting = Setting::new(&env(3));
        for engine in ENGINES.iter() {
            let built = engine.build(&setting, &state, &transactions).unwrap_err();
            assert_eq!(built, expected);
            let list = &executed.access_list;
            let error = engine
                .check(&setting, &state, &transactions, list.clone())
                .unwrap_err();
            assert_eq!(error.class(), trellis_primitives::Class::Invalid);
        }
        transactions[middle] = good;
    }
}

/// The gas that is left at a transaction's place counts, not what the block has as a whole.
#[test]
fn a_transaction_that_does_not_fit_any_more_is_refused() {
    let alice = signer(1);
    let state = MemoryState::genesis(&[&alice]);
    let mut block = env(1);
    block.gas_limit = 5_000_000;
    let heavy = |nonce| {
        let mut tx = dynamic(nonce, Address::repeat_byte(1));
        tx.gas_limit = 4_979_001;
        sign(&alice, tx)
    };
    let setting = Setting::new(&block);
    let transactions = [heavy(0), heavy(1)];
    let expected = trellis_executor::execute_block(block, &state, &transactions).unwrap_err();
    assert!(expected.to_string().contains("gas left"), "{expected}");
    for engine in ENGINES.iter() {
        let built = engine.build(&setting, &state, &transactions).unwrap_err();
        assert_eq!(built, expected);
        let checked = engine
            .check(&setting, &state, &transactions, Vec::new())
            .unwrap_err();
        assert_eq!(checked.class(), trellis_primitives::Class::Invalid);
    }
}
