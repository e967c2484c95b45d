//! What breaks on purpose: one of four validators may do anything (CON-1).

use crate::{simulate, simulate_all};
use std::collections::BTreeSet;
use trellis_simulation::{byzantine::Lie, catalog, roles::Role};

/// EXE-2: an invalid block is rejected by all, whatever rule it breaks.
#[test]
fn no_lie_of_a_leader_is_believed() {
    let reports = simulate_all("liar", 1..=4);
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for report in &reports {
        assert_eq!(report.resubmitted, 0, "{report}");
        assert!(report.lies.values().sum::<u64>() >= 5, "{report}");
        assert!(report.blocked.is_empty(), "{report}");
        kinds.extend(report.lies.keys().copied());
    }
    assert!(kinds.len() >= 12, "{kinds:?}");
    // MSG-1: messages that were forged, replayed, skipped or out of order arrive no more than other lies are believed.
    let of_imports = Lie::OF_IMPORTS
        .iter()
        .filter(|lie| kinds.contains(lie.name()));
    assert!(of_imports.count() >= 5, "{kinds:?}");
}

/// A block that some never receive from its leader is fetched from those who did.
#[test]
fn withheld_blocks_are_fetched() {
    for report in simulate_all("withhold", 1..=2) {
        assert_eq!(report.resubmitted, 0, "{report}");
    }
}

/// CON-1, STA-1: two machines with one key propose and vote against each other; the others agree all the same.
#[test]
fn an_equivocating_validator_divides_nobody() {
    for report in simulate_all("twins", 1..=4) {
        assert!(report.contradictions > 0, "{report}");
        assert_eq!(report.resubmitted, 0, "{report}");
    }
}

/// Whoever misbehaves in most modules is cut from the network.
#[test]
fn contradicting_votes_divide_nobody() {
    for report in simulate_all("forgers", 1..=2) {
        assert!(report.contradictions > 0, "{report}");
        assert_eq!(report.cut.len(), 3, "{report:?}");
    }
}

/// NET-1: noise on every channel of a module gets its sender blocked, for that module alone; everything else goes on.
#[test]
fn noise_blocks_its_sender_for_one_module() {
    for seed in 1..=3 {
        let report = simulate("garbage", seed);
        assert_eq!(report.blocked, noisy("garbage", seed), "{report:?}");
        assert!(report.cut.is_empty(), "{report:?}");
    }
}

/// CON-1: a module with too many faulty validators stands, the same validators' other modules go on.
#[test]
fn a_poisoned_module_stops_no_other() {
    for seed in 1..=2 {
        let report = simulate("poison", seed);
        assert_eq!(report.blocked, noisy("poison", seed), "{report:?}");
        assert!(report.cut.is_empty(), "{report:?}");
    }
}

/// Everybody honest in a module against everybody noisy in it, as (blocking, module, blocked).
fn noisy(name: &str, seed: u64) -> BTreeSet<(usize, usize, usize)> {
    let roles = catalog::scenario(name, seed).expect("a scenario").roles;
    let mut blocked = BTreeSet::new();
    for (by, one) in roles.iter().enumerate() {
        for (peer, other) in roles.iter().enumerate() {
            for (module, role) in other.iter().enumerate() {
                if *role == Role::Garbage && one[module] == Role::Honest {
                    blocked.insert((by, module, peer));
                }
            }
        }
    }
    blocked
}
