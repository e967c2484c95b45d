//! Where the native coin that travels between modules is (MSG-2).

use super::{Chain, RpcError};
use alloy_primitives::{U64, U256};
use serde::Serialize;
use std::sync::Arc;
use trellis_light::tree::Lane;
use trellis_messaging::gateway::{self, counts, received_slot, sent_slot};
use trellis_module::StateView;
use trellis_primitives::{StateReader as _, system::GATEWAY};

/// The answer of `trellis_supply`: one state of every module, each of its own newest block.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Supply {
    modules: Vec<ModuleSupply>,
    pairs: Vec<PairSupply>,
    /// Sent in one module and neither paid out nor sent back in another.
    in_flight: U256,
    /// What is out of circulation beside what is in flight: given to a gateway without a message.
    burned: U256,
    /// Whether the gateways hold what is in flight (MSG-2). False for a moment if a block came between two readings.
    balanced: bool,
}

/// The gateway of one module.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ModuleSupply {
    module: String,
    number: U64,
    /// Balance of the gateway.
    gateway: U256,
    /// Value that left the module since its genesis.
    sent: U256,
    /// Value that was paid out here or sent back.
    settled: U256,
}

/// Value on its way from one module to another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PairSupply {
    source: String,
    destination: String,
    sent: U256,
    settled: U256,
    in_flight: U256,
}

pub(super) fn of(chain: &Chain) -> Result<Supply, RpcError> {
    let chains = chain.exchange().chains();
    // Destinations last: a message that is delivered between two readings then counts as paid out, never as lost.
    let views: Result<Vec<(Arc<Chain>, StateView)>, RpcError> = chains
        .into_iter()
        .map(|chain| {
            let view = chain.state_at(chain.head().number())?;
            Ok((chain, view))
        })
        .collect();
    let views = views?;
    let mut pairs = Vec::new();
    let mut in_flight = U256::ZERO;
    let mut sound = true;
    for (source, from) in &views {
        for (destination, to) in &views {
            let sent =
                counts(from.storage(GATEWAY, sent_slot(Lane::from(destination.spec().id)))?).1;
            let settled = counts(to.storage(GATEWAY, received_slot(source.spec().id))?).1;
            if sent.is_zero() && settled.is_zero() {
                continue;
            }
            let left = sent.checked_sub(settled);
            sound &= left.is_some();
            in_flight += left.unwrap_or_default();
            pairs.push(PairSupply {
                source: source.spec().name.to_string(),
                destination: destination.spec().name.to_string(),
                sent,
                settled,
                in_flight: left.unwrap_or_default(),
            });
        }
    }
    let modules: Result<Vec<_>, RpcError> = views
        .iter()
        .map(|(chain, view)| module(chain, view, &pairs))
        .collect();
    let modules = modules?;
    let held = modules
        .iter()
        .map(|module| module.gateway)
        .fold(U256::ZERO, |a, b| a + b);
    let reserves = gateway::RESERVE * U256::from(modules.len());
    let burned = held.checked_sub(reserves + in_flight);
    Ok(Supply {
        modules,
        pairs,
        in_flight,
        burned: burned.unwrap_or_default(),
        balanced: sound && burned.is_some(),
    })
}

fn module(chain: &Chain, view: &StateView, pairs: &[PairSupply]) -> Result<ModuleSupply, RpcError> {
    let name = chain.spec().name.to_string();
    let sum = |here: fn(&PairSupply) -> &str, value: fn(&PairSupply) -> U256| {
        let pairs = pairs.iter().filter(|pair| here(pair) == name);
        pairs.map(value).fold(U256::ZERO, |a, b| a + b)
    };
    Ok(ModuleSupply {
        number: U64::from(view.number()),
        gateway: view.account(GATEWAY)?.unwrap_or_default().balance,
        sent: sum(|pair| &pair.source, |pair| pair.sent),
        settled: sum(|pair| &pair.destination, |pair| pair.settled),
        module: name,
    })
}
