//! Blocks. The first byte says whether the rest is an encoding, or the parts of a block that are then made to name each other.
#![no_main]

use alloy_consensus::Header;
use alloy_primitives::{Bytes, keccak256};
use alloy_rlp::Decodable as _;
use commonware_codec::{Copying, DecodeExt as _, Encode as _, EncodeSize as _};
use libfuzzer_sys::fuzz_target;
use trellis_fuzz::{Vectors, agree, evidence, join, split, write_seeds};
use trellis_primitives::{Block, Extension, header_template, transactions_root};

const ENCODING: u8 = 0;
const PARTS: u8 = 1;

/// A block of the parts, if they can be parts of one: what `transactions` splits into pieces is its body.
fn block(header: &[u8], extension: &[u8], rest: &[u8]) -> Option<Block> {
    let mut header = Header::decode(&mut &*header).unwrap_or_else(|_| header_template());
    let mut extension = Extension::decode(Copying(extension)).ok()?;
    let (access_list, body) = split(rest);
    let access_list = Bytes::copy_from_slice(access_list);
    extension.access_list_hash = keccak256(&access_list);
    agree(&mut header, &extension);
    let transactions: Vec<_> = body
        .split(|byte| *byte == 0)
        .map(Bytes::copy_from_slice)
        .collect();
    header.transactions_root = transactions_root(&transactions);
    Block::new(header, extension, transactions, access_list).ok()
}

fn seeds() -> Vec<Vec<u8>> {
    let evidence = evidence(&Vectors::read());
    let rest = join(b"access list", b"first\0second\0\0third");
    let parts = join(&evidence.header, &join(&evidence.extension, &rest));
    let made = block(&evidence.header, &evidence.extension, &rest)
        .unwrap()
        .encode();
    vec![
        [&[PARTS], parts.as_slice()].concat(),
        [&[ENCODING], &made[..]].concat(),
    ]
}

/// One encoding, and a size that is known before.
fn check(block: &Block) -> Bytes {
    let encoded = block.encode();
    assert_eq!(encoded.len(), block.encode_size());
    let decoded = Block::decode(encoded.clone()).unwrap();
    assert_eq!(decoded.hash(), block.hash());
    assert_eq!(decoded.header(), block.header());
    assert_eq!(decoded.extension(), block.extension());
    assert_eq!(decoded.transactions(), block.transactions());
    assert_eq!(decoded.access_list(), block.access_list());
    encoded.into()
}

fuzz_target!(init: write_seeds(seeds), |data: &[u8]| {
    match data.split_first() {
        Some((&PARTS, parts)) => {
            let (header, rest) = split(parts);
            let (extension, rest) = split(rest);
            if let Some(block) = block(header, extension, rest) {
                check(&block);
            }
        }
        Some((_, encoded)) => {
            if let Ok(block) = Block::decode(Copying(encoded)) {
                assert_eq!(check(&block), *encoded, "another encoding");
            }
        }
        None => {}
    }
});
