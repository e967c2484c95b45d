//! Blocks that must be refused (EXE-2): each differs from a valid one in a single thing.

use super::*;
use trellis_executor::{AccountChanges, encode_access_list};

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
        .check(runtime, &node.head(), block, batches, Finality::Candidate)
        .await;
    let rule = checked.err().expect("the check agrees");
    // Nothing of the block is kept.
    assert!(node.chain.candidate(block.number(), block.hash()).is_none());
    assert_eq!(node.head().hash(), node.chain.genesis_hash());
    rule
}

/// Each edit of a valid block is refused with the rule that stands beside it.
async fn refused(node: &Node, block: &Block, edits: &[(&str, Edit)]) {
    for (rule, edit) in edits {
        let mut draft = Draft::of(block);
        edit(&mut draft);
        let found = verdict(node, &draft.block()).await;
        assert!(found.starts_with(rule), "{found}, expected {rule}");
    }
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
        // The miner's balance is part of the state, and of the list.
        ("access list: transaction 0 leaves another balance", |d| {
            d.header.beneficiary = NOBODY
        }),
    ];
    run(|context| async move {
        let builder = Node::start(&context, "a").await;
        let block = valid_block(&builder).await;
        let node = Node::start(&context, "b").await;
        refused(&node, &block, &edits).await;
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
        refused(&node, &block, &edits).await;
    });
}

/// A list that is not the one execution makes, and whose hash fits, is refused by name.
#[test]
fn wrong_access_lists_are_refused() {
    let edits: [(&str, Edit); 10] = [
        ("access list: does not decode", |d| {
            d.access_list = Bytes::from_static(b"junk");
        }),
        ("access list: does not decode", |d| {
            d.access_list = [&d.access_list[..], &[0]].concat().into();
        }),
        ("access list: ", |d| d.edit_list(|list| list.reverse())),
        ("access list: ", |d| {
            d.edit_list(|list| list.insert(0, list[0].clone()));
        }),
        ("access list: ", |d| {
            d.edit_list(|list| {
                let slots = (0..16_000).map(U256::from).collect();
                list[0].storage_reads = slots;
            });
        }),
        ("access list: transaction", |d| {
            d.edit_list(|list| list.retain(|account| account.address != NOBODY));
        }),
        ("access list: 0x", |d| {
            d.edit_list(|list| list.push(AccountChanges::new(Address::repeat_byte(0xff))));
        }),
        ("access list: slot", |d| {
            d.edit_list(|list| {
                let last = list.last_mut().unwrap();
                last.storage_reads.push(U256::MAX);
            });
        }),
        ("access list: transaction 1 leaves another nonce", |d| {
            d.edit_list(|list| {
                let at = list.iter().position(|a| a.address == address(1)).unwrap();
                list[at].nonce_changes.clear();
            });
        }),
        ("access list: transaction 1 leaves another balance", |d| {
            d.edit_list(|list| {
                let at = list.iter().position(|a| a.address == address(1)).unwrap();
                list[at].balance_changes[0].post_balance += U256::ONE;
            });
        }),
    ];
    run(|context| async move {
        let builder = Node::start(&context, "a").await;
        let block = valid_block(&builder).await;
        let node = Node::start(&context, "b").await;
        refused(&node, &block, &edits).await;
        assert!(
            node.process(&block).await.is_some(),
            "the block itself is valid"
        );
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
            draft.access_list = list_of(&draft, &body);
            let found = verdict(&node, &draft.block()).await;
            let expected = format!("transaction 1: {rule}");
            assert!(found.starts_with(&expected), "{found}, expected {expected}");
        }
    });
}

/// The list of the first transaction of `body` alone, which does not miss the senders of the others.
fn list_of(draft: &Draft, body: &[Transaction]) -> Bytes {
    let light = Light::new();
    let env = crate::rules::env_of(light.chain.spec(), &draft.clone().block());
    let executed = trellis_executor::execute_block(env, &light.state, &body[..1]).unwrap();
    let mut list = executed.access_list;
    list.extend(body[1..].iter().map(|tx| AccountChanges::new(tx.signer())));
    list.sort_by_key(|account| account.address);
    list.dedup_by_key(|account| account.address);
    encode_access_list(&list)
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
