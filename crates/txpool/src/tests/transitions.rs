//! How transactions move between states as blocks are finalized.

use super::{RICH, account, add, address, order, pool, tx};
use crate::{Limits, Status};

fn states(pool: &crate::Pool, sender: u64) -> Vec<Status> {
    pool.content_of(address(sender))
        .map(|(status, _)| status)
        .collect()
}

use Status::{Executable, FeeWaiting, NonceGap, Underfunded};

#[test]
fn a_missing_nonce_connects_the_run() {
    let mut pool = pool(Limits::default());
    for nonce in [3, 1, 0] {
        add(&mut pool, tx(0, nonce));
    }
    assert_eq!(states(&pool, 0), [Executable, Executable, NonceGap]);
    assert_eq!(pool.pending_nonce(address(0)), Some(2));
    add(&mut pool, tx(0, 2));
    assert_eq!(states(&pool, 0), [Executable; 4]);
    assert_eq!(pool.pending_nonce(address(0)), Some(4));
    assert_eq!(pool.pending_nonce(address(1)), None);
}

#[test]
fn a_base_fee_above_one_in_the_middle_stops_the_rest() {
    let mut pool = pool(Limits::default());
    for (nonce, fee) in [(0, 40), (1, 20), (2, 40)] {
        add(&mut pool, tx(0, nonce).fees(fee, 1));
    }
    assert_eq!(pool.executable_len(), 3);
    assert!(!pool.has_fee_waiting());
    pool.set_head(21, []);
    assert_eq!(states(&pool, 0), [Executable, FeeWaiting, FeeWaiting]);
    assert!(pool.has_fee_waiting());
    pool.set_head(41, []);
    assert_eq!(states(&pool, 0), [FeeWaiting; 3]);
    pool.set_head(20, []);
    assert_eq!(states(&pool, 0), [Executable; 3]);
    pool.check();
}

/// Empty blocks lower the base fee to 7 wei and no further: waiting for less must not make blocks forever.
#[test]
fn fees_no_empty_block_reaches_are_not_waited_for() {
    let mut pool = pool(Limits::default());
    add(&mut pool, tx(0, 0).fees(6, 0));
    assert_eq!(pool.stats().fee_waiting, 1);
    assert!(!pool.has_fee_waiting());
    add(&mut pool, tx(1, 0).fees(7, 0));
    assert!(pool.has_fee_waiting());
    let mut base_fee = 10;
    while pool.has_fee_waiting() {
        base_fee -= base_fee / 8;
        pool.set_head(base_fee, []);
    }
    assert_eq!((base_fee, order(&pool)), (7, vec![(address(1), 0)]));
}

#[test]
fn a_run_beyond_the_balance_waits_for_it() {
    let mut pool = pool(Limits::default());
    for nonce in 0..4 {
        pool.insert(tx(0, nonce).build(), &account(0, 250)).unwrap();
    }
    assert_eq!(
        states(&pool, 0),
        [Executable, Executable, Underfunded, Underfunded]
    );
    // The first was mined and cost less than its limit.
    let left = pool.set_head(10, [(address(0), account(1, 230))]);
    assert_eq!(left.len(), 1);
    assert_eq!(states(&pool, 0), [Executable, Executable, Underfunded]);
    pool.set_head(10, [(address(0), account(1, 300))]);
    assert_eq!(states(&pool, 0), [Executable; 3]);
    // A delegated account (EIP-7702) may lose its balance without a transaction of its own.
    pool.set_head(10, [(address(0), account(1, 99))]);
    assert_eq!(states(&pool, 0), [Underfunded; 3]);
    assert!(pool.best().next().is_none());
    pool.check();
}

#[test]
fn the_account_given_with_a_new_transaction_counts_for_the_old_ones() {
    let mut pool = pool(Limits::default());
    for nonce in 0..2 {
        pool.insert(tx(0, nonce).build(), &account(0, 100)).unwrap();
    }
    assert_eq!(states(&pool, 0), [Executable, Underfunded]);
    pool.insert(tx(0, 2).build(), &account(0, 300)).unwrap();
    assert_eq!(states(&pool, 0), [Executable; 3]);
    pool.check();
}

#[test]
fn lack_of_funds_is_not_taken_for_lack_of_fee() {
    let mut pool = pool(Limits::default());
    pool.insert(tx(0, 0).fees(20, 1).build(), &account(0, 20))
        .unwrap();
    pool.set_head(30, [(address(0), account(0, 19))]);
    assert_eq!(states(&pool, 0), [Underfunded]);
    assert!(!pool.has_fee_waiting());
    pool.check();
}

#[test]
fn used_nonces_leave_mined_or_not() {
    let mut pool = pool(Limits::default());
    let txs = [0, 1, 2, 5].map(|nonce| add(&mut pool, tx(0, nonce)));
    let left = pool.set_head(
        10,
        [(address(0), account(2, RICH)), (address(9), account(7, 0))],
    );
    assert_eq!(
        left.iter().map(|tx| tx.hash).collect::<Vec<_>>(),
        [txs[0].hash, txs[1].hash]
    );
    assert_eq!(states(&pool, 0), [Executable, NonceGap]);
    // The nonce jumps over the run into the gap.
    let left = pool.set_head(10, [(address(0), account(5, RICH))]);
    assert_eq!(left.len(), 1);
    assert_eq!(states(&pool, 0), [Executable]);
    pool.set_head(10, [(address(0), account(6, RICH))]);
    assert!(pool.is_empty() && pool.bytes() == 0);
    pool.check();
}

#[test]
fn removal_opens_a_gap_and_loses_nothing_else() {
    let mut pool = pool(Limits::default());
    let txs = [0, 1, 2].map(|nonce| add(&mut pool, tx(0, nonce)));
    assert_eq!(pool.remove(&txs[1].hash).unwrap().hash, txs[1].hash);
    assert!(pool.remove(&txs[1].hash).is_none());
    pool.check();
    assert_eq!(states(&pool, 0), [Executable, NonceGap]);
    add(&mut pool, tx(0, 1));
    assert_eq!(states(&pool, 0), [Executable; 3]);
}

#[test]
fn generation_counts_heads() {
    let mut pool = crate::Pool::new(Limits::default());
    assert_eq!((pool.generation(), pool.base_fee()), (0, 0));
    pool.set_head(11, []);
    assert_eq!((pool.generation(), pool.base_fee()), (1, 11));
}
