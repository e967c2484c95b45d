//! The proving key on disk. It follows from the source, so its hash is pinned: what is read is what would be derived.

use super::tables::{Tabled, Tables};
use super::{Prover, VERIFYING_KEY_HASH, keys, prover};
use crate::field::F;
use crate::transfer::Transfer;
use midnight_proofs::plonk::{Circuit, ProvingKey};
use midnight_proofs::utils::SerdeFormat;
use midnight_zk_stdlib::MidnightCircuit;
use rand_08::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// SHA-256 of the proving key as it is kept on disk.
pub const PROVING_KEY_HASH: [u8; 32] = [
    0xa4, 0x22, 0xa6, 0x4f, 0xf6, 0x3d, 0x09, 0x7a, 0x0a, 0xda, 0xa7, 0x7b, 0xdd, 0xd1, 0xd7, 0xb6,
    0x01, 0xc0, 0x35, 0xf1, 0x8d, 0x38, 0x23, 0x0a, 0xdb, 0xf6, 0x6e, 0xd2, 0xd0, 0x92, 0x68, 0xc1,
];

/// Another encoding of the file is another version.
const VERSION: u32 = 3;
/// `id` of the circuit (payments.md, 10.1).
const CIRCUIT: u32 = 1;

/// Where the key is kept: a key of another circuit or encoding has another name.
fn path(directory: &Path) -> PathBuf {
    let fingerprint: String = VERIFYING_KEY_HASH[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    directory.join(format!(
        "circuit-{CIRCUIT}-{fingerprint}-v{VERSION}.proving"
    ))
}

/// The key, if the file holds exactly it.
pub(super) fn load(directory: &Path) -> Option<Prover> {
    decode(&fs::read(path(directory)).ok()?)
}

/// Writes the key so that no other process reads half of it.
pub(super) fn store(directory: &Path, prover: &Prover) -> io::Result<()> {
    let bytes = encode(prover)?;
    fs::create_dir_all(directory)?;
    let path = path(directory);
    let temporary = path.with_extension(format!("{:016x}.tmp", OsRng.next_u64()));
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        fs::remove_file(&temporary).ok();
    }
    written
}

/// Powers, their Lagrange form and tables of both, then the key, each in the library's raw encoding.
pub(super) fn encode(prover: &Prover) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    prover.tables.write(&mut bytes)?;
    prover.key.write(&mut bytes, SerdeFormat::RawBytes)?;
    Ok(bytes)
}

/// The library does not check what it reads here, nor does it need to: the hash says that this build would derive the same.
pub(super) fn decode(bytes: &[u8]) -> Option<Prover> {
    if <[u8; 32]>::from(Sha256::digest(bytes)) != PROVING_KEY_HASH {
        return None;
    }
    let mut rest = bytes;
    let tables = Tables::read(&mut rest).ok()?;
    let key = ProvingKey::<F, Tabled>::read::<_, MidnightCircuit<'_, Transfer>>(
        &mut rest,
        SerdeFormat::RawBytesUnchecked,
        prover::circuit(None).params(),
    );
    let key = key.ok()?;
    let pinned = rest.is_empty() && keys::is_identity(key.get_vk());
    pinned.then_some(Prover { tables, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Verifier;
    use crate::testing::payment;
    use std::time::Instant;

    fn files(directory: &Path) -> Vec<PathBuf> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    #[test]
    fn the_key_on_disk_is_the_derived_one() {
        let bytes = encode(&Prover::new().unwrap()).unwrap();
        let print: [u8; 32] = Sha256::digest(&bytes).into();
        let hex = print.map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(print, PROVING_KEY_HASH, "the proving key is now {hex}");
    }

    #[test]
    fn a_key_is_derived_once_and_then_read() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("not/there/yet");
        assert!(load(&directory).is_none());
        drop(Prover::cached(&directory).unwrap());
        assert_eq!(
            files(&directory),
            [path(&directory)],
            "and nothing beside it"
        );

        let start = Instant::now();
        let prover = load(&directory).unwrap();
        println!("read in {:?}", start.elapsed());
        let (instance, witness) = payment();
        let proof = prover.prove(&instance, witness).unwrap();
        assert_eq!(Verifier::new().unwrap().verify(&instance, &proof), Ok(()));
    }

    #[test]
    fn a_damaged_key_is_derived_again_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        drop(Prover::cached(directory).unwrap());
        let path = path(directory);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[1_000_000] ^= 1;
        let mut longer = whole.clone();
        longer.push(0);
        for damaged in [
            &flipped[..],
            &longer,
            &whole[..whole.len() - 1],
            b"",
            b"another file",
        ] {
            fs::write(&path, damaged).unwrap();
            assert!(load(directory).is_none());
        }
        drop(Prover::cached(directory).unwrap());
        assert!(fs::read(&path).unwrap() == whole);
        assert_eq!(files(directory), [path]);
    }

    #[test]
    fn where_nothing_can_be_written_a_key_is_derived() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(
            Prover::cached(file.path()).is_ok(),
            "a file is no directory"
        );
    }
}
