//! What a subscription is told, as a stream.
//!
//! A feed of blocks starts right after the head at the time of subscription and counts: block `n + 1` follows block `n`
//! or the feed ends with a [`Lag`]. So order and completeness are properties of the stream, not of whoever sends it on.

use crate::server::Budget;
use core::fmt;
use futures::{StreamExt, stream, stream::BoxStream};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::vec;
use tokio::sync::broadcast::{self, error::RecvError};

/// Bytes an item holds beside its own size: topics and the like.
const ITEM_EXTRA_BYTES: usize = 128;

/// One notification.
#[derive(Debug)]
pub(crate) struct Event {
    /// The block it belongs to, if any.
    pub(crate) block: Option<u64>,
    /// The `result` member.
    pub(crate) result: Box<RawValue>,
}

/// Why a feed cannot go on: something was lost for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lag {
    /// Blocks were missed.
    Blocks {
        /// How many.
        missed: u64,
        /// The first of them.
        from: u64,
    },
    /// Pending transactions were missed.
    Transactions {
        /// How many.
        missed: u64,
    },
    /// The node has no memory left for the logs of this block.
    Memory {
        /// The block.
        from: u64,
    },
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks { missed, from } => {
                write!(
                    f,
                    "lagged by {missed} blocks; back-fill with eth_getLogs from block {from}"
                )
            }
            Self::Transactions { missed } => {
                write!(
                    f,
                    "lagged by {missed} transactions, which are not sent again"
                )
            }
            Self::Memory { from } => {
                write!(
                    f,
                    "refused: node is busy; back-fill with eth_getLogs from block {from}"
                )
            }
        }
    }
}

/// A subscription's notifications. Ends after a [`Lag`], or when the source is gone.
pub(crate) type Feed = BoxStream<'static, Result<Event, Lag>>;

/// What `expand` finds in each block from `next` on.
///
/// `receiver` must have been opened before `next` was read from the head, so that no block is between them. One block's
/// items are held at a time, paid from `budget` (NET-1).
pub(crate) fn blocks<B, T>(
    receiver: broadcast::Receiver<B>,
    next: u64,
    number: fn(&B) -> u64,
    budget: Budget,
    expand: impl FnMut(&B) -> Vec<T> + Send + 'static,
) -> Feed
where
    B: Clone + Send + 'static,
    T: Serialize + Send + 'static,
{
    let state = Blocks {
        receiver,
        next,
        number,
        budget,
        expand,
        items: Vec::new().into_iter(),
        lease: None,
    };
    stream::unfold(state, async |mut state| {
        state.next().await.map(|event| (event, state))
    })
    .boxed()
}

/// One notification per item of a broadcast.
pub(crate) fn each<B, T>(
    receiver: broadcast::Receiver<B>,
    show: impl FnMut(&B) -> T + Send + 'static,
) -> Feed
where
    B: Clone + Send + 'static,
    T: Serialize + 'static,
{
    stream::unfold((receiver, show), async |(mut receiver, mut show)| {
        let item = match receiver.recv().await {
            Ok(item) => Ok(Event {
                block: None,
                result: raw(&show(&item)),
            }),
            Err(RecvError::Lagged(missed)) => Err(Lag::Transactions { missed }),
            Err(RecvError::Closed) => return None,
        };
        Some((item, (receiver, show)))
    })
    .boxed()
}

struct Blocks<B, T, F> {
    receiver: broadcast::Receiver<B>,
    next: u64,
    number: fn(&B) -> u64,
    budget: Budget,
    expand: F,
    /// Items of block `next - 1` that are still to be sent.
    items: vec::IntoIter<T>,
    lease: Option<crate::server::Lease>,
}

impl<B: Clone, T: Serialize, F: FnMut(&B) -> Vec<T>> Blocks<B, T, F> {
    async fn next(&mut self) -> Option<Result<Event, Lag>> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(Event {
                    block: Some(self.next - 1),
                    result: raw(&item),
                }));
            }
            self.items = Vec::new().into_iter();
            self.lease = None;
            let block = match self.receiver.recv().await {
                Ok(block) => block,
                Err(RecvError::Lagged(missed)) => {
                    return Some(Err(Lag::Blocks {
                        missed,
                        from: self.next,
                    }));
                }
                Err(RecvError::Closed) => return None,
            };
            if let Err(lag) = self.accept(&block) {
                return Some(Err(lag));
            }
        }
    }

    fn accept(&mut self, block: &B) -> Result<(), Lag> {
        let number = (self.number)(block);
        if number < self.next {
            // It was the head already when the subscription began.
            return Ok(());
        }
        if number > self.next {
            return Err(Lag::Blocks {
                missed: number - self.next,
                from: self.next,
            });
        }
        let items = (self.expand)(block);
        let mut lease = self.budget.lease(0);
        if !lease.grow(items.len() * (size_of::<T>() + ITEM_EXTRA_BYTES)) {
            return Err(Lag::Memory { from: number });
        }
        self.next = number + 1;
        self.items = items.into_iter();
        self.lease = Some(lease);
        Ok(())
    }
}

fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("Ethereum's wire types serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks are their own numbers; block n has n % 3 items.
    fn feed(receiver: broadcast::Receiver<u64>, next: u64, budget: usize) -> Feed {
        let expand = |n: &u64| vec![*n; (*n % 3) as usize];
        blocks(receiver, next, |n| *n, Budget::new(budget), expand)
    }

    async fn take(feed: &mut Feed) -> Result<(Option<u64>, String), Lag> {
        let event = feed.next().await.expect("the feed goes on")?;
        Ok((event.block, event.result.get().to_owned()))
    }

    #[tokio::test]
    async fn blocks_follow_the_head_without_gap_or_repeat() {
        let (sender, receiver) = broadcast::channel(16);
        let mut feed = feed(receiver, 5, 1 << 20);
        // The head was 4: it and its parent may still be in the channel.
        for n in [3, 4, 5, 6, 7] {
            sender.send(n).unwrap();
        }
        drop(sender);
        for n in [5, 5, 7] {
            assert_eq!(take(&mut feed).await, Ok((Some(n), n.to_string())));
        }
        assert!(feed.next().await.is_none());
    }

    #[tokio::test]
    async fn a_lost_block_ends_the_feed_with_the_block_to_resume_from() {
        let (sender, receiver) = broadcast::channel(4);
        let mut feed = feed(receiver, 1, 1 << 20);
        for n in 1..=10 {
            sender.send(n).unwrap();
        }
        let lag = take(&mut feed).await.unwrap_err();
        assert_eq!(lag, Lag::Blocks { missed: 6, from: 1 });
        let (sender, receiver) = broadcast::channel(4);
        let mut feed = self::feed(receiver, 1, 1 << 20);
        sender.send(1).unwrap();
        sender.send(3).unwrap();
        assert_eq!(take(&mut feed).await, Ok((Some(1), "1".to_owned())));
        assert_eq!(
            take(&mut feed).await,
            Err(Lag::Blocks { missed: 1, from: 2 })
        );
    }

    #[tokio::test]
    async fn items_are_paid_from_the_budget() {
        let (sender, receiver) = broadcast::channel(4);
        let mut feed = feed(receiver, 3, 0);
        sender.send(3).unwrap();
        sender.send(4).unwrap();
        assert_eq!(take(&mut feed).await, Err(Lag::Memory { from: 4 }));
    }

    #[tokio::test]
    async fn lost_transactions_end_the_feed() {
        let (sender, receiver) = broadcast::channel(2);
        let mut feed = each(receiver, |n: &u64| *n);
        for n in 0..5 {
            sender.send(n).unwrap();
        }
        assert_eq!(take(&mut feed).await, Err(Lag::Transactions { missed: 3 }));
        assert_eq!(take(&mut feed).await, Ok((None, "3".to_owned())));
    }
}
