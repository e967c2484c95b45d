//! Blocks, receipts and state as clients ask for them.

use super::*;
use std::sync::atomic::AtomicBool;

/// What is found must not depend on how far the history has come.
#[test]
fn blocks_are_found_before_and_after_they_are_written() {
    let light = Light::new();
    let blocks: Vec<_> = (0..4)
        .map(|nonce| light.mine(&[transfer(0, nonce), transfer(1, nonce)]))
        .collect();
    let check = || {
        for block in &blocks {
            let number = block.number();
            assert_eq!(light.chain.block(number).unwrap().as_ref(), Some(block));
            let found = light.chain.block_by_hash(block.hash()).unwrap();
            assert_eq!(found.as_ref(), Some(block));
            let bloom = block.block.header().logs_bloom;
            assert_eq!(light.chain.bloom(number).unwrap(), Some(bloom));
            for (index, transaction) in block.transactions.iter().enumerate() {
                let (found, at) = light.chain.locate(*transaction.tx_hash()).unwrap().unwrap();
                assert_eq!((found.hash(), at), (block.hash(), index));
                assert!(found.receipts[at].status());
            }
        }
        let genesis = light.chain.genesis().hash();
        assert_eq!(light.chain.block(0).unwrap().unwrap().hash(), genesis);
        assert_eq!(
            light
                .chain
                .block_by_hash(genesis)
                .unwrap()
                .unwrap()
                .number(),
            0
        );
        assert_eq!(light.chain.block(5).unwrap(), None);
        assert_eq!(light.chain.bloom(5).unwrap(), None);
        assert_eq!(light.chain.block_by_hash(B256::ZERO).unwrap(), None);
        assert_eq!(light.chain.locate(B256::ZERO).unwrap(), None);
    };
    check();
    light.flush();
    check();
}

/// A block that is executed and not final is nobody's business.
#[test]
fn candidates_are_not_shown() {
    let light = Light::new();
    let candidate = light.build(light.chain.genesis(), &[transfer(0, 0)]);
    let (number, hash) = (candidate.recorded.number(), candidate.recorded.hash());
    assert_eq!(light.chain.block(number).unwrap(), None);
    assert_eq!(light.chain.block_by_hash(hash).unwrap(), None);
    assert_eq!(light.chain.bloom(number).unwrap(), None);
    assert_eq!(light.chain.locate(*transfer(0, 0).tx_hash()).unwrap(), None);
    assert_eq!(light.chain.head().number(), 0);
}

#[test]
fn environments_are_those_of_execution() {
    let light = Light::new();
    let block = light.mine(&[transfer(0, 0)]).block.clone();
    let env = light.chain.env_at(&block);
    assert_eq!(env, rules::env_of(&spec(), &block));
    let next = light.chain.next_env();
    let expected = BlockEnv {
        timestamp: next.timestamp,
        beneficiary: next.beneficiary,
        ..env_on(&spec(), &block)
    };
    assert_eq!(next, expected);
    assert!(next.timestamp >= env.timestamp);
}

fn nonce(view: &StateView) -> u64 {
    view.account(address(0)).unwrap().unwrap().nonce
}

#[test]
fn state_is_served_as_of_each_block_of_the_window() {
    let light = Light::with(spec(), 3, Limits::default());
    let received = |view: &StateView| view.account(NOBODY).unwrap().map(|a| a.balance);
    for number in 0..6 {
        light.mine(&[transfer(0, number)]);
    }
    assert_eq!(light.chain.oldest_state(), 3);
    for number in 3..=6 {
        let view = light.chain.state_at(number).unwrap();
        assert_eq!(view.number(), number);
        assert_eq!(nonce(&view), number);
        assert_eq!(received(&view), Some(U256::from(number * 1_000_000_000)));
    }
}

#[test]
fn outside_the_window_the_error_names_it() {
    let light = Light::with(spec(), 3, Limits::default());
    for number in 0..6 {
        light.mine(&[transfer(0, number)]);
    }
    for requested in [2, 7] {
        let error = light.chain.state_at(requested).unwrap_err();
        assert!(matches!(
            error,
            ChainError::StateWindow { requested: r, oldest: 3, newest: 6 } if r == requested
        ));
        assert_eq!(error.class(), Class::Unavailable);
        assert_eq!(
            error.to_string(),
            format!(
                "state of block {requested} is not available: the oldest block with state is 3, the newest 6 (a node keeps `--history` recent blocks)"
            )
        );
    }
}

/// A view of block n answers as of block n whatever is applied meanwhile; once the window has moved past n it says
/// that it cannot, and never answers with something newer.
#[test]
fn views_are_consistent_while_blocks_are_applied() {
    const BLOCKS: u64 = 250;
    let light = Light::with(spec(), 4, Limits::default());
    let done = AtomicBool::new(false);
    // Every block moves 1 gwei from account 0 to NOBODY: at block n, n transfers were made.
    let check = |view: &StateView| -> Result<(), StateError> {
        let n = view.number();
        for _ in 0..3 {
            let sender = view.account(address(0))?.unwrap();
            assert_eq!(sender.nonce, n, "as of block {n}");
            let received = view.account(NOBODY)?.map_or(U256::ZERO, |a| a.balance);
            assert_eq!(received, U256::from(n * 1_000_000_000), "as of block {n}");
            // EIP-2935: the slot of the parent's number holds its hash, and the slot of this block's number nothing.
            let history = alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
            assert_eq!(view.storage(history, U256::from(n))?, U256::ZERO);
            if n > 0 {
                let parent = view.storage(history, U256::from(n - 1))?;
                assert_ne!(parent, U256::ZERO, "as of block {n}");
            }
        }
        Ok(())
    };
    let read = || {
        let (mut sound, mut stale) = (0, 0);
        while !done.load(Ordering::Acquire) {
            let head = light.chain.head().number();
            for back in 0..=4.min(head) {
                let Ok(view) = light.chain.state_at(head - back) else {
                    continue;
                };
                match check(&view) {
                    Ok(()) => sound += 1,
                    Err(StateError::Stale) => stale += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        (sound, stale)
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(read)).collect();
        for number in 0..BLOCKS {
            light.mine(&[transfer(0, number)]);
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            let (sound, _) = reader.join().unwrap();
            assert!(sound > 0, "the reader read");
        }
    });
}

#[test]
fn a_view_the_window_left_behind_is_stale() {
    let light = Light::with(spec(), 2, Limits::default());
    light.mine(&[transfer(0, 0)]);
    let view = light.chain.state_at(1).unwrap();
    assert_eq!(nonce(&view), 1);
    light.mine(&[transfer(0, 1)]);
    light.mine(&[transfer(0, 2)]);
    assert_eq!(nonce(&view), 1);
    light.mine(&[transfer(0, 3)]);
    assert_eq!(view.account(address(0)), Err(StateError::Stale));
    assert_eq!(view.storage(address(0), U256::ZERO), Err(StateError::Stale));
}

/// Code is content-addressed: an older view reads it like a newer one.
#[test]
fn code_of_an_older_view_is_found() {
    let light = Light::new();
    let deploy = sign(0, 0, |tx| {
        tx.to = alloy_primitives::TxKind::Create;
        // Returns the one-byte contract `00`.
        tx.input = alloy_primitives::hex!("60016000f3").into();
        tx.value = U256::ZERO;
        tx.gas_limit = 100_000;
    });
    light.mine(&[deploy]);
    let contract = address(0).create(0);
    for (number, found) in [(0, false), (1, true)] {
        let view = light.chain.state_at(number).unwrap();
        let account = view.account(contract).unwrap();
        assert_eq!(account.is_some(), found);
        if let Some(account) = account {
            assert_eq!(view.code(account.code_hash).unwrap().as_ref(), [0]);
        }
    }
}
