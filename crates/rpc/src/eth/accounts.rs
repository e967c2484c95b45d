//! Reading accounts: balance, nonce, code, storage.

use super::{RpcResult, json, select};
use crate::{ModuleContext, Params, RpcError};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::BlockId;
use alloy_serde::JsonStorageKey;
use std::sync::Arc;
use trellis_module::StateView;
use trellis_primitives::{Account, StateReader};

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    Some(match method {
        "eth_getBalance" => balance(module, params).await,
        "eth_getTransactionCount" => transaction_count(module, params).await,
        "eth_getCode" => code(module, params).await,
        "eth_getStorageAt" => storage_at(module, params).await,
        _ => return None,
    })
}

async fn balance(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let (address, block) = address_and_block(params)?;
    read(module, block, move |state| {
        Ok(account(state, address)?.balance)
    })
    .await
}

/// The nonce of the next transaction: by the state of a block, or with `pending` also after the sender's contiguous
/// transactions in the pool.
async fn transaction_count(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let (address, block) = address_and_block(params)?;
    if block.is_pending() {
        let chain = Arc::clone(&module.chain);
        return module
            .blocking(move || json(&U64::from(chain.pending_nonce(address)?)))
            .await;
    }
    read(module, block, move |state| {
        Ok(U64::from(account(state, address)?.nonce))
    })
    .await
}

async fn code(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let (address, block) = address_and_block(params)?;
    read(module, block, move |state| {
        let account = account(state, address)?;
        if account.has_code() {
            Ok(state.code(account.code_hash)?)
        } else {
            Ok(Bytes::new())
        }
    })
    .await
}

async fn storage_at(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let address: Address = params.required("address")?;
    let slot: JsonStorageKey = params.required("slot")?;
    let block: BlockId = params.optional("block")?.unwrap_or_default();
    params.finish()?;
    let slot = U256::from_be_bytes(slot.as_b256().0);
    read(module, block, move |state| {
        Ok(B256::from(state.storage(address, slot)?))
    })
    .await
}

fn address_and_block(params: &Params) -> Result<(Address, BlockId), RpcError> {
    let mut params = params.positional()?;
    let address = params.required("address")?;
    let block: Option<BlockId> = params.optional("block")?;
    params.finish()?;
    Ok((address, block.unwrap_or_default()))
}

/// The account at `address`; the empty account if there is none.
fn account(state: &StateView, address: Address) -> Result<Account, RpcError> {
    Ok(state.account(address)?.unwrap_or_default())
}

/// Reads one value of the state after `block`, on a blocking thread.
async fn read<T: serde::Serialize>(
    module: &Arc<ModuleContext>,
    block: BlockId,
    read: impl FnOnce(&StateView) -> Result<T, RpcError> + Send + 'static,
) -> RpcResult {
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || {
            let number = select::number(&chain, block)?;
            json(&read(&chain.state_at(number)?)?)
        })
        .await
}
