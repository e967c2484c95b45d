//! The orders transactions are read in.

use super::{account, add, address, order, pool, tx};
use crate::{Limits, Status};

#[test]
fn best_is_by_effective_tip_then_arrival_then_nonce() {
    let mut pool = pool(Limits::default());
    add(&mut pool, tx(0, 0).fees(100, 5));
    add(&mut pool, tx(0, 1).fees(100, 50));
    add(&mut pool, tx(1, 0).fees(100, 20));
    // At base fee 10 this one tips 3, whatever it offers.
    add(&mut pool, tx(2, 0).fees(13, 13));
    add(&mut pool, tx(3, 0).fees(100, 5));
    add(&mut pool, tx(1, 1).fees(100, 4));
    let named = |list: &[(u64, u64)]| -> Vec<_> {
        list.iter()
            .map(|&(sender, nonce)| (address(sender), nonce))
            .collect()
    };
    assert_eq!(
        order(&pool),
        named(&[(1, 0), (0, 0), (0, 1), (3, 0), (1, 1), (2, 0)])
    );
    // Base fee 0: it tips 13. Base fee 98: the others tip 2, in order of arrival.
    pool.set_head(0, []);
    assert_eq!(
        order(&pool),
        named(&[(1, 0), (2, 0), (0, 0), (0, 1), (3, 0), (1, 1)])
    );
    pool.set_head(98, []);
    assert_eq!(
        order(&pool),
        named(&[(0, 0), (0, 1), (1, 0), (3, 0), (1, 1)])
    );
    pool.check();
}

#[test]
fn a_skipped_sender_is_left_out_from_then_on() {
    let mut pool = pool(Limits::default());
    for nonce in 0..3 {
        add(&mut pool, tx(0, nonce).fees(100, 50));
        add(&mut pool, tx(1, nonce).fees(100, 20));
    }
    let mut best = pool.best();
    assert_eq!(best.next().unwrap().sender(), address(0));
    best.skip_sender(address(0));
    assert!(best.by_ref().all(|tx| tx.sender() == address(1)));
    assert_eq!(order(&pool).len(), 6, "only this iteration skips");
}

#[test]
fn gossip_sees_executable_ones_by_arrival() {
    let mut pool = pool(Limits::default());
    let first = add(&mut pool, tx(0, 1));
    let mark = pool.next_sequence();
    let local = std::sync::Arc::new((*tx(1, 0).build()).clone().with_local(true));
    pool.insert(local.clone(), &account(0, super::RICH))
        .unwrap();
    assert_eq!(
        pool.executable_by_arrival(..mark).count(),
        0,
        "the first waits for its gap"
    );
    let filler = add(&mut pool, tx(0, 0));
    let older: Vec<_> = pool
        .executable_by_arrival(..mark)
        .map(|(_, tx)| tx.hash)
        .collect();
    assert_eq!(older, [first.hash]);
    let newer: Vec<_> = pool
        .executable_by_arrival(mark..)
        .map(|(_, tx)| tx)
        .collect();
    assert_eq!(
        newer.iter().map(|tx| tx.hash).collect::<Vec<_>>(),
        [local.hash, filler.hash]
    );
    assert_eq!(
        newer.iter().map(|tx| tx.local).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn content_pages_by_sender() {
    let mut pool = pool(Limits::default());
    add(&mut pool, tx(2, 0));
    add(&mut pool, tx(0, 1));
    add(&mut pool, tx(1, 0));
    let all: Vec<_> = pool
        .content(address(0))
        .map(|(status, tx)| (status, tx.sender()))
        .collect();
    assert_eq!(
        all,
        [
            (Status::NonceGap, address(0)),
            (Status::Executable, address(1)),
            (Status::Executable, address(2)),
        ]
    );
    assert_eq!(pool.content(address(2)).count(), 1);
    let stats = pool.stats();
    assert_eq!(
        (stats.executable, stats.waiting(), stats.bytes),
        (2, 1, pool.bytes())
    );
}
