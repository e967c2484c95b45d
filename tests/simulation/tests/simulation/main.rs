//! A few seeds of every scenario. More: `cargo run -p trellis-simulation --bin sim -- SEED --seeds 100`.

mod byzantine;
mod determinism;
mod faults;

use trellis_simulation::{Report, catalog, run};

/// Runs `name` with `seed`; a property that does not hold fails the test and says how to see it again.
fn simulate(name: &str, seed: u64) -> Report {
    let scenario = catalog::scenario(name, seed).expect("a scenario of this name");
    match run(&scenario, seed) {
        Ok(report) => report,
        Err(violation) => panic!("{violation}"),
    }
}

/// Runs `name` with several seeds.
fn simulate_all(name: &str, seeds: impl IntoIterator<Item = u64>) -> Vec<Report> {
    seeds.into_iter().map(|seed| simulate(name, seed)).collect()
}
