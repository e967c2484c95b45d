//! `trellis_getProof`: an account and slots of its storage, as anybody can check who knows the network's key
//! (docs/spec/state-proofs.md).

use super::{Chain, RpcError, RpcResult, json};
use crate::Params;
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use commonware_codec::Encode as _;
use core::time::Duration;
use serde::Serialize;
use std::sync::Arc;
use trellis_primitives::StateError;
use trellis_state::ProvenAccount;

/// Most slots of one request.
const SLOTS_MAX: usize = 256;
/// How often the newest block is tried again, if another comes meanwhile.
const ATTEMPTS: usize = 40;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(25);

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    number: U64,
    hash: B256,
    finalization: Bytes,
    header: Bytes,
    extension: Bytes,
    address: Address,
    /// `null` if it was never written: that cannot be proven.
    account: Option<AccountProof>,
    storage: Vec<SlotProof>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountProof {
    nonce: U64,
    balance: U256,
    code_hash: B256,
    proof: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotProof {
    slot: U256,
    /// `null` if it was never written.
    value: Option<U256>,
    proof: Option<Bytes>,
}

/// Proves against the newest block that has a certificate.
pub(super) async fn get(chain: &Arc<Chain>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let address: Address = params.required("address")?;
    let slots: Vec<U256> = params.optional("slots")?.unwrap_or_default();
    params.finish()?;
    if slots.len() > SLOTS_MAX {
        let count = slots.len();
        return Err(RpcError::limit_exceeded(format!(
            "{count} slots, the limit is {SLOTS_MAX} in one request"
        )));
    }
    for _ in 0..ATTEMPTS {
        if let Some(proof) = attempt(chain, address, &slots).await? {
            return json(&proof);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let busy = "no block stayed the newest long enough to be proven; try again";
    Err(StateError::Pending.into()).map_err(|error: RpcError| RpcError {
        message: busy.to_owned(),
        ..error
    })
}

/// `None` if the databases are at another block than the certificate.
async fn attempt(
    chain: &Chain,
    address: Address,
    slots: &[U256],
) -> Result<Option<Proof>, RpcError> {
    let newest = chain.exchange().newest(chain.spec().id);
    let (Some(prover), Some((finalization, block))) = (chain.prover(), newest) else {
        return Ok(None);
    };
    let state = &block.extension().state;
    let ProvenAccount {
        account,
        slots: values,
    } = match prover.prove(state, address, slots).await {
        Err(StateError::Stale | StateError::Pending) => return Ok(None),
        proven => proven?,
    };
    let account = account.map(|(account, proof)| AccountProof {
        nonce: U64::from(account.nonce),
        balance: account.balance,
        code_hash: account.code_hash,
        proof: proof.to_bytes(),
    });
    let storage = slots.iter().zip(values).map(|(slot, proven)| {
        let (value, proof) = proven.unzip();
        SlotProof {
            slot: *slot,
            value,
            proof: proof.map(|proof| proof.to_bytes()),
        }
    });
    Ok(Some(Proof {
        number: U64::from(block.number()),
        hash: block.hash(),
        finalization: finalization.encode().to_vec().into(),
        header: alloy_rlp::encode(block.header()).into(),
        extension: block.extension().encode().to_vec().into(),
        address,
        account,
        storage: storage.collect(),
    }))
}
