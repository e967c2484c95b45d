//! Logs of the gateway, and of contracts that imitate it.
#![no_main]

use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope};
use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256};
use alloy_sol_types::SolEvent;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use trellis_light::Message;
use trellis_messaging::gateway::{self, Stage, abi};
use trellis_primitives::system::GATEWAY;

const SIGNATURES: [B256; 5] = [
    abi::MessageSent::SIGNATURE_HASH,
    abi::MessageQueued::SIGNATURE_HASH,
    abi::MessageDelivered::SIGNATURE_HASH,
    abi::MessageFailed::SIGNATURE_HASH,
    abi::MessageRefunded::SIGNATURE_HASH,
];

#[derive(Arbitrary, Debug)]
enum Entry {
    /// Any topics and data.
    Any {
        imitated: bool,
        topics: Vec<Topic>,
        data: Vec<u8>,
    },
    /// `MessageSent` with any fields, in the encoding of the ABI.
    Sent {
        sender: Vec<u8>,
        recipient: Vec<u8>,
        payload: Vec<u8>,
        value: [u8; 32],
    },
    /// `MessageQueued` with any fields.
    Queued { lane: u16, sequence: u64, gas: u64 },
    /// Both, as the gateway writes them.
    Message {
        sender: [u8; 20],
        recipient: [u8; 20],
        chain: u64,
        payload: Vec<u8>,
        value: [u8; 32],
        lane: u8,
        sequence: u64,
        gas: u64,
    },
}

#[derive(Arbitrary, Debug)]
enum Topic {
    Signature(u8),
    Small(u8),
    Any([u8; 32]),
}

impl Topic {
    fn word(&self) -> B256 {
        match self {
            Self::Signature(n) => SIGNATURES[usize::from(*n) % SIGNATURES.len()],
            Self::Small(n) => U256::from(*n).into(),
            Self::Any(bytes) => bytes.into(),
        }
    }
}

fn log(event: &impl SolEvent) -> Log {
    Log {
        address: GATEWAY,
        data: event.encode_log_data(),
    }
}

fn sent(sender: Bytes, recipient: Bytes, payload: &[u8], value: U256) -> Log {
    log(&abi::MessageSent {
        sendId: B256::repeat_byte(1),
        sender,
        recipient,
        payload: payload.to_vec().into(),
        value,
        attributes: Vec::new(),
    })
}

fn queued(lane: u64, sequence: u64, gas: u64) -> Log {
    log(&abi::MessageQueued {
        id: B256::repeat_byte(1),
        lane: U256::from(lane),
        sequence,
        gasLimit: gas,
        refundTo: Address::repeat_byte(2),
    })
}

fn logs(entry: &Entry) -> Vec<Log> {
    match entry {
        Entry::Any {
            imitated,
            topics,
            data,
        } => {
            let topics = topics.iter().take(4).map(Topic::word).collect();
            let data = LogData::new_unchecked(topics, data.clone().into());
            let address = if *imitated { Address::ZERO } else { GATEWAY };
            vec![Log { address, data }]
        }
        Entry::Sent {
            sender,
            recipient,
            payload,
            value,
        } => {
            let (sender, recipient) = (sender.clone().into(), recipient.clone().into());
            vec![sent(
                sender,
                recipient,
                payload,
                U256::from_be_bytes(*value),
            )]
        }
        Entry::Queued {
            lane,
            sequence,
            gas,
        } => vec![queued(u64::from(*lane), *sequence, *gas)],
        Entry::Message {
            sender,
            recipient,
            chain,
            payload,
            value,
            lane,
            sequence,
            gas,
        } => {
            let account = |account: &[u8; 20]| gateway::interoperable(*chain, account.into());
            let value = U256::from_be_bytes(*value);
            let pair = [
                sent(account(sender), account(recipient), payload, value),
                queued(u64::from(lane % 65), *sequence, *gas),
            ];
            let message = Message {
                sender: sender.into(),
                recipient: recipient.into(),
                value,
                gas_limit: *gas,
                refund_to: Address::repeat_byte(2),
                payload: payload.clone().into(),
            };
            assert_eq!(gateway::message(&pair, 1), Some(message));
            assert_eq!(gateway::destination(&pair, 1), Some(*chain));
            pair.into()
        }
    }
}

fn receipt(entries: &[Entry]) -> ReceiptEnvelope {
    let logs = entries.iter().flat_map(logs).collect();
    let receipt = Receipt {
        status: Eip658Value::Eip658(true),
        cumulative_gas_used: 0,
        logs,
    };
    ReceiptEnvelope::Legacy(receipt.with_bloom())
}

fuzz_target!(|blocks: Vec<Vec<Entry>>| {
    let receipts: Vec<_> = blocks.iter().map(|entries| receipt(entries)).collect();
    for receipt in &receipts {
        for index in 0..=receipt.logs().len() {
            let _ = gateway::message(receipt.logs(), index);
            let _ = gateway::destination(receipt.logs(), index);
        }
    }
    let events = gateway::events(&receipts);
    for event in &events {
        let log = &receipts[event.transaction].logs()[event.log];
        assert_eq!(log.address, GATEWAY);
        assert_eq!(log.topics()[1], event.id);
        if let Stage::Sent { lane, .. } = event.stage {
            assert!(lane.index() <= 64);
        }
    }
    let lanes = trellis_messaging::Lanes::default().after(&events);
    let _ = lanes.root();
});
