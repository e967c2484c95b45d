use super::pending::PendingLog;
use crate::{RpcError, RpcLimits};
use alloy_primitives::B128;
use alloy_rpc_types_eth::Filter;
use core::time::Duration;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::Instant;

/// A random id that other clients cannot guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct FilterId(B128);

/// What a filter is about, and how far it was polled.
#[derive(Debug)]
pub(super) enum Kind {
    /// Logs from block `next` on.
    Logs {
        /// Which logs.
        filter: Box<Filter>,
        /// The first block not polled.
        next: u64,
    },
    /// Hashes of blocks from `next` on.
    Blocks {
        /// The first block not polled.
        next: u64,
    },
    /// Hashes of pending transactions from position `next` of the shared log on.
    Pending {
        /// The first position not polled.
        next: u64,
    },
}

#[derive(Debug)]
pub(super) struct Installed {
    pub(super) kind: tokio::sync::Mutex<Kind>,
    used: Mutex<Instant>,
}

/// The installed filters of one module.
pub(crate) struct Filters {
    installed: Mutex<BTreeMap<FilterId, Arc<Installed>>>,
    pub(super) pending: Arc<PendingLog>,
    count_max: usize,
    idle_max: Duration,
}

impl Filters {
    pub(crate) fn new(limits: &RpcLimits) -> Self {
        Self {
            installed: Mutex::default(),
            pending: Arc::new(PendingLog::new(limits.filter_pending, limits.filter_idle)),
            count_max: limits.filters,
            idle_max: limits.filter_idle,
        }
    }

    /// Installs a filter.
    ///
    /// # Errors
    /// Limit exceeded when the module has its most.
    pub(super) fn install(&self, kind: Kind) -> Result<FilterId, RpcError> {
        let mut installed = self.installed.lock();
        self.expire(&mut installed);
        if installed.len() >= self.count_max {
            return Err(RpcError::limit_exceeded(format!(
                "the module has its limit of {} filters; use eth_subscribe or try again later",
                self.count_max
            )));
        }
        let id = FilterId(B128::random());
        let filter = Installed {
            kind: kind.into(),
            used: Instant::now().into(),
        };
        installed.insert(id, Arc::new(filter));
        Ok(id)
    }

    /// The filter with this id, which counts as used.
    ///
    /// # Errors
    /// "filter not found", the words clients wait for to install it again.
    pub(super) fn find(&self, id: FilterId) -> Result<Arc<Installed>, RpcError> {
        let mut installed = self.installed.lock();
        self.expire(&mut installed);
        let filter = installed
            .get(&id)
            .ok_or_else(|| RpcError::invalid_input("filter not found"))?;
        *filter.used.lock() = Instant::now();
        Ok(filter.clone())
    }

    /// Removes a filter; `false` if there is none with this id.
    pub(super) fn remove(&self, id: FilterId) -> bool {
        let mut installed = self.installed.lock();
        self.expire(&mut installed);
        installed.remove(&id).is_some()
    }

    fn expire(&self, installed: &mut BTreeMap<FilterId, Arc<Installed>>) {
        let now = Instant::now();
        installed.retain(|_, filter| now.duration_since(*filter.used.lock()) < self.idle_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_millis(300);

    fn filters(count: usize) -> Filters {
        Filters::new(&RpcLimits {
            filters: count,
            filter_idle: IDLE,
            ..RpcLimits::default()
        })
    }

    #[test]
    fn idle_filters_expire_and_polled_ones_stay() {
        let filters = filters(10);
        let (idle, polled) = (
            filters.install(Kind::Blocks { next: 1 }).unwrap(),
            filters.install(Kind::Blocks { next: 1 }).unwrap(),
        );
        for _ in 0..4 {
            std::thread::sleep(IDLE / 3);
            filters.find(polled).unwrap();
        }
        let error = filters.find(idle).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (-32000, "filter not found")
        );
        assert!(filters.remove(polled) && !filters.remove(polled) && !filters.remove(idle));
    }

    #[test]
    fn the_number_of_filters_is_bounded() {
        // NET-1
        let filters = filters(2);
        for _ in 0..2 {
            filters.install(Kind::Blocks { next: 1 }).unwrap();
        }
        let error = filters.install(Kind::Blocks { next: 1 }).unwrap_err();
        assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
        assert!(error.message.contains("limit of 2 filters"), "{error}");
        std::thread::sleep(IDLE);
        filters.install(Kind::Blocks { next: 1 }).unwrap();
    }
}
