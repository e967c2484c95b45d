//! A run is its seed and nothing else.

use crate::simulate;

/// Restarts, replays and recovery take part, because that is where an unordered collection would show.
#[test]
fn the_same_seed_gives_the_same_run() {
    for name in ["crash", "twins"] {
        assert_eq!(simulate(name, 21), simulate(name, 21), "{name}");
    }
}

#[test]
fn different_seeds_give_different_runs() {
    let (one, other) = (simulate("calm", 1), simulate("calm", 2));
    assert_ne!(one.audit, other.audit);
    assert_ne!(one.tips, other.tips);
}
