//! Blocks that must be refused (EXE-2): each differs from a valid one in a single thing.

use super::*;

type Edit = fn(&mut Draft);

/// A log and a transfer, so that every commitment of the header has something to commit to.
async fn valid_block(node: &Node) -> Block {
    node.submit(&sign(0, 0, |tx| {
        tx.to = TxKind::Create;
        // Logs topic 1, returns the one-byte contract `00`.
        tx.input = hex!("600160006000a160016000f3").into();
        tx.value = U256::ZERO;
        tx.gas_limit = 200_000;
    }));
    node.submit(&transfer(1, 0));
    let (block, _) = node.propose().await.unwrap();
    assert_ne!(block.header().logs_bloom, Bloom::ZERO);
    block
}

/// The rule a block breaks, as the check names it; through consensus' entry it must answer `None`.
async fn verdict(node: &Node, block: &Block) -> String {
    assert!(node.process(block).await.is_none());
    let batches = node.databases.new_batches().await;
    let runtime = node.context.child("check");
    let checked = node
        .module
        .check(runtime, &node.head(), block, batches)
        .await;
    let rule = checked.err().expect("the check agrees");
    // Nothing of the block is kept.
    assert!(node.chain.candidate(block.number(), block.hash()).is_none());
    assert_eq!(node.head().hash(), node.chain.genesis_hash());
    rule
}

#[test]
fn headers_that_do_not_match_execution_are_refused() {
    const STATE: &str = "state commitment does not match execution";
    let edits: [(&str, Edit); 13] = [
        (STATE, |d| d.extension.state.accounts.root = B256::ZERO),
        (STATE, |d| d.extension.state.accounts.ops_root = B256::ZERO),
        (STATE, |d| d.extension.state.accounts.end += 1),
        (STATE, |d| d.extension.state.storage.root = B256::ZERO),
        (STATE, |d| d.extension.state.storage.ops_root = B256::ZERO),
        (STATE, |d| d.extension.state.storage.end += 1),
        (STATE, |d| d.extension.state.code.root = B256::ZERO),
        (STATE, |d| d.extension.state.code.end += 1),
        ("receiptsRoot does not match execution", |d| {
            d.header.receipts_root = B256::ZERO;
        }),
        ("logsBloom does not match execution", |d| {
            d.header.logs_bloom = Bloom::ZERO;
        }),
        ("gasUsed is", |d| d.header.gas_used += 1),
        ("gasUsed is", |d| d.header.gas_used = 0),
        // The miner's balance is part of the state.
        (STATE, |d| d.header.beneficiary = NOBODY),
    ];
    run(|context| async move {
        let builder = Node::start(&context, "a").await;
        let block = valid_block(&builder).await;
        let node = Node::start(&context, "b").await;
        for (rule, edit) in edits {
            let mut draft = Draft::of(&block);
            edit(&mut draft);
            let found = verdict(&node, &draft.block()).await;
            assert!(found.starts_with(rule), "{found}, expected {rule}");
        }
        assert!(
            node.process(&block).await.is_some(),
            "the block itself is valid"
        );
    });
}

#[test]
fn headers_that_do_not_follow_from_the_parent_are_refused() {
    let edits: [(&str, Edit); 5] = [
        ("block is for module 0", |d| {
            d.extension.module = trellis_primitives::ModuleId::HUB;
        }),
        ("timestamp", |d| d.extension.timestamp_ms = GENESIS_MS),
        ("gas limit", |d| d.header.gas_limit += 1),
        ("base fee", |d| d.header.base_fee_per_gas = Some(1)),
        ("prevRandao", |d| d.header.mix_hash = B256::ZERO),
    ];
    run(|context| async move {
        let builder = Node::start(&context, "a").await;
        let block = valid_block(&builder).await;
        let node = Node::start(&context, "b").await;
        for (rule, edit) in edits {
            let mut draft = Draft::of(&block);
            edit(&mut draft);
            let found = verdict(&node, &draft.block()).await;
            assert!(found.starts_with(rule), "{found}, expected {rule}");
        }
    });
}

/// One transaction in the middle breaks a rule; those around it are fine.
#[test]
fn a_block_with_one_invalid_transaction_is_refused() {
    let burner = |from, gas| {
        sign(from, 0, |tx| {
            tx.to = TxKind::Create;
            tx.input = hex!("5b600056").into();
            tx.gas_limit = gas;
            tx.value = U256::ZERO;
        })
    };
    let first = || transfer(0, 0);
    let bodies: Vec<(&str, Vec<Transaction>)> = vec![
        (
            "nonce too high: next nonce 1, tx nonce 2",
            vec![first(), transfer(0, 2), transfer(1, 0)],
        ),
        (
            "nonce too low: next nonce 1, tx nonce 0",
            vec![first(), first(), transfer(1, 0)],
        ),
        (
            "insufficient funds",
            vec![first(), transfer(ACCOUNTS, 0), transfer(1, 0)],
        ),
        (
            "gas limit 16000000 exceeds the 14000000 gas left in the block",
            vec![burner(1, 16_000_000), burner(2, 16_000_000), first()],
        ),
        (
            "max fee per gas less than block base fee",
            vec![
                first(),
                sign(1, 0, |tx| {
                    tx.max_fee_per_gas = 800_000_000;
                    tx.max_priority_fee_per_gas = 0;
                }),
                transfer(2, 0),
            ],
        ),
        (
            "invalid chain id",
            vec![first(), sign(1, 0, |tx| tx.chain_id += 1), transfer(2, 0)],
        ),
        (
            "intrinsic gas too low",
            vec![
                first(),
                sign(1, 0, |tx| tx.gas_limit = 20_999),
                transfer(2, 0),
            ],
        ),
    ];
    run(|context| async move {
        let builder = Node::start(&context, "a").await;
        let block = valid_block(&builder).await;
        let node = Node::start(&context, "b").await;
        for (rule, body) in bodies {
            let mut draft = Draft::of(&block);
            draft.transactions = body.iter().map(raw).collect();
            let found = verdict(&node, &draft.block()).await;
            let expected = format!("transaction 1: {rule}");
            assert!(found.starts_with(&expected), "{found}, expected {expected}");
        }
    });
}

/// Bytes that are no transaction, and a transaction in bytes of another form than its only encoding.
#[test]
fn a_block_with_undecodable_bytes_is_refused() {
    run(|context| async move {
        let builder = Node::start(&context, "a").await;
        let block = valid_block(&builder).await;
        let node = Node::start(&context, "b").await;
        let sound = raw(&transfer(2, 0));
        let forms = [
            Bytes::new(),
            Bytes::from_static(b"junk"),
            [&sound[..], &[0]].concat().into(),
            sound.slice(..sound.len() - 1),
        ];
        for form in forms {
            let mut draft = Draft::of(&block);
            draft.transactions.insert(1, form);
            let found = verdict(&node, &draft.block()).await;
            assert!(
                found.starts_with("transaction 1: failed to decode"),
                "{found}"
            );
        }
    });
}

/// What execution decides about a block does not depend on what the pool of a node holds.
#[test]
fn the_pool_does_not_change_a_verdict() {
    run(|context| async move {
        let builder = Node::start(&context, "a").await;
        let block = valid_block(&builder).await;
        // The builder knows the transactions from its pool; it refuses the same blocks, for the same reason.
        let mut draft = Draft::of(&block);
        draft.header.gas_used += 1;
        let node = Node::start(&context, "b").await;
        let wrong = draft.block();
        assert_eq!(
            verdict(&builder, &wrong).await,
            verdict(&node, &wrong).await
        );
        let mut draft = Draft::of(&block);
        draft.transactions.reverse();
        // Another order is another block: valid in itself, so only the commitments can be wrong.
        let reordered = draft.block();
        let found = verdict(&builder, &reordered).await;
        assert_eq!(found, verdict(&node, &reordered).await);
    });
}

/// The same body under a light chain gives the same receipts: two ways to execute, one result.
#[test]
fn receipts_do_not_depend_on_where_the_state_is_kept() {
    run(|context| async move {
        let node = Node::start(&context, "a").await;
        let body = [transfer(0, 0), transfer(1, 0), transfer(0, 1)];
        for transaction in &body {
            node.submit(transaction);
        }
        let built = node.mine().await;
        let light = Light::new();
        let recorded = light.mine(&built.transactions);
        assert_eq!(recorded.receipts, built.receipts);
    });
}
