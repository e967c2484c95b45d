//! The verifying key: shipped, pinned, and derived to compare (payments.md, 10.1).

use super::prover;
use super::tables::Tabled;
use crate::field::{self, F};
use crate::parameters::{Parameters, ParametersError};
use crate::transfer::Transfer;
use midnight_curves::Bls12;
use midnight_proofs::plonk::{Circuit, VerifyingKey};
use midnight_proofs::poly::commitment::PolynomialCommitmentScheme;
use midnight_proofs::poly::kzg::KZGCommitmentScheme;
use midnight_proofs::utils::SerdeFormat;
use midnight_zk_stdlib::{MidnightCircuit, MidnightVK, setup_vk};
use sha2::{Digest, Sha256};

/// SHA-256 of the verifying key (payments.md, 10.1).
pub const VERIFYING_KEY_HASH: [u8; 32] = [
    0xed, 0x4f, 0x09, 0x50, 0xf7, 0x0a, 0xd4, 0xc7, 0xf8, 0x8d, 0xad, 0x62, 0x67, 0x0f, 0x9f, 0x5e,
    0x2e, 0x8f, 0x97, 0x8f, 0x19, 0x1c, 0xc0, 0x31, 0x55, 0x73, 0x7d, 0x7b, 0x34, 0x1c, 0xa2, 0x3b,
];

/// What stands for the whole key in the transcript of a proof. The raw encoding holds commitments only; this is a hash of
/// them and of the gates, so that a library with other gates is noticed too.
const IDENTITY: [u8; 32] = [
    0x1e, 0x6b, 0xdb, 0x2f, 0xcb, 0x6d, 0x0c, 0x1a, 0x6c, 0x2b, 0xc9, 0x68, 0xb1, 0x85, 0x08, 0x6d,
    0xf0, 0x70, 0xe9, 0xc8, 0x42, 0xb5, 0x69, 0x07, 0x70, 0xc9, 0x7a, 0x7f, 0x61, 0xf4, 0x70, 0xb9,
];

/// What the standard library of circuits wraps.
pub(super) type LibraryKey = VerifyingKey<F, KZGCommitmentScheme<Bls12>>;

/// The key in the library's raw encoding. `write_the_verifying_key` of the tests makes the file.
static SHIPPED: &[u8] = include_bytes!("../../keys/transfer.verifying");

/// Why keys were not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The parameters are not the published ones.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// This build has another circuit than the one whose key is pinned: its proofs would convince nobody.
    #[error("the verifying key of this build is not the pinned one")]
    Fingerprint,
}

/// The shipped key.
pub(super) fn shipped() -> Result<MidnightVK, KeyError> {
    read(SHIPPED)
}

/// A key from its raw encoding, if it is the pinned one.
fn read(bytes: &[u8]) -> Result<MidnightVK, KeyError> {
    if <[u8; 32]>::from(Sha256::digest(bytes)) != VERIFYING_KEY_HASH {
        return Err(KeyError::Fingerprint);
    }
    let mut rest = bytes;
    let key = MidnightVK::read(&mut rest, SerdeFormat::RawBytes);
    let key = key.map_err(|_| KeyError::Fingerprint)?;
    if rest.is_empty() && is_pinned(&key) {
        Ok(key)
    } else {
        Err(KeyError::Fingerprint)
    }
}

/// The key as the relation and the parameters give it, if it is the pinned one.
pub(super) fn derived(parameters: &Parameters) -> Result<MidnightVK, KeyError> {
    let key = setup_vk(parameters.inner(), &Transfer);
    if fingerprint(&key) == Some(VERIFYING_KEY_HASH) && is_pinned(&key) {
        Ok(key)
    } else {
        Err(KeyError::Fingerprint)
    }
}

/// The same key for the prover's way to commit, which makes the same commitments.
pub(super) fn tabled(key: &MidnightVK) -> Result<VerifyingKey<F, Tabled>, KeyError> {
    let format = SerdeFormat::RawBytes;
    let mut bytes = Vec::new();
    let written = key.vk().write(&mut bytes, format);
    written.map_err(|_| KeyError::Fingerprint)?;
    let circuit = prover::circuit(None).params();
    VerifyingKey::read::<_, MidnightCircuit<'_, Transfer>>(&mut &bytes[..], format, circuit)
        .map_err(|_| KeyError::Fingerprint)
}

fn is_pinned(key: &MidnightVK) -> bool {
    is_identity(key.vk())
}

/// Whether commitments, gates and size are the pinned ones.
pub(super) fn is_identity<S: PolynomialCommitmentScheme<F>>(key: &VerifyingKey<F, S>) -> bool {
    field::encode(&key.transcript_repr()) == IDENTITY
}

/// SHA-256 of a verifying key in the library's raw encoding.
fn fingerprint(key: &MidnightVK) -> Option<[u8; 32]> {
    Some(Sha256::digest(encode(key)?).into())
}

fn encode(key: &MidnightVK) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    key.write(&mut bytes, SerdeFormat::RawBytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{Prover, ROWS_LOG2, Verifier};
    use midnight_proofs::poly::kzg::params::ParamsKZG;
    use rand_08::rngs::OsRng;

    fn hex(bytes: [u8; 32]) -> String {
        bytes.map(|byte| format!("{byte:02x}")).concat()
    }

    fn from_relation() -> MidnightVK {
        setup_vk(Parameters::ethereum(ROWS_LOG2).unwrap().inner(), &Transfer)
    }

    #[test]
    fn the_shipped_key_is_the_relation_s_every_time() {
        for key in [from_relation(), from_relation()] {
            let prints = [
                fingerprint(&key).unwrap(),
                field::encode(&key.vk().transcript_repr()),
            ];
            let pinned = [VERIFYING_KEY_HASH, IDENTITY];
            assert_eq!(
                prints,
                pinned,
                "the verifying key is now {:?}",
                prints.map(hex)
            );
            assert!(encode(&key).unwrap() == SHIPPED, "the file is another key");
        }
    }

    /// Run with `--ignored` to make the file anew when a new circuit is added; the pinned hash decides whether it is the right one.
    #[test]
    #[ignore = "writes the file"]
    fn write_the_verifying_key() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/keys/transfer.verifying");
        std::fs::write(path, encode(&from_relation()).unwrap()).unwrap();
    }

    #[test]
    fn another_file_is_refused() {
        let refused = |bytes: &[u8]| assert!(matches!(read(bytes), Err(KeyError::Fingerprint)));
        let mut changed = SHIPPED.to_vec();
        changed[SHIPPED.len() / 2] ^= 1;
        refused(&changed);
        refused(&SHIPPED[1..]);
        refused(&SHIPPED[..SHIPPED.len() - 1]);
        refused(&[]);
    }

    #[test]
    fn other_parameters_are_other_keys() {
        let toxic = ParamsKZG::<Bls12>::unsafe_setup(ROWS_LOG2, OsRng);
        let key = setup_vk(&toxic, &Transfer);
        assert_ne!(fingerprint(&key), Some(VERIFYING_KEY_HASH));
        assert!(!is_pinned(&key));
    }

    #[test]
    fn threads_share_one_verifier_and_one_prover() {
        fn shared<T: Send + Sync>() {}
        shared::<Verifier>();
        shared::<Prover>();
    }
}
