//! Finalized blocks by number, hash and transaction: the newest from memory, because the history is written behind.

use super::{Chain, ChainError};
use alloy_primitives::{B256, Bloom};
use std::sync::Arc;
use trellis_state::RecordedBlock;

impl Chain {
    /// The finalized block at `number`.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn block(&self, number: u64) -> Result<Option<Arc<RecordedBlock>>, ChainError> {
        let head = self.head();
        if number >= head.number() {
            return Ok((number == head.number()).then_some(head));
        }
        // Blocks between the history's tip and the head are finalized and in memory.
        if let Some(found) = self.candidate_at(number) {
            return Ok(Some(found));
        }
        Ok(self.history.block(number)?)
    }

    fn candidate_at(&self, number: u64) -> Option<Arc<RecordedBlock>> {
        if *self.durable.borrow() >= number {
            return None;
        }
        let candidates = self.candidates.lock();
        let mut at = candidates.range((number, B256::ZERO)..=(number, B256::repeat_byte(0xff)));
        at.next().map(|(_, candidate)| candidate.recorded.clone())
    }

    /// The finalized block with this hash.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn block_by_hash(&self, hash: B256) -> Result<Option<Arc<RecordedBlock>>, ChainError> {
        if let Some(found) = self.recent_block(|block| block.hash() == hash) {
            return Ok(Some(found));
        }
        match self.history.number_of(hash)? {
            Some(number) => self.block(number),
            None => Ok(None),
        }
    }

    /// Finalized blocks that the history may not hold yet.
    fn recent_block(&self, wanted: impl Fn(&RecordedBlock) -> bool) -> Option<Arc<RecordedBlock>> {
        let head = self.head();
        if wanted(&head) {
            return Some(head);
        }
        let candidates = self.candidates.lock();
        let finalized = candidates.range(..(head.number(), B256::ZERO));
        finalized
            .map(|(_, c)| &c.recorded)
            .find(|block| wanted(block))
            .cloned()
    }

    /// The finalized block and position that hold a transaction.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn locate(&self, hash: B256) -> Result<Option<(Arc<RecordedBlock>, usize)>, ChainError> {
        let position = |block: &RecordedBlock| {
            block
                .transactions
                .iter()
                .position(|transaction| *transaction.tx_hash() == hash)
        };
        if let Some(block) = self.recent_block(|block| position(block).is_some()) {
            let index = position(&block).unwrap_or_default();
            return Ok(Some((block, index)));
        }
        match self.history.locate(hash)? {
            Some((number, index)) => Ok(self.block(number)?.map(|block| (block, index))),
            None => Ok(None),
        }
    }

    /// The log bloom of the finalized block at `number`, without reading the block.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn bloom(&self, number: u64) -> Result<Option<Bloom>, ChainError> {
        if *self.durable.borrow() < number {
            return Ok(self
                .block(number)?
                .map(|block| block.block.header().logs_bloom));
        }
        Ok(self.history.bloom(number)?)
    }
}
