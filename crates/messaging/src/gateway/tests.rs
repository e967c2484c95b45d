use super::*;
use alloy_consensus::{Eip658Value, Receipt, ReceiptWithBloom};
use alloy_primitives::{Address, LogData, address, b256};

fn receipt(logs: Vec<Log>) -> ReceiptEnvelope {
    let receipt = Receipt {
        status: Eip658Value::Eip658(true),
        cumulative_gas_used: 0,
        logs,
    };
    ReceiptEnvelope::Eip1559(ReceiptWithBloom::from(receipt))
}

fn log(event: impl SolEvent) -> Log {
    Log {
        address: GATEWAY,
        data: event.encode_log_data(),
    }
}

fn sent(recipient: &[u8], payload: &'static [u8]) -> [Log; 2] {
    let id = B256::repeat_byte(7);
    let sender = [hex!("00010000031f6f6014").as_slice(), &[0x11; 20]].concat();
    [
        log(abi::MessageSent {
            sendId: id,
            sender: sender.into(),
            recipient: recipient.to_vec().into(),
            payload: Bytes::from_static(payload),
            value: U256::from(5),
            attributes: Vec::new(),
        }),
        log(abi::MessageQueued {
            id,
            lane: U256::from(2),
            sequence: 9,
            gasLimit: 200_000,
            refundTo: Address::repeat_byte(0x33),
        }),
    ]
}

#[test]
fn the_reserve_is_two_to_the_120() {
    assert_eq!(RESERVE, U256::from(1) << 120);
}

/// The code is the one that the Solidity sources give: contracts/build.mjs --check compares them.
#[test]
fn the_code_is_hex_and_small_enough_to_deploy() {
    assert!(!code().is_empty() && code().len() <= 24_576);
}

/// The layout of section 9, which the contract's tests check from the other side.
#[test]
fn slots_are_those_of_the_contract() {
    let [(slot, value)] = genesis_storage(3, 527_193_000);
    assert_eq!(slot, U256::ZERO);
    assert_eq!(value, U256::from(3) + (U256::from(527_193_000_u64) << 64));
    // keccak(abi.encode(1, 2)), keccak(abi.encode(64, 1)).
    let word = |hash: B256| U256::from_be_bytes(hash.0);
    assert_eq!(
        received_slot(ModuleId::new(1).unwrap()),
        word(keccak256(
            [[0; 31].as_slice(), &[1], &[0; 31], &[2]].concat()
        ))
    );
    assert_eq!(
        sent_slot(Lane::OUTSIDE),
        word(keccak256(
            [[0; 31].as_slice(), &[64], &[0; 31], &[1]].concat()
        ))
    );
    let packed = (U256::from(77) << 64) | U256::from(3);
    assert_eq!(counts(packed), (3, U256::from(77)));
}

#[test]
fn logs_become_events_and_messages() {
    let recipient = hex!("00010000031f6f61141111111111111111111111111111111111111122");
    let logs = sent(&recipient, b"payload").to_vec();
    let message = message(&logs, 1).unwrap();
    assert_eq!(message.sender, Address::repeat_byte(0x11));
    assert_eq!(
        message.recipient,
        address!("0x1111111111111111111111111111111111111122")
    );
    assert_eq!(message.payload.as_ref(), b"payload");
    assert_eq!((message.value, message.gas_limit), (U256::from(5), 200_000));
    assert_eq!(destination(&logs, 1), Some(0x001f_6f61));

    let source = ModuleId::new(1).unwrap();
    let other = [
        log(abi::MessageDelivered {
            id: B256::repeat_byte(8),
            source: U256::from(1),
            sequence: 4,
        }),
        log(abi::MessageFailed {
            id: B256::repeat_byte(9),
            source: U256::from(1),
            sequence: 5,
            reason: Bytes::new(),
        }),
        log(abi::MessageRefunded {
            id: B256::repeat_byte(9),
            refundId: B256::repeat_byte(10),
        }),
    ];
    let events = events(&[receipt(logs), receipt(Vec::new()), receipt(other.to_vec())]);
    let stages: Vec<_> = events
        .iter()
        .map(|event| (event.transaction, event.log, event.stage))
        .collect();
    let lane = Lane::new(2).unwrap();
    let sequence = 9;
    assert_eq!(
        stages,
        [
            (0, 1, Stage::Sent { lane, sequence }),
            (
                2,
                0,
                Stage::Delivered {
                    source,
                    sequence: 4
                }
            ),
            (
                2,
                1,
                Stage::Failed {
                    source,
                    sequence: 5
                }
            ),
            (
                2,
                2,
                Stage::Refunded {
                    back: B256::repeat_byte(10)
                }
            ),
        ]
    );
}

/// Whoever imitates the gateway's logs has another address.
#[test]
fn logs_of_others_say_nothing() {
    let mut forged = sent(&[], b"").to_vec();
    for log in &mut forged {
        log.address = Address::repeat_byte(1);
    }
    assert!(events(&[receipt(forged)]).is_empty());
    let odd = Log {
        address: GATEWAY,
        data: LogData::new_unchecked(
            vec![abi::MessageQueued::SIGNATURE_HASH, B256::ZERO],
            Bytes::new(),
        ),
    };
    let foreign = Log {
        address: GATEWAY,
        data: LogData::new_unchecked(
            vec![b256!(
                "0x0000000000000000000000000000000000000000000000000000000000000001"
            )],
            Bytes::new(),
        ),
    };
    assert!(events(&[receipt(vec![odd, foreign])]).is_empty());
}
