//! Proofs of accounts and slots: one encoding, and the walk over any proof ends.
#![no_main]

use alloy_primitives::{Address, U256};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use trellis_fuzz::{Vectors, evidence, write_seeds};
use trellis_light::StateProof;
use trellis_primitives::{Account, Extension, StateCommitment};

/// What is proven against: roots without preimages.
static STATE: LazyLock<StateCommitment> = LazyLock::new(|| {
    use commonware_codec::{Copying, DecodeExt as _};
    let extension = evidence(&Vectors::read()).extension;
    Extension::decode(Copying(&extension)).unwrap().state
});

/// The vectors have no proof of a state. Some number of zeros is one.
fn seeds() -> Vec<Vec<u8>> {
    (60..140).map(|length| vec![0; length]).collect()
}

fuzz_target!(init: write_seeds(seeds), |data: &[u8]| {
    let Ok(proof) = StateProof::from_bytes(data) else {
        return;
    };
    assert_eq!(proof.to_bytes(), *data, "another encoding");
    let address = Address::repeat_byte(1);
    assert!(proof.verify_account(&STATE, address, &Account::default()).is_err());
    assert!(proof.verify_slot(&STATE, address, U256::ZERO, U256::ZERO).is_err());
});
