/// What bounds the pool (NET-1). Local policy: two nodes need not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most transactions in the pool.
    pub count: usize,
    /// Most memory, in bytes, as [`crate::Pool::bytes`] estimates it.
    pub bytes: usize,
    /// Most transactions of one sender.
    pub per_sender: usize,
    /// By how many percent a replacement must raise both the maximum fee and the priority fee.
    pub replacement_bump: u64,
}

impl Default for Limits {
    /// 100,000 transactions, 128 MiB, 10 percent, and a presigned burst of 20,000 from one sender fits.
    fn default() -> Self {
        Self {
            count: 100_000,
            bytes: 128 * 1024 * 1024,
            per_sender: 32_768,
            replacement_bump: 10,
        }
    }
}

impl Limits {
    /// The least fee that replaces `old`: raised by the bump, rounded up, and by at least one wei. `None` when no fee is
    /// high enough.
    pub(crate) fn replacement_fee(&self, old: u128) -> Option<u128> {
        let bump = u128::from(self.replacement_bump);
        let whole = (old / 100).checked_mul(bump)?;
        let rest = ((old % 100).checked_mul(bump)?).div_ceil(100);
        old.checked_add(whole.checked_add(rest)?.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacement_rounds_up() {
        let limits = Limits::default();
        for (old, needed) in [
            (0, 1),
            (1, 2),
            (10, 11),
            (11, 13),
            (100, 110),
            (101, 112),
            (109, 120),
        ] {
            assert_eq!(limits.replacement_fee(old), Some(needed), "{old}");
        }
        assert_eq!(limits.replacement_fee(u128::MAX), None);
    }
}
