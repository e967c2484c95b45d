use super::*;
use crate::{
    ChainSpec,
    testing::{ACCOUNTS, Light, MemoryState, NOBODY, address, env_on, raw, sign, spec, transfer},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use std::sync::atomic::{AtomicUsize, Ordering};
use trellis_executor::Workers;
use trellis_primitives::{StateError, limits::TRANSACTION_BYTES_MAX};
use trellis_txpool::Limits;

fn pooled(transaction: Transaction) -> Arc<PooledTransaction> {
    let encoded = raw(&transaction);
    Arc::new(PooledTransaction::new(transaction, encoded))
}

fn fill_with(light: &Light, candidates: Vec<Transaction>) -> Content {
    let candidates: Vec<_> = candidates.into_iter().map(pooled).collect();
    let env = env_on(light.chain.spec(), light.chain.genesis());
    let fill = |engine: &Engine| {
        fill(
            &light.chain,
            engine,
            &env,
            &light.state,
            &candidates,
            &|| false,
        )
        .unwrap()
    };
    let content = fill(light.chain.engine());
    // EXE-1: however many workers, and whether or not it pays.
    for count in [1, 2, 4, 8] {
        let engine = Engine::new(Workers::exactly(count)).eager();
        let other = fill(&engine);
        assert_eq!(taken(&other), taken(&content), "{count} workers");
        assert_eq!(other.executed, content.executed, "{count} workers");
    }
    content
}

/// Sender and nonce of what was taken.
fn taken(content: &Content) -> Vec<(Address, u64)> {
    let taken = content.transactions.iter();
    taken.map(|t| (t.signer(), t.nonce())).collect()
}

/// Uses all the gas it has.
fn burner(from: u8, nonce: u64, gas: u64) -> Transaction {
    sign(from, nonce, |tx| {
        tx.to = TxKind::Create;
        tx.input = hex!("5b600056").into();
        tx.gas_limit = gas;
        tx.value = U256::ZERO;
    })
}

#[test]
fn transactions_are_taken_best_first_and_in_nonce_order() {
    let light = Light::new();
    for (from, nonce) in [(0, 1), (0, 0), (1, 0)] {
        light.submit(&transfer(from, nonce));
    }
    light.submit(&sign(2, 0, |tx| {
        tx.max_priority_fee_per_gas = 9_000_000_000
    }));
    light.submit(&transfer(3, 1));
    let order: Vec<_> = select(&light.chain, &HashSet::new())
        .iter()
        .map(|pooled| (pooled.sender(), pooled.nonce()))
        .collect();
    assert_eq!(order[0], (address(2), 0));
    assert_eq!(order.len(), 4, "the one behind a gap waits");
    let position = |nonce| order.iter().position(|o| *o == (address(0), nonce));
    assert!(position(0) < position(1));
}

#[test]
fn what_is_in_flight_is_not_taken_again() {
    let light = Light::new();
    let first = light.submit(&transfer(0, 0));
    light.submit(&transfer(0, 1));
    let selected = select(&light.chain, &HashSet::from([first]));
    assert_eq!(selected.len(), 1);
    assert_eq!(selected[0].nonce(), 1);
}

/// A chain whose blocks are bounded by their bytes before their gas.
fn spacious() -> Light {
    let spec = crate::ChainSpec {
        gas_limit: 200_000_000,
        ..spec()
    };
    Light::with(spec, 8, Limits::default())
}

/// One of the largest transactions, from each sender in turn.
fn large(index: u8) -> Transaction {
    sign(index % ACCOUNTS, u64::from(index / ACCOUNTS), |tx| {
        tx.input = vec![0; TRANSACTION_BYTES_MAX - 300].into();
        tx.gas_limit = 1_400_000;
    })
}

/// The choice is bounded by what two blocks could hold, whatever the pool holds (NET-1).
#[test]
fn the_choice_is_bounded() {
    let light = Light::new();
    for from in 0..ACCOUNTS {
        light.submit(&sign(from, 0, |tx| tx.gas_limit = 16_000_000));
    }
    // Two blocks of 30M gas hold three of 16M.
    assert_eq!(select(&light.chain, &HashSet::new()).len(), 3);

    let light = spacious();
    for index in 0..100 {
        light.submit(&large(index));
    }
    let selected = select(&light.chain, &HashSet::new());
    let bytes: usize = selected.iter().map(|pooled| pooled.encoded.len()).sum();
    assert!(bytes <= 2 * BODY_BYTES_MAX && selected.len() < 100);
    assert!(bytes > 2 * BODY_BYTES_MAX - 2 * TRANSACTION_BYTES_MAX);
}

/// A candidate that does not fit costs its sender the rest of the block and nobody else anything.
#[test]
fn gas_that_is_not_left_skips_the_sender() {
    let light = Light::new();
    let content = fill_with(
        &light,
        vec![
            burner(0, 0, 16_000_000),
            burner(1, 0, 16_000_000),
            transfer(1, 1),
            transfer(2, 0),
        ],
    );
    assert_eq!(taken(&content), [(address(0), 0), (address(2), 0)]);
    assert_eq!(content.executed.gas_used, 16_000_000 + 21_000);
}

#[test]
fn bodies_stay_within_their_limit() {
    let light = spacious();
    let content = fill_with(&light, (0..60).map(large).collect());
    let bytes: usize = content.encoded.iter().map(|raw| raw.len()).sum();
    assert!(bytes <= BODY_BYTES_MAX);
    assert_eq!(
        content.transactions.len(),
        BODY_BYTES_MAX / (TRANSACTION_BYTES_MAX - 150)
    );
}

#[test]
fn invalid_candidates_are_left_out() {
    let light = Light::new();
    let content = fill_with(
        &light,
        vec![
            transfer(ACCOUNTS, 0),
            transfer(0, 1),
            transfer(0, 0),
            transfer(1, 0),
            transfer(1, 0),
            transfer(1, 1),
        ],
    );
    // A gap costs the sender the block; a nonce that a block below used already costs nothing.
    assert_eq!(taken(&content), [(address(1), 0), (address(1), 1)]);
    assert_eq!(content.executed.receipts.len(), 2);
}

#[test]
fn building_ends_when_its_time_is_over() {
    let light = Light::new();
    let candidates: Vec<_> = (0..200).map(|nonce| pooled(transfer(0, nonce))).collect();
    let env = env_on(light.chain.spec(), light.chain.genesis());
    for engine in [Engine::default(), Engine::new(Workers::exactly(2)).eager()] {
        let asked = AtomicUsize::new(0);
        let expired = || asked.fetch_add(1, Ordering::Relaxed) == 1;
        let content = fill(
            &light.chain,
            &engine,
            &env,
            &light.state,
            &candidates,
            &expired,
        )
        .unwrap();
        // What was taken is a block: none of it is lost, and nobody goes on for long.
        assert!((15..=31).contains(&content.transactions.len()));
        assert_eq!(content.executed.receipts.len(), content.transactions.len());
    }
}

/// A state that cannot be read says nothing about any transaction: the build fails as a whole.
#[test]
fn an_unreadable_state_is_no_verdict() {
    struct Failing(MemoryState, StateError);
    impl StateReader for Failing {
        fn account(&self, a: Address) -> Result<Option<trellis_primitives::Account>, StateError> {
            if a == address(1) {
                return Err(self.1.clone());
            }
            self.0.account(a)
        }
        fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
            self.0.storage(address, slot)
        }
        fn code(&self, hash: B256) -> Result<Bytes, StateError> {
            self.0.code(hash)
        }
    }
    let light = Light::new();
    let candidates = [pooled(transfer(0, 0)), pooled(transfer(1, 0))];
    for error in [
        StateError::Pending,
        StateError::Stale,
        StateError::Storage("x".into()),
    ] {
        let env = env_on(light.chain.spec(), light.chain.genesis());
        let state = Failing(light.state.clone(), error.clone());
        for engine in [Engine::default(), Engine::new(Workers::exactly(2)).eager()] {
            let result = fill(&light.chain, &engine, &env, &state, &candidates, &|| false);
            assert_eq!(result.err(), Some(ExecutionError::State(error.clone())));
        }
    }
}

/// The pool saves recovering signatures, and changes nothing about the result.
#[test]
fn senders_are_recovered_with_or_without_the_pool() {
    let light = Light::new();
    let txs: Vec<_> = (0..ACCOUNTS).map(|from| transfer(from, 0)).collect();
    let block = light
        .build(light.chain.genesis(), &txs)
        .recorded
        .block
        .clone();
    let unknown = recover(&light.chain, &block).unwrap();
    assert_eq!(unknown, txs);
    for transaction in &txs[2..5] {
        light.submit(transaction);
    }
    assert_eq!(recover(&light.chain, &block).unwrap(), txs);
}

#[test]
fn the_first_undecodable_transaction_is_named() {
    let light = Light::new();
    let mut draft = crate::testing::Draft::on(&spec(), light.chain.genesis());
    draft.transactions = vec![
        raw(&transfer(0, 0)),
        Bytes::from_static(b"junk"),
        raw(&transfer(1, 0)),
    ];
    let (index, rule) = recover(&light.chain, &draft.block()).unwrap_err();
    assert_eq!(index, 1);
    assert!(rule.contains("failed to decode"), "{rule}");
}

/// No honest block has a list that another validator refuses for its size (EXE-2).
#[test]
fn access_lists_stay_within_their_limit() {
    let light = Light::with(
        ChainSpec {
            gas_limit: 2_000_000_000,
            ..spec()
        },
        8,
        Limits::default(),
    );
    // Reads as many slots as its gas pays for: `JUMPDEST GAS NOT SLOAD POP PUSH0 JUMP`.
    light.state.set_code(NOBODY, hex!("5b5a1954505f56").into());
    let reader = |index: u64| {
        sign(
            (index % u64::from(ACCOUNTS)) as u8,
            index / u64::from(ACCOUNTS),
            |tx| {
                // Another gas left is another slot.
                tx.gas_limit = 16_000_000 - 21 * index;
                tx.value = U256::ZERO;
                tx.max_fee_per_gas = 1_000_000_000;
                tx.max_priority_fee_per_gas = 0;
            },
        )
    };
    let candidates: Vec<_> = (0..100).map(|index| pooled(reader(index))).collect();
    let env = env_on(light.chain.spec(), light.chain.genesis());
    for engine in [Engine::default(), Engine::new(Workers::exactly(2)).eager()] {
        let content = fill(
            &light.chain,
            &engine,
            &env,
            &light.state,
            &candidates,
            &|| false,
        )
        .unwrap();
        let count = content.transactions.len();
        assert!((10..100).contains(&count), "{count}");
        let bytes = content.access_list.len();
        assert!(
            (1 << 20..=ACCESS_LIST_BYTES_MAX).contains(&bytes),
            "{bytes}"
        );
    }
}
