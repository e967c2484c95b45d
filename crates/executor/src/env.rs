use alloy_primitives::{Address, B256, U256};
use revm::{
    context::{BlockEnv as EvmBlock, CfgEnv},
    context_interface::block::BlobExcessGasAndPrice,
    primitives::{eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE, hardfork::SpecId},
};
use std::collections::BTreeMap;

/// What the transactions of one block can see of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockEnv {
    /// The module's chain id (EIP-155).
    pub chain_id: u64,
    /// Height; genesis is 0.
    pub number: u64,
    /// Unix time, in seconds.
    pub timestamp: u64,
    /// Who receives the priority fees.
    pub beneficiary: Address,
    /// Gas all transactions together may ask for.
    pub gas_limit: u64,
    /// Base fee, in wei per gas; burnt (EIP-1559).
    pub base_fee: u64,
    /// What `PREVRANDAO` answers (EIP-4399).
    pub prev_randao: B256,
    /// Hash of the parent, which block start writes to the history contract (EIP-2935).
    pub parent_hash: B256,
    /// What block start writes to the beacon roots contract (EIP-4788).
    pub parent_beacon_root: B256,
}

impl BlockEnv {
    /// The block as the EVM wants it. Without blobs the excess is always zero, so `BLOBBASEFEE` answers 1.
    pub(crate) fn evm_block(&self) -> EvmBlock {
        EvmBlock {
            number: U256::from(self.number),
            beneficiary: self.beneficiary,
            timestamp: U256::from(self.timestamp),
            gas_limit: self.gas_limit,
            basefee: self.base_fee,
            difficulty: U256::ZERO,
            prevrandao: Some(self.prev_randao),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(
                0,
                BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
            )),
            slot_num: 0,
        }
    }

    /// The rules of `spec` on this chain.
    pub(crate) fn evm_config(&self, spec: SpecId) -> CfgEnv {
        CfgEnv::new_with_spec(spec).with_chain_id(self.chain_id)
    }
}

/// A block's environment in the EVM's own terms. [`Setting::new`] gives one of this chain's; other chains' blocks have
/// settings of their own, for conformance tests and measurements only.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The block.
    pub block: EvmBlock,
    /// The rules.
    pub config: CfgEnv,
    /// Block hashes known without reading: the parent's, and those a fixture gives.
    pub hashes: BTreeMap<u64, B256>,
    /// It is a block of this chain: the rules that need no state are this chain's too.
    pub own: bool,
    /// What block start writes to the history and the beacon roots contract, if it does.
    pub start: Option<(B256, B256)>,
}

impl Setting {
    /// One of this chain's blocks under the rules of `spec`, without system calls.
    #[doc(hidden)]
    pub fn of(env: &BlockEnv, spec: SpecId) -> Self {
        let parent = env.number.checked_sub(1);
        Self {
            block: env.evm_block(),
            config: env.evm_config(spec),
            hashes: parent
                .map(|parent| (parent, env.parent_hash))
                .into_iter()
                .collect(),
            own: true,
            start: None,
        }
    }

    /// One of this chain's blocks, with the system calls of block start. Genesis has none.
    pub fn new(env: &BlockEnv) -> Self {
        Self {
            start: (env.number > 0).then_some((env.parent_hash, env.parent_beacon_root)),
            ..Self::of(env, SpecId::OSAKA)
        }
    }

    /// Whether empty accounts exist, as before EIP-161. An access list cannot tell such an account from none, and nor do
    /// the parallel ways to execute: they leave such blocks to the sequential one.
    pub(crate) fn has_empty_accounts(&self) -> bool {
        !self.config.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON)
    }

    /// Gas all transactions together may ask for.
    pub(crate) fn gas_limit(&self) -> u64 {
        self.block.gas_limit
    }
}
