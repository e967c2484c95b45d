use super::SimulateError;
use crate::{
    evm::EvmContext,
    overlay::{Overlay, ReadFailed},
};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use alloy_rpc_types_eth::{
    BlockOverrides,
    state::{AccountOverride, StateOverride},
};
use revm::{handler::EthPrecompiles, primitives::hardfork::SpecId, state::Bytecode};
use trellis_primitives::StateReader;

/// Replaces fields of the block. A difficulty is ignored, as `PREVRANDAO` took its place.
pub(super) fn apply_to_block<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    overrides: &BlockOverrides,
) -> Result<(), SimulateError> {
    let block = &mut context.block;
    block.number = overrides.number.unwrap_or(block.number);
    block.timestamp = overrides.time.map_or(block.timestamp, U256::from);
    block.gas_limit = overrides.gas_limit.unwrap_or(block.gas_limit);
    block.beneficiary = overrides.coinbase.unwrap_or(block.beneficiary);
    block.prevrandao = overrides.random.or(block.prevrandao);
    if let Some(base_fee) = overrides.base_fee {
        block.basefee = u64::try_from(base_fee).map_err(|_| {
            SimulateError::Request(format!("base fee override {base_fee} exceeds 2^64-1 wei"))
        })?;
    }
    if let Some(hashes) = &overrides.block_hash {
        context.journaled_state.database.set_block_hashes(hashes);
    }
    Ok(())
}

/// Replaces accounts, code and storage.
pub(super) fn apply_to_state<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    overrides: &StateOverride,
) -> Result<(), SimulateError> {
    // Each override touches its own account alone, so their order does not matter.
    for (address, account) in overrides {
        apply_to_account(context, *address, account)?;
    }
    Ok(())
}

fn apply_to_account<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    address: Address,
    wanted: &AccountOverride,
) -> Result<(), SimulateError> {
    let refuse = |reason: &str| {
        Err(SimulateError::Override {
            address,
            reason: reason.to_owned(),
        })
    };
    if wanted.move_precompile_to.is_some() {
        return refuse("movePrecompileToAddress is not supported");
    }
    if wanted.state.is_some() && wanted.state_diff.is_some() {
        return refuse("has both state and stateDiff");
    }
    if wanted.code.is_some() && EthPrecompiles::new(SpecId::OSAKA).contains(&address) {
        return refuse("the code of a precompile cannot be replaced");
    }
    let overlay = &mut context.journaled_state.database;
    let mut account = match overlay.account(address) {
        Ok(account) => account.unwrap_or_default(),
        Err(ReadFailed) => return Err(overlay.failure().into()),
    };
    account.balance = wanted.balance.unwrap_or(account.balance);
    account.nonce = wanted.nonce.unwrap_or(account.nonce);
    if let Some(code) = &wanted.code {
        let Ok(code) = Bytecode::new_raw_checked(code.clone()) else {
            return refuse("malformed EIP-7702 delegation code");
        };
        account.code_hash = if code.is_empty() {
            KECCAK256_EMPTY
        } else {
            code.hash_slow()
        };
        overlay.add_code(account.code_hash, code);
    }
    let slots = |map: &alloy_primitives::map::B256Map<B256>| {
        map.iter()
            .map(|(slot, value)| ((*slot).into(), (*value).into()))
            .collect::<Vec<_>>()
    };
    let replaced = wanted.state.as_ref().map(slots);
    let changed = wanted.state_diff.as_ref().map(slots).unwrap_or_default();
    let written = match replaced {
        Some(all) => overlay.replace(address, account, true, all),
        None => overlay.replace(address, account, false, changed),
    };
    written.map_err(|ReadFailed| overlay.failure().into())
}
