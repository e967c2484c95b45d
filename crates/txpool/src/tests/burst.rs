//! Presigned bursts, as load tests and exchanges send them.

use super::{RICH, account, address, pool, tx};
use crate::{Limits, Pool, pool::SENDER_BYTES};

const BURST: u64 = 20_000;

fn insert_all(pool: &mut Pool, txs: impl Iterator<Item = super::Tx>) -> usize {
    let mut size = 0;
    for tx in txs {
        let tx = tx.build();
        size += tx.size();
        let done = pool.insert(tx, &account(0, RICH)).unwrap();
        assert!(done.evicted.is_empty());
    }
    size
}

#[test]
fn one_sender_sends_twenty_thousand_out_of_order() {
    let mut pool = pool(Limits::default());
    // Blocks of a hundred, each from its last nonce to its first, and the first block at the end.
    let blocks = (100..BURST).step_by(100).chain([0]);
    let nonces = blocks.flat_map(|start| (start..start + 100).rev());
    let size = insert_all(&mut pool, nonces.map(|nonce| tx(0, nonce)));
    pool.check();
    assert_eq!(pool.executable_len(), BURST as usize);
    assert_eq!(pool.bytes(), size + SENDER_BYTES);
    assert!(pool.best().map(|tx| tx.nonce()).eq(0..BURST));
    for mined in (5_000..=BURST).step_by(5_000) {
        let left = pool.set_head(10, [(address(0), account(mined, RICH))]);
        assert_eq!(left.len(), 5_000);
        assert_eq!(pool.executable_len(), (BURST - mined) as usize);
        assert_eq!(pool.pending_nonce(address(0)).unwrap_or(BURST), BURST);
    }
    assert_eq!((pool.len(), pool.bytes()), (0, 0));
    pool.check();
}

#[test]
fn two_thousand_senders_send_ten_each() {
    let mut pool = pool(Limits::default());
    let txs = (0..BURST).map(|i| {
        let (sender, nonce) = (i % 2_000, i / 2_000);
        tx(sender, nonce).fees(100 + u128::from(sender % 50), u128::from(i * 7 % 90))
    });
    let size = insert_all(&mut pool, txs);
    pool.check();
    assert_eq!(pool.bytes(), size + 2_000 * SENDER_BYTES);
    assert_eq!(pool.executable_len(), BURST as usize);
    pool.set_head(125, []);
    pool.check();
    assert_eq!(pool.executable_len(), (BURST / 2) as usize);
    assert_eq!(pool.stats().fee_waiting, (BURST / 2) as usize);
    pool.set_head(
        10,
        (0..2_000).map(|sender| (address(sender), account(10, RICH))),
    );
    assert!(pool.is_empty());
    pool.check();
}

/// NET-1: however much arrives, count and bytes stay within the limits.
#[test]
fn a_flood_stays_within_the_limits() {
    let limits = Limits {
        count: 500,
        bytes: 600_000,
        ..Limits::default()
    };
    let mut pool = pool(limits.clone());
    let (mut accepted, mut left, mut refused) = (0, 0, 0);
    for i in 0..5_000_u64 {
        let tx = tx(i % 700, i * 13 % 9)
            .fees(
                u128::from(i % 60),
                u128::from(i * 31 % 40).min(u128::from(i % 60)),
            )
            .data(if i % 50 == 0 { 5_000 } else { 0 });
        match pool.insert(tx.build(), &account(0, RICH)) {
            Ok(done) => {
                accepted += 1;
                left += done.evicted.len() + usize::from(done.replaced.is_some());
            }
            Err(_) => refused += 1,
        }
        assert!(pool.len() <= limits.count && pool.bytes() <= limits.bytes);
    }
    pool.check();
    assert!(
        left > 500 && refused > 500,
        "{accepted} accepted, {left} left, {refused} refused"
    );
    assert_eq!(pool.len(), accepted - left);
}
