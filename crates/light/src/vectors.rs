//! The files in `vectors/`, which other implementations test themselves against (`wasm/`, the contracts).
//!
//! `TRELLIS_WRITE_VECTORS=1 cargo test -p trellis-light vectors` writes them; without it the tests compare.

use crate::{
    Evidence, Message, Network, NetworkKey, namespace,
    testing::{FIRST_CHAIN, Sent, Validators, module},
    tree::{Lane, Lanes, Tree},
};
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use commonware_codec::{DecodeExt as _, Encode as _};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use trellis_primitives::ModuleId;

const NETWORK: u64 = 527_193;

/// Compares `value` with the file, or writes it.
fn settle(name: &str, value: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name);
    if std::env::var_os("TRELLIS_WRITE_VECTORS").is_some() {
        fs::write(path, format!("{value:#}\n")).unwrap();
    } else {
        // The order of keys says nothing.
        let recorded: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(recorded == *value, "{name} is stale");
    }
}

fn message(message: &Message) -> Value {
    json!({
        "sender": message.sender,
        "recipient": message.recipient,
        "value": message.value.to_string(),
        "gasLimit": message.gas_limit,
        "refundTo": message.refund_to,
        "payload": message.payload,
    })
}

fn read_message(value: &Value) -> Message {
    let text = |name: &str| value[name].as_str().unwrap();
    Message {
        sender: text("sender").parse().unwrap(),
        recipient: text("recipient").parse().unwrap(),
        value: text("value").parse().unwrap(),
        gas_limit: value["gasLimit"].as_u64().unwrap(),
        refund_to: text("refundTo").parse().unwrap(),
        payload: text("payload").parse().unwrap(),
    }
}

#[test]
fn messages() {
    let extreme = Message {
        sender: Address::repeat_byte(0xff),
        recipient: Address::ZERO,
        value: U256::MAX,
        gas_limit: 8_000_000,
        refund_to: Address::repeat_byte(0x01),
        payload: vec![0xab; 100].into(),
    };
    let entry = |sent: &Message, source: u64, destination: u64, sequence: u64| {
        json!({
            "sourceChain": source,
            "destinationChain": destination,
            "sequence": sequence.to_string(),
            "message": message(sent),
            "id": sent.id(source, destination, sequence),
        })
    };
    let sent = Sent::new(3);
    let entries = json!([
        entry(&Message::default(), 1, 2, 0),
        entry(&extreme, FIRST_CHAIN, 1, u64::MAX),
        entry(&sent.messages[1], FIRST_CHAIN, FIRST_CHAIN + 2, 1),
        entry(&sent.messages[2], FIRST_CHAIN, FIRST_CHAIN + 2, 2),
    ]);
    settle("messages.json", &entries);
    for entry in entries.as_array().unwrap() {
        let number = |name: &str| entry[name].as_u64().unwrap();
        let sequence = entry["sequence"].as_str().unwrap().parse().unwrap();
        let id = read_message(&entry["message"]).id(
            number("sourceChain"),
            number("destinationChain"),
            sequence,
        );
        assert_eq!(json!(id), entry["id"]);
    }
}

/// Roots, commitments and proofs of a lane whose message `i` has the id `keccak(uint64 i)`.
#[test]
fn outbox() {
    let id = |n: u64| keccak256(n.to_be_bytes());
    let mut tree = Tree::default();
    (0..100).for_each(|n| tree.push(id(n)));
    let proofs = [
        (0, 1, 1),
        (0, 1, 2),
        (6, 7, 7),
        (2, 5, 7),
        (40, 60, 100),
        (99, 100, 100),
    ];
    let proofs = proofs.map(|(first, end, count)| {
        let frontier = tree.frontier_at(count).unwrap();
        let mut lanes = Lanes::default();
        lanes.set(Lane::from(module(1)), B256::repeat_byte(1));
        lanes.set(Lane::from(module(2)), frontier.commitment());
        json!({
            "lane": 2,
            "first": first,
            "ids": (first..end).map(id).collect::<Vec<_>>(),
            "count": count,
            "range": tree.range_proof(first..end, count).unwrap(),
            "root": frontier.root(),
            "commitment": frontier.commitment(),
            "path": lanes.path(Lane::from(module(2))),
            "outbox": lanes.root(),
        })
    });
    settle("outbox.json", &json!(proofs));
}

/// A name and a way to spoil evidence.
type Spoiled = (&'static str, fn(&mut Evidence));

const SPOILED: [Spoiled; 6] = [
    ("header", |e| flip(&mut e.header)),
    ("extension", |e| flip(&mut e.extension)),
    ("count", |e| e.count += 1),
    ("range", |e| e.range[0].0[0] ^= 1),
    ("path", |e| e.path[3].0[0] ^= 1),
    ("certificate", |e| {
        e.finalization.proposal.parent = e.finalization.proposal.round.view();
    }),
];

fn flip(bytes: &mut Bytes) {
    let mut altered = bytes.to_vec();
    altered[64] ^= 1;
    *bytes = altered.into();
}

#[test]
fn evidence() {
    let (sent, validators) = (Sent::new(100), Validators::new(1));
    let network = validators.network(NETWORK);
    let cases = [0..1, 40..60, 36..100].map(|range| {
        let evidence = sent.evidence(&validators, NETWORK, range.clone());
        let ids = sent.ids(range.clone());
        // One is enough to spoil.
        let spoiled = SPOILED.iter().filter(|_| range.start == 40);
        let refused = spoiled.map(|(name, spoil)| {
            let mut altered = evidence.clone();
            spoil(&mut altered);
            let found = altered.verify(&network, Sent::SOURCE, Sent::lane(), range.start, ids);
            let error = found.unwrap_err().to_string();
            json!({ "altered": name, "evidence": altered.to_bytes(), "error": error })
        });
        let messages = &sent.messages[range.start as usize..range.end as usize];
        json!({
            "first": range.start,
            "messages": messages.iter().map(message).collect::<Vec<_>>(),
            "ids": ids,
            "evidence": evidence.to_bytes(),
            "block": keccak256(&evidence.header),
            "outbox": sent.lanes.root(),
            "refused": refused.collect::<Vec<_>>(),
        })
    });
    let file = json!({
        "networkId": NETWORK,
        "networkKey": hex::encode_prefixed(network.key.encode()),
        "source": Sent::SOURCE.index(),
        "lane": Sent::lane().index(),
        "sourceChain": FIRST_CHAIN,
        "destinationChain": FIRST_CHAIN + 2,
        "cases": cases,
    });
    settle("evidence.json", &file);
    check_evidence(&file);
}

/// Reads the file as another implementation would.
fn check_evidence(file: &Value) {
    let number = |value: &Value| value.as_u64().unwrap();
    let index = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let key = NetworkKey::decode(bytes(&file["networkKey"])).unwrap();
    let network = Network::new(number(&file["networkId"]), key);
    let source = ModuleId::new(index(&file["source"])).unwrap();
    let lane = Lane::new(index(&file["lane"])).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let first = number(&case["first"]);
        let messages = case["messages"].as_array().unwrap().iter();
        let ids: Vec<_> = (first..)
            .zip(messages)
            .map(|(sequence, message)| {
                let (from, to) = (
                    number(&file["sourceChain"]),
                    number(&file["destinationChain"]),
                );
                read_message(message).id(from, to, sequence)
            })
            .collect();
        assert_eq!(json!(ids), case["ids"]);
        let verify = |encoded: &Value| {
            let evidence = Evidence::from_bytes(&bytes(encoded))?;
            evidence.verify(&network, source, lane, first, &ids)
        };
        assert_eq!(
            json!(verify(&case["evidence"]).unwrap().hash),
            case["block"]
        );
        for refused in case["refused"].as_array().unwrap() {
            let error = verify(&refused["evidence"]).unwrap_err();
            assert_eq!(json!(error.to_string()), refused["error"]);
        }
    }
}

/// EIP-2537: a coordinate is 64 bytes with 16 zeros before it; the real part of a pair comes first.
fn eip2537(coordinates: &[&[u8]]) -> Bytes {
    let padded = coordinates.iter().flat_map(|c| [&[0; 16], *c].concat());
    padded.collect::<Vec<_>>().into()
}

fn g1(point: &[u8; 96]) -> Bytes {
    eip2537(&[&point[..48], &point[48..]])
}

/// The serialization puts the imaginary part first.
fn g2(point: &[u8; 192]) -> Bytes {
    eip2537(&[&point[48..96], &point[..48], &point[144..], &point[96..144]])
}

/// What a contract needs to check a certificate with the precompiles of EIP-2537.
#[test]
fn eip2537_points() {
    const DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    let (sent, validators) = (Sent::new(100), Validators::new(1));
    let network = validators.network(NETWORK);
    let finalization = sent.evidence(&validators, NETWORK, 0..1).finalization;
    let namespace = [namespace(NETWORK, 0), b"_FINALIZE".to_vec()].concat();
    let length = u8::try_from(namespace.len()).unwrap();
    let signed = [
        &[length],
        namespace.as_slice(),
        &finalization.proposal.encode(),
    ]
    .concat();

    let key = blst::min_sig::PublicKey::uncompress(&network.key.encode()).unwrap();
    let encoded = finalization.certificate.encode();
    let signature = blst::min_sig::Signature::uncompress(&encoded).unwrap();
    let checked = signature.verify(true, &signed, DST, &[], &key, true);
    assert_eq!(checked, blst::BLST_ERROR::BLST_SUCCESS);
    // Any signature by the key 1 is the hash of the message.
    let mut one = [0; 32];
    one[31] = 1;
    let one = blst::min_sig::SecretKey::from_bytes(&one).unwrap();
    let hashed = one.sign(&signed, DST, &[]);
    let file = json!({
        "networkId": NETWORK,
        "module": 0,
        "dst": std::str::from_utf8(DST).unwrap(),
        "block": B256::from(finalization.proposal.payload.0),
        "finalization": hex::encode_prefixed(finalization.encode()),
        "proposal": hex::encode_prefixed(finalization.proposal.encode()),
        "signedMessage": hex::encode_prefixed(&signed),
        "networkKey": hex::encode_prefixed(network.key.encode()),
        "networkKeyG2": g2(&key.serialize()),
        "signature": hex::encode_prefixed(&encoded),
        "signatureG1": g1(&signature.serialize()),
        "messageG1": g1(&hashed.serialize()),
        "negativeGeneratorG2": g2(&negative_generator()),
    });
    settle("eip2537.json", &file);
}

/// `e(signature, -G2) · e(H(message), key) = 1` is what the pairing precompile is asked.
fn negative_generator() -> [u8; 192] {
    let mut one = [0; 32];
    one[31] = 1;
    let one = blst::min_sig::SecretKey::from_bytes(&one).unwrap();
    let mut compressed = one.sk_to_pk().compress();
    compressed[0] ^= 0x20;
    blst::min_sig::PublicKey::uncompress(&compressed)
        .unwrap()
        .serialize()
}
