//! What gets in, what it replaces, what it pushes out.

use super::{RICH, account, add, address, of_count, pool, tx};
use crate::{FullLimit, Limits, PoolError, Status};
use alloy_primitives::U256;
use std::sync::Arc;
use trellis_primitives::{Class, limits::TRANSACTION_BYTES_MAX};

#[test]
fn refuses_with_the_rule_and_the_values() {
    let mut pool = pool(Limits::default());
    let known = add(&mut pool, tx(0, 0));
    let mut refuse = |tx: super::Tx, nonce, balance, text: &str, class| {
        let error = pool
            .insert(tx.build(), &account(nonce, balance))
            .unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(error.class(), class);
        pool.check();
        assert!(pool.contains(&known.hash));
    };
    let wait = Class::Unavailable;
    refuse(tx(0, 0), 0, RICH, "already known", wait);
    refuse(
        tx(1, 3),
        5,
        RICH,
        "nonce too low: next nonce 5, tx nonce 3",
        wait,
    );
    refuse(
        tx(1, 0).value(1),
        0,
        100,
        "insufficient funds for gas * price + value: balance 100, cost 101",
        wait,
    );
    refuse(
        tx(0, 0).fees(109, 11),
        0,
        RICH,
        "replacement transaction underpriced: max fee 109 wei, needs at least 110 (10% more than 100)",
        wait,
    );
    refuse(
        tx(0, 0).fees(110, 10),
        0,
        RICH,
        "replacement transaction underpriced: priority fee 10 wei, needs at least 11 (10% more than 10)",
        wait,
    );
    refuse(
        tx(1, u64::MAX),
        0,
        RICH,
        "nonce has max value: tx nonce 18446744073709551615, limit 18446744073709551614",
        Class::Invalid,
    );
    let large = tx(1, 0).data(TRANSACTION_BYTES_MAX);
    let size = large.build().encoded.len();
    let text =
        format!("oversized data: transaction size {size} bytes, limit {TRANSACTION_BYTES_MAX}");
    refuse(large, 0, RICH, &text, Class::Invalid);
}

#[test]
fn replaces_at_ten_percent_more() {
    let mut pool = pool(Limits::default());
    let first = add(&mut pool, tx(0, 0));
    let last = add(&mut pool, tx(0, 1));
    let better = tx(0, 0).fees(110, 11).build();
    let done = pool.insert(Arc::clone(&better), &account(0, RICH)).unwrap();
    assert_eq!(done.replaced, Some(first.hash));
    assert!(done.executable && done.evicted.is_empty());
    assert!(!pool.contains(&first.hash) && pool.contains(&last.hash));
    assert_eq!((pool.len(), pool.executable_len()), (2, 2));
    pool.check();
}

#[test]
fn replacement_with_a_higher_cost_leaves_the_rest_waiting() {
    let mut pool = pool(Limits::default());
    for nonce in 0..3 {
        pool.insert(tx(0, nonce).build(), &account(0, 300)).unwrap();
    }
    assert_eq!(pool.executable_len(), 3);
    pool.insert(tx(0, 0).fees(110, 11).build(), &account(0, 300))
        .unwrap();
    pool.check();
    assert_eq!((pool.executable_len(), pool.stats().underfunded), (2, 1));
}

/// A limit of three: gap, below the base fee, executable; each better transaction pushes out the next.
#[test]
fn evicts_gaps_then_low_fees_then_low_tips() {
    let mut pool = pool(of_count(3));
    let executable = add(&mut pool, tx(0, 0).fees(100, 5));
    let gap = add(&mut pool, tx(1, 1).fees(1_000, 1_000));
    let below = add(&mut pool, tx(2, 0).fees(9, 9));
    let mut push = |sender, tip| {
        let tx = tx(sender, 0).fees(100, tip).build();
        let done = pool.insert(tx, &account(0, RICH));
        pool.check();
        done.map(|done| done.evicted)
    };
    assert_eq!(push(3, 6).unwrap(), [gap.hash]);
    assert_eq!(push(4, 7).unwrap(), [below.hash]);
    let full = PoolError::Full(FullLimit::Count(3));
    assert_eq!(push(5, 5).unwrap_err(), full, "an equal one is not better");
    assert_eq!(
        full.to_string(),
        "txpool is full: limit of 3 transactions reached"
    );
    assert_eq!(push(5, 6).unwrap(), [executable.hash]);
}

#[test]
fn a_high_fee_at_the_end_does_not_protect_what_it_waits_for() {
    let mut pool = pool(of_count(3));
    let low = add(&mut pool, tx(0, 0).fees(100, 1));
    let high = add(&mut pool, tx(0, 1).fees(100, 90));
    add(&mut pool, tx(1, 0).fees(100, 3));
    let done = pool
        .insert(tx(2, 0).fees(100, 2).build(), &account(0, RICH))
        .unwrap();
    assert_eq!(
        done.evicted,
        [high.hash],
        "the end of the run goes, never its middle"
    );
    let done = pool
        .insert(tx(3, 0).fees(100, 2).build(), &account(0, RICH))
        .unwrap();
    assert_eq!(done.evicted, [low.hash]);
    pool.check();
}

#[test]
fn a_full_pool_refuses_what_only_better_ones_would_give_way_to() {
    let mut pool = pool(of_count(2));
    let kept = [
        add(&mut pool, tx(0, 0).fees(100, 5)),
        add(&mut pool, tx(1, 0).fees(100, 5)),
    ];
    for worse in [
        tx(2, 0).fees(100, 4),
        tx(2, 1).fees(1_000, 900),
        tx(2, 0).fees(9, 9),
    ] {
        let error = pool.insert(worse.build(), &account(0, RICH)).unwrap_err();
        assert_eq!(error, PoolError::Full(FullLimit::Count(2)));
        pool.check();
    }
    assert!(kept.iter().all(|tx| pool.contains(&tx.hash)));
    assert_eq!(
        pool.pending_nonce(address(2)),
        None,
        "a refused sender leaves no trace"
    );
}

/// Waiting behind a gap is free, so holding many is what ranks low, not the fee they promise.
#[test]
fn whoever_holds_most_behind_a_gap_gives_way() {
    let mut pool = pool(of_count(4));
    let hoard = [1, 2, 3, 4].map(|nonce| add(&mut pool, tx(0, nonce).fees(1_000, 1_000)));
    let done = pool.insert(tx(1, 1).build(), &account(0, RICH)).unwrap();
    assert_eq!(done.evicted, [hoard[3].hash]);
    let done = pool.insert(tx(1, 2).build(), &account(0, RICH)).unwrap();
    assert_eq!(done.evicted, [hoard[2].hash]);
    let error = pool
        .insert(tx(1, 3).build(), &account(0, RICH))
        .unwrap_err();
    assert_eq!(error, PoolError::Full(FullLimit::Count(4)));
    pool.check();
}

#[test]
fn bytes_are_bounded_and_a_refusal_restores_everything() {
    let one = tx(0, 0).build().size() + crate::pool::SENDER_BYTES;
    let limits = Limits {
        bytes: 4 * one,
        ..Limits::default()
    };
    let mut pool = pool(limits.clone());
    for sender in 0..4 {
        add(&mut pool, tx(sender, 0).fees(100, u128::from(sender) + 1));
    }
    let before: Vec<_> = pool.best().map(|tx| tx.hash).collect();
    // Room for it takes three of the others, and the third is as good.
    let large = tx(5, 0).fees(100, 3).data(one - 20).build();
    let error = pool
        .insert(Arc::clone(&large), &account(0, RICH))
        .unwrap_err();
    assert_eq!(error, PoolError::Full(FullLimit::Bytes(limits.bytes)));
    assert_eq!(
        error.to_string(),
        format!("txpool is full: limit of {} bytes reached", limits.bytes)
    );
    pool.check();
    assert_eq!(pool.best().map(|tx| tx.hash).collect::<Vec<_>>(), before);
    let large = tx(5, 0).fees(100, 4).data(one - 20).build();
    let done = pool.insert(large, &account(0, RICH)).unwrap();
    assert_eq!(done.evicted.len(), 3);
    assert!(pool.bytes() <= limits.bytes);
    pool.check();
}

#[test]
fn a_sender_at_its_limit_may_fill_its_gap() {
    let mut pool = pool(Limits {
        per_sender: 3,
        ..Limits::default()
    });
    let last = [1, 2, 3].map(|nonce| add(&mut pool, tx(0, nonce)))[2].clone();
    let error = pool
        .insert(tx(0, 4).build(), &account(0, RICH))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "txpool is full: limit of 3 transactions of one sender reached"
    );
    let done = pool.insert(tx(0, 0).build(), &account(0, RICH)).unwrap();
    assert_eq!(done.evicted, [last.hash]);
    assert_eq!(
        (pool.executable_len(), pool.pending_nonce(address(0))),
        (3, Some(3))
    );
    pool.check();
}

/// NET-1: extreme values neither overflow nor unbalance the sums.
#[test]
fn extreme_values_are_refused_or_wait() {
    let mut pool = pool(Limits::default());
    let whale = trellis_primitives::Account {
        balance: U256::MAX,
        ..account(0, 0)
    };
    let extreme = tx(0, 0).fees(u128::MAX, u128::MAX).value(u128::MAX);
    assert!(pool.insert(extreme.build(), &whale).unwrap().executable);
    let far = super::Tx {
        nonce: u64::MAX - 1,
        ..extreme
    };
    assert!(!pool.insert(far.build(), &whale).unwrap().executable);
    let error = pool.insert(extreme.value(1).build(), &whale).unwrap_err();
    assert!(
        matches!(
            error,
            PoolError::Underpriced {
                needed: u128::MAX,
                ..
            }
        ),
        "{error}"
    );
    pool.check();
    pool.set_head(u64::MAX, [(address(0), account(u64::MAX - 1, RICH))]);
    pool.check();
    assert_eq!(pool.len(), 1);
    assert_eq!(pool.pending_nonce(address(0)), Some(u64::MAX));
    pool.set_head(0, [(address(0), account(u64::MAX, RICH))]);
    assert!(pool.is_empty());
    pool.check();
}

#[test]
fn an_out_of_date_account_does_not_bring_used_nonces_back() {
    let mut pool = pool(Limits::default());
    pool.insert(tx(0, 5).build(), &account(5, RICH)).unwrap();
    let error = pool
        .insert(tx(0, 4).build(), &account(4, RICH))
        .unwrap_err();
    assert_eq!(error, PoolError::NonceTooLow { next: 5, got: 4 });
    assert!(
        pool.insert(tx(0, 6).build(), &account(4, RICH))
            .unwrap()
            .executable
    );
    // A newer one moves the sender on.
    pool.insert(tx(0, 7).build(), &account(6, RICH)).unwrap();
    assert_eq!(
        pool.content_of(address(0))
            .map(|(status, _)| status)
            .collect::<Vec<_>>(),
        [Status::Executable, Status::Executable]
    );
    pool.check();
}
