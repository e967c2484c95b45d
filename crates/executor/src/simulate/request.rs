use super::SimulateError;
use crate::StaticError;
use alloy_consensus::TxType;
use alloy_primitives::{Bytes, TxKind};
use alloy_rpc_types_eth::TransactionRequest;
use revm::{context::TxEnv, context_interface::either::Either};

/// The transaction a request describes, without its gas limit. What is missing is zero, as in geth.
pub(super) fn evm_transaction(
    request: &TransactionRequest,
    chain_id: u64,
) -> Result<TxEnv, SimulateError> {
    check_supported(request, chain_id)?;
    let (gas_price, gas_priority_fee) = fees(request)?;
    let authorizations = request.authorization_list.clone().unwrap_or_default();
    let tx_type = if request.authorization_list.is_some() {
        TxType::Eip7702
    } else if gas_priority_fee.is_some() {
        TxType::Eip1559
    } else if request.access_list.is_some() {
        TxType::Eip2930
    } else {
        TxType::Legacy
    };
    let kind = request.to.unwrap_or(TxKind::Create);
    if tx_type == TxType::Eip7702 && kind.is_create() {
        return Err(SimulateError::Request(
            "EIP-7702 transaction cannot be used to create contract".to_owned(),
        ));
    }
    Ok(TxEnv {
        tx_type: tx_type as u8,
        caller: request.from.unwrap_or_default(),
        gas_limit: 0,
        gas_price,
        kind,
        value: request.value.unwrap_or_default(),
        data: input(request)?,
        // The nonce is not checked, and a creation takes the account's.
        nonce: 0,
        chain_id: Some(chain_id),
        access_list: request.access_list.clone().unwrap_or_default(),
        gas_priority_fee: match tx_type {
            TxType::Eip7702 => Some(gas_priority_fee.unwrap_or_default()),
            _ => gas_priority_fee,
        },
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations.into_iter().map(Either::Left).collect(),
    })
}

fn check_supported(request: &TransactionRequest, chain_id: u64) -> Result<(), SimulateError> {
    let blob = request.max_fee_per_blob_gas.is_some()
        || request.blob_versioned_hashes.is_some()
        || request.sidecar.is_some()
        || request.transaction_type == Some(TxType::Eip4844 as u8);
    if blob {
        return Err(invalid(StaticError::Blob));
    }
    match request.chain_id {
        Some(got) if got != chain_id => Err(invalid(StaticError::ChainId {
            expected: chain_id,
            got,
        })),
        _ => Ok(()),
    }
}

/// Max fee and, for a dynamic fee, priority fee: wei per gas.
fn fees(request: &TransactionRequest) -> Result<(u128, Option<u128>), SimulateError> {
    match (
        request.gas_price,
        request.max_fee_per_gas,
        request.max_priority_fee_per_gas,
    ) {
        (None, None, None) => Ok((0, None)),
        (Some(price), None, None) => Ok((price, None)),
        (Some(_), _, _) => Err(SimulateError::Request(
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".to_owned(),
        )),
        (None, max_fee, priority) => {
            let (max_fee, priority) = (max_fee.unwrap_or_default(), priority.unwrap_or_default());
            if priority > max_fee {
                return Err(invalid(StaticError::PriorityAboveMax { priority, max_fee }));
            }
            Ok((max_fee, Some(priority)))
        }
    }
}

fn input(request: &TransactionRequest) -> Result<Bytes, SimulateError> {
    let (input, data) = (&request.input.input, &request.input.data);
    match (input, data) {
        (Some(input), Some(data)) if input != data => Err(SimulateError::Request(
            "both \"data\" and \"input\" are set and not equal; use \"input\"".to_owned(),
        )),
        _ => Ok(input
            .as_ref()
            .or(data.as_ref())
            .cloned()
            .unwrap_or_default()),
    }
}

fn invalid(error: StaticError) -> SimulateError {
    SimulateError::Invalid(error.into())
}
