//! What breaks on purpose.

use super::ms;
use crate::{
    roles::Role,
    scenario::{Claim, Event, Progress, Scenario},
    wire::Peers,
    world::{MODULES, VALIDATORS},
};
use rand::{RngExt as _, rngs::StdRng};

/// One validator proposes invalid blocks, in every module.
pub(super) fn liar(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("liar");
    let liar = rng.random_range(0..VALIDATORS);
    scenario.roles[liar] = [Role::Liar; MODULES];
    // What a liar does to itself is nobody's concern.
    scenario.may_fail = Peers::of([liar]);
    scenario.blocks = 24;
    scenario.bound = ms(300_000);
    scenario.pause = ms(150);
    scenario
}

/// One validator's blocks never reach one of the others, a different one in each module, which has to fetch them.
pub(super) fn withhold(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("withhold");
    scenario.roles[rng.random_range(0..VALIDATORS)] = [Role::Withholder; MODULES];
    scenario.bound = ms(120_000);
    scenario
}

/// One validator's key is used on two machines, which see different parts of the network, ever other ones.
pub(super) fn twins(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("twins");
    let twin = rng.random_range(0..VALIDATORS);
    scenario.roles[twin] = [Role::Twin; MODULES];
    scenario.may_fail = Peers::of([twin]);
    let others: Vec<usize> = (0..VALIDATORS).filter(|index| *index != twin).collect();
    for round in 0..5 {
        let mut first = Peers::NONE;
        let mut second = Peers::NONE;
        for other in &others {
            let side = rng.random_range(0..5);
            // Now and then both machines talk to the same validator.
            if side < 3 {
                first = Peers(first.0 | 1 << other);
            }
            if side >= 2 {
                second = Peers(second.0 | 1 << other);
            }
        }
        let at = ms(round * 800);
        let event = Event::Reach {
            validator: twin,
            module: None,
            peers: first,
        };
        let second = Event::ReachSecond {
            validator: twin,
            peers: second,
        };
        scenario = scenario.at(at, event).at(at, second);
    }
    scenario.quiet_from = ms(4_000);
    scenario.pause = ms(200);
    scenario.bound = ms(120_000);
    scenario
}

/// One validator sends contradicting votes: a different kind in each module.
pub(super) fn forgers(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("forgers");
    let forger = rng.random_range(0..VALIDATORS);
    let mut roles = [
        Role::Conflicter,
        Role::Nuller,
        Role::Outdated,
        Role::Conflicter,
    ];
    roles.rotate_left(rng.random_range(0..MODULES));
    scenario.roles[forger] = roles;
    scenario.bound = ms(120_000);
    scenario
}

/// One validator sends noise on every channel of one module.
pub(super) fn garbage(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("garbage");
    let noisy = rng.random_range(0..VALIDATORS);
    let module = rng.random_range(0..MODULES);
    scenario.roles[noisy][module] = Role::Garbage;
    scenario.bound = ms(120_000);
    scenario
}

/// In one module two validators send noise, which is more than it can bear: it stands. The same validators run the other
/// modules honestly, and those go on.
pub(super) fn poison(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("poison");
    let first = rng.random_range(0..VALIDATORS);
    let second = (first + rng.random_range(1..VALIDATORS)) % VALIDATORS;
    let module = rng.random_range(0..MODULES);
    scenario.roles[first][module] = Role::Garbage;
    scenario.roles[second][module] = Role::Garbage;
    scenario.stalled = vec![module];
    for other in 0..MODULES {
        let stands = other == module;
        scenario.claims.push(Claim {
            module: other,
            from: ms(500),
            to: ms(5_500),
            progress: if stands {
                Progress::Stands
            } else {
                Progress::Goes
            },
        });
    }
    scenario.quiet_from = ms(5_500);
    scenario.pause = ms(600);
    scenario.bound = ms(60_000);
    scenario
}
