//! What executions read and write, and whether what was read is still so.
//!
//! Validation is by value: an outcome holds if every key it read has, after the effects committed since, the value it
//! saw. A key that was written and written back, or written with the value it had, spoils nothing. Only the effects since
//! the execution are looked at, never the whole state, so a check costs what the few transactions in between wrote.

/// One read: a key, its hash, and what was seen of its value.
#[derive(Clone, Debug)]
pub struct Access<K, X> {
    /// Hash of the key. It only speeds up the comparison; equal hashes of different keys are harmless.
    pub hash: u64,
    /// The key.
    pub key: K,
    /// What was seen, in whatever detail matters.
    pub seen: X,
}

/// Reads this long or longer are sorted, so that a check never takes the product of two long lists.
const SORTED_FROM: usize = 48;

/// Everything one execution read.
#[derive(Clone, Debug)]
pub struct Reads<K, X> {
    items: Vec<Access<K, X>>,
    /// One bit per hash: most checks end here.
    filter: [u64; 4],
}

impl<K: Eq, X> Reads<K, X> {
    /// Takes a list of reads, in any order. A key may stand in it more than once, seen in different detail.
    pub fn new(mut items: Vec<Access<K, X>>) -> Self {
        let mut filter = [0; 4];
        for item in &items {
            let (word, bit) = place(item.hash);
            filter[word] |= bit;
        }
        if items.len() >= SORTED_FROM {
            items.sort_unstable_by_key(|item| item.hash);
        }
        Self { items, filter }
    }

    /// The reads.
    pub fn items(&self) -> &[Access<K, X>] {
        &self.items
    }

    /// Gives the list back.
    pub fn into_items(self) -> Vec<Access<K, X>> {
        self.items
    }

    /// What was seen of `key`, each time it was read.
    fn find(&self, hash: u64, key: &K) -> impl Iterator<Item = &Access<K, X>> {
        let (word, bit) = place(hash);
        let near = if self.filter[word] & bit == 0 {
            &[]
        } else if self.items.len() >= SORTED_FROM {
            let start = self.items.partition_point(|item| item.hash < hash);
            let equal = self.items[start..]
                .iter()
                .take_while(|item| item.hash == hash);
            &self.items[start..start + equal.count()]
        } else {
            &self.items[..]
        };
        near.iter()
            .filter(move |item| item.hash == hash && item.key == *key)
    }
}

/// The word and bit of a hash in the filter. The high bits: hash tables use the low ones.
const fn place(hash: u64) -> (usize, u64) {
    let bits = hash >> 56;
    ((bits >> 6) as usize, 1 << (bits & 63))
}

/// Everything one committed transaction wrote.
#[derive(Clone, Debug)]
pub struct Writes<K, V> {
    /// Hash of the key, key, value after the transaction. No key stands twice.
    pub items: Vec<(u64, K, V)>,
}

impl<K, V> Default for Writes<K, V> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

/// Whether everything read is still so after the writes `since`, oldest first. `fits` compares a value with what was seen.
pub fn hold<'a, K: Eq + 'a, X, V: 'a>(
    reads: &Reads<K, X>,
    since: impl DoubleEndedIterator<Item = &'a Writes<K, V>>,
    fits: impl Fn(&X, &V) -> bool,
) -> bool {
    // The newest write of a key decides. An older one is looked for only when it could matter.
    let mut newer: Vec<&Writes<K, V>> = Vec::new();
    for writes in since.rev() {
        for (hash, key, value) in &writes.items {
            let spoiled = || reads.find(*hash, key).any(|read| !fits(&read.seen, value));
            let rewritten = || {
                let mut all = newer.iter().flat_map(|writes| &writes.items);
                all.any(|(other, at, _)| other == hash && at == key)
            };
            if spoiled() && !rewritten() {
                return false;
            }
        }
        newer.push(writes);
    }
    true
}

#[cfg(test)]
mod tests;
