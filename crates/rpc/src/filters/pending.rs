//! Hashes of pending transactions, kept once for all pollers.
//!
//! ```text
//! idle ──follow──► following (a task appends hashes) ──no poll for `idle_max`──► idle (empty)
//! ```
//! Positions only grow, also over idle times, so a cursor from before never names the wrong hash.

use crate::RpcError;
use alloy_primitives::B256;
use core::time::Duration;
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, timeout_at},
};

/// The newest pending transactions of one module.
#[derive(Debug)]
pub(super) struct PendingLog {
    state: Mutex<State>,
    count_max: usize,
    idle_max: Duration,
}

#[derive(Debug)]
struct State {
    /// Position of the first hash kept.
    first: u64,
    hashes: VecDeque<B256>,
    following: bool,
    used: Instant,
}

impl PendingLog {
    /// A log of at most `count_max` hashes that stops after nobody asked for `idle_max`.
    pub(super) fn new(count_max: usize, idle_max: Duration) -> Self {
        let state = State {
            first: 0,
            hashes: VecDeque::new(),
            following: false,
            used: Instant::now(),
        };
        Self {
            state: Mutex::new(state),
            count_max,
            idle_max,
        }
    }

    /// The position of whatever comes next. Begins to follow the source if nobody did.
    pub(super) fn follow<T: Clone + Send + 'static>(
        log: &Arc<Self>,
        subscribe: impl FnOnce() -> broadcast::Receiver<T>,
        hash: fn(&T) -> B256,
    ) -> u64 {
        let mut state = log.state.lock();
        state.used = Instant::now();
        if !state.following {
            state.following = true;
            tokio::spawn(append(log.clone(), subscribe(), hash));
        }
        state.end()
    }

    /// Hashes from position `next` on, and the position after them.
    ///
    /// # Errors
    /// Limit exceeded, naming how many hashes after `next` are not kept any more. The position is then that of the
    /// oldest one kept.
    pub(super) fn since(&self, next: u64) -> (Result<Vec<B256>, RpcError>, u64) {
        let mut state = self.state.lock();
        state.used = Instant::now();
        if next < state.first {
            let missed = state.first - next;
            let error = RpcError::limit_exceeded(format!(
                "{missed} pending transactions came since the last poll beyond the {} kept; poll more often",
                self.count_max
            ));
            return (Err(error), state.first);
        }
        let skip = usize::try_from(next - state.first).unwrap_or(usize::MAX);
        (
            Ok(state.hashes.iter().skip(skip).copied().collect()),
            state.end(),
        )
    }

    fn push(&self, hash: B256) {
        let mut state = self.state.lock();
        state.hashes.push_back(hash);
        if state.hashes.len() > self.count_max {
            state.hashes.pop_front();
            state.first += 1;
        }
    }

    /// Hashes that went by unseen: the log has a hole, so only what follows is kept.
    fn skip(&self, missed: u64) {
        let mut state = self.state.lock();
        state.first = state.end() + missed;
        state.hashes.clear();
    }

    /// Stops if nobody asked for a while.
    fn stop_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        let idle = state.used.elapsed() >= self.idle_max;
        if idle {
            state.stop();
        }
        idle
    }
}

impl State {
    fn end(&self) -> u64 {
        self.first + self.hashes.len() as u64
    }

    fn stop(&mut self) {
        self.first = self.end();
        self.hashes = VecDeque::new();
        self.following = false;
    }
}

async fn append<T: Clone>(
    log: Arc<PendingLog>,
    mut source: broadcast::Receiver<T>,
    hash: fn(&T) -> B256,
) {
    let mut check = Instant::now() + log.idle_max;
    loop {
        match timeout_at(check, source.recv()).await {
            Ok(Ok(item)) => log.push(hash(&item)),
            Ok(Err(RecvError::Lagged(missed))) => log.skip(missed),
            Ok(Err(RecvError::Closed)) => return log.state.lock().stop(),
            Err(_) => {
                if log.stop_if_idle() {
                    return;
                }
                check = Instant::now() + log.idle_max;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(300);

    fn hashes(range: core::ops::Range<u8>) -> Vec<B256> {
        range.map(B256::repeat_byte).collect()
    }

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn every_hash_is_answered_once_to_each_poller() {
        let log = Arc::new(PendingLog::new(100, LONG));
        let (sender, _) = broadcast::channel(100);
        let first = PendingLog::follow(&log, || sender.subscribe(), |hash| *hash);
        hashes(0..3)
            .into_iter()
            .for_each(|hash| drop(sender.send(hash)));
        settle().await;
        let second = PendingLog::follow(
            &log,
            || unreachable!("followed already"),
            |hash: &B256| *hash,
        );
        hashes(3..5)
            .into_iter()
            .for_each(|hash| drop(sender.send(hash)));
        settle().await;
        let (found, next) = log.since(first);
        assert_eq!(found, Ok(hashes(0..5)));
        assert_eq!(log.since(second), (Ok(hashes(3..5)), next));
        assert_eq!(log.since(next), (Ok(Vec::new()), next));
    }

    #[test]
    fn a_slow_poller_is_told_how_much_it_missed_and_goes_on() {
        let log = PendingLog::new(4, LONG);
        hashes(0..10).into_iter().for_each(|hash| log.push(hash));
        let (error, next) = log.since(0);
        let error = error.unwrap_err();
        assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
        assert!(
            error.message.starts_with("6 pending transactions"),
            "{error}"
        );
        assert_eq!(log.since(next), (Ok(hashes(6..10)), 10));
        log.skip(7);
        assert!(
            log.since(10)
                .0
                .unwrap_err()
                .message
                .starts_with("7 pending")
        );
    }

    #[tokio::test]
    async fn it_stops_when_nobody_polls() {
        let log = Arc::new(PendingLog::new(4, Duration::from_millis(20)));
        let (sender, _) = broadcast::channel(100);
        let start = PendingLog::follow(&log, || sender.subscribe(), |hash| *hash);
        sender.send(B256::ZERO).unwrap();
        settle().await;
        // The test ends only when the task has.
        while sender.receiver_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(
            PendingLog::follow(&log, || sender.subscribe(), |hash| *hash),
            start + 1
        );
    }
}
