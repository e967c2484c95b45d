use super::*;
use alloy_consensus::{Signed, TxEip1559, TxEnvelope, transaction::Recovered};
use alloy_primitives::Signature;

const ROUTER: Address = Address::repeat_byte(0x10);

/// A call of the router by `from` whose first argument is `argument`.
fn call(from: u8, argument: u8) -> Transaction {
    let tx = TxEip1559 {
        to: ROUTER.into(),
        gas_limit: 500_000,
        input: vec![argument; 68].into(),
        ..TxEip1559::default()
    };
    let signed = Signed::new_unhashed(tx, Signature::test_signature());
    Recovered::new_unchecked(TxEnvelope::from(signed), Address::repeat_byte(from))
}

fn hints(transactions: &[Transaction]) -> Hints {
    let none = vec![None; transactions.len()];
    Hints::new(transactions.iter().zip(&none))
}

#[test]
fn a_sender_waits_for_itself() {
    let hints = hints(&[call(1, 1), call(2, 2), call(1, 3)]);
    assert!(!hints.depends(1, 0));
    assert!(hints.depends(2, 0), "the first is not committed");
    assert!(!hints.depends(2, 1));
}

/// A kind of call that fails ahead is left alone while one that fails too is pending; other kinds go on.
#[test]
fn kinds_of_calls_that_fail_are_left_alone() {
    // Two kinds meet in one pool, a third is apart.
    let calls: Vec<_> = (0..12).map(|index| call(index + 1, index % 3)).collect();
    let hints = hints(&calls);
    assert!(
        (0..12).all(|index| !hints.depends(index, 0)),
        "nothing is known"
    );
    hints.note(3, false);
    hints.note(4, false);
    hints.note(5, true);
    assert!(hints.depends(6, 3), "3 and 4 are of a kind that fails");
    assert!(hints.depends(7, 4), "4 is");
    assert!(!hints.depends(6, 6), "all before it are committed");
    assert!(
        !hints.depends(6, 5),
        "only 5 is pending, of a kind that holds"
    );
    assert!(!hints.depends(8, 0));
    // It learns again when executions hold.
    hints.note(3, true);
    assert!(!hints.depends(6, 0));
}

/// A try that fails holds up the block, so tries become rare: after 16, 64, 256 calls.
#[test]
fn what_fails_is_tried_again_ever_more_rarely() {
    let hints = hints(&[call(1, 1), call(2, 1)]);
    hints.note(0, false);
    let tried: Vec<_> = (1..=1_000).filter(|_| !hints.depends(1, 0)).collect();
    assert_eq!(tried.len(), 3);
}

#[test]
fn short_and_dependent_blocks_do_not_pay() {
    let pays = |calls: &[Transaction]| {
        let none = vec![None; calls.len()];
        hints(calls).pays(calls.iter().zip(&none))
    };
    let calls = |count: u8, senders: u8| -> Vec<_> {
        (0..count)
            .map(|index| call(index % senders, index))
            .collect()
    };
    assert!(!pays(&calls(2, 2)));
    assert!(pays(&calls(100, 100)));
    assert!(
        !pays(&calls(100, 2)),
        "each waits for the one two before it"
    );
}

/// A few executions say nothing, however short; enough are measured once and never again.
#[test]
fn the_stopwatch_needs_enough_executions() {
    let watch = Stopwatch::default();
    for number in 1..MEASURED {
        assert_eq!(watch.time(|| number), number);
        assert!(!watch.says_cheap());
    }
    for number in 0..100 {
        assert_eq!(watch.time(|| number), number);
    }
    assert_eq!(watch.count.load(Ordering::Relaxed), MEASURED);
}
