use super::RecordedBlock;
use std::{collections::BTreeMap, sync::Arc};

/// Recently written or read blocks, decoded. Least recently used leaves first; bounded by count and bytes.
#[derive(Debug)]
pub(super) struct Recent {
    blocks: BTreeMap<u64, Entry>,
    bytes: usize,
    clock: u64,
    count_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry {
    block: Arc<RecordedBlock>,
    bytes: usize,
    used: u64,
}

impl Recent {
    pub(super) fn new(count_max: usize, bytes_max: usize) -> Self {
        Self {
            blocks: BTreeMap::new(),
            bytes: 0,
            clock: 0,
            count_max,
            bytes_max,
        }
    }

    pub(super) fn get(&mut self, number: u64) -> Option<Arc<RecordedBlock>> {
        self.clock += 1;
        let entry = self.blocks.get_mut(&number)?;
        entry.used = self.clock;
        Some(entry.block.clone())
    }

    /// Adds a recorded block, unless it is larger than the whole cache.
    pub(super) fn insert(&mut self, block: &Arc<RecordedBlock>) {
        let bytes = block.footprint();
        if bytes > self.bytes_max || self.count_max == 0 {
            return;
        }
        self.clock += 1;
        let entry = Entry {
            block: block.clone(),
            bytes,
            used: self.clock,
        };
        self.bytes += bytes;
        if let Some(old) = self.blocks.insert(block.number(), entry) {
            self.bytes -= old.bytes;
        }
        while self.blocks.len() > self.count_max || self.bytes > self.bytes_max {
            let oldest = self.blocks.iter().min_by_key(|(_, entry)| entry.used);
            let Some(number) = oldest.map(|(number, _)| *number) else {
                break;
            };
            self.remove(number);
        }
    }

    /// Forgets every block above `height`.
    pub(super) fn rewind(&mut self, height: Option<u64>) {
        let from = height.map_or(0, |height| height.saturating_add(1));
        let gone: Vec<u64> = self
            .blocks
            .range(from..)
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.remove(number);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    fn remove(&mut self, number: u64) {
        if let Some(entry) = self.blocks.remove(&number) {
            self.bytes -= entry.bytes;
        }
    }
}
