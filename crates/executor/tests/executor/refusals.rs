//! Each rule a transaction can break: refused, named, and nothing of it applied (EXE-2).

use crate::{code::*, support::*};
use alloy_consensus::{TxEip1559, TxEip4844, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use trellis_executor::{
    BlockExecutor, ExecutionError, InvalidTransaction, StaticError, Transaction, TransactionError,
    check_static, execute_block,
};
use trellis_primitives::Class;

const TO: Address = Address::repeat_byte(0x42);

/// Executes `good`, `bad`, `good2` and checks that `bad` left no trace.
fn refusal(bad: &Transaction) -> InvalidTransaction {
    let (alice, carol) = (signer(1), signer(3));
    let mut state = MemoryState::genesis(&[&alice, &carol]);
    state.deploy(signer(4).address(), &SETTER);
    state.fund(signer(4).address(), 1_000 * ETHER);
    let good = [transfer(&carol, 0, TO, 1), transfer(&carol, 1, TO, 2)];
    let expected = execute_block(env(1), &state, &good).unwrap();

    let mut executor = BlockExecutor::new(env(1), &state).unwrap();
    executor.execute(&good[0]).unwrap();
    let error = executor.execute(bad).unwrap_err();
    assert_eq!(error.class(), Class::Invalid);
    executor.execute(&good[1]).unwrap();
    assert_eq!(executor.finish(), expected);

    // As part of a block, its place and its rule are named.
    let block = [good[0].clone(), bad.clone(), good[1].clone()];
    let in_block = execute_block(env(1), &state, &block).unwrap_err();
    let TransactionError::Invalid(rule) = error else {
        panic!("{error}")
    };
    assert_eq!(
        in_block,
        ExecutionError::Invalid {
            index: 1,
            rule: rule.clone()
        }
    );
    assert_eq!(in_block.class(), Class::Invalid);
    assert!(
        in_block.to_string().starts_with("transaction 1: "),
        "{in_block}"
    );
    rule
}

fn static_refusal(bad: &Transaction) -> StaticError {
    let InvalidTransaction::Static(error) = refusal(bad) else {
        panic!("not a static rule")
    };
    assert_eq!(
        check_static(bad.inner(), CHAIN_ID, env(1).gas_limit),
        Err(error.clone())
    );
    error
}

#[test]
fn nonces_must_be_next() {
    let alice = signer(1);
    let too_high = transfer(&alice, 1, TO, 1);
    assert_eq!(
        refusal(&too_high),
        InvalidTransaction::NonceTooHigh {
            expected: 0,
            got: 1
        }
    );
    // Carol's nonce 0 is used by the transaction before.
    let too_low = transfer(&signer(3), 0, TO, 5);
    assert_eq!(
        refusal(&too_low),
        InvalidTransaction::NonceTooLow {
            expected: 1,
            got: 0
        }
    );
    let last = sign(&alice, dynamic(u64::MAX, TO));
    assert_eq!(static_refusal(&last), StaticError::NonceMax);
}

#[test]
fn the_sender_must_afford_it() {
    let balance = U256::from(1_000 * ETHER);
    let cost = U256::from(1_000 * ETHER + 21_000 * MAX_FEE);
    let bad = transfer(&signer(1), 0, TO, 1_000 * ETHER);
    assert_eq!(
        refusal(&bad),
        InvalidTransaction::InsufficientFunds { balance, cost }
    );
    let empty = transfer(&signer(9), 0, TO, 0);
    let cost = U256::from(21_000 * MAX_FEE);
    let expected = InvalidTransaction::InsufficientFunds {
        balance: U256::ZERO,
        cost,
    };
    assert_eq!(refusal(&empty), expected);
    // Value plus fee above 2^256.
    let overflow = sign(
        &signer(1),
        TxEip1559 {
            value: U256::MAX,
            ..dynamic(0, TO)
        },
    );
    assert!(matches!(refusal(&overflow), InvalidTransaction::Other(_)));
}

#[test]
fn the_base_fee_must_be_paid() {
    let max_fee_per_gas = u128::from(BASE_FEE) - 1;
    let bad = sign(
        &signer(1),
        TxEip1559 {
            max_fee_per_gas,
            max_priority_fee_per_gas: 0,
            ..dynamic(0, TO)
        },
    );
    let expected = InvalidTransaction::FeeBelowBaseFee {
        base_fee: BASE_FEE,
        max_fee: max_fee_per_gas,
    };
    assert_eq!(refusal(&bad), expected);
    let bad = sign(
        &signer(1),
        TxLegacy {
            gas_price: max_fee_per_gas,
            ..legacy(0, TO)
        },
    );
    assert_eq!(refusal(&bad), expected);
    // Exactly the base fee is enough, and the fee recipient gets nothing.
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let exact = TxLegacy {
        gas_price: BASE_FEE.into(),
        ..legacy(0, TO)
    };
    state.run(env(1), &[sign(&alice, exact)]);
    assert_eq!(state.balance(BENEFICIARY), U256::ZERO);
}

#[test]
fn contracts_do_not_send() {
    let bad = transfer(&signer(4), 1, TO, 1);
    let sender = signer(4).address();
    assert_eq!(refusal(&bad), InvalidTransaction::SenderHasCode { sender });
}

#[test]
fn gas_must_fit_what_is_left() {
    let (alice, carol) = (signer(1), signer(3));
    let state = MemoryState::genesis(&[&alice, &carol]);
    let mut block = env(1);
    block.gas_limit = 100_000;
    let mut executor = BlockExecutor::new(block, &state).unwrap();
    let mut tx = dynamic(0, TO);
    tx.gas_limit = 79_001;
    executor.execute(&transfer(&carol, 0, TO, 1)).unwrap();
    let error = executor.execute(&sign(&alice, tx.clone())).unwrap_err();
    let rule = InvalidTransaction::GasLeft {
        left: 79_000,
        got: 79_001,
    };
    assert_eq!(error, TransactionError::Invalid(rule));
    // The limit counts, not what is used of it.
    tx.gas_limit = 79_000;
    executor.execute(&sign(&alice, tx)).unwrap();
    assert_eq!(executor.gas_left(), 58_000);
    let above = sign(
        &alice,
        TxEip1559 {
            gas_limit: 100_001,
            ..dynamic(1, TO)
        },
    );
    let rule = StaticError::GasAboveBlock {
        limit: 100_000,
        got: 100_001,
    };
    assert_eq!(executor.execute(&above), Err(rule.into()));
}

#[test]
fn the_chain_must_be_this_one() {
    let bad = sign(
        &signer(1),
        TxEip1559 {
            chain_id: 1,
            ..dynamic(0, TO)
        },
    );
    assert_eq!(
        static_refusal(&bad),
        StaticError::ChainId {
            expected: CHAIN_ID,
            got: 1
        }
    );
    let bad = sign(
        &signer(1),
        TxLegacy {
            chain_id: None,
            ..legacy(0, TO)
        },
    );
    assert_eq!(static_refusal(&bad), StaticError::MissingChainId);
}

#[test]
fn blobs_are_not_supported() {
    let blob = TxEip4844 {
        chain_id: CHAIN_ID,
        gas_limit: 21_000,
        max_fee_per_gas: MAX_FEE,
        max_fee_per_blob_gas: 1,
        blob_versioned_hashes: vec![B256::with_last_byte(1)],
        ..TxEip4844::default()
    };
    let (blob, sender) = {
        use alloy_consensus::SignableTransaction;
        use alloy_signer::SignerSync;
        let signature = signer(1).sign_hash_sync(&blob.signature_hash()).unwrap();
        (blob.into_signed(signature), signer(1).address())
    };
    let envelope = alloy_consensus::TxEnvelope::from(blob);
    let bad = Transaction::new_unchecked(envelope, sender);
    assert_eq!(static_refusal(&bad), StaticError::Blob);
}

#[test]
fn gas_limits_have_a_cap_and_a_floor() {
    let with_gas = |gas_limit| {
        sign(
            &signer(1),
            TxEip1559 {
                gas_limit,
                ..dynamic(0, TO)
            },
        )
    };
    let cap = 1 << 24;
    let expected = StaticError::GasAboveCap { cap, got: cap + 1 };
    assert_eq!(static_refusal(&with_gas(cap + 1)), expected);
    let expected = StaticError::IntrinsicGas {
        needed: 21_000,
        got: 20_999,
    };
    assert_eq!(static_refusal(&with_gas(20_999)), expected);
    assert_eq!(check_static(with_gas(cap).inner(), CHAIN_ID, cap), Ok(()));

    // 100 non-zero bytes: 22,600 intrinsic, 25,000 floor (EIP-7623).
    let input = Bytes::from(vec![1; 100]);
    let data = sign(
        &signer(1),
        TxEip1559 {
            gas_limit: 24_999,
            input,
            ..dynamic(0, TO)
        },
    );
    assert_eq!(
        static_refusal(&data),
        StaticError::FloorGas {
            needed: 25_000,
            got: 24_999
        }
    );

    let item = AccessListItem {
        address: TO,
        storage_keys: vec![B256::ZERO; 2],
    };
    let mut listed = with_access_list(0, TO, AccessList(vec![item]));
    listed.gas_limit = 21_000;
    let needed = 21_000 + 2_400 + 2 * 1_900;
    let expected = StaticError::IntrinsicGas {
        needed,
        got: 21_000,
    };
    assert_eq!(static_refusal(&sign(&signer(1), listed)), expected);

    let mut delegating = set_code(0, TO, vec![authorize(&signer(2), 0, TO)]);
    delegating.gas_limit = 45_999;
    let expected = StaticError::IntrinsicGas {
        needed: 46_000,
        got: 45_999,
    };
    assert_eq!(static_refusal(&sign(&signer(1), delegating)), expected);
}

#[test]
fn initcode_has_a_limit() {
    let with_size = |size: usize| {
        let input = Bytes::from(vec![0; size]);
        let gas_limit = 1_000_000;
        sign(
            &signer(1),
            TxEip1559 {
                input,
                gas_limit,
                ..dynamic(0, TxKind::Create)
            },
        )
    };
    let expected = StaticError::InitcodeSize {
        limit: 49_152,
        got: 49_153,
    };
    assert_eq!(static_refusal(&with_size(49_153)), expected);
    assert_eq!(
        check_static(with_size(49_152).inner(), CHAIN_ID, 30_000_000),
        Ok(())
    );
    // 2 gas per word (EIP-3860), 4 per zero byte, 32,000 for the creation.
    let bad = sign(
        &signer(1),
        TxEip1559 {
            input: Bytes::from(vec![0; 33]),
            gas_limit: 53_000,
            ..dynamic(0, TxKind::Create)
        },
    );
    let needed = 53_000 + 33 * 4 + 2 * 2;
    assert_eq!(
        static_refusal(&bad),
        StaticError::IntrinsicGas {
            needed,
            got: 53_000
        }
    );
}

#[test]
fn fees_must_make_sense() {
    let bad = sign(
        &signer(1),
        TxEip1559 {
            max_priority_fee_per_gas: MAX_FEE + 1,
            ..dynamic(0, TO)
        },
    );
    let expected = StaticError::PriorityAboveMax {
        priority: MAX_FEE + 1,
        max_fee: MAX_FEE,
    };
    assert_eq!(static_refusal(&bad), expected);
    let max_fee_per_gas = u128::MAX / 500_000 + 1;
    let bad = sign(
        &signer(1),
        TxEip1559 {
            max_fee_per_gas,
            ..dynamic(0, TO)
        },
    );
    let expected = StaticError::FeeOverflow {
        gas_limit: 500_000,
        max_fee: max_fee_per_gas,
    };
    assert_eq!(static_refusal(&bad), expected);
}

#[test]
fn a_delegation_transaction_must_authorize_something() {
    let bad = sign(&signer(1), set_code(0, TO, vec![]));
    assert_eq!(static_refusal(&bad), StaticError::EmptyAuthorizations);
}
