//! The module driven as consensus drives it, over the real databases.

mod payments;
mod proposing;
mod verdicts;

use super::*;
use crate::testing::{
    ACCOUNTS, Draft, GENESIS_MS, Light, NOBODY, Node, TRANSFER_GAS, address, leader, raw, run,
    sign, spec, transfer,
};
use alloy_primitives::{B256, Bloom, Bytes, TxKind, U256, hex};

#[test]
fn consensus_starts_from_the_chains_genesis() {
    run(|context| async move {
        let node = Node::start(&context, "a").await;
        let mut module = node.module.clone();
        let genesis =
            Application::<commonware_runtime::deterministic::Context>::genesis(&mut module);
        assert_eq!(genesis.await.hash(), node.chain.genesis_hash());
        assert_eq!(genesis_digest(&node.chain).0, node.chain.genesis_hash().0);
        assert!(std::ptr::eq(module.chain().as_ref(), node.chain.as_ref()));
    });
}

/// STA-1, EXE-2: a process that cannot read its state stops before it signs anything; a lost race is no failure.
#[test]
fn storage_failures_stop_the_process() {
    let fatal = [
        ExecutionError::State(StateError::Storage("disk".into())),
        ExecutionError::Internal("evm".into()),
    ];
    for error in fatal {
        let stopped = std::panic::catch_unwind(|| fatal_unless_stale("check", &error));
        let panic = stopped.expect_err("must stop");
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("cannot check a block"), "{text}");
    }
    let stale = ExecutionError::State(StateError::Stale);
    assert!(fatal_unless_stale("check", &stale).contains("competing block"));
}

#[test]
fn fees_go_to_an_address_of_the_validator() {
    run(|context| async move {
        let node = Node::start(&context, "a").await;
        node.submit(&transfer(0, 0));
        let block = node.mine().await;
        let expected = Address::from_slice(&keccak256(leader().as_ref())[12..]);
        assert_eq!(block.block.header().beneficiary, expected);
        let view = node.chain.state_at(1).unwrap();
        let earned = trellis_primitives::StateReader::account(&view, expected);
        let tip = U256::from(TRANSFER_GAS) * U256::from(2_000_000_000_u64);
        assert_eq!(earned.unwrap().unwrap().balance, tip);
    });
}
