use super::*;
use serde_json::{Value, json};
use trellis_shielded::tree::Tree;

const NETWORK: u64 = 7786;
/// Node checks the transfer of the vector, and makes another.
const VECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/payment.json");

fn phrase() -> String {
    Phrase::from_entropy(&[7; 32]).words().to_string()
}

fn keys(account: u32) -> FullViewingKey {
    let phrase = Phrase::from_entropy(&[7; 32]);
    SpendingKey::derive(&phrase, "", Network(NETWORK), account).full_viewing()
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn chain() -> Vec<u8> {
    let chain_id = U256::from(77).to_be_bytes::<32>();
    [&chain_id[..], &3_u32.to_be_bytes(), &[9; 32]].concat()
}

/// 100 of asset 7 and 5 native coins among strangers' notes, encrypted to account 0.
fn held() -> (F, Vec<(Vec<u8>, Path)>) {
    let random = &mut Random::new(&[1; 32]);
    let own = keys(0).incoming().address(0);
    let mut tree = Tree::default();
    tree.append(F::from(1)).unwrap();
    let outputs = [(7, 100), (0, 5)].map(|(asset, value)| {
        let note = Note::new(&own, asset, value, random);
        let tag = ContactTag::random(random);
        let (output, _) = Output::seal(&note, &own, None, tag, random).unwrap();
        let position = tree.append_own(output.commitment).unwrap();
        (output, position)
    });
    tree.append(F::from(2)).unwrap();
    let inputs = outputs.map(|(output, position)| {
        let mut bytes = Vec::new();
        output.encode(&mut bytes);
        (bytes, tree.path(position).unwrap())
    });
    (tree.root(), inputs.into())
}

/// 60 of asset 7 to account 1, the rest back, and a fee of 2.
fn question(change: u128) -> Vec<u8> {
    let (anchor, inputs) = held();
    let mut question = [&[5; 32][..], &NETWORK.to_be_bytes(), &0_u32.to_be_bytes()].concat();
    question.extend(text(&phrase()));
    question.extend(chain());
    question.extend(1_000_u64.to_be_bytes());
    question.extend(2_u128.to_be_bytes());
    question.extend(trellis_circuits::field::encode(&anchor));
    question.push(2);
    for (output, path) in inputs {
        question.extend(output);
        question.extend(path.position.to_be_bytes());
        let siblings = path.siblings.iter();
        question.extend(siblings.flat_map(trellis_circuits::field::encode));
    }
    question.push(3);
    let (own, payee) = (keys(0).incoming().address(0), keys(1).incoming().address(0));
    for (to, asset, value) in [(payee, 7_u32, 60_u128), (own, 7, change), (own, 0, 3)] {
        question.extend(asset.to_be_bytes());
        question.extend(value.to_be_bytes());
        question.extend(text(&to.to_string()));
    }
    question.extend(text("for lunch"));
    question
}

#[test]
fn an_address_is_the_phrase_s() {
    let mut question = [NETWORK.to_be_bytes().as_slice(), &1_u32.to_be_bytes()].concat();
    question.extend(9_u64.to_be_bytes());
    question.extend(text(&phrase()));
    assert_eq!(
        address(&question).unwrap(),
        keys(1).incoming().address(9).to_string()
    );
    question.push(0);
    assert!(matches!(address(&question), Err(Refused::Question)));
}

#[test]
fn a_payment_is_proven_and_its_payee_finds_it() {
    let bytes = pay(&question(40)).unwrap();
    let paid = ProvenTransfer::decode(&bytes).unwrap().transfer;
    let found = keys(1).incoming().open(&paid.outputs[0]).unwrap().note;
    assert_eq!((found.asset(), found.value()), (7, 60));
    assert_eq!(paid.memo.open(&found).as_deref(), Some("for lunch"));
    verify(&[chain(), bytes.clone()].concat()).unwrap();
    let mut elsewhere = chain();
    elsewhere[31] ^= 1;
    let refused = verify(&[elsewhere, bytes].concat());
    assert!(matches!(refused, Err(Refused::Invalid(_))));
}

#[test]
fn what_does_not_hold_is_refused() {
    assert!(matches!(
        pay(&question(41)),
        Err(Refused::Prove(ProveError::Broken(_)))
    ));
    let mut short = question(40);
    short.pop();
    assert!(matches!(pay(&short), Err(Refused::Question)));
    let mut other = question(40);
    other[43] = 1;
    assert!(
        matches!(pay(&other), Err(Refused::NotOwn(0))),
        "another account"
    );
    assert!(matches!(pay(&[]), Err(Refused::Question)));
}

/// The same question for Node, and a transfer that answers it.
fn vector(transfer: &[u8]) -> Value {
    let (anchor, inputs) = held();
    let element = |element: &F| hex::encode(trellis_circuits::field::encode(element));
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(output, path)| {
            json!({
                "output": hex::encode(output),
                "position": path.position,
                "siblings": path.siblings.iter().map(element).collect::<Vec<_>>(),
            })
        })
        .collect();
    let (own, payee) = (keys(0).incoming().address(0), keys(1).incoming().address(0));
    let outputs = [(payee, 7, 60), (own, 7, 40), (own, 0, 3)].map(
        |(to, asset, value)| json!({ "asset": asset, "value": value, "address": to.to_string() }),
    );
    json!({
        "network": NETWORK,
        "phrase": phrase(),
        "payee": payee.to_string(),
        "payment": {
            "chain": { "chainId": 77, "module": 3, "genesis": hex::encode([9; 32]) },
            "expiry": 1_000,
            "fee": 2,
            "anchor": element(&anchor),
            "inputs": inputs,
            "outputs": outputs,
            "memo": "for lunch",
        },
        "transfer": hex::encode(transfer),
    })
}

#[test]
#[ignore = "writes the file that Node reads"]
fn write_the_vector() {
    let vector = vector(&pay(&question(40)).unwrap());
    std::fs::write(VECTOR, format!("{vector:#}\n")).unwrap();
}

#[test]
fn the_vector_is_of_this_code() {
    let read: Value = serde_json::from_str(&std::fs::read_to_string(VECTOR).unwrap()).unwrap();
    let transfer = hex::decode(read["transfer"].as_str().unwrap()).unwrap();
    assert_eq!(read, vector(&transfer));
    verify(&[chain(), transfer].concat()).unwrap();
}

/// `TRELLIS_TRANSFER` names a file with a transfer that was proven in WebAssembly.
#[test]
#[ignore = "needs a transfer of Node"]
fn what_node_proved_is_right() {
    let path = std::env::var("TRELLIS_TRANSFER").unwrap();
    let transfer = hex::decode(std::fs::read_to_string(path).unwrap()).unwrap();
    verify(&[chain(), transfer].concat()).unwrap();
}
