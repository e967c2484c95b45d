//! Fixtures: chains of small blocks with every transaction type.

mod crash;
mod damage;
mod records;

use super::{History, HistoryConfig, RecordedBlock, Undo};
use alloy_consensus::{
    Eip658Value, Receipt, ReceiptEnvelope, SignableTransaction, TxEip1559, TxEip2930, TxEip7702,
    TxEnvelope, TxLegacy, transaction::Recovered,
};
use alloy_eips::{
    eip2718::Encodable2718,
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, Signature, TxKind, U256, keccak256};
use bytes::BytesMut;
use commonware_codec::{DecodeExt, Write as _, varint::UInt};
use commonware_cryptography::{Signer, ed25519::PrivateKey};
use std::sync::Arc;
use trellis_primitives::{
    Account, Block, Context, Extension, ModuleId, StateCommitment, TreeCommitment, header_template,
    transactions_root,
};

pub(super) const IDENTITY: B256 = B256::repeat_byte(0x17);

pub(super) fn config(state_window: u64) -> HistoryConfig {
    HistoryConfig::new(IDENTITY, state_window)
}

/// A configuration under which a few blocks fill every buffer, so that flushes and compactions run.
pub(super) fn tiny(state_window: u64) -> HistoryConfig {
    HistoryConfig {
        write_buffer_bytes: 64 << 10,
        recent_blocks: 0,
        ..config(state_window)
    }
}

/// The blocks `first..=last` on top of each other; `salt` makes another chain.
pub(super) fn chain(first: u64, last: u64, salt: u8) -> Vec<Arc<RecordedBlock>> {
    let mut blocks: Vec<Arc<RecordedBlock>> = Vec::new();
    for number in first..=last {
        let parent = blocks
            .last()
            .map_or(B256::repeat_byte(0xee), |block| block.hash());
        blocks.push(Arc::new(block(number, parent, salt, 64)));
    }
    blocks
}

/// A block with one transaction of each type, logs, and an undo record; none in every fourth.
pub(super) fn block(number: u64, parent: B256, salt: u8, payload: usize) -> RecordedBlock {
    let transactions = if number % 4 == 3 {
        Vec::new()
    } else {
        transactions(number, salt, payload)
    };
    let encoded: Vec<Bytes> = transactions
        .iter()
        .map(|tx| tx.encoded_2718().into())
        .collect();
    let receipts: Vec<ReceiptEnvelope> = (0..)
        .zip(&transactions)
        .map(|(index, tx)| receipt(tx, number, index))
        .collect();
    let access_list = Bytes::from(vec![salt; usize::from(salt)]);
    let mut extension = extension(number, parent);
    extension.access_list_hash = keccak256(&access_list);
    let mut header = header_template();
    header.parent_hash = parent;
    header.number = number;
    header.timestamp = extension.timestamp_ms / 1000;
    header.extra_data = extension.hash().into();
    header.state_root = extension.state.root();
    header.transactions_root = transactions_root(&encoded);
    header.logs_bloom = receipts
        .iter()
        .fold(Bloom::ZERO, |sum, receipt| sum | receipt.logs_bloom());
    let block = Block::new(header, extension, encoded, access_list).expect("parts belong together");
    RecordedBlock {
        block,
        transactions,
        receipts,
        undo: Arc::new(undo(number, salt)),
    }
}

pub(super) fn undo(number: u64, salt: u8) -> Undo {
    let address = |index: u64| {
        Address::from_word(keccak256(
            [number.to_be_bytes(), index.to_be_bytes()].concat(),
        ))
    };
    let account = Account {
        nonce: 0,
        balance: U256::from(number),
        ..Account::default()
    };
    let contract = Account {
        nonce: 1,
        balance: U256::ZERO,
        code_hash: B256::repeat_byte(salt),
    };
    let no_hash = Account {
        nonce: u64::MAX,
        balance: U256::MAX,
        code_hash: B256::ZERO,
    };
    Undo {
        number,
        accounts: [
            (address(0), None),
            (address(1), Some(account)),
            (address(2), Some(contract)),
            (address(3), Some(no_hash)),
        ]
        .into(),
        storage: [
            ((address(2), U256::ZERO), U256::ZERO),
            ((address(2), U256::MAX), U256::from(salt)),
            ((address(3), U256::from(number)), U256::MAX),
        ]
        .into(),
    }
}

fn extension(number: u64, parent: B256) -> Extension {
    let tree = TreeCommitment {
        root: B256::repeat_byte(1),
        ops_root: B256::repeat_byte(2),
        start: 0,
        end: 1,
    };
    Extension {
        module: ModuleId::HUB,
        outbox: B256::ZERO,
        context: context(number, parent),
        timestamp_ms: 1_000 * number + 250,
        access_list_hash: B256::ZERO,
        state: StateCommitment {
            accounts: tree,
            storage: tree,
            code: tree,
        },
    }
}

/// Built from its encoding (epoch, view, leader, parent view, parent), so that this crate needs no consensus types.
fn context(view: u64, parent: B256) -> Context {
    let mut bytes = BytesMut::new();
    UInt(0u64).write(&mut bytes);
    UInt(view + 1).write(&mut bytes);
    PrivateKey::from_seed(7).public_key().write(&mut bytes);
    UInt(view).write(&mut bytes);
    bytes.extend_from_slice(parent.as_slice());
    Context::decode(bytes.freeze()).expect("encoding of a context")
}

fn transactions(number: u64, salt: u8, payload: usize) -> Vec<Recovered<TxEnvelope>> {
    let input: Bytes = keccak256([number as u8, salt])
        .repeat(payload / 32 + 1)
        .into();
    let to = TxKind::Call(Address::repeat_byte(salt));
    let sign = Signature::test_signature();
    let legacy = TxLegacy {
        chain_id: Some(7),
        nonce: number,
        gas_limit: 21_000,
        to,
        input: input.clone(),
        ..Default::default()
    };
    let eip2930 = TxEip2930 {
        chain_id: 7,
        nonce: number,
        to: TxKind::Create,
        input,
        ..Default::default()
    };
    let eip1559 = TxEip1559 {
        chain_id: 7,
        nonce: number,
        to,
        value: U256::from(salt),
        ..Default::default()
    };
    let authorization = Authorization {
        chain_id: U256::from(7),
        address: Address::ZERO,
        nonce: number,
    };
    let eip7702 = TxEip7702 {
        chain_id: 7,
        nonce: number,
        to: Address::repeat_byte(salt),
        authorization_list: vec![SignedAuthorization::new_unchecked(
            authorization,
            1,
            U256::ONE,
            U256::ONE,
        )],
        ..Default::default()
    };
    let envelopes: [TxEnvelope; 4] = [
        legacy.into_signed(sign).into(),
        eip2930.into_signed(sign).into(),
        eip1559.into_signed(sign).into(),
        eip7702.into_signed(sign).into(),
    ];
    let sender = |index: u8| Address::repeat_byte(0xa0 + index);
    (0..)
        .zip(envelopes)
        .map(|(index, tx)| Recovered::new_unchecked(tx, sender(index)))
        .collect()
}

fn receipt(transaction: &TxEnvelope, number: u64, index: u64) -> ReceiptEnvelope {
    let log = |topic: u64| {
        let topics = vec![B256::from(U256::from(topic)); index as usize];
        Log::new_unchecked(
            Address::repeat_byte(index as u8),
            topics,
            Bytes::from(vec![9; index as usize * 40]),
        )
    };
    let receipt = Receipt {
        status: Eip658Value::Eip658(index != 1),
        cumulative_gas_used: 21_000 * (index + 1),
        logs: (0..index).map(|topic| log(number + topic)).collect(),
    };
    ReceiptEnvelope::from_typed(transaction.tx_type(), receipt.with_bloom())
}

/// Everything the history answers about `blocks` is what was recorded; undo records inside the window `kept..`.
pub(super) fn assert_recorded(history: &History, blocks: &[Arc<RecordedBlock>], kept: u64) {
    for expected in blocks {
        let number = expected.number();
        let block = history
            .block(number)
            .unwrap()
            .unwrap_or_else(|| panic!("block {number} is missing"));
        assert_eq!(block.block.transactions(), expected.block.transactions());
        assert_eq!(
            (&block.block, &block.transactions),
            (&expected.block, &expected.transactions)
        );
        assert_eq!(block.receipts, expected.receipts);
        assert_eq!(history.number_of(expected.hash()).unwrap(), Some(number));
        assert_eq!(
            history.bloom(number).unwrap(),
            Some(expected.block.header().logs_bloom)
        );
        for (index, transaction) in expected.transactions.iter().enumerate() {
            assert_eq!(
                history.locate(*transaction.tx_hash()).unwrap(),
                Some((number, index))
            );
        }
        let undo = (number >= kept).then(|| expected.undo.clone());
        assert_eq!(history.undo(number).unwrap(), undo, "undo of {number}");
    }
}
