//! What breaks without anybody's intent.

use super::ms;
use crate::{
    disk::DiskFaults,
    scenario::{Claim, Event, Progress, Scenario},
    wire::Peers,
    world::{MODULES, VALIDATORS},
};
use commonware_p2p::simulated::Link;
use commonware_utils::Probability;
use rand::{RngExt as _, rngs::StdRng, seq::SliceRandom as _};

/// Validators in some order.
fn shuffled(rng: &mut StdRng) -> [usize; VALIDATORS] {
    let mut order = std::array::from_fn(|index| index);
    order.shuffle(rng);
    order
}

/// Every tenth message or so is lost, for the whole run, and the others are late by differing amounts.
pub(super) fn loss(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("loss");
    let kept = rng.random_range(85..96);
    scenario.link = Link {
        latency: ms(rng.random_range(15..40)),
        jitter: ms(15),
        success_rate: Probability::new(kept, 100).expect("a share of a hundred"),
    };
    scenario.bound = ms(180_000);
    scenario
}

/// Processes are killed and started again, mostly one at a time, once two at a time.
pub(super) fn crash(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("crash");
    let mut now = 300;
    for _ in 0..3 {
        let order = shuffled(rng);
        let down = if rng.random_range(0..4) == 0 { 2 } else { 1 };
        now += rng.random_range(100..900);
        for victim in &order[..down] {
            scenario = scenario.at(ms(now), Event::Crash(*victim));
            now += rng.random_range(0..60);
        }
        now += rng.random_range(20..1_500);
        for victim in &order[..down] {
            scenario = scenario.at(ms(now), Event::Restart(*victim));
            now += rng.random_range(0..200);
        }
        // Sometimes again while it recovers.
        if rng.random_range(0..3) == 0 {
            now += rng.random_range(1..100);
            scenario = scenario.at(ms(now), Event::Crash(order[0]));
            now += rng.random_range(20..400);
            scenario = scenario.at(ms(now), Event::Restart(order[0]));
        }
    }
    scenario.quiet_from = ms(now);
    scenario
}

/// The network falls into two halves, neither of which may go on; later one validator is alone.
pub(super) fn partition(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("partition");
    let [a, b, c, d] = shuffled(rng);
    let begin = rng.random_range(300..900);
    let end = begin + rng.random_range(2_500..4_000);
    let split = |scenario: Scenario, at, sides: &[&[usize]]| {
        sides.iter().fold(scenario, |scenario, side| {
            let peers = Peers::of(side.iter().copied());
            side.iter().fold(scenario, |scenario, &validator| {
                let module = None;
                let event = Event::Reach {
                    validator,
                    module,
                    peers,
                };
                scenario.at(ms(at), event)
            })
        })
    };
    scenario = split(scenario, begin, &[&[a, b], &[c, d]]).at(ms(end), Event::Heal);
    // What was on its way when the network split may still become final.
    let stands = |module| Claim {
        module,
        from: ms(begin + 300),
        to: ms(end - 20),
        progress: Progress::Stands,
    };
    scenario.claims.extend((0..MODULES).map(stands));
    let alone = end + rng.random_range(2_000..3_000);
    let back = alone + rng.random_range(2_000..5_000);
    scenario = split(scenario, alone, &[&[a], &[b, c, d]]).at(ms(back), Event::Heal);
    scenario.quiet_from = ms(back);
    scenario.pause = ms(500);
    scenario
}

/// One validator after the other has a disk that fails now and then. Its process stops, nothing else does.
pub(super) fn disk(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("disk");
    let mut now = rng.random_range(100..600);
    for victim in &shuffled(rng)[..2] {
        let mut rate = || [0, 30, 300][rng.random_range(0..3)];
        let faults = DiskFaults {
            read: rate(),
            write: rate(),
            sync: 20 + rate(),
        };
        scenario = scenario.at(ms(now), Event::Disk(*victim, faults));
        // The next disk fails only when this one is sound and its validator runs again.
        now += 4_000;
        scenario = scenario.at(ms(now), Event::Disk(*victim, DiskFaults::default()));
        now += 1_500;
    }
    scenario.may_fail = Peers::ALL;
    scenario.quiet_from = ms(now);
    scenario.pause = ms(500);
    scenario
}

/// One validator is off until the others are dozens of blocks ahead, more than consensus remembers: it fetches and
/// executes what it missed.
pub(super) fn lag(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("lag");
    let late = rng.random_range(0..VALIDATORS);
    // Either it never ran, or it stops in the middle.
    let stops = [0, 700][rng.random_range(0..2)];
    let back = rng.random_range(6_000..14_000);
    scenario = scenario
        .at(ms(stops), Event::Crash(late))
        .at(ms(back), Event::Restart(late));
    scenario.quiet_from = ms(back);
    scenario.pause = ms(100);
    scenario.blocks = 4;
    scenario
}

/// Every machine loses power at the same moment, twice. Of what was not synced, any bytes may be on disk.
pub(super) fn power(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("power");
    let first = rng.random_range(60..1_500);
    let second = first + rng.random_range(20..2_500);
    scenario.power_failures = vec![ms(first), ms(second)];
    scenario.quiet_from = ms(second);
    scenario
}

/// One clock is seconds ahead, one behind, and they are corrected abruptly.
pub(super) fn clock(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("clock");
    let [fast, slow, jumpy, _] = shuffled(rng);
    let ahead = rng.random_range(1_000..4_000);
    let behind = rng.random_range(500..3_000);
    let jump = rng.random_range(100..400);
    scenario = scenario
        .at(ms(0), Event::Clock(fast, ahead))
        .at(ms(0), Event::Clock(slow, -behind))
        .at(ms(1_500), Event::Clock(jumpy, jump))
        .at(ms(2_500), Event::Clock(jumpy, -jump))
        .at(ms(4_000), Event::Clock(fast, 0))
        .at(ms(4_000), Event::Clock(slow, 0));
    // Two of the three votes a block needs come from clocks that are nearly right.
    scenario.ahead_ms_max = jump.unsigned_abs();
    scenario.quiet_from = ms(4_000);
    scenario
}

/// One module is cut off at two validators. It stands until it is connected again; the other modules notice nothing.
pub(super) fn cut(rng: &mut StdRng) -> Scenario {
    let mut scenario = Scenario::calm("cut");
    let [a, b, ..] = shuffled(rng);
    let module = rng.random_range(0..MODULES);
    let begin = rng.random_range(300..900);
    let end = begin + 5_000;
    for validator in [a, b] {
        let event = Event::Reach {
            validator,
            module: Some(module),
            peers: Peers::NONE,
        };
        scenario = scenario.at(ms(begin), event);
    }
    scenario = scenario.at(ms(end), Event::Heal);
    for other in 0..MODULES {
        let (from, to) = (ms(begin + 300), ms(end - 20));
        let progress = if other == module {
            Progress::Stands
        } else {
            Progress::Goes
        };
        scenario.claims.push(Claim {
            module: other,
            from,
            to,
            progress,
        });
    }
    scenario.quiet_from = ms(end);
    scenario.pause = ms(500);
    scenario
}
