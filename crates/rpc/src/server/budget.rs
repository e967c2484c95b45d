//! How much memory clients may make the server hold.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes per semaphore permit.
const UNIT: usize = 1024;

/// A number of bytes shared by everything that clients make the server keep (NET-1).
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    bytes: usize,
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Budget,
    free_bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A lease's first bytes are free up to this size, so that ordinary requests are served while large ones wait. The
    /// number of connections bounds their sum.
    pub(crate) const FREE_BYTES: usize = 64 * UNIT;

    pub(crate) fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(units)),
            bytes,
        }
    }

    /// An empty lease whose first `free_bytes` cost nothing.
    pub(crate) fn lease(&self, free_bytes: usize) -> Lease {
        Lease {
            budget: self.clone(),
            free_bytes,
            permit: None,
        }
    }
}

impl Lease {
    /// The whole budget this lease is part of, in bytes.
    pub(crate) fn budget_bytes(&self) -> usize {
        self.budget.bytes
    }

    /// Grows to `bytes` in all; `false`, and unchanged, when the budget has too little left.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let want = bytes.saturating_sub(self.free_bytes).div_ceil(UNIT);
        let have = self
            .permit
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(more) = want.checked_sub(have).filter(|more| *more > 0) else {
            return true;
        };
        let Ok(more) = u32::try_from(more) else {
            return false;
        };
        let Ok(permit) = self.budget.units.clone().try_acquire_many_owned(more) else {
            return false;
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        true
    }
}

/// Bytes together with the lease that pays for them.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    _lease: Lease,
}

impl Held {
    /// The bytes; the lease ends when the last reference to them does.
    pub(crate) fn into_bytes(bytes: Vec<u8>, lease: Lease) -> bytes::Bytes {
        bytes::Bytes::from_owner(Self {
            bytes,
            _lease: lease,
        })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_share_the_budget_and_give_it_back() {
        let budget = Budget::new(10 * UNIT);
        let mut first = budget.lease(0);
        assert!(first.grow(4 * UNIT));
        assert!(first.grow(3 * UNIT), "never shrinks");
        let mut second = budget.lease(0);
        assert!(!second.grow(7 * UNIT));
        assert!(second.grow(6 * UNIT));
        assert!(!first.grow(4 * UNIT + 1));
        drop(second);
        assert!(first.grow(10 * UNIT));
    }

    #[test]
    fn small_leases_are_free() {
        let budget = Budget::new(0);
        assert!(budget.lease(Budget::FREE_BYTES).grow(Budget::FREE_BYTES));
        assert!(
            !budget
                .lease(Budget::FREE_BYTES)
                .grow(Budget::FREE_BYTES + 1)
        );
    }

    #[test]
    fn bytes_carry_their_lease() {
        let budget = Budget::new(UNIT);
        let mut lease = budget.lease(0);
        assert!(lease.grow(3));
        let bytes = Held::into_bytes(vec![1, 2, 3], lease);
        let copy = bytes.clone();
        drop(bytes);
        assert!(!budget.lease(0).grow(1));
        assert_eq!(copy.as_ref(), [1, 2, 3]);
        drop(copy);
        assert!(budget.lease(0).grow(1));
    }
}
