use crate::Payments;
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use trellis_circuits::PARAMETERS_HASH;
use trellis_primitives::{ModuleId, ModuleName};

/// What fixes one module's chain before its first block. Two nodes with different specs are on different chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSpec {
    /// Name of the network, for people.
    pub network: String,
    /// Number of the network; drawn at random for a new data directory, so that a wallet which remembers an
    /// earlier network never mixes the two.
    pub network_id: u64,
    /// Position in the network.
    pub id: ModuleId,
    /// Name and URL path.
    pub name: ModuleName,
    /// How many modules the network has at genesis: messages go to no others.
    pub modules: u32,
    /// Block gas limit.
    pub gas_limit: u64,
    /// Native coin each development account holds at genesis, in wei.
    pub alloc: Vec<Allocation>,
    /// Digest of the validator set and the network's threshold key.
    pub validators: B256,
    /// Genesis time, Unix milliseconds.
    pub timestamp_ms: u64,
    /// Private payments, in modules that have them.
    pub payments: Option<Payments>,
}

/// Native coin given at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// Who receives it.
    pub address: alloy_primitives::Address,
    /// How much, in wei.
    pub balance: alloy_primitives::U256,
}

impl ChainSpec {
    /// Chain ids of one network lie side by side: `network_id * 1000 + module index`.
    ///
    /// Network ids are six digits, so chain ids stay below 2^30: inside what MetaMask (2^52) and JavaScript accept.
    pub const fn chain_id(&self) -> u64 {
        self.first_chain_id() + self.id.index() as u64
    }

    /// Chain id of the network's first module, the hub.
    pub const fn first_chain_id(&self) -> u64 {
        self.network_id * 1000
    }

    /// Identity of the chain: what a data directory must match, and the parent hash of the genesis block.
    pub fn identity(&self) -> B256 {
        let mut preimage = b"trellis/chain/2".to_vec();
        for text in [self.network.as_str(), self.name.as_str()] {
            preimage.extend_from_slice(&(text.len() as u64).to_be_bytes());
            preimage.extend_from_slice(text.as_bytes());
        }
        for number in [
            self.network_id,
            u64::from(self.id.index()),
            u64::from(self.modules),
            self.gas_limit,
            self.timestamp_ms,
        ] {
            preimage.extend_from_slice(&number.to_be_bytes());
        }
        preimage.extend_from_slice(self.validators.as_slice());
        for allocation in &self.alloc {
            preimage.extend_from_slice(allocation.address.as_slice());
            preimage.extend_from_slice(&allocation.balance.to_be_bytes::<32>());
        }
        if let Some(payments) = &self.payments {
            // Parameters and keys of another circuit are another network's (docs/spec/payments.md, 10).
            preimage.extend_from_slice(b"payments");
            preimage.extend_from_slice(payments.governance.as_slice());
            preimage.extend_from_slice(&PARAMETERS_HASH);
            for (circuit, fingerprint) in Payments::circuits() {
                preimage.extend_from_slice(&circuit.to_be_bytes());
                preimage.extend_from_slice(fingerprint.as_slice());
            }
        }
        keccak256(preimage)
    }
}

#[cfg(test)]
mod tests;
