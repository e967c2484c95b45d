use super::*;
use crate::{
    RpcLimits,
    eth::testing::{TestChain, params, raw, sign},
};
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};

/// Three blocks with one transfer each.
fn module(limits: RpcLimits) -> Arc<ModuleContext> {
    let mut chain = TestChain::new();
    for _ in 0..3 {
        let transfer = chain.transaction(0, |_| {});
        chain = chain.block(vec![transfer]);
    }
    chain.open_with(128, limits)
}

async fn call(
    module: &Arc<ModuleContext>,
    method: &str,
    arguments: Value,
) -> Result<Value, RpcError> {
    let answer = dispatch(module, method, &params(&arguments))
        .await
        .expect("a filter method");
    answer.map(|raw| serde_json::from_str(raw.get()).unwrap())
}

#[test]
fn polls_cover_every_block_once() {
    let (mut next, mut seen) = (5, Vec::new());
    for head in [4, 4, 6, 6, 20, 20, 20, 21] {
        if let Some(range) = new_range(next, head, u64::MAX, 7) {
            next = *range.end() + 1;
            seen.extend(range);
        }
    }
    assert_eq!(seen, (5..=21).collect::<Vec<_>>());
    assert_eq!(
        new_range(u64::MAX, u64::MAX, u64::MAX, 7),
        Some(u64::MAX..=u64::MAX)
    );
}

#[test]
fn a_log_filter_reports_only_new_blocks_within_its_range() {
    assert_eq!(first_block(&Filter::new().from_block(3u64), 10), 11);
    assert_eq!(first_block(&Filter::new().from_block(30u64), 10), 30);
    let tag = Filter::new()
        .from_block(BlockNumberOrTag::Latest)
        .to_block(BlockNumberOrTag::Latest);
    assert_eq!((first_block(&tag, 10), last_block(&tag)), (11, u64::MAX));
    let past = Filter::new().to_block(8u64);
    assert_eq!(
        new_range(first_block(&past, 10), 20, last_block(&past), 100),
        None
    );
    let hash = Filter::new().at_block_hash(B256::ZERO);
    assert_eq!(
        new_range(first_block(&hash, 10), 20, last_block(&hash), 100),
        None
    );
}

#[tokio::test]
async fn a_block_filter_answers_the_blocks_after_its_cursor() {
    let module = module(RpcLimits::default());
    let id = call(&module, "eth_newBlockFilter", json!([]))
        .await
        .unwrap();
    assert_eq!(
        call(&module, "eth_getFilterChanges", json!([id])).await,
        Ok(json!([]))
    );
    let hash = |number| module.chain.block(number).unwrap().unwrap().hash();
    assert_eq!(new_blocks(&module, 2).await, Ok(vec![hash(2), hash(3)]));
    assert_eq!(new_blocks(&module, 4).await, Ok(vec![]));
    // As if it had been installed when the head was block 1.
    let entry = module
        .filters
        .find(serde_json::from_value(id.clone()).unwrap())
        .unwrap();
    *entry.kind.lock().await = Kind::Blocks { next: 2 };
    let changes = call(&module, "eth_getFilterChanges", json!([id]))
        .await
        .unwrap();
    assert_eq!(changes, json!([hash(2), hash(3)]));
    assert_eq!(
        call(&module, "eth_getFilterChanges", json!([id])).await,
        Ok(json!([]))
    );
}

/// Three blocks, each with two logs of a contract that emits its address-less log on every call.
fn logging_module(limits: RpcLimits) -> Arc<ModuleContext> {
    // PUSH1 0 PUSH1 0 LOG0 as runtime code, behind a constructor that returns it.
    const CODE: &[u8] = &alloy_primitives::hex!("6005600a5f3960055ff3" "5f5fa000" "00");
    let mut chain = TestChain::new();
    let deploy = chain.transaction(0, |tx| {
        tx.to = alloy_primitives::TxKind::Create;
        tx.value = U256::ZERO;
        tx.gas_limit = 200_000;
        tx.input = CODE.into();
    });
    let contract: Address = deploy.signer().create(0);
    let mut chain = chain.block(vec![deploy]);
    for _ in 0..3 {
        let calls = (0..2).map(|_| {
            chain.transaction(0, |tx| {
                tx.to = contract.into();
                tx.value = U256::ZERO;
                tx.gas_limit = 100_000;
            })
        });
        let calls = calls.collect();
        chain = chain.block(calls);
    }
    chain.open_with(128, limits)
}

#[tokio::test]
async fn a_log_filter_takes_fewer_blocks_when_one_answer_is_too_small() {
    let module = logging_module(RpcLimits {
        log_results: 3,
        ..RpcLimits::default()
    });
    let (mut next, mut seen, mut polls) = (1, Vec::new(), 0);
    while next <= 4 {
        let (logs, after) = new_logs(&module, &Filter::new(), next).await.unwrap();
        assert!(after > next && logs.len() <= 3);
        seen.extend(
            logs.iter()
                .map(|log| (log.block_number.unwrap(), log.log_index.unwrap())),
        );
        (next, polls) = (after, polls + 1);
    }
    assert_eq!(seen, [(2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1)]);
    assert!(polls > 1);
}

#[tokio::test]
async fn a_log_filter_answers_all_its_logs_on_demand() {
    let module = logging_module(RpcLimits::default());
    let id = call(&module, "eth_newFilter", json!([{"fromBlock":"0x3"}]))
        .await
        .unwrap();
    assert_eq!(
        call(&module, "eth_getFilterChanges", json!([id])).await,
        Ok(json!([]))
    );
    for _ in 0..2 {
        let logs = call(&module, "eth_getFilterLogs", json!([id]))
            .await
            .unwrap();
        assert_eq!(logs.as_array().unwrap().len(), 4);
        assert_eq!(logs[0]["blockNumber"], "0x3");
    }
    assert_eq!(
        call(&module, "eth_uninstallFilter", json!([id])).await,
        Ok(json!(true))
    );
    let gone = call(&module, "eth_getFilterLogs", json!([id]))
        .await
        .unwrap_err();
    assert_eq!(
        (gone.code, gone.message.as_str()),
        (-32000, "filter not found")
    );
    assert_eq!(
        call(&module, "eth_uninstallFilter", json!([id])).await,
        Ok(json!(false))
    );
}

#[tokio::test]
async fn a_pending_filter_answers_each_hash_once() {
    let module = module(RpcLimits::default());
    let id = call(&module, "eth_newPendingTransactionFilter", json!([]))
        .await
        .unwrap();
    let mut hashes = Vec::new();
    for nonce in 3..6 {
        let transaction = sign(0, nonce, |_| {});
        hashes.push(*transaction.tx_hash());
        let encoded = serde_json::from_value(raw(&transaction)).unwrap();
        module
            .blocking({
                let chain = module.chain.clone();
                move || Ok(chain.submit(encoded)?)
            })
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < hashes.len() {
        let changes = call(&module, "eth_getFilterChanges", json!([id]))
            .await
            .unwrap();
        seen.extend(serde_json::from_value::<Vec<B256>>(changes).unwrap());
        tokio::task::yield_now().await;
    }
    assert_eq!(seen, hashes);
    assert_eq!(
        call(&module, "eth_getFilterChanges", json!([id])).await,
        Ok(json!([]))
    );
    let logs = call(&module, "eth_getFilterLogs", json!([id]))
        .await
        .unwrap_err();
    assert!(logs.message.starts_with("filter not found"), "{logs}");
}

#[tokio::test]
async fn wrong_ids_and_arguments_are_named() {
    let module = module(RpcLimits {
        filter_criteria: 1,
        ..RpcLimits::default()
    });
    let unknown = format!("0x{}", "11".repeat(16));
    let error = call(&module, "eth_getFilterChanges", json!([unknown]))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (-32000, "filter not found")
    );
    for bad in [json!([]), json!(["0x1"]), json!([7]), json!(["x"])] {
        let error = call(&module, "eth_getFilterChanges", bad.clone())
            .await
            .unwrap_err();
        assert!(
            error.code == -32602 || error.message == "filter not found",
            "{bad}: {error}"
        );
    }
    let topics = [B256::ZERO, B256::repeat_byte(1)];
    let error = call(&module, "eth_newFilter", json!([{"topics":[topics]}]))
        .await
        .unwrap_err();
    assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
    assert!(
        dispatch(&module, "eth_call", &Params::default())
            .await
            .is_none()
    );
}
