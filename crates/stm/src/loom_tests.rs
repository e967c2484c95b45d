//! Models of what workers share, explored by loom: all orders of their steps, and all values the memory model lets them
//! read. Run with `RUSTFLAGS="--cfg loom" cargo test -p trellis-stm --lib --release loom`.

use crate::{
    log::Log,
    slot::{Found, Ready, Slot},
    sync::Arc,
};
use loom::thread;

/// Whoever sees a length finds that many entries.
#[test]
fn a_length_of_the_log_promises_its_entries() {
    loom::model(|| {
        let log = Arc::new(Log::new(2));
        let writer = {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                log.push(10);
                log.push(11);
            })
        };
        let mut seen = Vec::new();
        let mut version = 0;
        for _ in 0..2 {
            let len = log.len();
            assert!(len >= version, "a log only grows");
            log.read(version, len, &mut seen);
            let expected = (version..len).map(|index| 10 + index);
            assert!(seen.iter().map(|entry| **entry).eq(expected));
            version = len;
        }
        writer.join().unwrap();
        assert_eq!(log.len(), 2);
    });
}

/// Whoever finds a slot filled takes what was filled in, and takes it once.
#[test]
fn a_filled_slot_is_taken_whole_and_once() {
    loom::model(|| {
        let slot = Arc::new(Slot::new());
        let filler = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                slot.fill(Ready {
                    version: 7,
                    outcome: Some(8),
                });
            })
        };
        let filled = slot.is_filled();
        let early = slot.take();
        filler.join().unwrap();
        let found = match early {
            Found::Nothing if !filled => slot.take(),
            found => found,
        };
        let Found::Ready(ready) = found else {
            panic!("a filled slot is ready");
        };
        assert_eq!((ready.version, ready.outcome), (7, Some(8)));
        assert!(!matches!(slot.take(), Found::Ready(_)));
    });
}

/// A slot that is left is found so, or not yet.
#[test]
fn a_slot_that_is_left_holds_nothing() {
    loom::model(|| {
        let slot = Arc::new(Slot::<()>::new());
        let other = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.leave())
        };
        assert!(!matches!(slot.take(), Found::Ready(_)));
        other.join().unwrap();
        assert!(matches!(slot.take(), Found::Left));
    });
}
