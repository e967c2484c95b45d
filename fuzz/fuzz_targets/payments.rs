//! What strangers send of private payments: transfers, texts, what goes with a shield, the edge of the tree, logs.
#![no_main]

use alloy_primitives::B256;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use trellis_shielded::{
    FullViewingKey, IncomingViewingKey, Memo, Network, OutgoingViewingKey, Output, PaymentRequest,
    Phrase, ProvenTransfer, Sealed, SpendingKey, pool, tree::Frontier,
};

#[derive(Arbitrary, Debug)]
enum Input {
    Transfer(Vec<u8>),
    Transaction {
        input: Vec<u8>,
        price: u64,
        gas: u64,
    },
    Text(String),
    Sealed(Vec<u8>),
    Frontier(Vec<u8>),
    Log {
        signature: u8,
        topics: Vec<[u8; 32]>,
        data: Vec<u8>,
    },
    Output(Vec<u8>),
}

const HERE: Network = Network(7786);

fn texts(text: &str) {
    let _ = SpendingKey::parse(HERE, text);
    let _ = FullViewingKey::parse(HERE, text);
    let _ = IncomingViewingKey::parse(HERE, text);
    let _ = OutgoingViewingKey::parse(HERE, text);
    let _ = Phrase::parse(text);
    if let Ok(request) = PaymentRequest::parse(HERE, text) {
        let again = PaymentRequest::parse(HERE, &request.to_string());
        assert_eq!(again.as_ref(), Ok(&request), "{request}");
    }
}

fn open(output: &Output) {
    let phrase = Phrase::from_entropy(&[7; 32]);
    let keys = SpendingKey::derive(&phrase, "", HERE, 0).full_viewing();
    assert!(keys.incoming().open(output).is_none());
    assert!(keys.outgoing().open(output).is_none());
}

fuzz_target!(|input: Input| match input {
    Input::Transfer(bytes) => {
        if let Ok(proven) = ProvenTransfer::decode(&bytes) {
            assert_eq!(proven.encode(), bytes, "another encoding");
        }
    }
    Input::Transaction { input, price, gas } => {
        if let Ok(proven) = ProvenTransfer::of_transaction(&input, u128::from(price), gas) {
            assert_eq!(proven.input().as_ref(), input, "another encoding");
        }
    }
    Input::Text(text) => texts(&text),
    Input::Sealed(bytes) => {
        if let Ok(sealed) = Sealed::decode(5.into(), &bytes) {
            assert_eq!(sealed.encode(), bytes, "another encoding");
            open(sealed.output());
            let Memo(_) = sealed.memo();
        }
    }
    Input::Frontier(bytes) => {
        if let Ok(mut frontier) = Frontier::decode(&bytes) {
            assert_eq!(frontier.encode(), bytes, "another encoding");
            let size = frontier.size();
            if frontier.append(1.into()).is_ok() {
                assert_eq!(frontier.size(), size + 1);
                let _ = frontier.root();
            }
        }
    }
    Input::Log {
        signature,
        topics,
        data,
    } => {
        use alloy_sol_types::SolEvent as _;
        let known = [
            pool::abi::Shielded::SIGNATURE_HASH,
            pool::abi::Transferred::SIGNATURE_HASH,
            pool::abi::Appended::SIGNATURE_HASH,
        ];
        let first = known.get(usize::from(signature)).copied();
        let topics: Vec<B256> = first
            .into_iter()
            .chain(topics.into_iter().map(B256::from))
            .collect();
        if let Some(event) = pool::Event::read(&topics, &data) {
            assert!(event.leaves().count() <= 3);
        }
    }
    Input::Output(bytes) => {
        if let Some(bytes) = bytes.first_chunk()
            && let Ok(output) = Output::decode(bytes)
        {
            open(&output);
        }
    }
});
