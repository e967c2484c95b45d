use super::*;
use crate::testing::{Draft, any_block};
use alloy_primitives::hex;
use commonware_codec::{Decode as _, DecodeExt as _, Encode as _};
use proptest::{collection::vec, prelude::*};

fn decode(bytes: impl Into<bytes::Bytes>) -> Result<Block, Error> {
    Block::decode(bytes.into())
}

/// Encodes parts that need not belong together, as a dishonest peer could.
fn encode_parts(header: &[u8], extension: &Extension, transactions: &[Bytes]) -> Vec<u8> {
    let mut out = Vec::new();
    header.to_vec().write(&mut out);
    extension.write(&mut out);
    Draft::sample().access_list.0.write(&mut out);
    transactions.len().write(&mut out);
    for transaction in transactions {
        transaction.0.write(&mut out);
    }
    out
}

/// The rule a decoding failure names.
fn rule(result: Result<Block, Error>) -> String {
    match result.expect_err("must be refused") {
        Error::Wrapped("Block", source) => source.to_string(),
        other => panic!("refused for another reason: {other}"),
    }
}

fn same(a: &Block, b: &Block) {
    assert_eq!(a.hash(), b.hash());
    assert_eq!(a.header(), b.header());
    assert_eq!(a.extension(), b.extension());
    assert_eq!(a.transactions(), b.transactions());
    assert_eq!(a.access_list(), b.access_list());
}

/// The format changes only on purpose: every byte of this block is fixed, and with them its hashes.
#[test]
fn encoding_is_frozen() {
    let block = Draft::sample().block().unwrap();
    assert_eq!(
        hex::encode(block.encode()),
        include_str!("tests/sample.hex").trim()
    );
    assert_eq!(
        hex::encode(block.hash()),
        "789acc7cf9ffe81ce798cc1ef48baad233a6f53fe3fba75ee87cb145f4fb7b98"
    );
    assert_eq!(
        hex::encode(block.extension().hash()),
        "81a4bcccfc8d634fd2db0e7486f4efbdb9b09023a39a2a6cd20dab78de661b3a"
    );
}

#[test]
fn the_sample_decodes_to_itself() {
    let block = Draft::sample().block().unwrap();
    let decoded = decode(block.encode()).unwrap();
    same(&block, &decoded);
    assert_eq!(decoded, block);
    assert_eq!(block.digest().0, block.hash().0);
    assert_eq!(block.parent().0, block.header().parent_hash.0);
    assert_eq!(block.height().get(), 7);
    assert_eq!(block.context(), block.extension().context);
    assert_eq!(block.hash(), keccak(block.header()));
}

fn keccak(header: &Header) -> B256 {
    alloy_primitives::keccak256(alloy_rlp::encode(header))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn blocks_round_trip(block in any_block()) {
        let encoded = block.encode();
        prop_assert_eq!(encoded.len(), block.encode_size());
        prop_assert!(encoded.len() <= Block::max_encode_size(&()));
        same(&decode(encoded).unwrap(), &block);
    }

    /// NET-1: any bytes are answered with a block or an error.
    #[test]
    fn junk_never_panics(junk in vec(any::<u8>(), 0..2_000)) {
        prop_assert!(decode(junk).is_err());
    }

    /// NET-1: neither a cut, nor a changed byte, nor more bytes decode to a block with the same hash.
    #[test]
    fn one_encoding_per_hash(
        block in any_block(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        tail in vec(any::<u8>(), 1..50),
    ) {
        let encoded = block.encode().to_vec();
        let at = at.index(encoded.len());
        prop_assert!(decode(encoded[..at].to_vec()).is_err());
        prop_assert!(decode([encoded.clone(), tail].concat()).is_err());
        let mut changed = encoded;
        changed[at] ^= flip;
        if let Ok(other) = decode(changed.clone()) {
            prop_assert_ne!(other.hash(), block.hash());
            prop_assert_eq!(other.encode().to_vec(), changed);
        }
    }
}

type Edit = fn(&mut Draft);

/// Applies one edit to a sound draft. The edit alone decides what is wrong.
fn refused(edit: impl Fn(&mut Draft)) -> BlockError {
    let mut draft = Draft::sample();
    edit(&mut draft);
    draft.block().expect_err("must be refused")
}

#[test]
fn every_fixed_field_is_checked() {
    let edits: [(&str, Edit); 11] = [
        ("sha3Uncles", |d| d.header.ommers_hash = B256::ZERO),
        ("difficulty", |d| d.header.difficulty = U256::from(1)),
        ("nonce", |d| d.header.nonce = B64::with_last_byte(1)),
        ("withdrawalsRoot", |d| d.header.withdrawals_root = None),
        ("blobGasUsed", |d| d.header.blob_gas_used = Some(1)),
        ("excessBlobGas", |d| d.header.excess_blob_gas = Some(1)),
        ("requestsHash", |d| {
            d.header.requests_hash = Some(B256::ZERO);
        }),
        ("parentBeaconBlockRoot", |d| {
            d.header.parent_beacon_block_root = None;
        }),
        ("baseFeePerGas", |d| d.header.base_fee_per_gas = None),
        ("blockAccessListHash", |d| {
            d.header.block_access_list_hash = Some(B256::ZERO);
        }),
        ("slotNumber", |d| d.header.slot_number = Some(1)),
    ];
    for (field, edit) in edits {
        assert_eq!(refused(edit), BlockError::FixedField(field));
    }
    let other = Some(B256::repeat_byte(1));
    assert_eq!(
        refused(|d| d.header.withdrawals_root = other),
        BlockError::FixedField("withdrawalsRoot")
    );
}

/// Every field but `extraData` has a bounded size, so only that one can make a header too long.
#[test]
fn headers_are_bounded() {
    assert_eq!(
        refused(|d| d.header.extra_data = vec![0; HEADER_BYTES_MAX].into()),
        BlockError::FixedField("length")
    );
}

#[test]
fn every_part_is_bound_by_the_header() {
    assert_eq!(
        refused(|d| d.header.extra_data = B256::ZERO.into()),
        BlockError::ExtensionHash
    );
    assert_eq!(
        refused(|d| d.header.extra_data = [d.header.extra_data.as_ref(), &[0]].concat().into()),
        BlockError::ExtensionHash
    );
    assert_eq!(
        refused(|d| d.header.state_root = B256::ZERO),
        BlockError::StateRoot
    );
    assert_eq!(refused(|d| d.header.timestamp += 1), BlockError::Timestamp);
    assert_eq!(
        refused(|d| d.header.parent_hash = B256::ZERO),
        BlockError::Parent
    );
    assert_eq!(
        refused(|d| d.header.transactions_root = B256::ZERO),
        BlockError::TransactionsRoot
    );
}

/// The same rules, broken from the side of the part that the header binds.
#[test]
fn no_part_can_be_exchanged() {
    assert_eq!(
        refused(|d| d.extension.timestamp_ms += 1),
        BlockError::ExtensionHash
    );
    assert_eq!(
        refused(|d| {
            d.extension.state.code.root = B256::ZERO;
            *d = d.clone().bind_extension();
        }),
        BlockError::StateRoot
    );
    assert_eq!(
        refused(|d| {
            d.extension.timestamp_ms += 1_000;
            *d = d.clone().bind_extension();
        }),
        BlockError::Timestamp
    );
    assert_eq!(
        refused(|d| {
            d.extension.context.parent.1 = crate::testing::digest(0);
            *d = d.clone().bind_extension();
        }),
        BlockError::Parent
    );
    for edit in [
        (|d| d.transactions.swap(0, 1)) as Edit,
        |d| drop(d.transactions.pop()),
        |d| d.transactions.push(Bytes::new()),
        |d| d.transactions[0] = Bytes::from_static(b"First"),
    ] {
        assert_eq!(refused(edit), BlockError::TransactionsRoot);
    }
    for edit in [
        (|d| d.access_list = Bytes::new()) as Edit,
        |d| d.access_list = Bytes::from_static(b"accounts and slotS"),
        |d| {
            d.extension.access_list_hash = B256::ZERO;
            *d = d.clone().bind_extension();
        },
    ] {
        assert_eq!(refused(edit), BlockError::AccessListHash);
    }
}

#[test]
fn access_lists_are_bounded() {
    let with = |size: usize| {
        let access_list = Bytes::from(vec![7; size]);
        let draft = Draft {
            access_list,
            ..Draft::sample()
        };
        draft.sealed().block()
    };
    let block = with(ACCESS_LIST_BYTES_MAX).unwrap();
    same(&decode(block.encode()).unwrap(), &block);
    let got = ACCESS_LIST_BYTES_MAX + 1;
    assert_eq!(with(got), Err(BlockError::AccessListSize { got }));
}

#[test]
fn empty_operation_ranges_are_refused() {
    for edit in [
        (|d| d.extension.state.accounts.end = d.extension.state.accounts.start) as Edit,
        |d| d.extension.state.storage.start = u64::MAX,
        |d| d.extension.state.code.end = 0,
    ] {
        let sealed = |d: &mut Draft| {
            edit(d);
            *d = d.clone().bind_extension();
        };
        assert_eq!(refused(sealed), BlockError::StateRange);
    }
}

fn with_body(transactions: Vec<Bytes>) -> Draft {
    Draft {
        transactions,
        ..Draft::sample()
    }
    .sealed()
}

#[test]
fn bodies_are_bounded() {
    let large = Bytes::from(vec![7; TRANSACTION_BYTES_MAX]);
    let full = vec![large.clone(); BODY_BYTES_MAX / TRANSACTION_BYTES_MAX];
    let block = with_body(full.clone()).block().unwrap();
    same(&decode(block.encode()).unwrap(), &block);
    let over = [full, vec![Bytes::from_static(&[0])]].concat();
    assert_eq!(with_body(over).block(), Err(BlockError::BodySize));

    let many = vec![Bytes::new(); TRANSACTIONS_MAX];
    let block = with_body(many).block().unwrap();
    same(&decode(block.encode()).unwrap(), &block);
    let many = vec![Bytes::new(); TRANSACTIONS_MAX + 1];
    assert_eq!(with_body(many).block(), Err(BlockError::BodySize));

    let larger = Bytes::from(vec![7; TRANSACTION_BYTES_MAX + 1]);
    assert_eq!(
        with_body(vec![large, larger]).block(),
        Err(BlockError::TransactionSize {
            index: 1,
            got: TRANSACTION_BYTES_MAX + 1
        })
    );
}

/// NET-1: what a length prefix promises is compared with its limit first. The bytes it promises are not there, so
/// reading (or allocating for) them first would answer with another error.
#[test]
fn promised_lengths_are_checked_before_anything_is_read() {
    let sample = Draft::sample();
    let mut header = Vec::new();
    (HEADER_BYTES_MAX + 1).write(&mut header);
    assert!(matches!(
        decode(header),
        Err(Error::InvalidLength(length)) if length == HEADER_BYTES_MAX + 1
    ));

    let mut list = Vec::new();
    alloy_rlp::encode(&sample.header).write(&mut list);
    sample.extension.write(&mut list);
    (ACCESS_LIST_BYTES_MAX + 1).write(&mut list);
    assert!(matches!(
        decode(list),
        Err(Error::InvalidLength(length)) if length == ACCESS_LIST_BYTES_MAX + 1
    ));

    let head = encode_parts(&alloy_rlp::encode(&sample.header), &sample.extension, &[]);
    let head = &head[..head.len() - 1];
    let mut count = head.to_vec();
    (TRANSACTIONS_MAX + 1).write(&mut count);
    assert!(matches!(
        decode(count),
        Err(Error::InvalidLength(count)) if count == TRANSACTIONS_MAX + 1
    ));

    let mut transaction = head.to_vec();
    1_usize.write(&mut transaction);
    (TRANSACTION_BYTES_MAX + 1).write(&mut transaction);
    assert!(matches!(
        decode(transaction),
        Err(Error::InvalidLength(length)) if length == TRANSACTION_BYTES_MAX + 1
    ));

    // The sum is compared while reading: the seventeenth transaction is one too many, the others are not looked for.
    let mut body = head.to_vec();
    TRANSACTIONS_MAX.write(&mut body);
    for _ in 0..=BODY_BYTES_MAX / TRANSACTION_BYTES_MAX {
        bytes::Bytes::from(vec![1; TRANSACTION_BYTES_MAX]).write(&mut body);
    }
    assert_eq!(rule(decode(body)), BlockError::BodySize.to_string());

    // A count within the limit that nothing follows.
    let mut empty = head.to_vec();
    TRANSACTIONS_MAX.write(&mut empty);
    assert!(matches!(decode(empty), Err(Error::EndOfBuffer)));
}

/// NET-1: a peer cannot serve another body or extension under a header whose hash is known.
#[test]
fn another_body_under_the_same_header_is_refused() {
    let sample = Draft::sample();
    let header = alloy_rlp::encode(&sample.header);
    let decode_with = |extension: &Extension, transactions: &[Bytes]| {
        decode(encode_parts(&header, extension, transactions))
    };
    assert!(decode_with(&sample.extension, &sample.transactions).is_ok());
    let mut other = sample.transactions.clone();
    other.reverse();
    for body in [&other[..], &sample.transactions[..2], &[]] {
        assert_eq!(
            rule(decode_with(&sample.extension, body)),
            BlockError::TransactionsRoot.to_string()
        );
    }
    let mut extension = sample.extension.clone();
    extension.state.accounts.ops_root = B256::ZERO;
    assert_eq!(
        rule(decode_with(&extension, &sample.transactions)),
        BlockError::ExtensionHash.to_string()
    );
}

/// Two encodings of one header would be one block under two names, so only the shortest is taken.
#[test]
fn header_must_be_canonical_rlp() {
    let sample = Draft::sample();
    let header = alloy_rlp::encode(&sample.header);
    let body = header[3..].to_vec();
    assert_eq!(header[0], 0xf9, "a long list with two bytes of length");
    let list = |prefix: &[u8], body: &[u8]| [prefix, body].concat();
    let length = |grown: isize| {
        let length = u16::try_from(body.len().checked_add_signed(grown).unwrap()).unwrap();
        let [high, low] = length.to_be_bytes();
        [0xf9, high, low]
    };
    // The block number 7 is one byte; 0x8107 says the same in two.
    let position = body
        .windows(6)
        .position(|window| window == [0x07, 0x84, 0x01, 0xc9, 0xc3, 0x80])
        .expect("number 7 before gas limit 30,000,000");
    let mut two_bytes = body.clone();
    two_bytes.insert(position, 0x81);
    let mut leading_zero = body.clone();
    leading_zero.splice(position..=position, [0x82, 0x00, 0x07]);
    let forms = [
        ("trailing byte", [header.clone(), vec![0]].concat()),
        ("cut", header[..header.len() - 1].to_vec()),
        ("longer length prefix", {
            let [_, high, low] = length(0);
            list(&[0xfa, 0x00, high, low], &body)
        }),
        ("byte as string", list(&length(1), &two_bytes)),
        ("leading zero", list(&length(2), &leading_zero)),
        (
            "extra item",
            list(&length(1), &[&body[..], &[0x80]].concat()),
        ),
        ("missing item", list(&length(-33), &body[..body.len() - 33])),
        ("string", list(&[0xb9, header[1], header[2]], &body)),
        ("empty", Vec::new()),
    ];
    for (form, bytes) in forms {
        let result = decode(encode_parts(
            &bytes,
            &sample.extension,
            &sample.transactions,
        ));
        let error = result.expect_err(form).to_string();
        assert!(error.contains("Block"), "{form}: {error}");
    }
    let honest = encode_parts(&header, &sample.extension, &sample.transactions);
    assert!(decode(honest).is_ok());
}

#[test]
fn trailing_bytes_are_refused() {
    let encoded = Draft::sample().block().unwrap().encode().to_vec();
    let longer = [encoded, vec![0]].concat();
    assert!(matches!(decode(longer), Err(Error::ExtraData(1))));
}

/// Blocks are equal when their hashes are, whatever object holds them.
#[test]
fn blocks_compare_by_hash() {
    let block = Draft::sample().block().unwrap();
    let mut other = Draft::sample();
    other.header.gas_used += 1;
    assert_ne!(block, other.block().unwrap());
    assert_eq!(block, Block::decode_cfg(block.encode(), &()).unwrap());
}
