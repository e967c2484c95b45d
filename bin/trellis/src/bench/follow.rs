//! Reading every block of a module, in order, until all transfers are found or nothing moves any more.

use super::{
    progress::Progress,
    rpc::{RpcClient, RpcError},
    send::Shared,
    tally::Tally,
};
use core::time::Duration;
use std::{sync::atomic::Ordering, time::Instant};

/// How often the newest block number is asked for: the resolution of every time measured under load.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Reads blocks from number `next` on into `tally`. Returns when every transfer the server has taken is found and the
/// senders are done, or after `patience` without progress, having told the senders to stop.
pub(crate) async fn follow(
    client: &RpcClient,
    tally: &mut Tally,
    mut next: u64,
    patience: Duration,
    shared: &Shared,
    progress: &Progress,
) -> Result<(), RpcError> {
    let mut watchdog = Watchdog::new(patience);
    loop {
        // Read before the head: what was accepted by now is what the blocks up to the head are compared with.
        let all_sent = shared.sent.load(Ordering::Acquire);
        let accepted = shared.accepted.load(Ordering::Relaxed);
        let head = client.block_number().await?;
        while next <= head {
            // A server may announce a block before it can be read.
            let Some(block) = client.block(next).await? else {
                break;
            };
            if block.number.to::<u64>() != next {
                return Err(
                    client.malformed("eth_getBlockByNumber", "another block than was asked for")
                );
            }
            let found = tally.record(&block, Instant::now());
            progress.add(found as u64);
            next += 1;
        }
        if all_sent && tally.included() as u64 >= accepted {
            return Ok(());
        }
        if watchdog.is_stuck((tally.included() as u64, accepted), Instant::now()) {
            shared.stop.store(true, Ordering::Relaxed);
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Notices that (included, accepted) has not changed for too long.
struct Watchdog {
    patience: Duration,
    state: (u64, u64),
    since: Option<Instant>,
}

impl Watchdog {
    const fn new(patience: Duration) -> Self {
        Self {
            patience,
            state: (0, 0),
            since: None,
        }
    }

    fn is_stuck(&mut self, state: (u64, u64), now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        if state != self.state {
            self.state = state;
            self.since = Some(now);
            return false;
        }
        now.duration_since(since) >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_standing_still_is_being_stuck() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let mut watchdog = Watchdog::new(Duration::from_secs(10));
        assert!(!watchdog.is_stuck((0, 0), start));
        assert!(
            !watchdog.is_stuck((0, 5), after(9)),
            "a transfer was accepted"
        );
        assert!(
            !watchdog.is_stuck((1, 5), after(18)),
            "a transfer was included"
        );
        assert!(!watchdog.is_stuck((1, 5), after(27)));
        assert!(watchdog.is_stuck((1, 5), after(28)));
    }
}
