//! Transfers with real proofs, through the pool of pending transactions and blocks on state in memory.

mod blocks;
mod refusals;

use super::*;
use crate::{
    SubmitError,
    testing::{
        Light, address, call_pool, funded,
        payer::{funded_in, private_spec},
    },
};
use trellis_executor::Engine;
use trellis_primitives::{StateReader as _, limits::BODY_BYTES_MAX};

const COIN: u128 = 1_000_000_000_000_000_000;
const PRICE: u128 = 3_000_000_000;

fn raw(light: &Light, proven: &ProvenTransfer) -> Bytes {
    proven.transaction(light.chain.spec().chain_id()).into()
}

/// What the chain says of a transfer.
fn submit(light: &Light, proven: &ProvenTransfer) -> Result<B256, String> {
    let submitted = light.chain.submit(raw(light, proven));
    submitted.map_err(|error: SubmitError| error.to_string())
}

/// The transactions a leader puts into the next block, executed and published.
fn mine(light: &Light) -> std::sync::Arc<trellis_state::RecordedBlock> {
    let head = light.chain.head();
    let env = crate::testing::env_on(light.chain.spec(), &head.block);
    let candidates = crate::build::select(&light.chain, &Default::default());
    let state = light.state_after(&head.block);
    let content = crate::build::fill(
        &light.chain,
        &Engine::default(),
        &env,
        &state,
        &candidates,
        &|| false,
    );
    let content = content.unwrap();
    assert!(content.encoded.iter().map(|raw| raw.len()).sum::<usize>() < BODY_BYTES_MAX);
    light.mine(&content.transactions)
}
