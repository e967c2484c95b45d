//! From blocks to records: what a batch holds.

use super::{
    History, HistoryError, RecordedBlock, Tip, codec,
    store::{Table, Write},
};
use alloy_primitives::keccak256;
use std::sync::Arc;

/// Most undo records one batch deletes, so that a shortened window does not make one huge batch.
const PRUNE_MAX: u64 = 1024;

impl History {
    /// The blocks that are not recorded yet, or why the given ones do not continue the chain.
    pub(super) fn check_chain<'a>(
        &self,
        blocks: &'a [Arc<RecordedBlock>],
        tip: Option<Tip>,
    ) -> Result<&'a [Arc<RecordedBlock>], HistoryError> {
        let known = blocks
            .iter()
            .take_while(|block| tip.is_some_and(|tip| block.number() <= tip.number))
            .count();
        let (known, fresh) = blocks.split_at(known);
        for block in known {
            let number = block.number();
            if let Some(tip) = tip.filter(|tip| number < tip.first) {
                return Err(HistoryError::Gap {
                    expected: tip.number.saturating_add(1),
                    number,
                });
            }
            if self.number_of(block.hash())? != Some(number) {
                return Err(HistoryError::Conflict {
                    number,
                    offered: block.hash(),
                });
            }
        }
        let mut last = tip.map(|tip| (tip.number, tip.hash));
        for block in fresh {
            let number = block.number();
            if let Some((below, recorded)) = last {
                let (expected, parent) =
                    (below.saturating_add(1), block.block.header().parent_hash);
                if number != expected {
                    return Err(HistoryError::Gap { expected, number });
                }
                if parent != recorded {
                    return Err(HistoryError::Parent {
                        number,
                        parent,
                        recorded,
                    });
                }
            }
            block.check()?;
            last = Some((number, block.hash()));
        }
        Ok(fresh)
    }

    pub(super) fn remove_block(
        &self,
        number: u64,
        batch: &mut Vec<Write>,
    ) -> Result<(), HistoryError> {
        let key = number.to_be_bytes();
        let tables = [
            Table::Blocks,
            Table::Receipts,
            Table::Senders,
            Table::Blooms,
            Table::Undo,
        ];
        batch.extend(tables.map(|table| Write::remove(table, key)));
        let block = self.read_bare(number)?;
        batch.push(Write::remove(Table::Hashes, block.hash()));
        for encoded in block.transactions() {
            batch.push(Write::remove(Table::Transactions, keccak256(encoded)));
        }
        Ok(())
    }
}

pub(super) fn encode_block(recorded: &RecordedBlock, batch: &mut Vec<Write>) {
    let number = recorded.number();
    let key = number.to_be_bytes();
    let senders: Vec<u8> = recorded
        .transactions
        .iter()
        .flat_map(|tx| tx.signer().into_array())
        .collect();
    let bloom = codec::encode_bloom(&recorded.block.header().logs_bloom);
    batch.push(Write::put(
        Table::Blocks,
        key,
        codec::encode_block(&recorded.block),
    ));
    batch.push(Write::put(
        Table::Receipts,
        key,
        codec::encode_receipts(&recorded.receipts),
    ));
    batch.push(Write::put(Table::Senders, key, senders));
    batch.push(Write::put(Table::Blooms, key, bloom));
    batch.push(Write::put(Table::Hashes, recorded.hash(), key.to_vec()));
    for (index, transaction) in (0u32..).zip(&recorded.transactions) {
        let location = codec::encode_location(number, index);
        batch.push(Write::put(
            Table::Transactions,
            transaction.tx_hash(),
            location,
        ));
    }
}

/// Writes the undo records of the blocks `fresh` (heights `first..=last`) that are inside the window when `last` is
/// the tip, and deletes those that leave it. Takes and returns the oldest record in the store.
pub(super) fn encode_undo(
    fresh: &[Arc<RecordedBlock>],
    (first, last): (u64, u64),
    oldest: Option<u64>,
    window: u64,
    batch: &mut Vec<Write>,
) -> Option<u64> {
    let kept = last.saturating_add(1).saturating_sub(window);
    for block in fresh.iter().filter(|block| block.number() >= kept) {
        batch.push(Write::put(
            Table::Undo,
            block.number().to_be_bytes(),
            codec::encode_undo(&block.undo),
        ));
    }
    let oldest = oldest.unwrap_or_else(|| first.max(kept));
    let left = kept.clamp(oldest, oldest.saturating_add(PRUNE_MAX));
    batch.extend((oldest..left).map(|number| Write::remove(Table::Undo, number.to_be_bytes())));
    (left <= last).then_some(left)
}
