use super::*;
use crate::testing::{Draft, Validators, module};
use commonware_codec::Encode as _;
use commonware_cryptography::keccak256::Digest as Keccak;

const NETWORK: u64 = 5;

fn draft() -> Draft {
    Draft::new(module(3), B256::repeat_byte(0x77))
}

/// What `validators` answer for a draft that they finalized as a block of module 3.
fn check(draft: &Draft) -> Result<FinalBlock, LightError> {
    let validators = Validators::new(1);
    let (header, extension) = draft.encoded();
    let finalization = validators.finalize(NETWORK, module(3), keccak256(&header));
    let network = validators.network(NETWORK);
    network.verify(module(3), &finalization, &header, &extension)
}

#[test]
fn a_final_block_says_what_it_says() {
    let draft = draft();
    let block = check(&draft).unwrap();
    assert_eq!(block.hash, draft.header.hash_slow());
    assert_eq!(block.header, draft.header);
    assert_eq!(block.extension, draft.extension);
}

/// MSG-1: what another network, another module or another key signed is nothing here.
#[test]
fn certificates_belong_to_one_module_of_one_network() {
    let (ours, theirs) = (Validators::new(1), Validators::new(2));
    let draft = draft();
    let (header, extension) = draft.encoded();
    let hash = keccak256(&header);
    let signed = |validators: &Validators, id, of| {
        let finalization = validators.finalize(id, module(of), hash);
        ours.network(NETWORK)
            .verify(module(3), &finalization, &header, &extension)
            .map(|block| block.hash)
    };
    assert_eq!(signed(&ours, NETWORK, 3), Ok(hash));
    assert_eq!(
        signed(&ours, NETWORK + 1, 3),
        Err(LightError::Certificate),
        "another network"
    );
    assert_eq!(
        signed(&ours, NETWORK, 2),
        Err(LightError::Certificate),
        "another module"
    );
    assert_eq!(
        signed(&theirs, NETWORK, 3),
        Err(LightError::Certificate),
        "another key"
    );
}

#[test]
fn a_block_is_of_the_module_that_was_asked_for() {
    let validators = Validators::new(1);
    let (header, extension) = draft().encoded();
    let finalization = validators.finalize(NETWORK, module(2), keccak256(&header));
    let found = validators
        .network(NETWORK)
        .verify(module(2), &finalization, &header, &extension);
    let (wanted, got) = (module(2), module(3));
    assert_eq!(found, Err(LightError::WrongModule { wanted, got }));
}

#[test]
fn every_bit_that_a_certificate_covers_counts() {
    let validators = Validators::new(1);
    let network = validators.network(NETWORK);
    let (header, extension) = draft().encoded();
    let finalization = validators.finalize(NETWORK, module(3), keccak256(&header));
    let verify = |finalization: &Finalization, header: &[u8], extension: &[u8]| {
        network
            .verify(module(3), finalization, header, extension)
            .map(|_| ())
    };
    assert_eq!(verify(&finalization, &header, &extension), Ok(()));
    for at in 0..header.len() {
        let mut altered = header.to_vec();
        altered[at] ^= 1;
        let found = verify(&finalization, &altered, &extension);
        assert_eq!(found, Err(LightError::HeaderNotNamed), "byte {at}");
    }
    for at in 0..extension.len() {
        let mut altered = extension.to_vec();
        altered[at] ^= 0x80;
        let found = verify(&finalization, &header, &altered);
        assert_eq!(found, Err(LightError::ExtensionNotNamed), "byte {at}");
    }
    // The round is signed too.
    let mut altered = finalization;
    altered.proposal.parent = altered.proposal.round.view();
    let found = verify(&altered, &header, &extension);
    assert_eq!(found, Err(LightError::Certificate));
}

/// A signature that is no point of the curve, or the wrong one, is a wrong signature and no panic.
#[test]
fn signatures_may_be_anything() {
    let validators = Validators::new(1);
    let (header, extension) = draft().encoded();
    let finalization = validators.finalize(NETWORK, module(3), keccak256(&header));
    let encoded = finalization.encode();
    assert!(encoded.len() <= FINALIZATION_BYTES_MAX);
    assert_eq!(encoded.len(), 83 + 2, "83 bytes as long as views are small");
    let signature = encoded.len() - 48;
    for (at, bit) in (signature..encoded.len()).flat_map(|at| [(at, 1), (at, 0x80)]) {
        let mut altered = encoded.to_vec();
        altered[at] ^= bit;
        let Ok(altered) = Finalization::decode(altered) else {
            continue;
        };
        let found = validators
            .network(NETWORK)
            .verify(module(3), &altered, &header, &extension);
        assert_eq!(found, Err(LightError::Certificate), "byte {at}");
    }
}

#[test]
fn headers_have_one_encoding() {
    let validators = Validators::new(1);
    let verify = |header: &[u8]| {
        let finalization = validators.finalize(NETWORK, module(3), keccak256(header));
        let (_, extension) = draft().encoded();
        validators
            .network(NETWORK)
            .verify(module(3), &finalization, header, &extension)
    };
    let (header, _) = draft().encoded();
    assert!(verify(&header).is_ok());
    let longer = [header.as_ref(), &[0]].concat();
    assert_eq!(verify(&longer), Err(LightError::Header));
    assert_eq!(verify(&header[..100]), Err(LightError::Header));
    assert_eq!(verify(&[]), Err(LightError::Header));
    assert_eq!(verify(&vec![0xf9; 1 << 20]), Err(LightError::Header));
    let mut large = draft();
    large.header.extra_data = vec![0; HEADER_BYTES_MAX].into();
    assert_eq!(verify(&large.encoded().0), Err(LightError::Header));
}

/// Nobody signs these; that they are refused even so keeps the one who reads the header and the one who reads the
/// extension from different beliefs.
#[test]
fn header_and_extension_agree() {
    type Change = (fn(&mut Draft), &'static str);
    let changes: [Change; 3] = [
        (|d| d.header.state_root.0[0] ^= 1, "stateRoot"),
        (|d| d.header.timestamp += 1, "timestamp"),
        (|d| d.header.parent_hash.0[0] ^= 1, "parentHash"),
    ];
    for (change, field) in changes {
        let mut draft = draft();
        change(&mut draft);
        assert_eq!(check(&draft), Err(LightError::Contradiction(field)));
    }
}

#[test]
fn the_extension_must_be_one() {
    let mut draft = draft();
    let encoded = [draft.extension.encode().as_ref(), &[0]].concat();
    draft.header.extra_data = extension_hash(&encoded).into();
    let validators = Validators::new(1);
    let (header, _) = draft.encoded();
    let finalization = validators.finalize(NETWORK, module(3), keccak256(&header));
    let network = validators.network(NETWORK);
    assert_eq!(
        network.verify(module(3), &finalization, &header, &encoded),
        Err(LightError::Encoding("header extension"))
    );
    assert_eq!(finalization.proposal.payload, Keccak(keccak256(&header).0));
}
