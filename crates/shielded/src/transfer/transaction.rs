//! A transfer as a transaction (payments.md, 11.1).

use super::{Crossing, ProvenTransfer, TransferError};
use crate::pool::{POOL, abi};
use alloy_primitives::{Address as Account, Bytes, U256, keccak256};
use alloy_rlp::Encodable as _;
use alloy_sol_types::SolCall as _;
use trellis_circuits::field::{self, F};

/// Gas that every transfer asks for.
const TRANSFER_GAS: u64 = 400_000;
/// Gas that an unshield asks for on top, beside its call.
const UNSHIELD_GAS: u64 = 250_000;
/// Gas of a byte of call data, at most (EIP-7623).
const CALL_BYTE_GAS: u64 = 40;

const SENDER: &[u8] = b"trellis/payments/1/sender";

/// Why a transaction to the pool is no transfer. All are permanent (EXE-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The input is no call of `transfer`, or not its one encoding.
    #[error("private transfer: the input is not the canonical encoding of transfer(bytes)")]
    Input,
    /// The transfer does not decode.
    #[error("private transfer: {0}")]
    Transfer(#[from] TransferError),
    /// Another gas limit than what it does takes.
    #[error("private transfer: gas limit {got} is not the {expected} it needs")]
    Gas {
        /// Of the transaction.
        got: u64,
        /// By the specification.
        expected: u64,
    },
    /// Its fee does not pay the gas, or more.
    #[error("private transfer: fee {fee} is not gas price {gas_price} times gas limit {gas_limit}")]
    Fee {
        /// Of the transfer, in wei.
        fee: u128,
        /// Of the transaction, in wei.
        gas_price: u128,
        /// Of the transaction.
        gas_limit: u64,
    },
}

/// Gas that a transfer with this crossing asks for.
pub fn gas_limit(crossing: &Crossing) -> u64 {
    match crossing {
        Crossing::None => TRANSFER_GAS,
        Crossing::Out { gas, call, .. } => {
            let bytes = CALL_BYTE_GAS * call.len() as u64;
            (TRANSFER_GAS + UNSHIELD_GAS + bytes).saturating_add(gas.saturating_add(gas / 32))
        }
    }
}

/// The account a transfer comes from: nobody has its key, and another first nullifier gives another one.
pub fn sender(first_nullifier: &F) -> Account {
    let nullifier = field::encode(first_nullifier);
    Account::from_word(keccak256([SENDER, &nullifier].concat()))
}

impl ProvenTransfer {
    /// The call of the pool that carries the transfer.
    pub fn input(&self) -> Bytes {
        let transfer = self.encode().into();
        abi::transferCall { transfer }.abi_encode().into()
    }

    /// Reads [`Self::input`] from a transaction of anybody, and checks that its gas and its fee fit.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn of_transaction(
        input: &[u8],
        gas_price: u128,
        gas_limit: u64,
    ) -> Result<Self, TransactionError> {
        let call = abi::transferCall::abi_decode_validate(input);
        let call = call.map_err(|_| TransactionError::Input)?;
        if call.abi_encode() != input {
            return Err(TransactionError::Input);
        }
        let proven = Self::decode(&call.transfer)?;
        let expected = self::gas_limit(&proven.transfer.crossing);
        if gas_limit != expected {
            let got = gas_limit;
            return Err(TransactionError::Gas { got, expected });
        }
        let fee = proven.transfer.fee;
        if gas_price.checked_mul(u128::from(gas_limit)) != Some(fee) {
            return Err(TransactionError::Fee {
                fee,
                gas_price,
                gas_limit,
            });
        }
        Ok(proven)
    }

    /// The transaction on the chain with this id, as `eth_sendRawTransaction` takes it. Its gas price is what the fee pays, rounded down:
    /// a fee that is no multiple of [`gas_limit`] is refused there.
    pub fn transaction(&self, chain_id: u64) -> Vec<u8> {
        let gas_limit = gas_limit(&self.transfer.crossing);
        let gas_price = self.transfer.fee / u128::from(gas_limit);
        let (zero, parity) = (U256::ZERO, u128::from(chain_id) * 2 + 35);
        let mut fields = Vec::new();
        0_u64.encode(&mut fields);
        gas_price.encode(&mut fields);
        gas_limit.encode(&mut fields);
        POOL.encode(&mut fields);
        zero.encode(&mut fields);
        self.input().encode(&mut fields);
        parity.encode(&mut fields);
        zero.encode(&mut fields);
        zero.encode(&mut fields);
        let header = alloy_rlp::Header {
            list: true,
            payload_length: fields.len(),
        };
        let mut bytes = Vec::with_capacity(fields.len() + 8);
        header.encode(&mut bytes);
        bytes.extend(fields);
        bytes
    }
}
