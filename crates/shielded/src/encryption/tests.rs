use super::*;
use crate::testing::{HERE, account, rng};
use proptest::prelude::*;

/// Account 1 pays address 5 of account 0.
fn payment(asset: u32, value: u128, seed: u64) -> (Note, Address, Output, Channel) {
    let rng = &mut rng(seed);
    let address = account(0).incoming().address(5);
    let note = Note::new(&address, asset, value, rng);
    let tag = ContactTag::random(rng);
    let (output, channel) =
        Output::seal(&note, &address, Some(account(1).outgoing()), tag, rng).unwrap();
    (note, address, output, channel)
}

#[test]
fn payee_and_payer_open_a_note_and_nobody_else() {
    let (note, address, output, channel) = payment(3, u128::MAX, 1);
    let received = account(0).incoming().open(&output).unwrap();
    assert_eq!((&received.note, &received.channel), (&note, &channel));
    let sent = account(1).outgoing().open(&output).unwrap();
    assert_eq!((&sent.note, sent.address), (&note, address));
    assert_eq!(sent.channel, channel);
    assert_eq!(account(1).incoming().open(&output), None);
    assert_eq!(account(0).outgoing().open(&output), None);
    assert_eq!(received.note.commitment(), output.commitment);
}

#[test]
fn many_outputs_open_as_each_of_them_does() {
    let key = account(0);
    let mut outputs: Vec<Output> = (0..9).map(|seed| payment(3, 9, seed).2).collect();
    outputs.extend((0..9).map(|seed| Output::dummy(&mut rng(seed)).0));
    outputs[4].epk = [0xff; 32];
    outputs[5].epk = [0; 32];
    outputs[6].note[0] ^= 1;
    outputs.rotate_left(3);
    let all: Vec<&Output> = outputs.iter().collect();
    let each: Vec<_> = all
        .iter()
        .map(|output| key.incoming().open(output))
        .collect();
    assert_eq!(each.iter().flatten().count(), 6);
    assert_eq!(key.incoming().open_all(&all), each);
    assert_eq!(key.incoming().open_all(&[]), []);
}

#[test]
fn keys_read_from_text_open_the_same() {
    let (note, _, output, _) = payment(3, 9, 1);
    let incoming = account(0).incoming().to_text();
    let incoming = IncomingViewingKey::parse(HERE, &incoming).unwrap();
    assert_eq!(incoming.open(&output).unwrap().note, note);
    let outgoing = account(1).outgoing().to_text();
    let outgoing = OutgoingViewingKey::parse(HERE, &outgoing).unwrap();
    assert_eq!(outgoing.open(&output).unwrap().note, note);
}

#[test]
fn without_an_outgoing_key_the_payer_cannot_prove_what_was_sent() {
    let (note, address, with, _) = payment(3, 9, 1);
    let tag = with.contact_tag;
    let (without, _) = Output::seal(&note, &address, None, tag, &mut rng(2)).unwrap();
    assert_eq!(account(1).outgoing().open(&without), None);
    assert!(account(0).incoming().open(&without).is_some());
}

/// Each field, byte for byte: the change is ignored, and a changed hint costs no note.
#[test]
fn a_changed_output_is_not_opened() {
    let (note, _, output, _) = payment(0, 9, 1);
    let change = |change: &dyn Fn(&mut Output)| {
        let mut changed = output.clone();
        change(&mut changed);
        let received = account(0).incoming().open(&changed);
        let sent = account(1).outgoing().open(&changed);
        (received.is_some(), sent.is_some())
    };
    assert_eq!(change(&|o| o.commitment += F::from(1)), (false, false));
    for n in 0..32 {
        assert_eq!(change(&|o| o.epk[n] ^= 4), (false, false), "epk {n}");
    }
    for n in 0..2 {
        assert_eq!(change(&|o| o.view_tag[n] ^= 1), (false, true));
    }
    for n in 0..16 {
        assert_eq!(change(&|o| o.contact_tag.0[n] ^= 1), (true, true));
    }
    for n in 0..NOTE_BYTES {
        assert_eq!(change(&|o| o.note[n] ^= 1), (false, false), "note {n}");
    }
    for n in 0..OUTGOING_BYTES {
        assert_eq!(change(&|o| o.outgoing[n] ^= 1), (true, false));
    }
    assert_eq!(change(&|o| o.epk = [0; 32]), (false, false), "the identity");
    assert_eq!(change(&|o| o.commitment = note.inner()), (false, false));
}

/// A payer who follows the rules in everything but one: vulnerability class 8.
#[test]
fn what_does_not_follow_from_the_note_is_refused() {
    let (note, address, honest, _) = payment(0, 9, 1);
    let seal = |note: &Note, cm: F, esk: Scalar, version: u8| {
        let exchange = Exchange {
            epk: (esk * note.diversifier().base()).compress().to_bytes(),
            shared: Zeroizing::new((esk * address.point()).compress().to_bytes()),
        };
        let (asset, value) = (note.asset().to_be_bytes(), note.value().to_be_bytes());
        let d = note.diversifier();
        let parts: [&[u8]; 5] = [&[version], &asset, &value, &d.0, note.rseed()];
        let sealed = aead::seal(&exchange.note_key(&cm), &parts);
        Output {
            commitment: cm,
            epk: exchange.epk,
            view_tag: exchange.view_tag(),
            note: sealed,
            ..honest.clone()
        }
    };
    let opens = |output: &Output| account(0).incoming().open(output).is_some();
    let esk = ephemeral_key(note.rseed(), &field::encode(&note.owner()));
    let cm = note.commitment();
    assert!(opens(&seal(&note, cm, esk, 1)));
    assert!(!opens(&seal(&note, cm, esk, 2)), "another version");
    assert!(
        !opens(&seal(&note, cm, esk + Scalar::ONE, 1)),
        "another key"
    );
    assert!(
        !opens(&seal(&note, hash::commitment(note.inner(), 0, 8), esk, 1)),
        "less than it says"
    );
    let rseed = *note.rseed();
    let richer = Note::from_parts(0, 10, note.diversifier(), note.owner(), rseed);
    assert!(
        !opens(&seal(&richer, cm, esk, 1)),
        "more than it commits to"
    );
}

#[test]
fn a_note_is_sealed_to_its_address() {
    let (note, address, output, _) = payment(0, 9, 1);
    let seal = |note: &Note, to: &Address| {
        Output::seal(note, to, None, output.contact_tag, &mut rng(1)).map(|_| ())
    };
    let other = account(0).incoming().address(6);
    assert_eq!(seal(&note, &other), Err(SealError::OtherAddress));
    let finished = crate::PartialNote::new(&address, &mut rng(1)).finish(0, 9);
    assert_eq!(seal(&finished, &address), Err(SealError::Finished));
    let phrase = crate::Phrase::from_entropy(&[7; 32]);
    let elsewhere = crate::SpendingKey::derive(&phrase, "", crate::Network(1), 0).full_viewing();
    let from = Some(elsewhere.outgoing());
    let sealed = Output::seal(&note, &address, from, output.contact_tag, &mut rng(1));
    assert_eq!(sealed.map(|_| ()), Err(SealError::Network));
}

#[test]
fn a_scan_finds_every_note_of_an_account() {
    let mut outputs: Vec<_> = (0..10).map(|n| Output::dummy(&mut rng(n)).0).collect();
    for place in [2, 7] {
        outputs[place] = payment(0, place as u128, 100 + place as u64).2;
    }
    let (payee, payer) = (account(0), account(1));
    let found = payee.incoming().scan(&outputs);
    let found: Vec<_> = found.map(|(n, r)| (n, r.note.value())).collect();
    assert_eq!(found, [(2, 2), (7, 7)]);
    let found = payer.outgoing().scan(&outputs);
    let found: Vec<_> = found.map(|(n, s)| (n, s.note.value())).collect();
    assert_eq!(found, [(2, 2), (7, 7)]);
    assert_eq!(payer.incoming().scan(&outputs).count(), 0);
}

#[test]
fn a_dummy_commits_to_nothing_under_its_inner_commitment() {
    let (output, inner) = Output::dummy(&mut rng(1));
    assert_eq!(crate::finish(inner, 0, 0), output.commitment);
    assert!(CompressedRistretto(output.epk).decompress().is_some());
    assert_ne!(Output::dummy(&mut rng(2)).0, output);
}

#[test]
fn the_channel_of_a_first_note_finds_the_second() {
    let (_, address, first, channel) = payment(0, 1, 1);
    let theirs = account(0).incoming().open(&first).unwrap().channel;
    let note = Note::new(&address, 0, 2, &mut rng(2));
    let tag = channel.tag(1);
    let (second, _) = Output::seal(&note, &address, None, tag, &mut rng(2)).unwrap();
    let window = crate::Window::new(theirs, 0);
    let found = window.tags().find(|(_, tag)| *tag == second.contact_tag);
    assert_eq!(found.map(|(number, _)| number), Some(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_amount_arrives(asset: u32, value: u128, seed: u64) {
        let (note, _, output, _) = payment(asset, value, seed);
        let received = account(0).incoming().open(&output).map(|r| r.note);
        prop_assert_eq!(received.as_ref(), Some(&note));
        let sent = account(1).outgoing().open(&output).map(|s| s.note);
        prop_assert_eq!(sent.as_ref(), Some(&note));
    }

    #[test]
    fn junk_is_ignored(epk: [u8; 32], view_tag: [u8; 2], seed: u64) {
        let (dummy, _) = Output::dummy(&mut rng(seed));
        let junk = Output { epk, view_tag, ..dummy };
        prop_assert_eq!(account(0).incoming().open(&junk), None);
        prop_assert_eq!(account(0).outgoing().open(&junk), None);
    }
}

/// `cargo test -p trellis-shielded --release measure -- --ignored --nocapture`
#[test]
#[ignore = "measures"]
fn measure() {
    let outputs: Vec<_> = (0..100).map(|n| Output::dummy(&mut rng(n)).0).collect();
    let key = account(0);
    let start = std::time::Instant::now();
    let rounds = 100;
    let found: usize = (0..rounds)
        .map(|_| key.incoming().scan(&outputs).count())
        .sum();
    let took = start.elapsed() / (rounds * 100);
    println!("trial of an output: {took:?}, {found} found");
}
