//! STA-1: a network killed at any moment goes on, after a restart, with the chain its clients saw.
//!
//! Every life of the network ends with SIGKILL, under load or while it starts and recovers. Clients remember each block
//! and each receipt they were told; nothing of it may be lost or change, and the accounts must be those that follow from
//! the blocks. A kill takes what is in the memory of the process, not what the system holds for the disk: power loss is
//! attacked in the tests of the stores.
//!
//! `TRELLIS_CRASH_ROUNDS` sets how many lives there are, `TRELLIS_CRASH_SEED` repeats the moments of an earlier run.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::{
    load::Load,
    network::Network,
    node::{Node, Scratch, Setup},
};

/// Lives of a network unless the environment says otherwise.
const ROUNDS: u64 = 6;

/// Earliest moment of a kill.
const EARLIEST: Duration = Duration::from_millis(50);

/// Latest moment of a kill under load.
const LATEST: Duration = Duration::from_secs(2);

/// One test at a time: a second network would take the processor the first needs to get anywhere before it is killed.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Random moments, the same for the same seed (splitmix64).
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seed = setting("TRELLIS_CRASH_SEED").unwrap_or_else(|| u64::from(now.subsec_nanos()));
        println!("TRELLIS_CRASH_SEED={seed}");
        Self(seed)
    }

    fn within(&mut self, from: Duration, to: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let part = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        from + to.saturating_sub(from).mul_f64(part)
    }
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number")),
    )
}

/// A network whose lives end at random moments.
struct Trial {
    network: Network,
    moments: Moments,
}

impl Trial {
    fn new(scratch: &Scratch, validators: u16, modules: &[&'static str]) -> Self {
        Self {
            network: Network::new(Setup::new(scratch, validators, modules)),
            moments: Moments::new(),
        }
    }

    /// A life that ends while the network starts or recovers.
    async fn die_starting(&mut self) {
        let moment = self.moments.within(EARLIEST, self.network.start_time);
        let node = self.network.setup.spawn();
        let age = node.age();
        self.die(node, moment.saturating_sub(age)).await;
        println!("killed {moment:?} after the start");
    }

    /// A life in which everything remembered is checked, and that ends under load.
    async fn die_loaded(&mut self) {
        let node = self.network.live().await;
        let moment = self.moments.within(EARLIEST, LATEST);
        self.die(node, moment).await;
        println!("killed {moment:?} into the load");
    }

    /// Loads the network for `time`, then kills it.
    async fn die(&mut self, mut node: Node, time: Duration) {
        let load = Load::start(&self.network.setup, &self.network.memory);
        tokio::time::sleep(time).await;
        node.assert_calm();
        node.kill();
        load.stop().await;
        self.network.assert_consistent();
    }

    /// `rounds` lives, every third too short for the network to become ready, and two that end in order.
    async fn run(mut self, rounds: u64) {
        for round in 0..rounds {
            if round % 3 == 1 {
                self.die_starting().await;
            } else {
                self.die_loaded().await;
            }
        }
        self.network.live_and_stop().await;
        self.network.live_and_stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_network_goes_on_with_the_chain_its_clients_saw() {
    let _turn = TURN.lock().await;
    let scratch = Scratch::new();
    let rounds = setting("TRELLIS_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let trial = Trial::new(&scratch, 1, &["hub", "market", "pay"]);
    trial.run(rounds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_killed_validators_go_on_with_one_chain() {
    let _turn = TURN.lock().await;
    let scratch = Scratch::new();
    let rounds = setting("TRELLIS_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let trial = Trial::new(&scratch, 4, &["hub", "pay"]);
    trial.run(rounds.div_ceil(2)).await;
}

/// A network whose creation is cut short, again and again, is still created.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creation_can_be_killed_at_any_moment() {
    let _turn = TURN.lock().await;
    let rounds = setting("TRELLIS_CRASH_ROUNDS").unwrap_or(ROUNDS);
    for _ in 0..rounds.div_ceil(3) {
        let scratch = Scratch::new();
        let mut trial = Trial::new(&scratch, 1, &["hub", "pay"]);
        trial.die_starting().await;
        trial.die_starting().await;
        trial.network.live_and_stop().await;
    }
}
