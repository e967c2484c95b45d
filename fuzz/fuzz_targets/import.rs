//! Imports. The first byte says whether the rest is the input of a transaction, or what to make an import of.
#![no_main]

use alloy_consensus::{SignableTransaction as _, Transaction as _, TxEnvelope, TxLegacy};
use alloy_eips::eip2718::{Decodable2718 as _, Encodable2718 as _};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use trellis_fuzz::{Vectors, evidence, write_seeds};
use trellis_light::{Evidence, Message};
use trellis_messaging::{Import, ImportError, import};
use trellis_primitives::{ModuleId, limits::HEADER_BYTES_MAX, system::GATEWAY};

static VECTORS: LazyLock<Vectors> = LazyLock::new(Vectors::read);
static GENUINE: LazyLock<Evidence> = LazyLock::new(|| evidence(&VECTORS));

const INPUT: u8 = 0;
const CHAIN: u64 = 527_195;

fn seeds() -> Vec<Vec<u8>> {
    let made = VECTORS.cases.iter().map(|case| {
        let import = Import {
            source: VECTORS.source,
            first: case.first,
            messages: case.messages.clone(),
            evidence: Evidence::from_bytes(&case.evidence).unwrap(),
        };
        let (tx, _) = import.transaction(CHAIN, 0);
        [&[INPUT], &tx.input()[..]].concat()
    });
    made.chain((0..4).map(|n| vec![1 + n; 4_000])).collect()
}

fn transaction(input: &[u8], gas_limit: u64) -> TxEnvelope {
    let tx = TxLegacy {
        chain_id: Some(CHAIN),
        gas_limit,
        to: TxKind::Call(GATEWAY),
        input: Bytes::copy_from_slice(input),
        ..TxLegacy::default()
    };
    let signature = Signature::new(U256::ZERO, U256::ZERO, false);
    tx.into_signed(signature).into()
}

/// Decodes an import with the gas limit that it needs.
fn decode(input: &[u8]) -> Result<Import, ImportError> {
    match Import::decode(&transaction(input, 0)) {
        Err(ImportError::Gas { expected, .. }) => Import::decode(&transaction(input, expected)),
        answer => answer,
    }
}

fn any_input(input: &[u8]) {
    let Ok(import) = decode(input) else {
        return;
    };
    let (tx, _) = import.transaction(CHAIN, 7);
    assert_eq!(tx.input().as_ref(), input, "another encoding");
    verify(&import);
}

/// Only what the network signed verifies.
fn verify(import: &Import) {
    let answer = import.verify(
        &VECTORS.network,
        VECTORS.first_chain,
        VECTORS.destination,
        |_| None,
    );
    let real = VECTORS.cases.iter().any(|case| {
        let messages = (case.first, &case.messages) == (import.first, &import.messages);
        let module = import.source == VECTORS.source;
        module && messages && import.evidence.to_bytes() == case.evidence
    });
    assert_eq!(answer.is_ok(), real, "{answer:?}");
}

#[derive(Arbitrary, Debug)]
struct Any {
    source: u8,
    first: u64,
    nonce: u64,
    messages: Vec<AnyMessage>,
    header: Option<Vec<u8>>,
    extension: Option<Vec<u8>>,
    count: u64,
    range: Vec<[u8; 2]>,
}

#[derive(Arbitrary, Debug)]
struct AnyMessage {
    sender: [u8; 20],
    recipient: [u8; 20],
    value: [u8; 32],
    gas_limit: u64,
    refund_to: [u8; 20],
    payload: Vec<u8>,
}

impl Any {
    fn import(self) -> Import {
        let mut evidence = GENUINE.clone();
        if let Some(mut header) = self.header {
            header.truncate(HEADER_BYTES_MAX);
            evidence.header = header.into();
        }
        if let Some(mut extension) = self.extension {
            extension.truncate(trellis_primitives::Extension::ENCODE_SIZE_MAX);
            evidence.extension = extension.into();
        }
        evidence.count = self.count;
        let hashes = self.range.iter().take(128);
        evidence.range = hashes
            .map(|bytes| B256::right_padding_from(bytes))
            .collect();
        let messages = self.messages.into_iter().take(import::MESSAGES_MAX);
        Import {
            source: ModuleId::new(u32::from(self.source) % 64).unwrap(),
            first: self.first,
            messages: messages.map(AnyMessage::message).collect(),
            evidence,
        }
    }
}

impl AnyMessage {
    fn message(self) -> Message {
        Message {
            sender: Address::from(self.sender),
            recipient: Address::from(self.recipient),
            value: U256::from_be_bytes(self.value),
            gas_limit: self.gas_limit,
            refund_to: Address::from(self.refund_to),
            payload: self.payload.into(),
        }
    }
}

fn round_trip(any: Any) {
    let nonce = any.nonce;
    let import = any.import();
    if import.messages.is_empty() {
        return;
    }
    let (tx, encoded) = import.transaction(CHAIN, nonce);
    let read = TxEnvelope::decode_2718_exact(&encoded).unwrap();
    assert_eq!(read, *tx.inner());
    assert_eq!(read.encoded_2718(), encoded);
    assert!(import::is_import(&read));
    let decoded = Import::decode(&read).unwrap();
    assert_eq!(decoded.source, import.source);
    assert_eq!(decoded.first, import.first);
    assert_eq!(decoded.messages, import.messages);
    assert_eq!(decoded.evidence, import.evidence);
    verify(&decoded);
}

fuzz_target!(init: write_seeds(seeds), |data: &[u8]| {
    match data.split_first() {
        Some((&INPUT, input)) => any_input(input),
        Some((_, rest)) => {
            if let Ok(any) = Any::arbitrary_take_rest(Unstructured::new(rest)) {
                round_trip(any);
            }
        }
        None => {}
    }
});
