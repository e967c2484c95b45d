//! The subscriptions of one connection.
//!
//! ```text
//! open ──► Opened ──start──► Running ──► (feed ends or lags: the connection is closed)
//!            └───────remove──────┴─────► gone
//! ```
//! A subscription is opened by the call and started when the answer with its id is queued: clients drop notifications
//! with ids they have not been told. What happens in between waits in the feed. Nothing survives the connection.

use super::feed::Feed;
use crate::{
    RpcError,
    server::{Close, Closing, Queue, QueueError},
};
use alloy_primitives::B128;
use bytes::Bytes;
use core::fmt;
use futures::StreamExt;
use parking_lot::Mutex;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use tokio::task::AbortHandle;

/// A random id that other clients cannot guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct SubscriptionId(B128);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

enum Slot {
    Opened(Feed),
    Running(AbortHandle),
}

/// Running subscriptions, and the queue they feed. Dropping this stops them.
pub(crate) struct Subscriptions {
    queue: Queue,
    closing: Arc<Closing>,
    count_max: usize,
    slots: Mutex<BTreeMap<SubscriptionId, Slot>>,
}

impl Subscriptions {
    pub(crate) fn new(queue: Queue, closing: Arc<Closing>, count_max: usize) -> Self {
        Self {
            queue,
            closing,
            count_max,
            slots: Mutex::default(),
        }
    }

    /// Adds a subscription that does not send yet.
    ///
    /// # Errors
    /// What `feed` answers; limit exceeded when the connection has its most already.
    pub(crate) fn open(
        &self,
        feed: impl FnOnce() -> Result<Feed, RpcError>,
    ) -> Result<SubscriptionId, RpcError> {
        let mut slots = self.slots.lock();
        if slots.len() >= self.count_max {
            return Err(RpcError::limit_exceeded(format!(
                "this connection has its limit of {} subscriptions; end one with eth_unsubscribe",
                self.count_max
            )));
        }
        let feed = feed()?;
        let id = SubscriptionId(B128::random());
        slots.insert(id, Slot::Opened(feed));
        Ok(id)
    }

    /// Lets an opened subscription send. Nothing happens if it was removed meanwhile.
    pub(crate) fn start(&self, id: SubscriptionId) {
        let mut slots = self.slots.lock();
        let Some(slot) = slots.remove(&id) else {
            return;
        };
        let slot = match slot {
            Slot::Opened(feed) => {
                let pump = pump(id, feed, self.queue.clone(), self.closing.clone());
                Slot::Running(tokio::spawn(pump).abort_handle())
            }
            running @ Slot::Running(_) => running,
        };
        slots.insert(id, slot);
    }

    /// Ends a subscription; `false` if there is none with this id.
    pub(crate) fn remove(&self, id: SubscriptionId) -> bool {
        match self.slots.lock().remove(&id) {
            Some(Slot::Running(task)) => task.abort(),
            Some(Slot::Opened(_)) => {}
            None => return false,
        }
        true
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        for slot in self.slots.get_mut().values() {
            if let Slot::Running(task) = slot {
                task.abort();
            }
        }
    }
}

/// Sends a feed on until it ends, and then ends the connection: a client is never left with a silent subscription.
async fn pump(id: SubscriptionId, mut feed: Feed, queue: Queue, closing: Arc<Closing>) {
    while let Some(next) = feed.next().await {
        let event = match next {
            Ok(event) => event,
            Err(lag) => return closing.close(Close::lagged(format!("subscription {id} {lag}"))),
        };
        match queue.send_event(notification(id, event.result.get())).await {
            Ok(()) => {}
            Err(QueueError::Closed) => return,
            Err(QueueError::Stalled) => {
                let stalled = stalled(id, queue.stall().as_secs(), event.block);
                return closing.close(Close::lagged(stalled));
            }
        }
    }
    closing.close(Close::shutdown());
}

fn stalled(id: SubscriptionId, seconds: u64, block: Option<u64>) -> String {
    match block {
        Some(block) => format!(
            "subscription {id} lagged by {seconds} s; back-fill with eth_getLogs from block {block}"
        ),
        None => {
            format!("subscription {id} lagged by {seconds} s; some transactions are not sent again")
        }
    }
}

fn notification(id: SubscriptionId, result: &str) -> Bytes {
    format!(
        r#"{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"{id}","result":{result}}}}}"#
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RpcLimits, subscribe::feed::Lag};

    #[test]
    fn reasons_tell_all_within_a_close_frame() {
        let id = SubscriptionId(B128::repeat_byte(0xab));
        let lag = Lag::Blocks {
            missed: 65_536,
            from: 4_000_000_000,
        };
        let reason = format!("subscription {id} {lag}");
        assert_eq!(
            Close::lagged(reason.clone()).reason,
            reason,
            "{} bytes",
            reason.len()
        );
        for block in [Some(4_000_000_000), None] {
            let reason = stalled(id, 10, block);
            assert_eq!(
                Close::lagged(reason.clone()).reason,
                reason,
                "{} bytes",
                reason.len()
            );
        }
    }

    #[tokio::test]
    async fn subscriptions_are_counted_and_ids_differ() {
        let (queue, _receiver) = Queue::new(&RpcLimits::default());
        let subscriptions = Subscriptions::new(queue, Arc::new(Closing::new()), 2);
        let open = || subscriptions.open(|| Ok(futures::stream::pending().boxed()));
        let (first, second) = (open().unwrap(), open().unwrap());
        assert_ne!(first, second);
        let error = open().unwrap_err();
        assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
        assert!(error.message.contains("2 subscriptions"), "{error}");
        subscriptions.start(first);
        assert!(subscriptions.remove(first) && subscriptions.remove(second));
        assert!(!subscriptions.remove(first));
        subscriptions.start(second);
        assert!(subscriptions.slots.lock().is_empty());
    }
}
