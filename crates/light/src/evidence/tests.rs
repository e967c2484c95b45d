use super::*;
use crate::{
    testing::{FIRST_CHAIN, Sent, Validators, module},
    tree::ProofError,
};
use proptest::prelude::*;

const NETWORK: u64 = 5;

/// Messages 40 to 59 of 100, and who finalized them.
fn sample() -> (Sent, Validators, Evidence) {
    let (sent, validators) = (Sent::new(100), Validators::new(1));
    let evidence = sent.evidence(&validators, NETWORK, 40..60);
    (sent, validators, evidence)
}

#[test]
fn sent_messages_are_proven() {
    let (sent, validators, evidence) = sample();
    let network = validators.network(NETWORK);
    let chains = (FIRST_CHAIN, FIRST_CHAIN + 2);
    let messages = (40..).zip(&sent.messages[40..60]);
    let ids: Vec<_> = messages
        .map(|(sequence, message)| message.id(chains.0, chains.1, sequence))
        .collect();
    let block = evidence
        .verify(&network, Sent::SOURCE, Sent::lane(), 40, &ids)
        .unwrap();
    assert_eq!(block.extension.outbox, sent.lanes.root());
    assert_eq!(
        evidence.verify_messages_only(&block, Sent::lane(), 40, &ids),
        Ok(())
    );
}

#[test]
fn each_part_has_an_error_of_its_own() {
    let (sent, validators, evidence) = sample();
    let network = validators.network(NETWORK);
    let ids = sent.ids(40..60);
    let known = evidence
        .verify(&network, Sent::SOURCE, Sent::lane(), 40, ids)
        .unwrap();
    let check = |change: fn(&mut Evidence), error: LightError| {
        let mut altered = evidence.clone();
        change(&mut altered);
        let found = altered.verify(&network, Sent::SOURCE, Sent::lane(), 40, ids);
        assert_eq!(found.as_ref(), Err(&error));
        let found = altered.verify_messages_only(&known, Sent::lane(), 40, ids);
        assert!(found == Err(error) || found == Err(LightError::OtherBlock));
    };
    check(
        |e| e.header = [&e.header[..], &[0]].concat().into(),
        LightError::HeaderNotNamed,
    );
    check(
        |e| e.extension = e.extension.slice(1..),
        LightError::ExtensionNotNamed,
    );
    check(|e| e.count += 1, LightError::NotInOutbox);
    check(|e| e.count = 59, ProofError::OutOfRange.into());
    check(|e| e.range[0].0[0] ^= 1, LightError::NotInOutbox);
    check(|e| e.range.truncate(1), ProofError::TooShort.into());
    check(|e| e.range.push(B256::ZERO), ProofError::TooLong.into());
    check(|e| e.path[6].0[31] ^= 1, LightError::NotInOutbox);
    check(
        |e| e.finalization.proposal.parent = e.finalization.proposal.round.view(),
        LightError::Certificate,
    );
}

#[test]
fn the_question_counts() {
    let (sent, validators, evidence) = sample();
    let ours = validators.network(NETWORK);
    let ids = sent.ids(40..60);
    let ask = |network: &Network, source, lane, first, ids: &[B256]| {
        evidence
            .verify(network, source, lane, first, ids)
            .map(|_| ())
    };
    let (source, lane) = (Sent::SOURCE, Sent::lane());
    assert_eq!(ask(&ours, source, lane, 40, ids), Ok(()));
    let other = validators.network(NETWORK + 1);
    assert_eq!(
        ask(&other, source, lane, 40, ids),
        Err(LightError::Certificate)
    );
    let stranger = Validators::new(2).network(NETWORK);
    assert_eq!(
        ask(&stranger, source, lane, 40, ids),
        Err(LightError::Certificate)
    );
    let (wanted, got) = (module(1), source);
    assert_eq!(
        ask(&ours, wanted, lane, 40, ids),
        Err(LightError::WrongModule { wanted, got })
    );
    for lane in [module(1).into(), module(3).into(), Lane::OUTSIDE] {
        let found = ask(&ours, source, lane, 40, ids);
        assert_eq!(found, Err(LightError::NotInOutbox), "{lane:?}");
    }
    let mut altered = ids.to_vec();
    altered[7].0[0] ^= 1;
    assert_eq!(
        ask(&ours, source, lane, 40, &altered),
        Err(LightError::NotInOutbox)
    );
    altered = ids.to_vec();
    altered.swap(0, 1);
    assert_eq!(
        ask(&ours, source, lane, 40, &altered),
        Err(LightError::NotInOutbox)
    );
    assert_eq!(
        ask(&ours, source, lane, 40, &[]),
        Err(ProofError::Empty.into())
    );
    assert!(ask(&ours, source, lane, 41, ids).is_err());
    assert!(ask(&ours, source, lane, 40, &ids[1..]).is_err());
}

/// EXE-2: a node that knows the block must not accept a certificate that others refuse.
#[test]
fn a_known_block_does_not_excuse_a_wrong_certificate() {
    let (sent, validators, evidence) = sample();
    let network = validators.network(NETWORK);
    let ids = sent.ids(40..60);
    let known = evidence
        .verify(&network, Sent::SOURCE, Sent::lane(), 40, ids)
        .unwrap();
    let mut forged = evidence;
    forged.finalization = Validators::new(2).finalize(NETWORK, Sent::SOURCE, known.hash);
    assert_eq!(
        forged.verify_messages_only(&known, Sent::lane(), 40, ids),
        Err(LightError::OtherBlock)
    );
    assert_eq!(
        forged.verify(&network, Sent::SOURCE, Sent::lane(), 40, ids),
        Err(LightError::Certificate)
    );
}

/// docs/spec/messages.md, 6.1.
#[test]
fn the_encoding_is_the_specified_one() {
    let (_, _, evidence) = sample();
    let finalization = evidence.finalization.encode();
    let varint = |n: usize| match u8::try_from(n) {
        Ok(n) if n < 0x80 => vec![n],
        _ => vec![(n & 0x7f) as u8 | 0x80, (n >> 7) as u8],
    };
    let mut wanted = varint(finalization.len());
    wanted.extend_from_slice(&finalization);
    wanted.extend(varint(evidence.header.len()));
    wanted.extend_from_slice(&evidence.header);
    wanted.extend(varint(evidence.extension.len()));
    wanted.extend_from_slice(&evidence.extension);
    wanted.extend_from_slice(&100_u64.to_be_bytes());
    wanted.extend(varint(evidence.range.len()));
    wanted.extend(evidence.range.iter().flat_map(|hash| hash.0));
    wanted.extend(evidence.path.iter().flat_map(|hash| hash.0));
    let encoded = evidence.to_bytes();
    assert_eq!(encoded, wanted);
    assert_eq!(Evidence::from_bytes(&encoded), Ok(evidence));
}

#[test]
fn lengths_have_limits() {
    let (_, _, evidence) = sample();
    let refused = Err(LightError::Encoding("evidence"));
    let decoded = |evidence: &Evidence| Evidence::from_bytes(&evidence.to_bytes());
    let mut largest = evidence;
    largest.header = vec![0; HEADER_BYTES_MAX].into();
    largest.extension = vec![0; Extension::ENCODE_SIZE_MAX].into();
    largest.range = vec![B256::ZERO; RANGE_HASHES_MAX];
    assert!(largest.to_bytes().len() <= Evidence::ENCODE_SIZE_MAX);
    assert_eq!(decoded(&largest).as_ref(), Ok(&largest));
    let changes: [fn(&mut Evidence); 3] = [
        |e| e.header = vec![0; HEADER_BYTES_MAX + 1].into(),
        |e| e.extension = vec![0; Extension::ENCODE_SIZE_MAX + 1].into(),
        |e| e.range.push(B256::ZERO),
    ];
    for change in changes {
        let mut larger = largest.clone();
        change(&mut larger);
        assert_eq!(decoded(&larger), refused);
    }
    let encoded = largest.to_bytes();
    assert_eq!(
        Evidence::from_bytes(&[encoded.as_ref(), &[0]].concat()),
        refused
    );
    for length in 0..encoded.len() {
        assert_eq!(Evidence::from_bytes(&encoded[..length]), refused);
    }
    // A claimed length is no reason to allocate.
    assert_eq!(
        Evidence::from_bytes(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
        refused
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_the_only_encoding(bytes in any::<Vec<u8>>()) {
        if let Ok(evidence) = Evidence::from_bytes(&bytes) {
            prop_assert_eq!(evidence.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_is_never_believed(
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let (sent, validators, evidence) = sample();
        let mut bytes = evidence.to_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(altered) = Evidence::from_bytes(&bytes) {
            prop_assert_eq!(altered.to_bytes(), bytes);
            let network = validators.network(NETWORK);
            let found = altered.verify(&network, Sent::SOURCE, Sent::lane(), 40, sent.ids(40..60));
            prop_assert!(found.is_err(), "byte {}", at);
        }
    }
}

/// `cargo test --release -p trellis-light -- --ignored --nocapture`: what a node pays for an import.
#[test]
#[ignore = "measures, and says nothing in a debug build"]
fn time_to_verify() {
    let (sent, validators) = (Sent::new(1_000_000), Validators::new(1));
    let network = validators.network(NETWORK);
    for range in [0..1, 500_000..500_064, 500_000..500_100] {
        let evidence = sent.evidence(&validators, NETWORK, range.clone());
        let bytes = evidence.to_bytes();
        let (lane, first, ids) = (Sent::lane(), range.start, sent.ids(range));
        let known = evidence
            .verify(&network, Sent::SOURCE, lane, first, ids)
            .unwrap();
        let time = |name: &str, check: &dyn Fn() -> bool| {
            // The fastest of ten: what else the machine does is not measured.
            let batch = || {
                let start = std::time::Instant::now();
                assert!((0..20).all(|_| check()));
                start.elapsed() / 20
            };
            let each = (0..10).map(|_| batch()).min().unwrap_or_default();
            println!(
                "{} messages, {} bytes, {name}: {each:?}",
                ids.len(),
                bytes.len()
            );
        };
        time("from bytes, with the pairing", &|| {
            let evidence = Evidence::from_bytes(&bytes).unwrap();
            evidence
                .verify(&network, Sent::SOURCE, lane, first, ids)
                .is_ok()
        });
        time("of a known block", &|| {
            evidence
                .verify_messages_only(&known, lane, first, ids)
                .is_ok()
        });
        time("decoding", &|| Evidence::from_bytes(&bytes).is_ok());
    }
}
