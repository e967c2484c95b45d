//! What the chain in memory answers.

use super::{BEGINNING, BLOCK_SECONDS, MockChain};
use crate::node::{Head, Identity, Latest, Node, NodeError, PoolLog, Receipt, Record, Token};
use alloy_primitives::{Address as Account, B256, keccak256};
use trellis_circuits::field::F;

impl Node for MockChain {
    fn identity(&self) -> Result<Identity, NodeError> {
        Ok(self.identity)
    }

    fn head(&self) -> Result<Head, NodeError> {
        let number = self.state().head;
        Ok(Head {
            number,
            timestamp: BEGINNING + number * BLOCK_SECONDS,
        })
    }

    fn latest(&self, block: u64) -> Result<Latest, NodeError> {
        let state = self.state();
        let record = state
            .records
            .iter()
            .rev()
            .find(|record| record.block <= block);
        Ok(record.map_or(
            Latest {
                root: F::from(0),
                size: 0,
                number: 0,
            },
            |record| record.latest,
        ))
    }

    fn events(&self, from: u64, to: u64) -> Result<Vec<PoolLog>, NodeError> {
        let state = self.state();
        let first = state.logs.partition_point(|log| log.block < from);
        let logs = state.logs[first..].iter().take_while(|log| log.block <= to);
        Ok(logs.cloned().collect())
    }

    fn record(&self, block: u64) -> Result<Option<Record>, NodeError> {
        let state = self.state();
        Ok(state
            .records
            .iter()
            .rev()
            .find(|record| record.block <= block)
            .cloned())
    }

    fn base_fee(&self) -> Result<u128, NodeError> {
        Ok(self.state().base_fee)
    }

    fn send(&self, raw: &[u8]) -> Result<B256, NodeError> {
        let hash = keccak256(raw);
        let proven = self.check(raw)?;
        let mut state = self.state();
        if !state.deaf && !state.waiting.iter().any(|(known, _)| *known == hash) {
            state.waiting.push((hash, proven));
        }
        Ok(hash)
    }

    fn receipt(&self, hash: B256) -> Result<Option<Receipt>, NodeError> {
        Ok(self.state().receipts.get(&hash).copied())
    }

    fn token(&self, asset: u32) -> Result<Option<Token>, NodeError> {
        let place = (asset as usize).checked_sub(1);
        Ok(place.and_then(|place| self.state().tokens.get(place).cloned()))
    }

    fn asset_of(&self, token: Account) -> Result<Option<u32>, NodeError> {
        let state = self.state();
        let place = state
            .tokens
            .iter()
            .position(|known| known.contract == token);
        Ok(place.map(|place| place as u32 + 1))
    }
}
