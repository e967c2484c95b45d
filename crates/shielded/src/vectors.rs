//! The file in `vectors/`, which other implementations test themselves against.
//!
//! `TRELLIS_WRITE_VECTORS=1 cargo test -p trellis-shielded vectors` writes it; without it the test compares.

use crate::testing::{HERE, key, rng};
use crate::tree::Frontier;
use crate::{
    Chain, ContactTag, Crossing, FullViewingKey, Memo, Note, Output, PartialNote, PaymentRequest,
    Phrase, ProvenTransfer, SpendingKey, TRANSFER_CIRCUIT, Transfer, sender,
};
use alloy_primitives::{Address as Account, B256, U256, hex, keccak256};
use serde_json::{Value, json};
use std::{fs, num::NonZeroU128, path::PathBuf};
use trellis_circuits::{PROOF_BYTES, Proof, field, field::F};

/// Compares `value` with the file, or writes it.
fn settle(name: &str, value: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name);
    if std::env::var_os("TRELLIS_WRITE_VECTORS").is_some() {
        fs::write(path, format!("{value:#}\n")).unwrap();
    } else {
        // The order of keys says nothing.
        let recorded: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(recorded == *value, "{name} is stale");
    }
}

fn element(element: F) -> String {
    hex::encode_prefixed(field::encode(&element))
}

/// An account, a note to its address 5, and the output that carries it, paid by account 1.
struct Example {
    spending: SpendingKey,
    payee: FullViewingKey,
    payer: FullViewingKey,
    note: Note,
    output: Output,
}

impl Example {
    fn new() -> Self {
        let (spending, payer) = (key(0), key(1).full_viewing());
        let payee = spending.full_viewing();
        let address = payee.incoming().address(5);
        let note = Note::new(&address, 7, 1_000_000, &mut rng(1));
        let tag = payer.own_channel().tag(1);
        let from = Some(payer.outgoing());
        let (output, _) = Output::seal(&note, &address, from, tag, &mut rng(2)).unwrap();
        Self {
            spending,
            payee,
            payer,
            note,
            output,
        }
    }

    fn keys(&self) -> Value {
        let (full, incoming) = (&self.payee, self.payee.incoming());
        let tags = [1, 2].map(|n| hex::encode_prefixed(full.own_channel().tag(n).0));
        let addresses = [0, 1, 5].map(|number| {
            let address = incoming.address(number);
            json!({
                "number": number,
                "address": address.to_string(),
                "diversifier": hex::encode_prefixed(address.diversifier().0),
                "owner": element(address.owner()),
            })
        });
        json!({
            "phrase": *Phrase::from_entropy(&[7; 32]).words(),
            "passphrase": "",
            "network": HERE.0,
            "account": 0,
            "spendingKey": *self.spending.to_text(),
            "sk": element(self.spending.element()),
            "fullViewingKey": *full.to_text(),
            "incomingViewingKey": *incoming.to_text(),
            "outgoingViewingKey": *full.outgoing().to_text(),
            "addresses": addresses,
            "ownTags": tags,
        })
    }

    fn note(&self) -> Value {
        let (note, mut output) = (&self.note, Vec::new());
        self.output.encode(&mut output);
        let memo = Memo::seal("for the bicycle", note).unwrap();
        let partial = PartialNote::new(&self.payee.incoming().address(5), &mut rng(1));
        json!({
            "asset": note.asset(),
            "value": note.value().to_string(),
            "rseed": hex::encode_prefixed(note.rseed()),
            "randomness": element(note.randomness()),
            "inner": element(note.inner()),
            "commitment": element(note.commitment()),
            "nullifierAt9": element(note.nullifier(&self.payee, 9)),
            "partialInner": element(partial.inner()),
            "payerOutgoingViewingKey": *self.payer.outgoing().to_text(),
            "output": hex::encode_prefixed(output),
            "memo": "for the bicycle",
            "memoCiphertext": hex::encode_prefixed(memo.0),
        })
    }

    fn transfers(&self) -> Value {
        let chain = Chain {
            chain_id: U256::from(7_786),
            module: 3,
            genesis: B256::repeat_byte(9),
        };
        let value = NonZeroU128::new(u128::MAX).unwrap();
        let crossings = [
            Crossing::None,
            Crossing::Out {
                asset: 7,
                value,
                recipient: Account::repeat_byte(2),
                gas: 50_000,
                call: vec![0xc0, 0xff, 0xee].into(),
            },
        ];
        let entries = crossings.map(|crossing| {
            let transfer = self.transfer(crossing);
            let proof = Proof::decode(&[3; PROOF_BYTES]).unwrap();
            let (context, sender) = (transfer.context(&chain), sender(&transfer.nullifiers[0]));
            let proven = ProvenTransfer { transfer, proof };
            let (bytes, transaction) = (proven.encode(), proven.transaction(7_786));
            assert!(ProvenTransfer::decode(&bytes).is_ok());
            // Most of it is the output above and a proof of threes: the hash says whether it is made alike.
            json!({
                "context": element(context.element()),
                "sender": sender,
                "transactionHash": keccak256(transaction),
                "bytes": bytes.len(),
                "head": hex::encode_prefixed(&bytes[..184]),
                "keccak": keccak256(bytes),
            })
        });
        json!({ "chainId": 7_786, "module": 3, "genesis": chain.genesis, "transfers": entries })
    }

    fn transfer(&self, crossing: Crossing) -> Transfer {
        Transfer {
            circuit: TRANSFER_CIRCUIT,
            expiry: 1_200,
            anchor: F::from(5),
            nullifiers: [F::from(6), F::from(7)],
            fee: 1 << 70,
            crossing,
            outputs: std::array::from_fn(|_| self.output.clone()),
            memo: Memo([8; crate::MEMO_BYTES]),
        }
    }
}

#[test]
fn payments() {
    let example = Example::new();
    let mut frontier = Frontier::default();
    let roots: Vec<_> = (0..6)
        .map(|n| {
            let root = element(frontier.root());
            frontier.append(F::from(n + 1)).unwrap();
            root
        })
        .collect();
    let mut request = PaymentRequest::new(example.payee.incoming().address(0));
    request.amount = Some("1.5".parse().unwrap());
    request.memo = Some("table 4 & tip".into());
    let vectors = json!({
        "keys": example.keys(),
        "request": request.to_string(),
        "note": example.note(),
        "rootsOfOneTwoThree": roots,
        "frontierOfSix": hex::encode_prefixed(frontier.encode()),
        "wire": example.transfers(),
    });
    settle("payments.json", &vectors);
    assert_eq!(
        PaymentRequest::parse(HERE, vectors["request"].as_str().unwrap()),
        Ok(request)
    );
    reads(&vectors);
}

/// The recorded texts alone lead to the recorded note.
fn reads(vectors: &Value) {
    let text = |group: &str, name: &str| vectors[group][name].as_str().unwrap().to_owned();
    let output = hex::decode_to_array(text("note", "output")).unwrap();
    let output = Output::decode(&output).unwrap();
    let full = FullViewingKey::parse(HERE, &text("keys", "fullViewingKey")).unwrap();
    let received = full.incoming().open(&output).unwrap().note;
    assert_eq!(element(received.commitment()), text("note", "commitment"));
    let memo = hex::decode_to_array(text("note", "memoCiphertext")).unwrap();
    assert_eq!(Memo(memo).open(&received).unwrap(), text("note", "memo"));
    let payer = text("note", "payerOutgoingViewingKey");
    let payer = crate::OutgoingViewingKey::parse(HERE, &payer).unwrap();
    assert_eq!(payer.open(&output).unwrap().note, received);
    assert_ne!(output.contact_tag, ContactTag([0; 16]));
}
