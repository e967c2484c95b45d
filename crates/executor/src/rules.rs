//! The rules for a transaction at its place in a block, in the order in which they are named, and the EVM's errors in the same
//! words.

use crate::{
    InvalidTransaction, Setting, StaticError, Transaction, TransactionError, check_static,
    overlay::ReadFailed, transaction::Payer,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::Address;
use revm::context_interface::result::{EVMError, InvalidTransaction as EvmInvalid};

/// Those that need no state.
pub(crate) fn check_in_block(
    setting: &Setting,
    left: u64,
    tx: &Transaction,
) -> Result<(), TransactionError> {
    check_own(setting, tx)?;
    check_gas_left(left, tx)?;
    check_fee(setting, tx)
}

/// Those that need only the block.
pub(crate) fn check_alone(setting: &Setting, tx: &Transaction) -> Result<(), TransactionError> {
    check_own(setting, tx)?;
    check_fee(setting, tx)
}

/// This chain's own rules.
fn check_own(setting: &Setting, tx: &Transaction) -> Result<(), TransactionError> {
    if setting.own {
        check_static(tx.inner(), setting.config.chain_id, setting.gas_limit())?;
    }
    Ok(())
}

/// Whether the transaction fits into the gas that is left.
pub(crate) fn check_gas_left(left: u64, tx: &Transaction) -> Result<(), TransactionError> {
    let got = tx.inner().gas_limit();
    if got > left {
        return Err(InvalidTransaction::GasLeft { left, got }.into());
    }
    Ok(())
}

fn check_fee(setting: &Setting, tx: &Transaction) -> Result<(), TransactionError> {
    if Payer::of(tx) == Payer::Nobody {
        // Or who sent the messages has paid in the module they come from.
        return Ok(());
    }
    let (base_fee, max_fee) = (setting.block.basefee, tx.inner().max_fee_per_gas());
    if max_fee < u128::from(base_fee) {
        return Err(InvalidTransaction::FeeBelowBaseFee { base_fee, max_fee }.into());
    }
    Ok(())
}

/// What the EVM says about a transaction, as a rule of this crate where there is one.
pub(crate) fn translate(sender: Address, error: EVMError<ReadFailed>) -> TransactionError {
    let rule = match error {
        EVMError::Transaction(EvmInvalid::NonceTooLow { tx, state }) => {
            InvalidTransaction::NonceTooLow {
                expected: state,
                got: tx,
            }
        }
        EVMError::Transaction(EvmInvalid::NonceTooHigh { tx, state }) => {
            InvalidTransaction::NonceTooHigh {
                expected: state,
                got: tx,
            }
        }
        EVMError::Transaction(EvmInvalid::LackOfFundForMaxFee { fee, balance }) => {
            InvalidTransaction::InsufficientFunds {
                balance: *balance,
                cost: *fee,
            }
        }
        EVMError::Transaction(EvmInvalid::RejectCallerWithCode) => {
            InvalidTransaction::SenderHasCode { sender }
        }
        EVMError::Transaction(EvmInvalid::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        }) => StaticError::IntrinsicGas {
            needed: initial_gas,
            got: gas_limit,
        }
        .into(),
        EVMError::Transaction(EvmInvalid::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        }) => StaticError::FloorGas {
            needed: gas_floor,
            got: gas_limit,
        }
        .into(),
        EVMError::Transaction(EvmInvalid::EmptyAuthorizationList) => {
            StaticError::EmptyAuthorizations.into()
        }
        EVMError::Transaction(error) => InvalidTransaction::Other(error.to_string()),
        other => return TransactionError::Internal(other.to_string()),
    };
    rule.into()
}
