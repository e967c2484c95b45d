use alloy_consensus::{Transaction as _, TxEnvelope};
use revm::{
    context_interface::cfg::GasParams,
    primitives::{eip3860::MAX_INITCODE_SIZE, eip7825::TX_GAS_LIMIT_CAP, hardfork::SpecId},
};

/// Why no state makes a transaction valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaticError {
    /// A type 3 transaction (EIP-4844); Trellis has no blobs.
    #[error("transaction type not supported: blob transactions (type 3)")]
    Blob,
    /// A legacy transaction without replay protection (EIP-155).
    #[error("only replay-protected (EIP-155) transactions allowed: chain id missing")]
    MissingChainId,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {got}, want {expected}")]
    ChainId {
        /// Chain id here.
        expected: u64,
        /// Chain id of the transaction.
        got: u64,
    },
    /// The nonce is 2^64 - 1, which no account may use (EIP-2681).
    #[error("nonce has max value: 2^64-1 (EIP-2681)")]
    NonceMax,
    /// The gas limit exceeds the cap on one transaction (EIP-7825).
    #[error("transaction gas limit too high: cap {cap}, tx {got} (EIP-7825)")]
    GasAboveCap {
        /// Most one transaction may ask for.
        cap: u64,
        /// Gas limit of the transaction.
        got: u64,
    },
    /// The gas limit exceeds the block's.
    #[error("exceeds block gas limit: limit {limit}, tx {got}")]
    GasAboveBlock {
        /// Gas limit of a block.
        limit: u64,
        /// Gas limit of the transaction.
        got: u64,
    },
    /// The initcode of a creation is too long (EIP-3860), in bytes.
    #[error("max initcode size exceeded: limit {limit}, code size {got} (EIP-3860)")]
    InitcodeSize {
        /// Longest initcode.
        limit: usize,
        /// Its length.
        got: usize,
    },
    /// The gas limit does not cover what is charged before the first instruction.
    #[error("intrinsic gas too low: have {got}, want {needed}")]
    IntrinsicGas {
        /// Gas charged.
        needed: u64,
        /// Gas limit of the transaction.
        got: u64,
    },
    /// The gas limit is below the floor its calldata sets (EIP-7623).
    #[error("insufficient gas for floor data gas cost: have {got}, want {needed} (EIP-7623)")]
    FloorGas {
        /// The floor.
        needed: u64,
        /// Gas limit of the transaction.
        got: u64,
    },
    /// The priority fee exceeds the max fee (EIP-1559), in wei per gas.
    #[error(
        "max priority fee per gas higher than max fee per gas: priority {priority}, max {max_fee}"
    )]
    PriorityAboveMax {
        /// Priority fee.
        priority: u128,
        /// Max fee.
        max_fee: u128,
    },
    /// Gas limit times max fee exceeds 2^128 - 1 wei, more than any chain issues.
    #[error("gas limit {gas_limit} times max fee {max_fee} exceeds 2^128-1 wei")]
    FeeOverflow {
        /// Gas limit of the transaction.
        gas_limit: u64,
        /// Max fee, in wei per gas.
        max_fee: u128,
    },
    /// A type 4 transaction that authorizes nothing (EIP-7702).
    #[error("EIP-7702 transaction with empty authorization list")]
    EmptyAuthorizations,
}

/// Checks everything about a transaction that needs neither state nor base fee.
///
/// `chain_id` is the module's, `gas_limit` a block's. Cheap next to recovering the signature, which it leaves out.
///
/// # Errors
/// The first rule of [`StaticError`] that does not hold.
pub fn check_static(tx: &TxEnvelope, chain_id: u64, gas_limit: u64) -> Result<(), StaticError> {
    if tx.is_eip4844() {
        return Err(StaticError::Blob);
    }
    match tx.chain_id() {
        None => return Err(StaticError::MissingChainId),
        Some(got) if got != chain_id => {
            return Err(StaticError::ChainId {
                expected: chain_id,
                got,
            });
        }
        Some(_) => {}
    }
    if tx.nonce() == u64::MAX {
        return Err(StaticError::NonceMax);
    }
    if tx.authorization_list().is_some_and(<[_]>::is_empty) {
        return Err(StaticError::EmptyAuthorizations);
    }
    check_fee(tx)?;
    check_gas(tx, gas_limit)
}

fn check_fee(tx: &TxEnvelope) -> Result<(), StaticError> {
    let (max_fee, gas_limit) = (tx.max_fee_per_gas(), tx.gas_limit());
    if let Some(priority) = tx.max_priority_fee_per_gas()
        && priority > max_fee
    {
        return Err(StaticError::PriorityAboveMax { priority, max_fee });
    }
    if max_fee.checked_mul(u128::from(gas_limit)).is_none() {
        return Err(StaticError::FeeOverflow { gas_limit, max_fee });
    }
    Ok(())
}

fn check_gas(tx: &TxEnvelope, block_gas_limit: u64) -> Result<(), StaticError> {
    let got = tx.gas_limit();
    if got > TX_GAS_LIMIT_CAP {
        return Err(StaticError::GasAboveCap {
            cap: TX_GAS_LIMIT_CAP,
            got,
        });
    }
    if got > block_gas_limit {
        return Err(StaticError::GasAboveBlock {
            limit: block_gas_limit,
            got,
        });
    }
    let (input, create) = (tx.input(), tx.is_create());
    if create && input.len() > MAX_INITCODE_SIZE {
        return Err(StaticError::InitcodeSize {
            limit: MAX_INITCODE_SIZE,
            got: input.len(),
        });
    }
    let (accounts, slots) = tx.access_list().map_or((0, 0), |list| {
        (
            list.len() as u64,
            list.iter().map(|item| item.storage_keys.len() as u64).sum(),
        )
    });
    let authorizations = tx.authorization_list().map_or(0, <[_]>::len) as u64;
    let gas = GasParams::new_spec(SpecId::OSAKA).initial_tx_gas(
        input,
        create,
        accounts,
        slots,
        authorizations,
        None,
    );
    if gas.initial_total_gas() > got {
        return Err(StaticError::IntrinsicGas {
            needed: gas.initial_total_gas(),
            got,
        });
    }
    if gas.floor_gas() > got {
        return Err(StaticError::FloorGas {
            needed: gas.floor_gas(),
            got,
        });
    }
    Ok(())
}
