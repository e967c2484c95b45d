//! A leader's block: chosen transactions, executed, sealed and described by a header.

use super::{Module, Runtime, fatal_unless_stale, unix_ms};
use crate::{build, chain::Demand, rules};
use alloy_primitives::keccak256;
use tracing::error;
use trellis_executor::BlockEnv;
use trellis_primitives::{
    Block, BlockError, Context, Extension, header_template, transactions_root,
};
use trellis_state::tree::{self, Sealed};

impl Module {
    /// Environment of a block on `parent`, proposed by this validator now.
    fn next_env(&self, parent: &Block, timestamp_ms: u64) -> BlockEnv {
        BlockEnv {
            chain_id: self.chain.spec().chain_id(),
            number: parent.number() + 1,
            timestamp: timestamp_ms / 1000,
            beneficiary: self.beneficiary,
            gas_limit: self.chain.spec().gas_limit,
            base_fee: rules::base_fee_after(parent),
            prev_randao: rules::randao_after(parent),
            parent_hash: parent.hash(),
            parent_beacon_root: rules::beacon_root_after(parent),
        }
    }

    /// A block on `parent`, or `None` if there is no reason for one.
    pub(super) async fn build<E: Runtime>(
        &self,
        runtime: E,
        context: Context,
        parent: &Block,
        batches: tree::Batches<E>,
    ) -> Option<(Block, Sealed<E>)> {
        let now = runtime.current();
        let timestamp_ms = unix_ms(now).max(parent.extension().timestamp_ms + 1);
        let in_flight = self.chain.in_flight(parent.hash(), parent.number());
        let candidates = build::select(&self.chain, &in_flight);
        let env = self.next_env(parent, timestamp_ms);
        let clock = runtime.child("clock");
        let deadline = now + self.timing.build_limit;
        let chain = self.chain.clone();
        let (sealed, content) = self
            .run(
                runtime.child("build"),
                batches,
                move |state| {
                    let expired = || clock.current() >= deadline;
                    build::fill(&chain, chain.engine(), &env, state, &candidates, &expired)
                },
                |content| &content.executed.diff,
            )
            .await
            .map_err(|error| fatal_unless_stale("build", &error))
            .ok()?;
        let idle = content.transactions.is_empty()
            && now < self.due(parent)
            && self.chain.demand(parent) != Demand::LowerFee;
        if idle {
            return None;
        }
        let lanes = self.lanes(parent, &content.executed);
        let notes = self.notes(parent, &content.transactions, &content.executed);
        let extension = Extension {
            module: self.chain.spec().id,
            outbox: lanes.root(),
            context,
            timestamp_ms,
            access_list_hash: keccak256(&content.access_list),
            state: tree::commitment::<E>(&sealed),
        };
        let block = match assemble(&env, extension, &content) {
            Ok(block) => block,
            Err(error) => {
                error!(%error, "built a block that breaks a rule; proposing nothing");
                return None;
            }
        };
        self.remember(&block, content.transactions, content.executed, lanes, notes);
        Some((block, sealed))
    }
}

/// The block of executed content.
fn assemble(
    env: &BlockEnv,
    extension: Extension,
    content: &build::Content,
) -> Result<Block, BlockError> {
    let encoded = content.encoded.clone();
    let mut header = header_template();
    header.parent_hash = env.parent_hash;
    header.beneficiary = env.beneficiary;
    header.state_root = extension.state.root();
    header.transactions_root = transactions_root(&encoded);
    header.receipts_root = content.executed.receipts_root;
    header.logs_bloom = content.executed.logs_bloom;
    header.number = env.number;
    header.gas_limit = env.gas_limit;
    header.gas_used = content.executed.gas_used;
    header.timestamp = env.timestamp;
    header.extra_data = extension.hash().into();
    header.mix_hash = env.prev_randao;
    header.base_fee_per_gas = Some(env.base_fee);
    header.parent_beacon_block_root = Some(env.parent_beacon_root);
    Block::new(header, extension, encoded, content.access_list.clone())
}
