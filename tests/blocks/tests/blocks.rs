//! EXE-1 on real and on generated blocks: every way to execute them comes to the same, and real ones to what their headers say.
//!
//! `TRELLIS_SHARED_DATA` names the folder that holds `mainnet-blocks` (default: `shared/data` next to the checkout);
//! without it the test says so and passes. So does the test with Uniswap v3 without the npm packages of `tests/clients`.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{Address, keccak256};
use std::{
    collections::BTreeSet,
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

/// Real contracts: everything succeeds, costs what it costs on mainnet, and meets in as many pools as it should.
#[test]
fn uniswap_swaps_come_to_the_same_in_every_way() {
    const COUNT: usize = 40;
    for (workload, pools) in [(Workload::Uniswap, COUNT), (Workload::UniswapOnePool, 1)] {
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
        let receipts = &measured.executed.receipts;
        assert!(receipts.iter().all(|receipt| receipt.status()), "{name}");
        let gas = measured.gas_used / COUNT as u64;
        assert!((100_000..130_000).contains(&gas), "{name}: {gas} gas each");
        let met: Vec<Address> = receipts.iter().map(pool).collect();
        let different: BTreeSet<_> = met.iter().collect();
        assert_eq!((met.len(), different.len()), (COUNT, pools), "{name}");
    }
}

/// The pool that emitted a receipt's only `Swap`.
fn pool(receipt: &ReceiptEnvelope) -> Address {
    let swap = keccak256("Swap(address,address,int256,int256,uint160,uint128,int24)");
    let mut swaps = receipt
        .logs()
        .iter()
        .filter(|log| log.topics().first() == Some(&swap));
    let only = swaps.next().unwrap();
    assert!(swaps.next().is_none());
    only.address
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
