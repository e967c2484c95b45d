//! A leader whose blocks break one rule each. Everything else about it is the real application, so its lies are as
//! well-formed as lies can be: hashes fit, roots that bind parts are recomputed, and only the rule in question is broken.

use super::imports;
use crate::{roles::Lies, wallet};
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, keccak256};
use commonware_consensus::{
    marshal::ancestry::Ancestry,
    types::{Round, View},
};
use commonware_glue::stateful::{Application, Finality, Input, Proposed, db::DatabaseSet};
use commonware_runtime::Clock;
use std::sync::Arc;
use trellis_consensus::Pace;
use trellis_executor::{AccountChanges, decode_access_list, encode_access_list};
use trellis_module::{Module, Runtime, Scheme};
use trellis_primitives::{Block, Context, ModuleId, transactions_root};
use trellis_state::tree::Databases;

/// The rule a block breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each names the field or rule that is wrong")]
pub enum Lie {
    StateRoot,
    GasUsed,
    ReceiptsRoot,
    LogsBloom,
    BaseFee,
    GasLimit,
    PrevRandao,
    BeaconRoot,
    Beneficiary,
    Height,
    View,
    Module,
    TimestampPast,
    TimestampHour,
    TimestampEnd,
    JunkTransaction,
    RepeatedTransaction,
    NonceGap,
    Unfunded,
    MissingTransaction,
    ListJunk,
    ListMissing,
    ListExtra,
    ListUnsorted,
    ListAltered,
    Outbox,
    ImportForged,
    ImportSkipping,
    ImportTruncated,
    ImportReordered,
    ImportReplayed,
    ImportLate,
    ImportOversized,
    ImportNotFinal,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 26] = [
        Self::StateRoot,
        Self::GasUsed,
        Self::ReceiptsRoot,
        Self::LogsBloom,
        Self::BaseFee,
        Self::GasLimit,
        Self::PrevRandao,
        Self::BeaconRoot,
        Self::Beneficiary,
        Self::Height,
        Self::View,
        Self::Module,
        Self::TimestampPast,
        Self::TimestampHour,
        Self::TimestampEnd,
        Self::JunkTransaction,
        Self::RepeatedTransaction,
        Self::NonceGap,
        Self::Unfunded,
        Self::MissingTransaction,
        Self::ListJunk,
        Self::ListMissing,
        Self::ListExtra,
        Self::ListUnsorted,
        Self::ListAltered,
        Self::Outbox,
    ];

    /// Those about messages, for blocks that import some (MSG-1).
    pub const OF_IMPORTS: [Self; 8] = [
        Self::ImportForged,
        Self::ImportSkipping,
        Self::ImportTruncated,
        Self::ImportReordered,
        Self::ImportReplayed,
        Self::ImportLate,
        Self::ImportOversized,
        Self::ImportNotFinal,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StateRoot => "state root",
            Self::GasUsed => "gas used",
            Self::ReceiptsRoot => "receipts root",
            Self::LogsBloom => "logs bloom",
            Self::BaseFee => "base fee",
            Self::GasLimit => "gas limit",
            Self::PrevRandao => "prevRandao",
            Self::BeaconRoot => "beacon root",
            Self::Beneficiary => "beneficiary",
            Self::Height => "height",
            Self::View => "view",
            Self::Module => "module",
            Self::TimestampPast => "timestamp in the past",
            Self::TimestampHour => "timestamp an hour ahead",
            Self::TimestampEnd => "timestamp at the end of time",
            Self::JunkTransaction => "junk transaction",
            Self::RepeatedTransaction => "repeated transaction",
            Self::NonceGap => "nonce gap",
            Self::Unfunded => "unfunded transaction",
            Self::MissingTransaction => "missing transaction",
            Self::ListJunk => "access list that does not decode",
            Self::ListMissing => "access list without an account",
            Self::ListExtra => "access list with an account nobody looks at",
            Self::ListUnsorted => "access list out of order",
            Self::ListAltered => "access list with another balance",
            Self::Outbox => "outbox",
            Self::ImportForged => "forged message",
            Self::ImportSkipping => "skipped message",
            Self::ImportTruncated => "truncated import",
            Self::ImportReordered => "messages out of order",
            Self::ImportReplayed => "import twice",
            Self::ImportLate => "import behind other transactions",
            Self::ImportOversized => "oversized import",
            Self::ImportNotFinal => "import from a block that is not final",
        }
    }

    /// `block` with this rule broken; `None` if it has nothing to break it with.
    pub fn tell(self, chain_id: u64, block: &Block) -> Option<Block> {
        let mut header = block.header().clone();
        let mut extension = block.extension().clone();
        let mut transactions = block.transactions().to_vec();
        let mut list = decode_access_list(block.access_list()).ok()?;
        let mut access_list = block.access_list().clone();
        let middle = transactions.len() / 2;
        let wrong = B256::repeat_byte(0x5a);
        match self {
            Self::StateRoot => extension.state.accounts.root = wrong,
            Self::GasUsed => header.gas_used += 1,
            Self::ReceiptsRoot => header.receipts_root = wrong,
            Self::LogsBloom => header.logs_bloom = Bloom::repeat_byte(1),
            Self::BaseFee => header.base_fee_per_gas = header.base_fee_per_gas.map(|fee| fee + 1),
            Self::GasLimit => header.gas_limit += 1,
            Self::PrevRandao => header.mix_hash = wrong,
            Self::BeaconRoot => header.parent_beacon_block_root = Some(wrong),
            // Fees went to another address than the header says.
            Self::Beneficiary => header.beneficiary.0[0] ^= 1,
            Self::Height => header.number += 1,
            Self::View => {
                let round = extension.context.round;
                let view = View::new(round.view().get() + 1);
                extension.context.round = Round::new(round.epoch(), view);
            }
            Self::Module => extension.module = ModuleId::new(63)?,
            Self::TimestampPast => extension.timestamp_ms = 1,
            Self::TimestampHour => extension.timestamp_ms += 3_600_000,
            Self::TimestampEnd => extension.timestamp_ms = u64::MAX,
            Self::JunkTransaction => transactions.insert(middle, Bytes::from_static(&[2, 0xc0])),
            Self::RepeatedTransaction => transactions.push(transactions.first()?.clone()),
            Self::NonceGap => transactions.insert(middle, wallet::nonce_gap(chain_id)),
            Self::Unfunded => transactions.insert(middle, wallet::unfunded(chain_id)),
            Self::MissingTransaction => drop(transactions.pop()?),
            Self::ListJunk => access_list = Bytes::from_static(b"junk"),
            Self::ListMissing => drop(list.pop()?),
            Self::ListExtra => list.push(AccountChanges::new(Address::repeat_byte(0xff))),
            Self::ListUnsorted => list.reverse(),
            Self::ListAltered => {
                let mut changes = list
                    .iter_mut()
                    .flat_map(|account| &mut account.balance_changes);
                changes.next()?.post_balance += U256::ONE;
            }
            Self::Outbox => extension.outbox = wrong,
            _ => transactions = imports::lie(self, chain_id, transactions)?,
        }
        if self != Self::ListJunk {
            access_list = encode_access_list(&list);
        }
        extension.access_list_hash = keccak256(&access_list);
        header.nonce = B64::ZERO;
        header.state_root = extension.state.root();
        header.timestamp = extension.timestamp_ms / 1000;
        header.transactions_root = transactions_root(&transactions);
        header.extra_data = extension.hash().into();
        Block::new(header, extension, transactions, access_list)
            .ok()
            .filter(|lie| lie != block)
    }
}

/// The real application, whose proposals are lies most of the time.
#[derive(Clone, Debug)]
pub struct Liar {
    honest: Module,
    lies: Arc<Lies>,
}

impl Liar {
    /// Lies on behalf of `honest`.
    pub const fn new(honest: Module, lies: Arc<Lies>) -> Self {
        Self { honest, lies }
    }
}

impl Liar {
    /// Lies to try on a block, one after the other: not every block can be made wrong in every way.
    fn choose(&self, block: &Block) -> impl Iterator<Item = Lie> + use<> {
        let lies = if imports::has_imports(block) && self.lies.draw(2) == 0 {
            Lie::OF_IMPORTS.as_slice()
        } else {
            Lie::ALL.as_slice()
        };
        let first = self.lies.draw(lies.len());
        lies.iter().copied().cycle().skip(first).take(lies.len())
    }
}

impl<E: Runtime> Application<E> for Liar {
    type SigningScheme = Scheme;
    type Context = Context;
    type Block = Block;
    type Databases = Databases<E>;
    type Captured = ();
    type Provider = ();
    type Input = ();

    fn sync_targets(block: &Block) -> <Self::Databases as DatabaseSet<E>>::SyncTargets {
        <Module as Application<E>>::sync_targets(block)
    }

    async fn genesis(&mut self) -> Block {
        Application::<E>::genesis(&mut self.honest).await
    }

    async fn propose(
        &mut self,
        context: (E, Context),
        ancestry: impl Ancestry<Block>,
        batches: <Self::Databases as DatabaseSet<E>>::Unmerkleized,
        input: Input<(), ()>,
    ) -> Option<Proposed<Self, E>> {
        let proposed = self
            .honest
            .propose(context, ancestry, batches, input)
            .await?;
        let mut block = proposed.block;
        if self.lies.draw(10) < 7 {
            let chain_id = self.honest.chain().spec().chain_id();
            let mut lies = self.choose(&block);
            if let Some((lie, told)) =
                lies.find_map(|lie| lie.tell(chain_id, &block).map(|told| (lie, told)))
            {
                self.lies.told(lie.name(), told.hash());
                block = told;
            }
        }
        let merkleized = proposed.merkleized;
        Some(Proposed { block, merkleized })
    }

    async fn process(
        &mut self,
        context: (E, Context),
        ancestry: impl Ancestry<Block>,
        batches: <Self::Databases as DatabaseSet<E>>::Unmerkleized,
        finality: Finality,
    ) -> Option<<Self::Databases as DatabaseSet<E>>::Merkleized> {
        self.honest
            .process(context, ancestry, batches, finality)
            .await
    }

    async fn capture(
        &mut self,
        context: (E, Context),
        block: &Block,
        batches: &<Self::Databases as DatabaseSet<E>>::Merkleized,
        readers: <Self::Databases as DatabaseSet<E>>::Readers,
    ) {
        self.honest.capture(context, block, batches, readers).await;
    }

    async fn finalized(
        &mut self,
        context: (E, Context),
        block: &Block,
        captured: (),
        readers: <Self::Databases as DatabaseSet<E>>::Readers,
    ) {
        self.honest
            .finalized(context, block, captured, readers)
            .await;
    }
}

impl<E: Clock> Pace<E, Block> for Liar {
    async fn wanted(&self, clock: &E, parent: &Block) {
        self.honest.wanted(clock, parent).await;
    }

    async fn changed(&self, clock: &E) {
        self.honest.changed(clock).await;
    }

    async fn timely(&self, clock: &E, block: &Block) {
        self.honest.timely(clock, block).await;
    }
}
