//! The scenarios. A seed draws who is hit and when; the same seed always draws the same.

mod byzantine;
mod faults;

use crate::scenario::Scenario;
use rand::{SeedableRng as _, rngs::StdRng};
use std::time::Duration;

/// Every scenario, by name.
pub const NAMES: [&str; 16] = [
    "calm",
    "private",
    "loss",
    "crash",
    "partition",
    "disk",
    "power",
    "lag",
    "clock",
    "cut",
    "poison",
    "liar",
    "withhold",
    "twins",
    "forgers",
    "garbage",
];

/// The scenario `name` as `seed` draws it; `None` if there is none of that name.
pub fn scenario(name: &str, seed: u64) -> Option<Scenario> {
    let mut rng = StdRng::seed_from_u64(seed);
    let rng = &mut rng;
    Some(match name {
        "calm" => Scenario::calm("calm"),
        "private" => Scenario {
            name: "private",
            private: true,
            bound: Duration::from_secs(120),
            ..faults::crash(rng)
        },
        "loss" => faults::loss(rng),
        "crash" => faults::crash(rng),
        "partition" => faults::partition(rng),
        "disk" => faults::disk(rng),
        "power" => faults::power(rng),
        "lag" => faults::lag(rng),
        "clock" => faults::clock(rng),
        "cut" => faults::cut(rng),
        "poison" => byzantine::poison(rng),
        "liar" => byzantine::liar(rng),
        "withhold" => byzantine::withhold(rng),
        "twins" => byzantine::twins(rng),
        "forgers" => byzantine::forgers(rng),
        "garbage" => byzantine::garbage(rng),
        _ => return None,
    })
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
