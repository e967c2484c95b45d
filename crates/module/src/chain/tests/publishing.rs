//! The moment a block becomes visible.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use tokio::sync::broadcast::error::TryRecvError;

#[test]
fn publishing_changes_head_pool_and_nonce_together() {
    let light = Light::new();
    let (mined, waiting) = (light.submit(&transfer(0, 0)), light.submit(&transfer(0, 1)));
    let block = light.mine(&[transfer(0, 0)]);
    light.chain.with_pool(|pool, head| {
        assert_eq!(head.hash(), block.hash());
        assert!(!pool.contains(&mined));
        assert!(pool.contains(&waiting));
        assert_eq!(pool.pending_nonce(address(0)), Some(2));
        assert_eq!(pool.base_fee(), rules::base_fee_after(&block.block));
    });
    assert_eq!(light.chain.pending_nonce(address(0)).unwrap(), 2);
    assert_eq!(light.chain.locate(mined).unwrap(), Some((block, 0)));
    assert_eq!(light.chain.locate(waiting).unwrap(), None);
}

/// A transaction a client submitted is at every moment in the pool or in a block, never in neither; and the pending
/// nonce never steps back.
#[test]
fn a_mined_transaction_is_never_nowhere() {
    const BLOCKS: usize = 150;
    let light = Light::new();
    let submitted = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let txs: Vec<_> = (0..BLOCKS as u64).map(|nonce| transfer(0, nonce)).collect();
    let hashes: Vec<_> = txs.iter().map(|tx| *tx.tx_hash()).collect();
    let watch = || {
        let (mut checks, mut nonce) = (0, 0);
        while !done.load(Ordering::Acquire) {
            let known = submitted.load(Ordering::Acquire);
            for (index, hash) in hashes.iter().enumerate().take(known) {
                // Transaction i is mined in block i + 1.
                let mined = index as u64 + 1;
                let (waits, head) = light
                    .chain
                    .with_pool(|pool, head| (pool.contains(hash), head.number()));
                assert_eq!(waits, head < mined, "transaction {index} at head {head}");
                checks += 1;
            }
            let next = light.chain.pending_nonce(address(0)).unwrap();
            assert!(next >= nonce, "pending nonce {next} after {nonce}");
            assert!(
                next >= known as u64,
                "pending nonce {next} forgets a transaction"
            );
            nonce = next;
        }
        checks
    };
    std::thread::scope(|scope| {
        let watchers: Vec<_> = (0..2).map(|_| scope.spawn(watch)).collect();
        for (index, transaction) in txs.iter().enumerate() {
            light.submit(transaction);
            submitted.store(index + 1, Ordering::Release);
            light.mine(std::slice::from_ref(transaction));
        }
        done.store(true, Ordering::Release);
        for watcher in watchers {
            assert!(watcher.join().unwrap() > 0, "the watcher watched");
        }
    });
}

#[test]
fn subscribers_get_every_block_in_order() {
    let light = Light::new();
    let mut blocks = light.chain.subscribe_blocks();
    let mut changes = light.chain.changes();
    changes.mark_unchanged();
    for number in 1..=5 {
        let block = light.mine(&[]);
        assert_eq!(block.number(), number);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
    }
    for number in 1..=5 {
        assert_eq!(blocks.try_recv().unwrap().number(), number);
    }
    assert_eq!(blocks.try_recv().err(), Some(TryRecvError::Empty));
}

#[test]
fn publishing_a_block_again_does_nothing() {
    let light = Light::new();
    let one = light.build(light.chain.genesis(), &[transfer(0, 0)]);
    light.publish(&one);
    light.mine(&[]);
    let mut blocks = light.chain.subscribe_blocks();
    light.publish(&one);
    assert_eq!(light.chain.head().number(), 2);
    assert!(blocks.try_recv().is_err());
}

/// STA-1: consensus may count a block as done only when it is in the history.
#[test]
fn a_block_is_durable_once_the_history_holds_it() {
    let light = Light::new();
    let durable = |height| light.chain.durable(height).now_or_never().is_some();
    assert!(durable(0), "the genesis is written when the chain opens");
    light.mine(&[transfer(0, 0)]);
    light.mine(&[]);
    assert_eq!(light.history.tip(), Some(0));
    assert!(!durable(1));
    light.flush();
    assert_eq!(light.history.tip(), Some(2));
    assert!(durable(1) && durable(2));
    assert!(!durable(3));
}

/// A wait that began before the block was written is woken by it.
#[test]
fn waiting_for_durability_is_woken() {
    let light = Light::new();
    light.mine(&[]);
    let mut waiting = Box::pin(light.chain.durable(1));
    assert!(waiting.as_mut().now_or_never().is_none());
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| futures::executor::block_on(waiting));
        light.flush();
        waiter.join().unwrap();
    });
}

/// The history has one writer: a second one ends at once and takes nothing away from the first.
#[test]
fn the_history_has_one_writer() {
    let light = Light::new();
    light.flush();
    let second = light.chain.clone().write_history();
    assert!(matches!(second.now_or_never(), Some(Ok(()))));
    light.mine(&[]);
    light.flush();
    assert_eq!(light.history.tip(), Some(1));
}
