//! Rules that need no chain.

use super::{
    fees::{TIP_MIN, check_percentiles, median_tip, reward_percentiles},
    logs::{LogFilter, LogLimits, block_range, check},
    send::sync_timeout,
    unavailable,
};
use crate::{RpcError, RpcLimits};
use alloy_rpc_types_eth::{Filter, Index, TxGasAndReward};
use std::time::Duration;

fn filter(json: serde_json::Value) -> Filter {
    serde_json::from_value::<LogFilter>(json).unwrap().0
}

fn range(json: serde_json::Value) -> Result<Option<(u64, u64)>, RpcError> {
    let range = block_range(&filter(json), 20_000, 10_000)?;
    Ok(range.map(|range| (*range.start(), *range.end())))
}

#[test]
fn log_ranges_default_to_the_head_and_stop_there() {
    use serde_json::json;
    assert_eq!(range(json!({})), Ok(Some((20_000, 20_000))));
    assert_eq!(
        range(json!({"fromBlock": "0x4e1f"})),
        Ok(Some((19_999, 20_000)))
    );
    assert_eq!(
        range(json!({"fromBlock": "latest", "toBlock": "pending"})),
        Ok(Some((20_000, 20_000)))
    );
    assert_eq!(
        range(json!({"fromBlock": "0x4e1f", "toBlock": "0xffffff"})),
        Ok(Some((19_999, 20_000)))
    );
    assert_eq!(
        range(json!({"fromBlock": "earliest", "toBlock": "0x270f"})),
        Ok(Some((0, 9_999)))
    );
    assert_eq!(range(json!({"fromBlock": "0x4e21"})), Ok(None));
    assert_eq!(
        range(json!({"fromBlock": "0x4e21", "toBlock": "latest"})),
        Ok(None)
    );
    assert_eq!(
        range(json!({"fromBlock": "0x4e21", "toBlock": "0x4e22"})),
        Ok(None)
    );
}

#[test]
fn log_ranges_are_limited_and_say_how_to_narrow() {
    // NET-1
    use serde_json::json;
    let error = range(json!({"fromBlock": "0x1", "toBlock": "latest"})).unwrap_err();
    assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
    assert!(
        error
            .message
            .contains("query exceeds max block range 10000"),
        "{error}"
    );
    assert!(
        error.message.ends_with("retry with the range 1-10000"),
        "{error}"
    );
    assert_eq!(
        range(json!({"fromBlock": "0x1", "toBlock": "0x2710"})),
        Ok(Some((1, 10_000)))
    );

    let error = range(json!({"fromBlock": "0x5", "toBlock": "0x3"})).unwrap_err();
    assert_eq!(error.code, RpcError::INVALID_PARAMS);
    assert!(
        error.message.contains("fromBlock 5 is after toBlock 3"),
        "{error}"
    );
    let huge = json!({"fromBlock": "0x0", "toBlock": "0xffffffffffffffff"});
    assert_eq!(range(huge).unwrap_err().code, RpcError::LIMIT_EXCEEDED);
    let beyond = json!({"fromBlock": "0xffffffffffffffff", "toBlock": "0xffffffffffffffff"});
    assert_eq!(range(beyond), Ok(None));
}

#[test]
fn filters_are_read_as_clients_send_them() {
    use serde_json::json;
    let topic = format!("0x{}", "11".repeat(32));
    let read = filter(json!({
        "fromBlock": "0x1", "toBlock": null, "address": [format!("0x{}", "22".repeat(20))],
        "topics": [null, [topic, topic], []], "limit": 5,
    }));
    assert_eq!(read.address.len(), 1);
    assert_eq!(
        read.topics.each_ref().map(|topic| topic.len()),
        [0, 1, 0, 0]
    );
    for bad in [
        json!({"topics": [topic, topic, topic, topic, topic]}),
        json!({"address": "0x12"}),
        json!({"blockHash": topic, "fromBlock": "0x1"}),
        json!([1]),
        json!("latest"),
    ] {
        assert!(
            serde_json::from_value::<LogFilter>(bad.clone()).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn filters_have_a_limit_on_criteria() {
    // NET-1
    let address = |i: u64| format!("0x{i:040x}");
    let many = serde_json::json!({ "address": (0..10).map(address).collect::<Vec<_>>() });
    assert_eq!(check(&filter(many.clone()), 10), Ok(()));
    let error = check(&filter(many), 9).unwrap_err();
    assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
    assert!(
        error
            .message
            .contains("10 addresses and topics, the limit is 9"),
        "{error}"
    );
}

#[test]
fn suggested_tip_is_the_median_above_a_floor() {
    assert_eq!(median_tip(vec![]), TIP_MIN);
    assert_eq!(median_tip(vec![1, 1, 1]), TIP_MIN);
    assert_eq!(
        median_tip(vec![9_000_000, 2_000_000, 50_000_000]),
        9_000_000
    );
}

#[test]
fn reward_percentiles_weigh_transactions_by_gas() {
    let tx = |gas_used, reward| TxGasAndReward { gas_used, reward };
    let block = vec![tx(60, 30), tx(10, 10), tx(30, 20)];
    assert_eq!(
        reward_percentiles(block.clone(), 100, &[0.0, 10.0, 11.0, 40.0, 41.0, 100.0]),
        [10, 10, 20, 20, 30, 30]
    );
    // A header that counts more gas than its receipts still ends at the last transaction.
    assert_eq!(reward_percentiles(block, 1_000, &[100.0]), [30]);
    assert_eq!(reward_percentiles(vec![], 0, &[0.0, 50.0]), [0, 0]);
}

#[test]
fn percentiles_increase_between_0_and_100() {
    assert_eq!(check_percentiles(&[0.0, 0.0, 25.5, 100.0]), Ok(()));
    for bad in [
        vec![-0.1],
        vec![100.1],
        vec![f64::NAN],
        vec![50.0, 20.0],
        vec![1.0; 101],
    ] {
        assert_eq!(
            check_percentiles(&bad).unwrap_err().code,
            RpcError::INVALID_PARAMS,
            "{bad:?}"
        );
    }
}

#[test]
fn waiting_time_has_a_default_and_a_maximum() {
    // EIP-7966
    let max = Duration::from_secs(30);
    assert_eq!(sync_timeout(None, max), Duration::from_secs(2));
    assert_eq!(sync_timeout(Some(Index(0)), max), Duration::from_secs(2));
    assert_eq!(
        sync_timeout(Some(Index(5_000)), max),
        Duration::from_secs(5)
    );
    assert_eq!(sync_timeout(Some(Index(usize::MAX)), max), max);
    assert_eq!(
        sync_timeout(None, Duration::from_secs(1)),
        Duration::from_secs(1)
    );
}

#[test]
fn methods_that_cannot_exist_say_what_to_use() {
    let error = unavailable("eth_sendTransaction").unwrap();
    assert_eq!(error.code, RpcError::METHOD_NOT_FOUND);
    assert!(error.message.contains("eth_sendRawTransaction"), "{error}");
    assert_eq!(unavailable("eth_foo"), None);
}

#[test]
fn log_results_are_limited_in_number_size_and_time() {
    // NET-1
    let limits = LogLimits::of(&RpcLimits {
        log_results: 5,
        response_bytes: 1_000,
        ..RpcLimits::default()
    });
    let second = Duration::from_secs(1);
    assert_eq!(limits.exceeded(5, 1_000, second), None);
    assert_eq!(
        limits.exceeded(6, 0, second).unwrap(),
        "query exceeds max results 5"
    );
    assert_eq!(
        limits.exceeded(1, 1_001, second).unwrap(),
        "query exceeds max response size 1000 bytes"
    );
    assert_eq!(
        limits.exceeded(1, 1, 11 * second).unwrap(),
        "query takes longer than 10000 ms"
    );
}
