//! Building blocks: what goes in, when nothing is built, and that everybody else agrees.

use super::*;
use commonware_runtime::Clock as _;
use trellis_primitives::StateReader as _;

const HEARTBEAT: Duration = Duration::from_secs(60);

async fn patient(context: &commonware_runtime::deterministic::Context) -> Node {
    let timing = Timing {
        heartbeat: HEARTBEAT,
        ..Timing::default()
    };
    Node::with(context, "a", spec(), timing).await
}

/// EXE-1: what one validator builds another accepts, and both then hold the same state, receipts and head.
#[test]
fn a_built_block_is_accepted_by_everybody() {
    run(|context| async move {
        let (one, two) = (
            Node::start(&context, "a").await,
            Node::start(&context, "b").await,
        );
        assert_eq!(one.chain.genesis_hash(), two.chain.genesis_hash());
        let deploy = |nonce| {
            sign(0, nonce, |tx| {
                tx.to = TxKind::Create;
                // Stores 7 in slot 0, logs nothing and returns the one-byte contract `00`.
                tx.input = hex!("600760005560016000f3").into();
                tx.value = U256::ZERO;
                tx.gas_limit = 200_000;
            })
        };
        for round in 0..4 {
            one.submit(&deploy(2 * round));
            one.submit(&transfer(0, 2 * round + 1));
            one.submit(&transfer(1, round));
            let (block, sealed) = one.propose().await.unwrap();
            assert_eq!(block.transactions().len(), 3);
            let checked = two.process(&block).await.expect("the block is valid");
            assert_eq!(
                tree::commitment::<commonware_runtime::deterministic::Context>(&checked),
                block.extension().state
            );
            one.finalize(&block, sealed).await;
            two.finalize(&block, checked).await;
            assert_eq!(one.chain.head(), two.chain.head());
            assert_eq!(one.chain.head().receipts.len(), 3);
        }
        let head = one.chain.head().number();
        let contract = address(0).create(2);
        let slot = |node: &Node| {
            node.chain
                .state_at(head)
                .unwrap()
                .storage(contract, U256::ZERO)
        };
        assert_eq!(slot(&one), Ok(U256::from(7)));
        assert_eq!(slot(&two), Ok(U256::from(7)));
    });
}

/// A thread that may block and one that may not come to the same result (EXE-1).
#[test]
fn both_bridges_check_alike() {
    run(|context| async move {
        let node = Node::start(&context, "a").await;
        node.submit(&transfer(0, 0));
        let (block, _) = node.propose().await.unwrap();
        let mut commitments = Vec::new();
        for bridge in [Bridge::Poll, Bridge::Block] {
            let timing = Timing::default();
            let module = Module::new(node.chain.clone(), bridge, timing, &leader());
            let batches = node.databases.new_batches().await;
            let runtime = context.child("check");
            let checked = module
                .check(runtime, &node.head(), &block, batches, Finality::Candidate)
                .await;
            commitments.push(tree::commitment(
                &checked.map_err(|e| panic!("{e}")).unwrap(),
            ));
        }
        assert_eq!(commitments[0], commitments[1]);
        assert_eq!(commitments[0], block.extension().state);
    });
}

/// The leader builds on a parent that is not final yet, and does not put its transactions in a second time.
#[test]
fn a_block_is_built_on_a_pending_parent() {
    run(|context| async move {
        let node = Node::start(&context, "a").await;
        node.submit(&transfer(0, 0));
        let (parent, parent_sealed) = node.propose().await.unwrap();
        node.submit(&transfer(0, 1));
        let batches = Databases::fork_batches(&parent_sealed);
        let (child, child_sealed) = node.propose_on(&parent, batches).await.unwrap();
        assert_eq!(child.number(), 2);
        assert_eq!(child.transactions(), [raw(&transfer(0, 1))]);
        assert!(child.extension().timestamp_ms > parent.extension().timestamp_ms);
        node.finalize(&parent, parent_sealed).await;
        node.finalize(&child, child_sealed).await;
        assert_eq!(node.chain.head().hash(), child.hash());
        assert_eq!(node.chain.pool_stats().executable, 0);
    });
}

#[test]
fn an_idle_module_builds_nothing_until_the_heartbeat() {
    run(|context| async move {
        let node = patient(&context).await;
        assert!(node.propose().await.is_none());
        node.submit(&transfer(0, 1));
        assert!(
            node.propose().await.is_none(),
            "a transaction behind a gap changes nothing"
        );
        context.sleep(HEARTBEAT - Duration::from_millis(10)).await;
        assert!(node.propose().await.is_none());
        context.sleep(Duration::from_millis(10)).await;
        let block = node.mine().await;
        assert!(block.transactions.is_empty());
        assert_eq!(block.number(), 1);
        assert!(
            node.propose().await.is_none(),
            "the next one is due a heartbeat later"
        );
    });
}

#[test]
fn empty_blocks_lower_the_fee_for_who_waits_for_it() {
    run(|context| async move {
        let node = patient(&context).await;
        node.submit(&sign(0, 0, |tx| {
            tx.max_fee_per_gas = 700_000_000;
            tx.max_priority_fee_per_gas = 0;
        }));
        // 1 gwei at genesis: 875M, 765M, 670M.
        let blocks = [node.mine().await, node.mine().await, node.mine().await];
        let counts = blocks.each_ref().map(|block| block.transactions.len());
        assert_eq!(counts, [0, 0, 1]);
        assert!(node.propose().await.is_none(), "not yet");
    });
}

/// A pending parent whose view timed out needs a descendant: an empty one is built once it has waited for a while.
#[test]
fn an_unfinalized_parent_gets_an_empty_descendant() {
    run(|context| async move {
        let node = patient(&context).await;
        node.submit(&transfer(0, 0));
        let (parent, sealed) = node.propose().await.unwrap();
        let descendant = || node.propose_on(&parent, Databases::fork_batches(&sealed));
        assert!(
            descendant().await.is_none(),
            "it may still become final by itself"
        );
        context.sleep(Duration::from_secs(4)).await;
        let (child, _) = descendant().await.expect("a descendant is built");
        assert!(child.transactions().is_empty());
        assert_eq!(child.header().parent_hash, parent.hash());
    });
}

/// Time moves in milliseconds at least, even if the clock stands still or is behind the parent's.
#[test]
fn time_increases_whatever_the_clock_says() {
    run(|context| async move {
        let mut spec = spec();
        spec.timestamp_ms = GENESIS_MS + 5_000;
        let node = Node::with(&context, "a", spec, Timing::default()).await;
        node.submit(&transfer(0, 0));
        let block = node.mine().await;
        assert_eq!(block.block.extension().timestamp_ms, GENESIS_MS + 5_001);
    });
}

/// The deployment proxy works as on every other chain.
#[test]
fn predeploys_run() {
    run(|context| async move {
        let node = Node::start(&context, "a").await;
        let salt = B256::repeat_byte(3);
        let init = hex!("60016000f3");
        node.submit(&sign(0, 0, |tx| {
            tx.to = genesis::CREATE2_DEPLOYER.into();
            tx.input = [salt.as_slice(), &init].concat().into();
            tx.value = U256::ZERO;
            tx.gas_limit = 200_000;
        }));
        node.mine().await;
        let deployed = genesis::CREATE2_DEPLOYER.create2_from_code(salt, init);
        let account = node.chain.state_at(1).unwrap().account(deployed);
        assert!(account.unwrap().unwrap().has_code());
    });
}
