use super::*;
use alloy_primitives::Address;
use commonware_codec::{Copying, DecodeExt as _};
use proptest::{collection::vec, prelude::*};
use trellis_light::NetworkKey;
use trellis_primitives::system::is_unsigned;

fn message(gas_limit: u64, payload: Vec<u8>) -> Message {
    Message {
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        value: U256::MAX,
        gas_limit,
        refund_to: Address::repeat_byte(3),
        payload: payload.into(),
    }
}

/// The call of an import whose proof is as long as one gets.
fn input(messages: &[Message]) -> Bytes {
    let call = abi::deliverCall {
        source: U256::from(63),
        first: u64::MAX,
        messages: messages.iter().map(abi_of).collect(),
        proof: vec![0xff; Evidence::ENCODE_SIZE_MAX].into(),
    };
    call.abi_encode().into()
}

/// Otherwise it could never be delivered, and would hold up all behind it.
#[test]
fn the_largest_message_fits_alone() {
    let largest = message(8_000_000, vec![0xff; 24_576]);
    assert_eq!(fitting([&largest]), 1);
    let alone = [largest];
    assert!(gas_limit(&input(&alone), &alone) <= GAS_MAX);
    let smallest_block = *trellis_primitives::limits::GAS_LIMIT_RANGE.start();
    assert!(gas_limit(&input(&alone), &alone) <= gas_max(smallest_block));
}

#[test]
fn no_more_fit_than_an_import_may_have() {
    let small = vec![message(21_000, Vec::new()); 100];
    assert_eq!(fitting(&small), MESSAGES_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What fits obeys every limit: a leader never makes an import that nobody accepts.
    #[test]
    fn what_fits_obeys_the_limits(
        messages in vec((21_000..=8_000_000_u64, 0..=24_576_usize, any::<u8>()), 1..80)
    ) {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(gas, size, byte)| message(gas, vec![byte; size]))
            .collect();
        let count = fitting(&messages);
        prop_assert!((1..=MESSAGES_MAX).contains(&count));
        let input = input(&messages[..count]);
        prop_assert!(gas_limit(&input, &messages[..count]) <= GAS_MAX);
        prop_assert!(input.len() + 200 <= TRANSACTION_BYTES_MAX);
    }

    /// NET-1: any input of an import is an error or an import, never a panic.
    #[test]
    fn junk_is_refused(junk in vec(any::<u8>(), 0..600), with_selector in any::<bool>()) {
        let mut input = junk;
        if with_selector && input.len() >= 4 {
            input[..4].copy_from_slice(&abi::deliverCall::SELECTOR);
        }
        let tx = TxLegacy { to: TxKind::Call(GATEWAY), input: input.into(), ..TxLegacy::default() };
        let envelope = TxEnvelope::from(tx.into_signed(NO_SIGNATURE));
        prop_assert!(is_unsigned(&envelope));
        prop_assert!(Import::decode(&envelope).is_err());
    }
}

#[test]
fn fixed_fields_are_fixed() {
    let base = TxLegacy {
        to: TxKind::Call(GATEWAY),
        ..TxLegacy::default()
    };
    for (tx, field) in [
        (
            TxLegacy {
                to: TxKind::Call(Address::ZERO),
                ..base.clone()
            },
            "to",
        ),
        (
            TxLegacy {
                value: U256::from(1),
                ..base.clone()
            },
            "value",
        ),
        (
            TxLegacy {
                gas_price: 1,
                ..base
            },
            "gasPrice",
        ),
    ] {
        let envelope = TxEnvelope::from(tx.into_signed(NO_SIGNATURE));
        let error = Import::decode(&envelope).unwrap_err();
        assert!(
            matches!(error, ImportError::Field(found) if found == field),
            "{error}"
        );
    }
}

/// NET-1: four thousand messages that all claim the same bytes are refused before any of them is read.
#[test]
fn messages_are_counted_before_they_are_decoded() {
    let mut call = input(&[message(21_000, vec![1; 100_000])]).to_vec();
    for count in [0_usize, MESSAGES_MAX + 1, 4_000, usize::MAX] {
        call[4 + 32 * 5 - 32..4 + 32 * 5].copy_from_slice(&U256::from(count).to_be_bytes::<32>());
        let tx = TxLegacy {
            to: TxKind::Call(GATEWAY),
            input: call.clone().into(),
            ..TxLegacy::default()
        };
        let error = Import::decode(&TxEnvelope::from(tx.into_signed(NO_SIGNATURE))).unwrap_err();
        assert!(
            matches!(error, ImportError::Count(got) if got == count),
            "{error}"
        );
    }
}

/// NET-1: a stranger's import may ask for any gas. What no transaction can offer is refused, and does not wrap to what one can.
#[test]
fn gas_beyond_all_numbers_is_refused() {
    for limits in [vec![u64::MAX], vec![u64::MAX / 2; 3]] {
        let messages: Vec<_> = limits.iter().map(|gas| message(*gas, Vec::new())).collect();
        let tx = TxLegacy {
            to: TxKind::Call(GATEWAY),
            gas_limit: GAS_MAX,
            input: input(&messages),
            ..TxLegacy::default()
        };
        let error = Import::decode(&TxEnvelope::from(tx.into_signed(NO_SIGNATURE))).unwrap_err();
        let expected = u64::MAX;
        assert!(
            matches!(error, ImportError::Gas { got: GAS_MAX, expected: found } if found == expected),
            "{error}"
        );
    }
}

/// MSG-1: a stranger's import may claim any sequence. Behind the last one there is no message.
#[test]
fn sequences_beyond_all_lanes_prove_nothing() {
    let vectors = include_str!("../../../light/vectors/evidence.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let bytes = |value: &serde_json::Value| hex::decode(&value.as_str().unwrap()[2..]).unwrap();
    let key = bytes(&vectors["networkKey"]);
    let network = Network::new(527_193, NetworkKey::decode(Copying(&key)).unwrap());
    let import = Import {
        source: ModuleId::HUB,
        first: u64::MAX,
        messages: vec![message(21_000, Vec::new()); 2],
        evidence: Evidence::from_bytes(&bytes(&vectors["cases"][0]["evidence"])).unwrap(),
    };
    let error = import.verify(&network, 527_193, ModuleId::new(2).unwrap(), |_| None);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("ends after the last message"), "{error}");
}
