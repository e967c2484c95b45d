//! From records to blocks. A damaged record is an error that names it, never a panic.

use super::{
    History, HistoryError, RecordedBlock, Tip, Undo, codec, record::logs_bloom, store::Table,
};
use alloy_consensus::{TxEnvelope, transaction::Recovered};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::Address;
use bytes::Bytes;
use std::sync::Arc;
use trellis_primitives::Block;

impl History {
    pub(super) fn read<T>(
        &self,
        table: Table,
        key: &[u8],
        decode: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, HistoryError> {
        let Some(bytes) = self.0.store.get(table, key)? else {
            return Ok(None);
        };
        let key = || alloy_primitives::hex::encode(key);
        let damaged = || HistoryError::corrupt(table.name(), key(), "malformed");
        decode(&bytes).map(Some).ok_or_else(damaged)
    }

    pub(super) fn number_bounds(&self, table: Table) -> Result<Option<(u64, u64)>, HistoryError> {
        let Some((first, last)) = self.0.store.bounds(table)? else {
            return Ok(None);
        };
        match (codec::number(&first), codec::number(&last)) {
            (Some(first), Some(last)) => Ok(Some((first, last))),
            _ => Err(HistoryError::corrupt(
                table.name(),
                "bounds",
                "a key is not a number",
            )),
        }
    }

    pub(super) fn tip_at(&self, first: u64, number: u64) -> Result<Tip, HistoryError> {
        let hash = self.read_bare(number)?.hash();
        Ok(Tip {
            first,
            number,
            hash,
        })
    }

    /// A recorded block without what belongs to it.
    pub(super) fn read_bare(&self, number: u64) -> Result<Block, HistoryError> {
        let damaged = |reason| HistoryError::corrupt(Table::Blocks.name(), number, reason);
        let block = codec::block(self.part(Table::Blocks, number)?).map_err(damaged)?;
        if block.number() == number {
            Ok(block)
        } else {
            Err(damaged(format!("holds block {}", block.number())))
        }
    }

    /// A recorded block with everything that belongs to it.
    pub(super) fn read_block(&self, number: u64) -> Result<RecordedBlock, HistoryError> {
        let damaged =
            |table: Table, reason: String| HistoryError::corrupt(table.name(), number, reason);
        let block = self.read_bare(number)?;
        let count = block.transactions().len();
        let receipts = codec::receipts(&self.part(Table::Receipts, number)?)
            .map_err(|error| damaged(Table::Receipts, error.to_string()))?;
        if receipts.len() != count || logs_bloom(&receipts) != block.header().logs_bloom {
            return Err(damaged(
                Table::Receipts,
                "not the receipts of the block".to_owned(),
            ));
        }
        let senders = codec::senders(&self.part(Table::Senders, number)?)
            .filter(|senders| senders.len() == count)
            .ok_or_else(|| damaged(Table::Senders, "not one address per transaction".to_owned()))?;
        let transactions = decode_transactions(&block, senders)?;
        // Below the window there is none, and a block at its edge may lose it this moment.
        let undo = match self.0.store.get(Table::Undo, &number.to_be_bytes())? {
            Some(bytes) => {
                codec::undo(&bytes).map_err(|error| damaged(Table::Undo, error.to_string()))?
            }
            None => Undo {
                number,
                ..Undo::default()
            },
        };
        let undo = Arc::new(undo);
        Ok(RecordedBlock {
            block,
            transactions,
            receipts,
            undo,
        })
    }

    fn part(&self, table: Table, number: u64) -> Result<Bytes, HistoryError> {
        let part = self.0.store.get(table, &number.to_be_bytes())?;
        part.ok_or_else(|| HistoryError::corrupt(table.name(), number, "missing"))
    }
}

fn decode_transactions(
    block: &Block,
    senders: Vec<Address>,
) -> Result<Vec<Recovered<TxEnvelope>>, HistoryError> {
    let decode = |(encoded, sender): (&alloy_primitives::Bytes, Address)| {
        let transaction = TxEnvelope::decode_2718_exact(encoded)
            .map_err(|error| HistoryError::corrupt(Table::Blocks.name(), block.number(), error))?;
        Ok(Recovered::new_unchecked(transaction, sender))
    };
    block
        .transactions()
        .iter()
        .zip(senders)
        .map(decode)
        .collect()
}
