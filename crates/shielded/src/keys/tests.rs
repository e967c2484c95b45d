use super::*;
use crate::testing::{HERE, account, key};
use proptest::prelude::*;

#[test]
fn keys_are_told_apart_by_account_network_and_passphrase() {
    let phrase = Phrase::from_entropy(&[1; 32]);
    let derive = |passphrase, network, account| {
        SpendingKey::derive(&phrase, passphrase, Network(network), account)
    };
    let key = derive("", 1, 0);
    assert_eq!(key, derive("", 1, 0));
    for other in [derive("x", 1, 0), derive("", 2, 0), derive("", 1, 1)] {
        assert_ne!(key.element(), other.element());
        assert_ne!(key.full_viewing(), other.full_viewing());
    }
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?} {:?}", key(0), account(0));
    let visible = "SpendingKey { network: Network(7786), root: .. } FullViewingKey { nk: .., \
                   incoming: IncomingViewingKey { network: Network(7786), ivk: .., ek: .., dk: .. }, \
                   outgoing: OutgoingViewingKey { network: Network(7786), ovk: .. }, tagk: .. }";
    assert_eq!(printed, visible);
}

#[test]
fn every_key_is_read_from_its_text_and_no_other() {
    let (spending, full) = (key(0), account(0));
    let (incoming, outgoing) = (full.incoming(), full.outgoing());
    let texts = [
        spending.to_text(),
        full.to_text(),
        incoming.to_text(),
        outgoing.to_text(),
        Zeroizing::new(incoming.address(0).to_string()),
    ];
    assert_eq!(SpendingKey::parse(HERE, &texts[0]), Ok(spending));
    assert_eq!(FullViewingKey::parse(HERE, &texts[1]).as_ref(), Ok(&full));
    assert_eq!(
        IncomingViewingKey::parse(HERE, &texts[2]).as_ref(),
        Ok(incoming)
    );
    assert_eq!(
        OutgoingViewingKey::parse(HERE, &texts[3]).as_ref(),
        Ok(outgoing)
    );
    assert_eq!(Address::parse(HERE, &texts[4]), Ok(incoming.address(0)));
    let wrong_kind = |result: Option<TextError>| matches!(result, Some(TextError::Kind { .. }));
    for (kind, text) in texts.iter().enumerate() {
        let refused = [
            wrong_kind(SpendingKey::parse(HERE, text).err()),
            wrong_kind(FullViewingKey::parse(HERE, text).err()),
            wrong_kind(IncomingViewingKey::parse(HERE, text).err()),
            wrong_kind(OutgoingViewingKey::parse(HERE, text).err()),
            wrong_kind(Address::parse(HERE, text).err()),
        ];
        assert_eq!(refused, std::array::from_fn(|n| n != kind));
    }
}

#[test]
fn keys_that_are_not_canonical_are_refused() {
    let write = |parts: &[&[u8]]| text::write("payincoming", HERE, parts);
    let ivk = [0_u8; 32];
    let good = write(&[&ivk, &[1; 32], &ivk]);
    assert!(IncomingViewingKey::parse(HERE, &good).is_ok());
    let scalar = write(&[&ivk, &[0xff; 32], &ivk]);
    assert_eq!(
        IncomingViewingKey::parse(HERE, &scalar),
        Err(TextError::Scalar)
    );
    let zero = write(&[&ivk, &[0; 32], &ivk]);
    assert_eq!(
        IncomingViewingKey::parse(HERE, &zero),
        Err(TextError::Scalar)
    );
    let element = write(&[&[0xff; 32], &[1; 32], &ivk]);
    assert_eq!(
        IncomingViewingKey::parse(HERE, &element),
        Err(TextError::Element)
    );
}

#[test]
fn addresses_of_an_account_share_nothing() {
    let account = account(0);
    let data = |number| {
        let text = account.incoming().address(number).to_string();
        text::read::<75>("pay", HERE, &text).unwrap()
    };
    let (first, second) = (data(0), data(1));
    let runs = |bytes: &[u8; 75]| bytes.windows(4).map(<[u8]>::to_vec).collect::<Vec<_>>();
    assert!(runs(&first).iter().all(|run| !runs(&second).contains(run)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn an_account_knows_its_addresses(number: u64) {
        let account = account(0);
        let address = account.incoming().address(number);
        prop_assert_eq!(Address::parse(HERE, &address.to_string()), Ok(address));
        prop_assert_eq!(account.incoming().number(&address), Some(number.into()));
        prop_assert_eq!(crate::testing::account(1).incoming().number(&address), None);
    }
}
