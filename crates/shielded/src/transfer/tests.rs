use super::*;
use crate::testing::{account, rng};
use crate::tree::{Path, Tree};
use crate::{ContactTag, Note};
use proptest::prelude::*;
use std::collections::HashSet;
use trellis_circuits::{Witness, field};

fn transfer(crossing: Crossing) -> Transfer {
    let rng = &mut rng(1);
    Transfer {
        circuit: TRANSFER_CIRCUIT,
        expiry: 1_000,
        anchor: F::from(5),
        nullifiers: [F::from(6), F::from(7)],
        fee: 8,
        crossing,
        outputs: std::array::from_fn(|_| Output::dummy(rng).0),
        memo: Memo::none(rng),
    }
}

fn proven(crossing: Crossing) -> ProvenTransfer {
    ProvenTransfer {
        transfer: transfer(crossing),
        proof: Proof::decode(&[3; PROOF_BYTES]).unwrap(),
    }
}

fn value(value: u128) -> NonZeroU128 {
    NonZeroU128::new(value).unwrap()
}

fn unshield(length: usize) -> Crossing {
    Crossing::Out {
        asset: 1,
        value: value(9),
        recipient: Account::repeat_byte(2),
        gas: 50_000,
        call: vec![4; length].into(),
    }
}

fn chain() -> Chain {
    Chain {
        chain_id: U256::from(77),
        module: 3,
        genesis: B256::repeat_byte(9),
    }
}

#[test]
fn the_domain_is_the_hash_of_its_name() {
    assert_eq!(CONTEXT, keccak256("trellis/payments/1/context"));
}

#[test]
fn sizes_are_those_of_the_specification() {
    let size = |crossing| proven(crossing).encode().len();
    assert_eq!((OUTPUT_BYTES, TRANSFER_BYTES), (274, 4_387));
    assert_eq!(size(Crossing::None), TRANSFER_BYTES);
    assert_eq!(size(unshield(CALL_MAX)), TRANSFER_BYTES_MAX);
}

#[test]
fn a_transfer_is_read_as_it_is_written_and_no_byte_more_or_less() {
    for crossing in [Crossing::None, unshield(0), unshield(100)] {
        let proven = proven(crossing);
        let mut bytes = proven.encode();
        assert_eq!(ProvenTransfer::decode(&bytes).as_ref(), Ok(&proven));
        for length in 0..bytes.len() {
            let short = ProvenTransfer::decode(&bytes[..length]);
            assert_eq!(short, Err(TransferError::Short), "{length}");
        }
        bytes.push(0);
        let more = ProvenTransfer::decode(&bytes);
        assert_eq!(more, Err(TransferError::Trailing(1)));
    }
}

#[test]
fn each_wrong_transfer_has_its_error() {
    let decode = |crossing, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = proven(crossing).encode();
        change(&mut bytes);
        ProvenTransfer::decode(&bytes).unwrap_err()
    };
    let none = || Crossing::None;
    assert_eq!(decode(none(), &|b| b[3] = 2), TransferError::Circuit(2));
    let elements = [
        (12, "the anchor"),
        (44, "nullifier 0"),
        (76, "nullifier 1"),
        (125, "commitment 0"),
        (125 + 274, "commitment 1"),
        (125 + 548, "commitment 2"),
    ];
    for (at, name) in elements {
        // Vulnerability class 5: the same number, encoded above the order.
        let order = field::encode(&-F::from(1));
        let alias = decode(none(), &|b| {
            b[at..at + 32].copy_from_slice(&order);
            b[at + 31] += 1;
        });
        assert_eq!(alias, TransferError::Element(name));
    }
    for kind in [1, 3] {
        let unknown = decode(none(), &|b| b[124] = kind);
        assert_eq!(unknown, TransferError::Crossing(kind));
    }
    let zero = decode(unshield(0), &|b| b[129..145].fill(0));
    assert_eq!(zero, TransferError::Zero);
    let long = decode(unshield(0), &|b| b[173..175].copy_from_slice(&[16, 1]));
    assert_eq!(long, TransferError::Call(4_097));
    let longer = proven(unshield(70_000)).encode();
    let longer = ProvenTransfer::decode(&longer);
    assert_eq!(longer, Err(TransferError::Call(65_535)));
}

/// PAY-3, and vulnerability classes 15 and 16.
#[test]
fn the_context_changes_with_everything_that_it_binds() {
    let changes: [fn(&mut Transfer); 8] = [
        |t| t.circuit += 1,
        |t| t.expiry += 1,
        |t| t.fee += 1,
        |t| t.crossing = Crossing::None,
        |t| t.outputs[0].outgoing[111] ^= 1,
        |t| t.outputs[2].contact_tag = ContactTag([0; 16]),
        |t| t.memo.0[527] ^= 1,
        |t| t.outputs.swap(0, 1),
    ];
    let crossings = (0..5).map(|field| {
        let (mut asset, mut paid, mut gas) = (1, 9, 50_000);
        let mut call = vec![4; 100];
        let mut recipient = Account::repeat_byte(2);
        match field {
            0 => asset += 1,
            1 => paid += 1,
            2 => gas += 1,
            3 => call[99] ^= 1,
            _ => recipient.0[0] ^= 1,
        }
        let (value, call) = (value(paid), call.into());
        Crossing::Out {
            asset,
            value,
            recipient,
            gas,
            call,
        }
    });
    let chains = [
        Chain {
            chain_id: U256::from(78),
            ..chain()
        },
        Chain {
            module: 4,
            ..chain()
        },
        Chain {
            genesis: B256::ZERO,
            ..chain()
        },
    ];
    let first = transfer(unshield(100));
    let encoded = |context: Context| field::encode(&context.element());
    let mut contexts = vec![encoded(first.context(&chain()))];
    for change in changes {
        let mut changed = first.clone();
        change(&mut changed);
        contexts.push(encoded(changed.context(&chain())));
    }
    contexts.extend(crossings.map(|c| encoded(transfer(c).context(&chain()))));
    contexts.extend(chains.map(|chain| encoded(first.context(&chain))));
    let different: HashSet<_> = contexts.iter().collect();
    assert_eq!(different.len(), contexts.len());
}

#[test]
fn outputs_are_read_one_by_one() {
    let address = account(0).incoming().address(0);
    let note = Note::new(&address, 0, 4, &mut rng(3));
    let tag = ContactTag([5; 16]);
    let (output, _) = Output::seal(&note, &address, None, tag, &mut rng(3)).unwrap();
    let mut bytes = Vec::new();
    output.encode(&mut bytes);
    let read = Output::decode(bytes[..].try_into().unwrap());
    assert_eq!(read, Ok(output));
    let wrong = Output::decode(&[0xff; OUTPUT_BYTES]);
    assert_eq!(wrong, Err(TransferError::Element("the commitment")));
}

/// Account 0 has 100 of asset 7 and 5 native coins, pays 60 of it, keeps 40, and pays a fee of 2 out of the coins.
#[test]
fn the_relation_accepts_what_a_wallet_makes() {
    let rng = &mut rng(4);
    let (spending, keys) = (crate::testing::key(0), account(0));
    let (own, payee) = (keys.incoming().address(0), account(1).incoming().address(0));
    let held = [(7, 100), (0, 5)].map(|(asset, value)| Note::new(&own, asset, value, rng));
    let mut tree = Tree::default();
    tree.append(F::from(1)).unwrap();
    let places = held
        .each_ref()
        .map(|n| tree.append_own(n.commitment()).unwrap());
    tree.append(F::from(2)).unwrap();
    let made = [(&payee, 7, 60), (&own, 7, 40), (&own, 0, 3)]
        .map(|(to, asset, value)| (to, Note::new(to, asset, value, rng)));
    let outputs = made.each_ref().map(|(to, note)| {
        let tag = ContactTag::random(rng);
        Output::seal(note, to, Some(keys.outgoing()), tag, rng)
            .unwrap()
            .0
    });
    let transfer = Transfer {
        anchor: tree.root(),
        nullifiers: [0, 1].map(|n| held[n].nullifier(&keys, places[n])),
        fee: 2,
        outputs,
        ..transfer(Crossing::None)
    };
    let inputs = [0, 1].map(|n| held[n].input(&tree.path(places[n]).unwrap()));
    let notes = made.each_ref().map(|(_, note)| note.output());
    let witness = Witness::new(spending.prover_key(), 7, inputs, notes);
    let instance = transfer.instance(&chain());
    assert_eq!(
        trellis_circuits::Transfer::check(&instance, &witness),
        Ok(())
    );
    let found = account(1).incoming().open(&transfer.outputs[0]);
    assert_eq!(found.unwrap().note, made[0].1);
}

#[test]
fn a_dummy_input_stands_for_none() {
    let rng = &mut rng(5);
    let keys = account(0);
    let own = keys.incoming().address(0);
    let (held, dummy) = (Note::new(&own, 0, 9, rng), Note::dummy(&keys, rng));
    let mut tree = Tree::default();
    let place = tree.append_own(held.commitment()).unwrap();
    let made = Note::new(&own, 0, 7, rng);
    let ((d0, i0), (d1, i1)) = (Output::dummy(rng), Output::dummy(rng));
    let tag = ContactTag::random(rng);
    let (output, _) = Output::seal(&made, &own, None, tag, rng).unwrap();
    let transfer = Transfer {
        anchor: tree.root(),
        nullifiers: [held.nullifier(&keys, place), dummy.nullifier(&keys, 0)],
        fee: 2,
        outputs: [output, d0, d1],
        ..transfer(Crossing::None)
    };
    let inputs = [
        held.input(&tree.path(place).unwrap()),
        dummy.input(&Path::none()),
    ];
    let dummy = trellis_circuits::Output::dummy;
    let notes = [made.output(), dummy(i0), dummy(i1)];
    let witness = Witness::new(crate::testing::key(0).prover_key(), 0, inputs, notes);
    let instance = transfer.instance(&chain());
    assert_eq!(
        trellis_circuits::Transfer::check(&instance, &witness),
        Ok(())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_is_another_transfer_or_none(place in 0_usize..4_500, bit in 0_u8..8) {
        let mut bytes = proven(unshield(64)).encode();
        bytes[place] ^= 1 << bit;
        if let Ok(read) = ProvenTransfer::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn junk_is_refused(junk: Vec<u8>) {
        prop_assert!(ProvenTransfer::decode(&junk).is_err());
    }
}
