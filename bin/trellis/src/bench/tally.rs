//! Which of the signed transfers are in blocks: an exact count, by hash.

use super::{
    rpc::BlockView,
    stats::{Fill, peak_second},
    workload::Phase,
};
use alloy_primitives::B256;
use std::{collections::HashMap, time::Instant};

/// A block that was read, and what it means for the count.
#[derive(Clone, Debug)]
struct BlockSample {
    /// Milliseconds by the chain's clock, if it has them.
    made: Option<u64>,
    seen: Instant,
    ours: u64,
    gas_used: u64,
    gas_limit: u64,
}

/// Where every transfer of a phase was seen.
#[derive(Debug)]
pub(crate) struct Tally {
    index: HashMap<B256, u32>,
    seen: Vec<Option<Instant>>,
    included: usize,
    duplicates: usize,
    blocks: Vec<BlockSample>,
}

impl Tally {
    /// A count of the transfers of `phase`, none seen yet.
    pub(crate) fn new(phase: &Phase) -> Self {
        let index = phase
            .lanes
            .iter()
            .flatten()
            .map(|transfer| (transfer.hash, transfer.index))
            .collect();
        Self {
            index,
            seen: vec![None; phase.len()],
            included: 0,
            duplicates: 0,
            blocks: Vec::new(),
        }
    }

    /// Counts `block`, which was fully read at `seen`. Returns how many transfers were new.
    pub(crate) fn record(&mut self, block: &BlockView, seen: Instant) -> usize {
        let mut ours = 0;
        for hash in &block.transactions {
            let Some(&index) = self.index.get(hash) else {
                continue;
            };
            let slot = &mut self.seen[index as usize];
            if slot.is_some() {
                self.duplicates += 1;
            } else {
                *slot = Some(seen);
                ours += 1;
            }
        }
        self.included += ours;
        self.blocks.push(BlockSample {
            made: block.milli_timestamp.map(|time| time.to()),
            seen,
            ours: ours as u64,
            gas_used: block.gas_used.to(),
            gas_limit: block.gas_limit.to(),
        });
        ours
    }

    /// Transfers seen in blocks.
    pub(crate) fn included(&self) -> usize {
        self.included
    }

    /// Transfers not seen in a block.
    pub(crate) fn missing(&self) -> usize {
        self.seen.len() - self.included
    }

    /// Transfers seen in a block after having been seen in one before. Anything but 0 is a defect of the chain.
    pub(crate) fn duplicates(&self) -> usize {
        self.duplicates
    }

    /// When transfer `index` was seen in a block.
    pub(crate) fn seen(&self, index: u32) -> Option<Instant> {
        self.seen.get(index as usize).copied().flatten()
    }

    /// When the last included transfer was seen.
    pub(crate) fn last_seen(&self) -> Option<Instant> {
        self.seen.iter().copied().flatten().max()
    }

    /// Number of blocks from the first to the last with one of our transfers.
    pub(crate) fn block_count(&self) -> usize {
        self.ours().len()
    }

    /// Gas used by gas limit over [`Self::block_count`] blocks.
    pub(crate) fn fill(&self) -> Option<Fill> {
        let gas: Vec<(u64, u64)> = self
            .ours()
            .iter()
            .map(|block| (block.gas_used, block.gas_limit))
            .collect();
        Fill::of(&gas)
    }

    /// Most transfers in one second: by the chain's milliseconds where it has them (`true`), else by when blocks were
    /// seen.
    pub(crate) fn peak(&self) -> Option<(u64, bool)> {
        let blocks = self.ours();
        let made: Option<Vec<(u64, u64)>> = blocks
            .iter()
            .map(|block| Some((block.made?, block.ours)))
            .collect();
        if let Some(made) = made {
            return peak_second(&made).map(|peak| (peak, true));
        }
        let origin = blocks.first()?.seen;
        let millis =
            |at: Instant| u64::try_from(at.duration_since(origin).as_millis()).unwrap_or(u64::MAX);
        let seen: Vec<(u64, u64)> = blocks
            .iter()
            .map(|block| (millis(block.seen), block.ours))
            .collect();
        peak_second(&seen).map(|peak| (peak, false))
    }

    fn ours(&self) -> &[BlockSample] {
        let first = self.blocks.iter().position(|block| block.ours > 0);
        let last = self.blocks.iter().rposition(|block| block.ours > 0);
        match (first, last) {
            (Some(first), Some(last)) => &self.blocks[first..=last],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::Presigned;
    use alloy_primitives::U64;
    use core::time::Duration;

    fn phase(count: u32) -> Phase {
        let transfer = |index: u32| Presigned {
            index,
            hash: B256::with_last_byte(index as u8),
            raw: String::new(),
        };
        Phase {
            lanes: vec![(0..count).map(transfer).collect()],
        }
    }

    fn block(number: u64, hashes: &[u8], millis: Option<u64>) -> BlockView {
        BlockView {
            number: U64::from(number),
            gas_used: U64::from(hashes.len() * 10),
            gas_limit: U64::from(100),
            milli_timestamp: millis.map(U64::from),
            base_fee_per_gas: None,
            transactions: hashes
                .iter()
                .map(|byte| B256::with_last_byte(*byte))
                .collect(),
        }
    }

    #[test]
    fn only_our_transfers_count_and_each_once() {
        let mut tally = Tally::new(&phase(4));
        let start = Instant::now();
        assert_eq!(tally.record(&block(1, &[], Some(0)), start), 0);
        assert_eq!(tally.record(&block(2, &[0, 200, 1], Some(100)), start), 2);
        assert_eq!(
            tally.record(
                &block(3, &[1, 2], Some(1_200)),
                start + Duration::from_secs(1)
            ),
            1
        );
        assert_eq!(
            (tally.included(), tally.missing(), tally.duplicates()),
            (3, 1, 1)
        );
        assert_eq!(tally.seen(3), None);
        assert_eq!(tally.last_seen(), Some(start + Duration::from_secs(1)));
        assert_eq!(
            tally.block_count(),
            2,
            "the empty block before ours is not part of the load"
        );
        assert_eq!(
            tally.fill(),
            Some(Fill {
                mean: 0.25,
                max: 0.3
            })
        );
        assert_eq!(tally.peak(), Some((2, true)));
    }

    #[test]
    fn without_milliseconds_the_peak_is_by_the_time_seen() {
        let mut tally = Tally::new(&phase(4));
        let start = Instant::now();
        tally.record(&block(1, &[0, 1, 2], None), start);
        tally.record(&block(2, &[3], None), start + Duration::from_secs(2));
        assert_eq!(tally.peak(), Some((3, false)));
        assert_eq!(Tally::new(&phase(1)).peak(), None);
    }
}
