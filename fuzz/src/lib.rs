//! What the targets share: the vectors of the light client, which are their seeds, and blocks that name their own parts.

use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, hex, keccak256};
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use serde_json::Value;
use std::{fs, path::PathBuf};
use trellis_light::{Evidence, Message, Network, NetworkKey, tree::Lane};
use trellis_primitives::{Extension, ModuleId};

/// Writes the seeds of a target into the folder that `TRELLIS_FUZZ_SEEDS` names.
pub fn write_seeds(seeds: impl FnOnce() -> Vec<Vec<u8>>) {
    let Some(folder) = std::env::var_os("TRELLIS_FUZZ_SEEDS").map(PathBuf::from) else {
        return;
    };
    fs::create_dir_all(&folder).unwrap();
    for (index, seed) in seeds().into_iter().enumerate() {
        fs::write(folder.join(format!("vector-{index}")), seed).unwrap();
    }
}

/// One case of `vectors/evidence.json`.
pub struct Case {
    /// Sequence of the first message.
    pub first: u64,
    pub messages: Vec<Message>,
    pub ids: Vec<B256>,
    /// Its encoding.
    pub evidence: Vec<u8>,
    /// Encodings that differ from it and prove nothing.
    pub refused: Vec<Vec<u8>>,
}

/// `vectors/evidence.json`.
pub struct Vectors {
    pub network: Network,
    pub source: ModuleId,
    pub destination: ModuleId,
    /// First chain id of the network.
    pub first_chain: u64,
    pub cases: Vec<Case>,
}

impl Vectors {
    pub fn lane(&self) -> Lane {
        Lane::from(self.destination)
    }

    pub fn read() -> Self {
        let text = include_str!("../../crates/light/vectors/evidence.json");
        let file: Value = serde_json::from_str(text).unwrap();
        let module = |name: &str| ModuleId::new(number(&file[name]) as u32).unwrap();
        let key = NetworkKey::decode(Copying(&bytes(&file["networkKey"]))).unwrap();
        Self {
            network: Network::new(number(&file["networkId"]), key),
            source: module("source"),
            destination: module("lane"),
            first_chain: number(&file["sourceChain"]),
            cases: list(&file["cases"], case),
        }
    }
}

fn case(value: &Value) -> Case {
    Case {
        first: number(&value["first"]),
        messages: list(&value["messages"], message),
        ids: list(&value["ids"], |id| text(id).parse().unwrap()),
        evidence: bytes(&value["evidence"]),
        refused: list(&value["refused"], |refused| bytes(&refused["evidence"])),
    }
}

fn message(value: &Value) -> Message {
    Message {
        sender: text(&value["sender"]).parse().unwrap(),
        recipient: text(&value["recipient"]).parse().unwrap(),
        value: text(&value["value"]).parse().unwrap(),
        gas_limit: number(&value["gasLimit"]),
        refund_to: text(&value["refundTo"]).parse().unwrap(),
        payload: bytes(&value["payload"]).into(),
    }
}

fn list<T>(value: &Value, item: impl FnMut(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(item).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

/// A header and its extension as one input: `uint16 length of the header ‖ header ‖ extension`.
pub fn join(header: &[u8], extension: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap();
    [length.to_be_bytes().as_slice(), header, extension].concat()
}

/// The parts of [`join`], of any bytes.
pub fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return (data, &[]);
    };
    rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()))
}

/// What a header names an extension by.
pub fn extension_hash(extension: &[u8]) -> Bytes {
    keccak256([b"trellis/extension", extension].concat()).into()
}

/// Makes a header say what its extension says.
pub fn agree(header: &mut Header, extension: &Extension) {
    header.state_root = extension.state.root();
    header.timestamp = extension.timestamp_ms / 1000;
    header.parent_hash = extension.context.parent.1.0.into();
    header.extra_data = extension_hash(&extension.encode());
}

/// Evidence of the first case.
pub fn evidence(vectors: &Vectors) -> Evidence {
    Evidence::from_bytes(&vectors.cases[0].evidence).unwrap()
}
