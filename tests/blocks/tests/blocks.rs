//! EXE-1 on real and on generated blocks: every way to execute them comes to the same, and real ones to what their headers say.
//!
//! `TRELLIS_SHARED_DATA` names the folder that holds `mainnet-blocks` (default: `shared/data` next to the checkout);
//! without it the test says so and passes. So does the test with published contracts, without the npm packages of
//! `tests/clients`.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{Address, B256, keccak256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use trellis_blocks::{
    ArtifactError, RecordedBlock, directory,
    measure::measure,
    workload::{Workload, WorkloadError},
};
use trellis_executor::Engine;
use trellis_stm::Workers;

fn blocks() -> Option<Vec<PathBuf>> {
    let shared = std::env::var_os("TRELLIS_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = shared.join("mainnet-blocks");
    path.is_dir().then(|| directory(&path).unwrap())
}

fn engines() -> Vec<Engine> {
    let one = Engine::new(Workers::exactly(1)).eager();
    let with = |count| one.with_workers(Workers::exactly(count));
    [1, 2, 4, 8].map(with).into()
}

#[test]
fn generated_blocks_come_to_the_same_in_every_way() {
    let own = |workload: &Workload| !workload.needs_packages();
    for workload in Workload::ALL.into_iter().filter(own) {
        let measured = measure(&workload.block(120).unwrap(), &engines(), 1);
        let name = &measured.name;
        assert_eq!(measured.differences, [""; 0], "{name}");
        let receipts = &measured.executed.receipts;
        assert!(receipts.iter().all(|receipt| receipt.status()), "{name}");
    }
}

/// Published contracts: everything succeeds, costs what it costs on mainnet, and meets where it should.
#[test]
fn calls_of_published_contracts_come_to_the_same_in_every_way() {
    const COUNT: usize = 40;
    let expected = [
        (Workload::Erc20, [0, COUNT, 0], [1, 2 * COUNT, 0, 0]),
        (Workload::Erc20Hot, [0, COUNT, 0], [1, 20, 0, 0]),
        (Workload::Uniswap, [0, 0, COUNT], [0, 0, COUNT, 1]),
        (Workload::UniswapOnePool, [0, 0, COUNT], [0, 0, 1, COUNT]),
        (Workload::UniswapMixed, [12, 12, 16], [1, 24, 5, 12]),
    ];
    let tested = expected.map(|(workload, ..)| workload);
    let published = Workload::ALL.into_iter().filter(|w| w.needs_packages());
    assert!(published.eq(tested), "all of them are tested");
    for (workload, counts, places) in expected {
        let sample = match workload.block(COUNT) {
            Err(WorkloadError::Artifact(error @ ArtifactError::Missing { .. })) => {
                println!("SKIPPED: {error}");
                return;
            }
            sample => sample.unwrap(),
        };
        let measured = measure(&sample, &engines(), 1);
        let name = &measured.name;
        assert_eq!(measured.differences, [""; 0], "{name}");
        let mut before = 0;
        let mut found = Seen::default();
        for receipt in &measured.executed.receipts {
            assert!(receipt.status(), "{name}");
            let gas = receipt.cumulative_gas_used() - before;
            before += gas;
            found.add(receipt, gas);
        }
        assert_eq!(found.counts, counts, "{name}");
        assert_eq!(found.places(), places, "{name}");
    }
}

/// What the transactions of a block did, by their logs.
#[derive(Default)]
struct Seen {
    /// Transfers of ether, of tokens, and swaps.
    counts: [usize; 3],
    tokens: BTreeSet<Address>,
    /// Senders and recipients of tokens.
    holders: BTreeSet<B256>,
    /// With their swaps.
    pools: BTreeMap<Address, usize>,
}

impl Seen {
    fn add(&mut self, receipt: &ReceiptEnvelope, gas: u64) {
        let logs = receipt.logs();
        let swap = keccak256("Swap(address,address,int256,int256,uint160,uint128,int24)");
        let transfer = keccak256("Transfer(address,address,uint256)");
        let emitted = |event| logs.iter().filter(|log| log.topics()[0] == event).count();
        let (kind, usual) = match (emitted(transfer), emitted(swap), logs.len()) {
            (0, 0, 0) => (0, 21_000..21_001),
            (1, 0, 1) => {
                self.tokens.insert(logs[0].address);
                self.holders.extend(&logs[0].topics()[1..]);
                (1, 30_000..40_000)
            }
            // Both tokens move, and the router uses up some of its allowance.
            (2, 1, 4) => {
                let log = logs.iter().find(|log| log.topics()[0] == swap);
                *self.pools.entry(log.unwrap().address).or_default() += 1;
                (2, 100_000..130_000)
            }
            other => panic!("{other:?} transfers, swaps and logs"),
        };
        self.counts[kind] += 1;
        assert!(usual.contains(&gas), "{gas} gas, {usual:?} is usual");
    }

    /// How many tokens, holders and pools, and the swaps in the busiest one.
    fn places(&self) -> [usize; 4] {
        let busiest = self.pools.values().max().copied().unwrap_or_default();
        let (tokens, holders) = (self.tokens.len(), self.holders.len());
        [tokens, holders, self.pools.len(), busiest]
    }
}

#[test]
fn recorded_blocks_come_to_what_their_headers_say_in_every_way() {
    let Some(paths) = blocks() else {
        println!(
            "SKIPPED: no recorded blocks; TRELLIS_SHARED_DATA names the folder with mainnet-blocks"
        );
        return;
    };
    let engines = engines();
    assert!(paths.len() > 20, "{} blocks", paths.len());
    for path in paths {
        let block = RecordedBlock::read(&path).unwrap();
        let measured = measure(&block.sample, &engines, 0);
        let name = &measured.name;
        assert_eq!(measured.differences, [""; 0], "block {name}");
        let executed = &measured.executed;
        assert_eq!(executed.gas_used, block.expected.gas_used, "block {name}");
        assert_eq!(
            executed.logs_bloom, block.expected.logs_bloom,
            "block {name}"
        );
        if let Some(root) = block.expected.receipts_root {
            assert_eq!(executed.receipts_root, root, "block {name}");
        }
    }
}

/// A file that is no recorded block says what is wrong with it.
#[test]
fn a_file_that_does_not_parse_is_named() {
    let path = std::env::temp_dir().join(format!("trellis-blocks-{}.json.gz", std::process::id()));
    std::fs::write(&path, b"not gzip").unwrap();
    let error = RecordedBlock::read(&path).unwrap_err().to_string();
    assert!(error.contains("is not a recorded block"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = RecordedBlock::read(&path).unwrap_err().to_string();
    assert!(error.starts_with("cannot read"), "{error}");
}
