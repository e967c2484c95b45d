//! From a certificate to a header extension. The hashes on this way would stop every change of the bytes, so the first byte
//! says which of them to set right.
#![no_main]

use alloy_consensus::Header;
use alloy_primitives::keccak256;
use alloy_rlp::Decodable as _;
use commonware_codec::{Copying, DecodeExt as _};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use trellis_fuzz::{Vectors, agree, evidence, extension_hash, join, split, write_seeds};
use trellis_light::{Evidence, Finalization};
use trellis_primitives::Extension;

static VECTORS: LazyLock<Vectors> = LazyLock::new(Vectors::read);
static GENUINE: LazyLock<Evidence> = LazyLock::new(|| evidence(&VECTORS));

/// The certificate names the header.
const NAME_HEADER: u8 = 1;
/// The header names the extension.
const NAME_EXTENSION: u8 = 2;
/// The header agrees with the extension.
const AGREE: u8 = 4;

fn seeds() -> Vec<Vec<u8>> {
    let parts = join(&GENUINE.header, &GENUINE.extension);
    (0..8)
        .map(|set| [&[set], parts.as_slice()].concat())
        .collect()
}

fn named(header: &[u8]) -> Finalization {
    let mut finalization = GENUINE.finalization.clone();
    finalization.proposal.payload.0 = keccak256(header).0;
    finalization
}

fuzz_target!(init: write_seeds(seeds), |data: &[u8]| {
    let Some((set, parts)) = data.split_first() else {
        return;
    };
    let (header, extension) = split(parts);
    let mut header = header.to_vec();
    if set & (NAME_EXTENSION | AGREE) != 0
        && let Ok(mut decoded) = Header::decode(&mut header.as_slice())
    {
        decoded.extra_data = extension_hash(extension);
        if set & AGREE != 0 && let Ok(extension) = Extension::decode(Copying(extension)) {
            agree(&mut decoded, &extension);
        }
        header = alloy_rlp::encode(&decoded);
    }
    let finalization = match set & NAME_HEADER {
        0 => GENUINE.finalization.clone(),
        _ => named(&header),
    };
    let verified = VECTORS.network.verify(VECTORS.source, &finalization, &header, extension);
    let genuine = GENUINE.header == header && GENUINE.extension == *extension;
    assert_eq!(verified.is_ok(), genuine, "{verified:?}");
});
