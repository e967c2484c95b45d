use super::*;
use crate::testing::{
    ACCOUNTS, BALANCE, Light, NOBODY, TRANSFER_GAS, address, raw, sign, sign_any, spec, transfer,
};
use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip4844Variant,
    TxEip7702, TxLegacy,
};
use alloy_eips::{
    eip2718::Encodable2718,
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Signature, U256, keccak256, uint};
use proptest::{collection::vec, prelude::*};
use tokio::sync::broadcast::error::TryRecvError;

/// Order of secp256k1.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

fn refused(light: &Light, raw: Bytes) -> SubmitError {
    let error = light.chain.submit(raw).expect_err("must be refused");
    assert!(
        light.chain.with_pool(|pool, _| pool.is_empty()),
        "nothing is kept"
    );
    error
}

fn refused_edit(edit: impl FnOnce(&mut TxEip1559)) -> SubmitError {
    refused(&Light::new(), raw(&sign(0, 0, edit)))
}

fn legacy() -> TxLegacy {
    TxLegacy {
        chain_id: Some(spec().chain_id()),
        gas_limit: TRANSFER_GAS,
        gas_price: 20_000_000_000,
        to: NOBODY.into(),
        ..TxLegacy::default()
    }
}

#[test]
fn every_supported_type_is_taken() {
    let light = Light::new();
    let authorization = Authorization {
        chain_id: U256::ZERO,
        address: NOBODY,
        nonce: 0,
    };
    let authorization =
        SignedAuthorization::new_unchecked(authorization, 0, U256::from(1), U256::from(1));
    let transactions = [
        sign_any(0, legacy()),
        sign_any(
            1,
            TxEip2930 {
                chain_id: spec().chain_id(),
                gas_limit: TRANSFER_GAS,
                gas_price: 20_000_000_000,
                to: NOBODY.into(),
                ..TxEip2930::default()
            },
        ),
        transfer(2, 0),
        sign_any(
            3,
            TxEip7702 {
                chain_id: spec().chain_id(),
                gas_limit: 100_000,
                max_fee_per_gas: 20_000_000_000,
                authorization_list: vec![authorization],
                ..TxEip7702::default()
            },
        ),
    ];
    for transaction in &transactions {
        let hash = light.submit(transaction);
        assert_eq!(hash, *transaction.tx_hash());
        assert_eq!(hash, keccak256(raw(transaction)));
        let pooled = light.chain.pooled(hash).unwrap();
        assert_eq!(pooled.transaction.signer(), transaction.signer());
        assert!(pooled.local);
    }
    assert_eq!(light.chain.pool_stats().executable, 4);
}

/// NET-1: size is compared before anything is decoded.
#[test]
fn oversized_transactions_are_refused() {
    let error = refused(&Light::new(), vec![0x02; TRANSACTION_BYTES_MAX + 1].into());
    assert!(matches!(error, SubmitError::Size { got } if got == TRANSACTION_BYTES_MAX + 1));
    // A sound one of the largest size is not oversized, whatever else it is.
    let call = |bytes| {
        sign(0, 0, |tx| {
            tx.input = vec![0; bytes].into();
            tx.gas_limit = 16_000_000;
        })
    };
    let overhead = raw(&call(TRANSACTION_BYTES_MAX / 2)).len() - TRANSACTION_BYTES_MAX / 2;
    let largest = raw(&call(TRANSACTION_BYTES_MAX - overhead));
    assert_eq!(largest.len(), TRANSACTION_BYTES_MAX);
    assert!(Light::new().chain.submit(largest).is_ok());
    let larger = raw(&call(TRANSACTION_BYTES_MAX - overhead + 1));
    assert!(matches!(
        refused(&Light::new(), larger),
        SubmitError::Size { .. }
    ));
}

#[test]
fn junk_is_refused() {
    let sound = raw(&transfer(0, 0));
    let cut = sound.slice(..sound.len() - 1);
    let unknown_type = Bytes::from([&[0x05], &sound[1..]].concat());
    for junk in [
        Bytes::new(),
        vec![0xc0].into(),
        vec![0xff; 100].into(),
        cut,
        unknown_type,
    ] {
        let error = refused(&Light::new(), junk);
        assert!(matches!(error, SubmitError::Decode(_)), "{error}");
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let longer = Bytes::from([&raw(&transfer(0, 0))[..], &[0, 0]].concat());
    let error = refused(&Light::new(), longer);
    assert_eq!(
        error.to_string(),
        "failed to decode transaction: 2 bytes follow the transaction"
    );
}

#[test]
fn other_chains_transactions_are_refused() {
    let error = refused_edit(|tx| tx.chain_id += 1);
    assert!(matches!(
        error,
        SubmitError::Static(StaticError::ChainId {
            expected: 123_456_001,
            got: 123_456_002
        })
    ));
}

/// Without a chain id, one signature would be valid in every module.
#[test]
fn unprotected_transactions_are_refused() {
    let unprotected = TxLegacy {
        chain_id: None,
        ..legacy()
    };
    let error = refused(&Light::new(), raw(&sign_any(0, unprotected)));
    assert!(matches!(
        error,
        SubmitError::Static(StaticError::MissingChainId)
    ));
}

#[test]
fn blobs_are_refused() {
    let blob = TxEip4844 {
        chain_id: spec().chain_id(),
        gas_limit: TRANSFER_GAS,
        max_fee_per_gas: 20_000_000_000,
        max_fee_per_blob_gas: 1,
        blob_versioned_hashes: vec![B256::with_last_byte(1)],
        to: NOBODY,
        ..TxEip4844::default()
    };
    let blob: TxEip4844Variant = TxEip4844Variant::TxEip4844(blob);
    let blob = sign_any(0, blob);
    let error = refused(&Light::new(), raw(&blob));
    assert!(
        matches!(error, SubmitError::Static(StaticError::Blob)),
        "{error}"
    );
}

#[test]
fn signatures_that_name_nobody_are_refused() {
    let transaction = transfer(0, 0);
    let EthereumTxEnvelope::Eip1559(signed) = transaction.inner() else {
        unreachable!("it is of type 2")
    };
    let sound = *signed.signature();
    let with = |signature: Signature| -> Bytes {
        let envelope: TxEnvelope = signed.tx().clone().into_signed(signature).into();
        envelope.encoded_2718().into()
    };
    assert!(Light::new().chain.submit(with(sound)).is_ok());
    let forms = [
        // EIP-2: the other form of the same signature, which would give the transaction a second hash.
        Signature::new(sound.r(), ORDER - sound.s(), !sound.v()),
        Signature::new(U256::ZERO, sound.s(), sound.v()),
        Signature::new(sound.r(), U256::ZERO, sound.v()),
        Signature::new(ORDER, sound.s(), sound.v()),
    ];
    for signature in forms {
        let error = refused(&Light::new(), with(signature));
        assert!(matches!(error, SubmitError::Signature), "{error}");
    }
    // Any other sound-looking signature names somebody else, who has nothing.
    let error = refused(
        &Light::new(),
        with(Signature::new(sound.r(), sound.s(), !sound.v())),
    );
    assert!(matches!(
        error,
        SubmitError::Pool(PoolError::InsufficientFunds { .. })
    ));
}

/// Below 7 wei no base fee ever falls, so the transaction could wait for ever.
#[test]
fn fees_that_no_block_will_take_are_refused() {
    let error = refused_edit(|tx| {
        tx.max_fee_per_gas = 6;
        tx.max_priority_fee_per_gas = 0;
    });
    assert!(matches!(error, SubmitError::FeeTooLow { got: 6 }));
    let light = Light::new();
    light.submit(&sign(0, 0, |tx| {
        tx.max_fee_per_gas = BASE_FEE_MIN;
        tx.max_priority_fee_per_gas = 0;
    }));
    // The bound is the fixed point of EIP-1559: below it an empty block no longer lowers the fee.
    let empty = |fee| trellis_executor::next_base_fee(0, spec().gas_limit, fee);
    assert_eq!(empty(8), 7);
    assert_eq!(empty(7), 7);
}

#[test]
fn static_rules_are_checked() {
    let error = refused_edit(|tx| tx.gas_limit = TRANSFER_GAS - 1);
    assert!(matches!(
        error,
        SubmitError::Static(StaticError::IntrinsicGas { .. })
    ));
    let error = refused_edit(|tx| tx.max_priority_fee_per_gas = tx.max_fee_per_gas + 1);
    assert!(matches!(
        error,
        SubmitError::Static(StaticError::PriorityAboveMax { .. })
    ));
    assert_eq!(error.class(), Class::Invalid);
}

/// EIP-3607, and the exception EIP-7702 makes.
#[test]
fn contracts_send_nothing_but_delegations_do() {
    let light = Light::new();
    light
        .state
        .set_code(address(0), Bytes::from_static(&[0x60, 0x00]));
    let error = refused(&light, raw(&transfer(0, 0)));
    assert!(matches!(error, SubmitError::SenderHasCode(sender) if sender == address(0)));
    assert_eq!(error.class(), Class::Invalid);

    let delegation = [&[0xef, 0x01, 0x00], NOBODY.as_slice()].concat();
    light.state.set_code(address(0), delegation.into());
    light.submit(&transfer(0, 0));
}

#[test]
fn used_nonces_are_refused() {
    let light = Light::new();
    light.mine(&[transfer(0, 0), transfer(0, 1)]);
    let error = refused(&light, raw(&transfer(0, 1)));
    assert!(matches!(
        error,
        SubmitError::Pool(PoolError::NonceTooLow { next: 2, got: 1 })
    ));
    assert_eq!(error.class(), Class::Unavailable);
}

#[test]
fn senders_must_be_able_to_pay() {
    let error = refused(&Light::new(), raw(&transfer(ACCOUNTS, 0)));
    assert!(matches!(
        error,
        SubmitError::Pool(PoolError::InsufficientFunds { balance, .. }) if balance.is_zero()
    ));
    let gas = U256::from(TRANSFER_GAS) * U256::from(20_000_000_000_u64);
    let error = refused_edit(|tx| tx.value = BALANCE - gas + U256::from(1));
    assert!(matches!(
        error,
        SubmitError::Pool(PoolError::InsufficientFunds { balance, cost })
            if balance == BALANCE && cost == BALANCE + U256::from(1)
    ));
    let light = Light::new();
    light.submit(&sign(0, 0, |tx| tx.value = BALANCE - gas));
}

#[test]
fn known_transactions_and_cheap_replacements_are_refused() {
    let light = Light::new();
    let first = transfer(0, 0);
    light.submit(&first);
    let again = light.chain.submit(raw(&first)).unwrap_err();
    assert!(matches!(again, SubmitError::Pool(PoolError::AlreadyKnown)));

    let priced = |max_fee, tip| {
        sign(0, 0, |tx| {
            tx.max_fee_per_gas = max_fee;
            tx.max_priority_fee_per_gas = tip;
        })
    };
    let cheap = light
        .chain
        .submit(raw(&priced(21_000_000_000, 2_200_000_000)));
    assert!(matches!(
        cheap,
        Err(SubmitError::Pool(PoolError::Underpriced {
            field: "max fee",
            ..
        }))
    ));
    assert!(light.chain.pooled(*first.tx_hash()).is_some());
    let replacement = light.submit(&priced(22_000_000_000, 2_200_000_000));
    assert!(light.chain.pooled(*first.tx_hash()).is_none());
    assert!(light.chain.pooled(replacement).is_some());
}

#[test]
fn nothing_is_taken_before_the_state_is_there() {
    let light = Light::new();
    let waiting = Chain::open(
        spec(),
        light.chain.genesis().clone(),
        light.history.clone(),
        8,
        trellis_txpool::Limits::default(),
        trellis_executor::Engine::default(),
        crate::Exchange::insecure(1),
    );
    let waiting = waiting.unwrap();
    let error = waiting.submit(raw(&transfer(0, 0))).unwrap_err();
    assert!(matches!(error, SubmitError::Chain(ChainError::Starting)));
    assert_eq!(error.class(), Class::Unavailable);
    assert_eq!(waiting.receive_many(vec![raw(&transfer(0, 0)).0]), 0);
}

/// One bad transaction in a batch costs nobody else anything, and each answer stands at its place.
#[test]
fn batches_are_answered_one_by_one_and_in_order() {
    let light = Light::new();
    let mut pending = light.chain.subscribe_pending();
    let raws = vec![
        raw(&transfer(0, 0)),
        Bytes::from_static(b"junk"),
        raw(&transfer(0, 1)),
        raw(&transfer(0, 0)),
        raw(&transfer(0, 2)),
    ];
    let results = light.chain.submit_many(raws.clone());
    assert_eq!(*results[0].as_ref().unwrap(), keccak256(&raws[0]));
    assert!(matches!(results[1], Err(SubmitError::Decode(_))));
    assert_eq!(*results[2].as_ref().unwrap(), keccak256(&raws[2]));
    assert!(matches!(
        results[3],
        Err(SubmitError::Pool(PoolError::AlreadyKnown))
    ));
    assert_eq!(*results[4].as_ref().unwrap(), keccak256(&raws[4]));
    for nonce in 0..3 {
        assert_eq!(pending.try_recv().unwrap().nonce(), nonce);
    }
    assert_eq!(pending.try_recv().err(), Some(TryRecvError::Empty));
    assert!(light.chain.submit_many(Vec::new()).is_empty());
}

/// A client's transaction goes to the peers once, and again from the pool while it waits; a peer's goes nowhere.
#[test]
fn only_clients_transactions_are_gossiped() {
    let light = Light::new();
    let mut gossip = light.chain.take_gossip().unwrap();
    assert!(light.chain.take_gossip().is_none(), "taken once");
    let (ours, theirs) = (raw(&transfer(0, 0)), raw(&transfer(1, 0)));
    let gap = raw(&transfer(0, 5));
    assert_eq!(
        light
            .chain
            .receive_many(vec![theirs.0.clone(), ours.slice(1..).0]),
        1
    );
    light.chain.submit(ours.clone()).unwrap();
    light.chain.submit(gap.clone()).unwrap();
    assert_eq!(gossip.try_recv().unwrap(), ours.0);
    assert_eq!(gossip.try_recv().unwrap(), gap.0);
    assert!(gossip.try_recv().is_err());
    assert!(!light.chain.pooled(keccak256(&theirs)).unwrap().local);
    assert_eq!(
        light.chain.waiting_local(10),
        [ours.0],
        "executable and ours"
    );
    assert!(light.chain.waiting_local(0).is_empty());
}

#[test]
fn the_pending_nonce_counts_the_pool() {
    let light = Light::new();
    let next = |index| light.chain.pending_nonce(address(index)).unwrap();
    assert_eq!((next(0), next(ACCOUNTS)), (0, 0));
    light.submit(&transfer(0, 0));
    light.submit(&transfer(0, 1));
    light.submit(&transfer(0, 3));
    assert_eq!(next(0), 2, "the run of nonces ends before the gap");
    light.mine(&[transfer(0, 0), transfer(0, 1)]);
    assert_eq!(next(0), 2);
    light.submit(&transfer(0, 2));
    assert_eq!(next(0), 4);
}

/// Blocks that are published while the state is read, more than the window holds, are looked at again: the answer is
/// never the state of an older block, nor an error a client could do nothing about.
#[test]
fn answers_are_those_of_the_head_however_fast_it_moves() {
    let fast = || {
        let light = Arc::new(Light::with(spec(), 1, trellis_txpool::Limits::default()));
        let other = light.clone();
        light.state.on_next_read(move || {
            for nonce in 0..3 {
                other.mine(&[transfer(0, nonce)]);
            }
        });
        light
    };
    assert_eq!(fast().chain.pending_nonce(address(0)).unwrap(), 3);
    let late = fast().chain.submit(raw(&transfer(0, 2))).unwrap_err();
    assert!(matches!(
        late,
        SubmitError::Pool(PoolError::NonceTooLow { next: 3, got: 2 })
    ));
    let light = fast();
    let hash = light.chain.submit(raw(&transfer(0, 3))).unwrap();
    assert!(light.chain.pooled(hash).is_some());
}

proptest! {
    /// NET-1: any bytes are answered.
    #[test]
    fn junk_never_panics(mut junk in vec(any::<u8>(), 0..300), kind in 0..5_u8) {
        if let Some(first) = junk.first_mut() {
            *first = kind;
        }
        let _ = decode(&junk);
    }

    /// A transaction has one encoding: what decodes is what would be encoded, so its hash is the hash of the bytes.
    #[test]
    fn what_decodes_is_canonical(
        which in 0..3_usize,
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        insert in any::<bool>(),
    ) {
        let access = TxEip2930 {
            chain_id: spec().chain_id(),
            gas_limit: TRANSFER_GAS,
            to: NOBODY.into(),
            ..TxEip2930::default()
        };
        let sound = [sign_any(0, legacy()), sign_any(0, access), transfer(0, 0)];
        let mut bytes = raw(&sound[which]).to_vec();
        let at = at.index(bytes.len());
        if insert {
            bytes.insert(at, flip);
        } else {
            bytes[at] ^= flip;
        }
        if let Ok(decoded) = decode(&bytes) {
            prop_assert_eq!(decoded.encoded_2718(), bytes.clone());
            prop_assert_eq!(*decoded.tx_hash(), keccak256(bytes));
        }
    }
}
