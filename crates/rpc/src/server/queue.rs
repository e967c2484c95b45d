//! The one bounded queue of messages to a WebSocket connection.
//!
//! Everything sent to a client passes it, in order. It is bounded in messages and in bytes; whoever adds waits for room,
//! so a slow client slows its own requests and subscriptions and nothing else.

use crate::RpcLimits;
use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use core::time::Duration;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// A message and its place in the queue, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) text: Utf8Bytes,
    _room: OwnedSemaphorePermit,
}

/// The sending side.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Outgoing>,
    room: Arc<Semaphore>,
    bytes_max: u32,
    stall: Duration,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueError {
    /// There was no room for the time a subscriber may stall.
    Stalled,
    /// The connection is closing.
    Closed,
}

impl Queue {
    pub(crate) fn new(limits: &RpcLimits) -> (Self, mpsc::Receiver<Outgoing>) {
        let bytes_max = u32::try_from(limits.socket_queue_bytes)
            .unwrap_or(u32::MAX)
            .max(1);
        let room = Arc::new(Semaphore::new(bytes_max as usize));
        let (sender, receiver) = mpsc::channel(limits.socket_queue_messages.max(1));
        (
            Self {
                sender,
                room,
                bytes_max,
                stall: limits.socket_stall,
            },
            receiver,
        )
    }

    /// Queues a message, waiting for room as long as it takes.
    ///
    /// # Errors
    /// [`QueueError::Closed`].
    pub(crate) async fn send(&self, message: Bytes) -> Result<(), QueueError> {
        // A message larger than the whole queue waits until it is alone.
        let bytes = u32::try_from(message.len())
            .unwrap_or(u32::MAX)
            .min(self.bytes_max);
        let room = self.room.clone().acquire_many_owned(bytes).await;
        let room = room.map_err(|_| QueueError::Closed)?;
        let text = Utf8Bytes::try_from(message).expect("messages are JSON, which is UTF-8");
        self.sender
            .send(Outgoing { text, _room: room })
            .await
            .map_err(|_| QueueError::Closed)
    }

    /// Queues a message, waiting for room no longer than a subscriber may stall.
    ///
    /// # Errors
    /// [`QueueError`].
    pub(crate) async fn send_event(&self, message: Bytes) -> Result<(), QueueError> {
        tokio::time::timeout(self.stall, self.send(message))
            .await
            .unwrap_or(Err(QueueError::Stalled))
    }

    /// How long [`Self::send_event`] waits.
    pub(crate) fn stall(&self) -> Duration {
        self.stall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(bytes: usize) -> (Queue, mpsc::Receiver<Outgoing>) {
        Queue::new(&RpcLimits {
            socket_queue_bytes: bytes,
            socket_queue_messages: 4,
            socket_stall: Duration::from_millis(20),
            ..RpcLimits::default()
        })
    }

    #[tokio::test]
    async fn a_full_queue_stalls_and_recovers() {
        let (queue, mut receiver) = queue(10);
        queue
            .send_event(Bytes::from_static(b"\"12345\""))
            .await
            .unwrap();
        let late = queue.send_event(Bytes::from_static(b"\"1234\"")).await;
        assert_eq!(late, Err(QueueError::Stalled));
        drop(receiver.recv().await);
        queue
            .send_event(Bytes::from_static(b"\"1234\""))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn the_number_of_messages_is_bounded_too() {
        let (queue, _receiver) = queue(1_000);
        for _ in 0..4 {
            queue.send_event(Bytes::from_static(b"1")).await.unwrap();
        }
        assert_eq!(
            queue.send_event(Bytes::from_static(b"1")).await,
            Err(QueueError::Stalled)
        );
    }

    #[tokio::test]
    async fn a_message_larger_than_the_queue_passes_alone() {
        let (queue, mut receiver) = queue(2);
        queue.send(Bytes::from(vec![b' '; 1_000])).await.unwrap();
        assert_eq!(receiver.recv().await.unwrap().text.len(), 1_000);
        drop(receiver);
        assert_eq!(
            queue.send(Bytes::from_static(b"1")).await,
            Err(QueueError::Closed)
        );
    }
}
