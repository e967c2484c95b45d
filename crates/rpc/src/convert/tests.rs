//! Field sets and values against what geth answers for the same data.

use super::*;
use alloy_consensus::{
    Eip658Value, Receipt, SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxEnvelope,
    TxLegacy, TxType,
};
use alloy_eips::{
    eip2718::Encodable2718,
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, LogData, Signature};
use alloy_rlp::Decodable;
use serde_json::{Value, json, to_value};
use trellis_primitives::Block as ChainBlock;

const CHAIN_ID: u64 = 123_456_000;
const SENDER: Address = Address::repeat_byte(0xaa);
const TO: Address = Address::repeat_byte(0xbb);

fn transactions() -> Vec<Recovered<TxEnvelope>> {
    let legacy = TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce: 7,
        gas_price: 3_000_000_000,
        gas_limit: 60_000,
        to: TxKind::Create,
        input: Bytes::from_static(&[0x60, 0x00]),
        ..TxLegacy::default()
    };
    let access_list = AccessList(vec![AccessListItem {
        address: TO,
        storage_keys: vec![B256::repeat_byte(1)],
    }]);
    let with_list = TxEip2930 {
        chain_id: CHAIN_ID,
        nonce: 8,
        gas_price: 2_000_000_000,
        gas_limit: 40_000,
        to: TO.into(),
        value: U256::from(5),
        access_list,
        ..TxEip2930::default()
    };
    let dynamic = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce: 9,
        gas_limit: 21_000,
        max_fee_per_gas: 4_000_000_000,
        max_priority_fee_per_gas: 500_000_000,
        to: TO.into(),
        value: U256::from(1_000),
        ..TxEip1559::default()
    };
    let authorization = Authorization {
        chain_id: U256::from(CHAIN_ID),
        address: TO,
        nonce: 11,
    };
    let delegating = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce: 10,
        gas_limit: 90_000,
        max_fee_per_gas: 4_000_000_000,
        max_priority_fee_per_gas: 4_000_000_000,
        to: TO,
        authorization_list: vec![SignedAuthorization::new_unchecked(
            authorization,
            1,
            U256::from(12),
            U256::from(13),
        )],
        ..TxEip7702::default()
    };
    let signature = Signature::test_signature();
    let signed: [TxEnvelope; 4] = [
        legacy.into_signed(signature).into(),
        with_list.into_signed(signature).into(),
        dynamic.into_signed(signature).into(),
        delegating.into_signed(signature).into(),
    ];
    signed
        .into_iter()
        .map(|tx| Recovered::new_unchecked(tx, SENDER))
        .collect()
}

fn log(topic: u8) -> alloy_primitives::Log {
    let data = LogData::new_unchecked(vec![B256::repeat_byte(topic)], Bytes::from(vec![topic]));
    alloy_primitives::Log { address: TO, data }
}

fn receipt_of(
    kind: TxType,
    success: bool,
    cumulative_gas_used: u64,
    logs: Vec<alloy_primitives::Log>,
) -> ReceiptEnvelope {
    let status = Eip658Value::Eip658(success);
    ReceiptEnvelope::from_typed(
        kind,
        Receipt {
            status,
            cumulative_gas_used,
            logs,
        },
    )
}

/// A block with one transaction of each type, at a base fee of 1 gwei.
fn recorded() -> RecordedBlock {
    let base = crate::eth::testing::genesis();
    let transactions = transactions();
    let encoded: Vec<Bytes> = transactions
        .iter()
        .map(|tx| tx.encoded_2718().into())
        .collect();
    let mut header = base.header().clone();
    header.number = 5;
    header.gas_used = 190_000;
    header.base_fee_per_gas = Some(1_000_000_000);
    header.transactions_root = trellis_primitives::transactions_root(&encoded);
    let block = ChainBlock::new(
        header,
        base.extension().clone(),
        encoded,
        base.access_list().clone(),
    )
    .unwrap();
    let receipts = vec![
        receipt_of(TxType::Legacy, true, 55_000, vec![log(1)]),
        receipt_of(TxType::Eip2930, false, 90_000, vec![]),
        receipt_of(TxType::Eip1559, true, 111_000, vec![log(2), log(3)]),
        receipt_of(TxType::Eip7702, true, 190_000, vec![log(4)]),
    ];
    RecordedBlock {
        block,
        transactions,
        receipts,
        undo: Default::default(),
    }
}

fn fields(value: &Value) -> Vec<&str> {
    let mut fields: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    fields.sort_unstable();
    fields
}

fn sorted(lists: &[&[&'static str]]) -> Vec<&'static str> {
    let mut all = lists.concat();
    all.sort_unstable();
    all
}

const TRANSACTION: &[&str] = &[
    "blockHash",
    "blockNumber",
    "blockTimestamp",
    "chainId",
    "from",
    "gas",
    "gasPrice",
    "hash",
    "input",
    "nonce",
    "r",
    "s",
    "to",
    "transactionIndex",
    "type",
    "v",
    "value",
];
const TYPED: &[&str] = &["accessList", "yParity"];
const DYNAMIC: &[&str] = &["maxFeePerGas", "maxPriorityFeePerGas"];

#[test]
fn transactions_have_the_fields_of_their_type() {
    let block = recorded();
    let shown: Vec<Value> = (0..4)
        .map(|i| to_value(transaction(&block, i)).unwrap())
        .collect();
    assert_eq!(fields(&shown[0]), sorted(&[TRANSACTION]));
    assert_eq!(fields(&shown[1]), sorted(&[TRANSACTION, TYPED]));
    assert_eq!(fields(&shown[2]), sorted(&[TRANSACTION, TYPED, DYNAMIC]));
    assert_eq!(
        fields(&shown[3]),
        sorted(&[TRANSACTION, TYPED, DYNAMIC, &["authorizationList"]])
    );
    for (i, value) in shown.iter().enumerate() {
        assert_eq!(value["blockHash"], json!(block.hash()));
        assert_eq!(value["blockNumber"], "0x5");
        assert_eq!(value["transactionIndex"], format!("0x{i:x}"));
        assert_eq!(value["hash"], json!(block.transactions[i].tx_hash()));
        assert_eq!(value["from"], json!(SENDER));
        assert_eq!(value["chainId"], format!("0x{CHAIN_ID:x}"));
    }
    assert_eq!(to_value(transaction(&block, 4)).unwrap(), Value::Null);
}

#[test]
fn transaction_values_are_quantities_and_data() {
    let block = recorded();
    let shown: Vec<Value> = (0..4)
        .map(|i| to_value(transaction(&block, i)).unwrap())
        .collect();
    assert_eq!(shown[0]["type"], "0x0");
    assert_eq!(shown[0]["to"], Value::Null);
    assert_eq!(shown[0]["input"], "0x6000");
    assert_eq!(shown[0]["gas"], "0xea60");
    assert_eq!(shown[0]["gasPrice"], "0xb2d05e00");
    // EIP-155: 35 + 2 * chain id + parity.
    assert_eq!(shown[0]["v"], format!("0x{:x}", 35 + 2 * CHAIN_ID));
    assert_eq!(
        shown[1]["accessList"][0]["storageKeys"][0],
        json!(B256::repeat_byte(1))
    );
    // EIP-1559: base fee of 1 gwei plus a tip of 0.5 gwei.
    assert_eq!(shown[2]["gasPrice"], "0x59682f00");
    assert_eq!(shown[2]["value"], "0x3e8");
    assert_eq!(shown[2]["v"], shown[2]["yParity"]);
    let authorization = json!({
        "chainId": format!("0x{CHAIN_ID:x}"), "address": TO, "nonce": "0xb", "yParity": "0x1", "r": "0xc", "s": "0xd",
    });
    assert_eq!(shown[3]["authorizationList"], json!([authorization]));
}

#[test]
fn pooled_transactions_have_null_places() {
    let transaction = transactions().remove(2);
    let encoded = transaction.encoded_2718().into();
    let shown = to_value(pending_transaction(&PooledTransaction::new(
        transaction,
        encoded,
    )))
    .unwrap();
    for place in ["blockHash", "blockNumber", "transactionIndex"] {
        assert_eq!(shown[place], Value::Null, "{place}");
        assert!(shown.as_object().unwrap().contains_key(place), "{place}");
    }
    assert_eq!(shown["gasPrice"], shown["maxFeePerGas"]);
}

#[test]
fn receipts_have_the_fields_and_totals_of_geth() {
    let block = recorded();
    let all = to_value(receipts(&block)).unwrap();
    for i in 0..4 {
        assert_eq!(to_value(receipt(&block, i)).unwrap(), all[i]);
        assert_eq!(
            fields(&all[i]),
            [
                "blockHash",
                "blockNumber",
                "contractAddress",
                "cumulativeGasUsed",
                "effectiveGasPrice",
                "from",
                "gasUsed",
                "logs",
                "logsBloom",
                "status",
                "to",
                "transactionHash",
                "transactionIndex",
                "type",
            ]
        );
    }
    assert_eq!(receipt(&block, 4), None);
    let column = |name: &str| (0..4).map(|i| all[i][name].clone()).collect::<Vec<_>>();
    assert_eq!(column("type"), ["0x0", "0x1", "0x2", "0x4"]);
    assert_eq!(column("status"), ["0x1", "0x0", "0x1", "0x1"]);
    assert_eq!(column("gasUsed"), ["0xd6d8", "0x88b8", "0x5208", "0x13498"]);
    assert_eq!(
        column("cumulativeGasUsed"),
        ["0xd6d8", "0x15f90", "0x1b198", "0x2e630"]
    );
    // Tips are capped by the maximum fee.
    assert_eq!(
        column("effectiveGasPrice"),
        ["0xb2d05e00", "0x77359400", "0x59682f00", "0xee6b2800"]
    );
    assert_eq!(all[0]["contractAddress"], json!(SENDER.create(7)));
    assert_eq!(all[0]["to"], Value::Null);
    assert_eq!(all[1]["contractAddress"], Value::Null);
    assert_eq!(all[1]["to"], json!(TO));
}

#[test]
fn logs_are_numbered_through_the_block() {
    let block = recorded();
    let shown = to_value(receipts(&block)).unwrap();
    let log = &shown[2]["logs"][1];
    assert_eq!(
        fields(log),
        [
            "address",
            "blockHash",
            "blockNumber",
            "blockTimestamp",
            "data",
            "logIndex",
            "removed",
            "topics",
            "transactionHash",
            "transactionIndex",
        ]
    );
    assert_eq!(log["logIndex"], "0x2");
    assert_eq!(log["transactionIndex"], "0x2");
    assert_eq!(log["removed"], false);
    let from_receipts: Vec<Value> = (0..4)
        .flat_map(|i| shown[i]["logs"].as_array().unwrap().clone())
        .collect();
    assert_eq!(
        to_value(logs(&block, |_| true)).unwrap(),
        Value::Array(from_receipts)
    );
    let third = logs(&block, |log| log.data.data.first() == Some(&3));
    assert_eq!(
        third.iter().map(|log| log.log_index).collect::<Vec<_>>(),
        [Some(2)]
    );
}

#[test]
fn blocks_have_the_fields_of_geth() {
    const HEADER: &[&str] = &[
        "baseFeePerGas",
        "blobGasUsed",
        "difficulty",
        "excessBlobGas",
        "extraData",
        "gasLimit",
        "gasUsed",
        "hash",
        "logsBloom",
        "miner",
        "mixHash",
        "nonce",
        "number",
        "parentBeaconBlockRoot",
        "parentHash",
        "receiptsRoot",
        "requestsHash",
        "sha3Uncles",
        "stateRoot",
        "timestamp",
        "transactionsRoot",
        "withdrawalsRoot",
    ];
    let recorded = recorded();
    assert_eq!(fields(&to_value(header(&recorded)).unwrap()), HEADER);
    let hashes = to_value(block(&recorded, false)).unwrap();
    let full = to_value(block(&recorded, true)).unwrap();
    let body: &[&str] = &["size", "transactions", "uncles", "withdrawals"];
    for shown in [&hashes, &full] {
        assert_eq!(fields(shown), sorted(&[HEADER, body]));
        assert_eq!(shown["hash"], json!(recorded.hash()));
        assert_eq!(shown["number"], "0x5");
        assert_eq!(shown["nonce"], "0x0000000000000000");
        assert_eq!(shown["difficulty"], "0x0");
        assert_eq!(shown["uncles"], json!([]));
        assert_eq!(shown["withdrawals"], json!([]));
    }
    for i in 0..4 {
        assert_eq!(
            hashes["transactions"][i],
            json!(recorded.transactions[i].tx_hash())
        );
        assert_eq!(
            full["transactions"][i],
            to_value(transaction(&recorded, i)).unwrap()
        );
    }
}

#[test]
fn raw_block_is_an_ethereum_block_of_the_shown_size() {
    let recorded = recorded();
    let raw = raw_block(&recorded);
    assert_eq!(
        block(&recorded, false).header.size,
        Some(U256::from(raw.len()))
    );
    let read = alloy_consensus::Block::<TxEnvelope>::decode(&mut raw.as_ref()).unwrap();
    assert_eq!(read.header.hash_slow(), recorded.hash());
    assert_eq!(read.body.transactions.len(), 4);
    assert_eq!(alloy_rlp::encode(&read), raw);
}
