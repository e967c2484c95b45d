//! Private transfers between a leader and a validator, over real databases.

use super::*;
use crate::testing::{
    call_pool,
    payer::{Payer, private_spec},
};
use commonware_runtime::deterministic::Context as Runtime;
use trellis_primitives::{
    StateReader as _,
    system::{KEEPER, POOL},
};

const COIN: u128 = 1_000_000_000_000_000_000;

/// A validator whose pool has one note, and its owner.
async fn funded(context: &Runtime) -> (Node, Payer) {
    let node = Node::with(context, "payments", private_spec(), Timing::default()).await;
    let mut payer = Payer::new(1);
    let call = payer.shield(COIN);
    node.submit(&call_pool(0, 0, COIN, call));
    let block = node.mine().await;
    payer.follow(&block.receipts);
    assert_eq!(payer.purse.held().len(), 1);
    (node, payer)
}

/// The rule a block breaks.
async fn verdict(node: &Node, block: &Block) -> String {
    assert!(node.process(block).await.is_none());
    let batches = node.databases.new_batches().await;
    let runtime = node.context.child("check");
    let head = node.head();
    let checked = node
        .module
        .check(runtime, &head, block, batches, Finality::Candidate);
    checked.await.err().expect("the check agrees")
}

#[test]
fn what_a_leader_builds_validators_accept() {
    run(|context| async move {
        let (node, mut payer) = funded(&context).await;
        let genesis = node.chain.genesis().clone();
        let proven = payer.spend(&genesis, 3_000_000_000, |_| {});
        let raw = proven.transaction(node.chain.spec().chain_id());
        node.chain.submit(raw.into()).unwrap();
        let (block, _) = node.propose().await.unwrap();
        assert_eq!(block.transactions().len(), 2);
        let sealed = node.process(&block).await.expect("it is valid");
        node.finalize(&block, sealed).await;
        let recorded = node.chain.head();
        assert_eq!(recorded.transactions[0].signer(), KEEPER);
        payer.follow(&recorded.receipts);
        assert_eq!(payer.purse.held().len(), 1);
        // One more block records the root, and then nothing waits.
        assert_eq!(node.mine().await.transactions.len(), 1);
        assert!(node.propose().await.is_none());
    });
}

/// PAY-1 and PAY-3 against a leader: a proof that is wrong, a record that is missing.
#[test]
fn a_leader_s_lie_makes_its_block_invalid() {
    run(|context| async move {
        let (node, mut payer) = funded(&context).await;
        let genesis = node.chain.genesis().clone();
        let mut proven = payer.spend(&genesis, 3_000_000_000, |_| {});
        let chain_id = node.chain.spec().chain_id();
        node.chain
            .submit(proven.transaction(chain_id).into())
            .unwrap();
        let (block, _) = node.propose().await.unwrap();
        proven.transfer.memo.0[0] ^= 1;
        let mut changed = Draft::of(&block);
        changed.transactions[1] = proven.transaction(chain_id).into();
        let rule = verdict(&node, &changed.block()).await;
        assert!(
            rule.contains("transaction 1: private transfer: the proof is wrong"),
            "{rule}"
        );

        let mut without = Draft::of(&block);
        without.transactions.remove(0);
        let rule = verdict(&node, &without.block()).await;
        assert!(
            rule.contains("transaction 0: the block must begin with the record"),
            "{rule}"
        );
        // The honest block is as good as before.
        assert!(node.process(&block).await.is_some());
        assert!(block.transactions().iter().all(|raw| raw.len() < 5_000));
        assert_ne!(node.chain.state_at(0).unwrap().account(POOL).unwrap(), None);
    });
}
