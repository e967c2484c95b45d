//! Sending a lane of transfers over one connection, and noting when each was sent and what the server said.

use super::{
    rpc::{RpcClient, RpcError},
    stats::normalized,
    workload::Presigned,
};
use core::time::Duration;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

/// Pause before transfers that found the pool full, or a server that did not answer, are sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// How often a request that did not reach the server is repeated.
const TRANSPORT_ATTEMPTS: u32 = 3;
/// Most different error texts kept.
const TEXTS_MAX: usize = 50;

/// What the senders of a module and the reader of its blocks tell each other.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Transfers the server has taken.
    pub(crate) accepted: AtomicU64,
    /// All lanes have been sent.
    pub(crate) sent: AtomicBool,
    /// The reader has given up: nothing was included for too long.
    pub(crate) stop: AtomicBool,
}

/// When transfers are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) start: Instant,
    /// Transfers per second of this module; `None` is as fast as possible.
    pub(crate) rate: Option<f64>,
}

impl Pace {
    /// When transfer `index` should be sent; `None` means now.
    fn due(&self, index: u32) -> Option<Instant> {
        self.rate
            .map(|rate| self.start + Duration::from_secs_f64(f64::from(index) / rate))
    }
}

/// What happened to the transfers of a lane.
#[derive(Debug, Default)]
pub(crate) struct SendLog {
    /// Transfer and when it was first sent, or, at a set rate, when it was due: a generator that falls behind must not
    /// make the server look faster.
    pub(crate) sent: Vec<(u32, Instant)>,
    /// Transfers the server refused for good.
    pub(crate) rejected: u64,
    /// Times a transfer was sent again because the pool was full.
    pub(crate) deferred: u64,
    /// How often each error was met.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl SendLog {
    /// Adds what happened on another lane.
    pub(crate) fn merge(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.rejected += other.rejected;
        self.deferred += other.deferred;
        for (text, count) in other.errors {
            self.count_error(text, count);
        }
    }

    fn count_error(&mut self, text: String, count: u64) {
        let text = if self.errors.len() < TEXTS_MAX || self.errors.contains_key(&text) {
            text
        } else {
            "other errors".to_owned()
        };
        *self.errors.entry(text).or_default() += count;
    }
}

/// Sends `lane` in batches of `batch`, in order, until all is sent or `shared.stop`.
pub(crate) async fn send_lane(
    client: RpcClient,
    lane: Vec<Presigned>,
    batch: usize,
    pace: Pace,
    shared: &Shared,
) -> SendLog {
    let mut log = SendLog::default();
    for chunk in lane.chunks(batch) {
        let due = chunk.first().and_then(|transfer| pace.due(transfer.index));
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        let at = due.unwrap_or_else(Instant::now);
        log.sent
            .extend(chunk.iter().map(|transfer| (transfer.index, at)));
        let mut open: Vec<&Presigned> = chunk.iter().collect();
        while !open.is_empty() && !shared.stop.load(Ordering::Relaxed) {
            open = send_chunk(&client, &open, &mut log, shared).await;
            if !open.is_empty() {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    log
}

/// Sends `chunk` in one request. Returns the transfers that found the pool full and must be sent again.
async fn send_chunk<'a>(
    client: &RpcClient,
    chunk: &[&'a Presigned],
    log: &mut SendLog,
    shared: &Shared,
) -> Vec<&'a Presigned> {
    let results = match send_repeatedly(client, chunk, log).await {
        Ok(results) => results,
        Err(error) => {
            log.rejected += chunk.len() as u64;
            log.count_error(normalized(&error.to_string()), chunk.len() as u64);
            return Vec::new();
        }
    };
    let mut again = Vec::new();
    for (transfer, result) in chunk.iter().zip(results) {
        match result {
            Ok(hash) if hash == transfer.hash => {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {
                log.rejected += 1;
                log.count_error("the server returned another hash".to_owned(), 1);
            }
            // A request that was repeated may have arrived the first time.
            Err(text) if is_known(&text) => {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
            }
            Err(text) if is_full(&text) => {
                log.deferred += 1;
                log.count_error(format!("{} (sent again)", normalized(&text)), 1);
                again.push(*transfer);
            }
            Err(text) => {
                log.rejected += 1;
                log.count_error(normalized(&text), 1);
            }
        }
    }
    again
}

async fn send_repeatedly(
    client: &RpcClient,
    chunk: &[&Presigned],
    log: &mut SendLog,
) -> Result<Vec<Result<alloy_primitives::B256, String>>, RpcError> {
    let raws: Vec<&str> = chunk.iter().map(|transfer| transfer.raw.as_str()).collect();
    let mut attempt = 1;
    loop {
        match client.send_raw(&raws).await {
            Err(error @ RpcError::Transport { .. }) if attempt < TRANSPORT_ATTEMPTS => {
                log.count_error(
                    format!("{} (sent again)", normalized(&error.to_string())),
                    1,
                );
                attempt += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// Whether the server says that it has the transaction.
fn is_known(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("already known") || text.contains("already imported")
}

/// Whether the server says that it has no room now.
fn is_full(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("pool is full") || text.contains("pool full")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_are_due_at_the_asked_rate() {
        let start = Instant::now();
        let pace = Pace {
            start,
            rate: Some(200.0),
        };
        assert_eq!(pace.due(0), Some(start));
        assert_eq!(pace.due(100), Some(start + Duration::from_millis(500)));
        assert_eq!(Pace { start, rate: None }.due(9), None);
    }

    #[test]
    fn answers_are_told_apart() {
        assert!(is_full("txpool is full: 100000 transactions") && !is_full("nonce too low"));
        assert!(is_known("Transaction already imported.") && is_known("already known"));
    }

    #[test]
    fn different_errors_are_bounded() {
        let mut log = SendLog::default();
        for number in 0..500 {
            log.count_error(format!("error {number}"), 2);
        }
        assert_eq!(log.errors.len(), TEXTS_MAX + 1);
        assert_eq!(log.errors.values().sum::<u64>(), 1_000);
    }
}
