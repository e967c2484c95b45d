//! Transactions a validator took from its clients, on their way to every validator: any of them may lead next.
//!
//! A message is a list of transactions. It is sent once, to all peers; nobody passes it on, because the validators are
//! fully connected. What a full queue or a lost connection drops is sent again from the pool by [`Relay::rebroadcast`].

use bytes::Bytes;
use commonware_codec::{DecodeExt as _, Encode, EncodeSize, Error, RangeCfg, Read, Write};
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Clock, Spawner, Supervisor};
use futures::future::{Either, select};
use std::{future::Future, pin::pin, time::Duration};
use tracing::debug;
use trellis_primitives::limits::TRANSACTION_BYTES_MAX;

/// Most transactions in a message.
const BATCH_MAX: usize = 1024;
/// Most transaction bytes in a message; one transaction of the largest size always fits.
const BATCH_BYTES_MAX: usize = 256 * 1024;
/// Largest message, in bytes: transactions and their length prefixes.
pub const MESSAGE_BYTES_MAX: usize = BATCH_BYTES_MAX + 5 * BATCH_MAX + 5;
/// How long a transaction may wait for company.
const GATHER: Duration = Duration::from_millis(3);
/// How often waiting local transactions are sent again.
const REPEAT: Duration = Duration::from_secs(2);

/// Encoded transactions, bounded in number and size (NET-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch(pub Vec<Bytes>);

impl Write for Batch {
    fn write(&self, buf: &mut impl bytes::BufMut) {
        self.0.write(buf);
    }
}

impl EncodeSize for Batch {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl Read for Batch {
    type Cfg = ();

    fn read_cfg(buf: &mut impl commonware_codec::Buf, (): &()) -> Result<Self, Error> {
        let transaction = RangeCfg::from(..=TRANSACTION_BYTES_MAX);
        Vec::read_cfg(buf, &(RangeCfg::from(..=BATCH_MAX), transaction)).map(Self)
    }
}

/// The pool's side of gossip.
pub trait Relay: Clone + Send + Sync + 'static {
    /// The next transaction to send. Pending until there is one.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
    /// One that is ready now.
    fn try_next(&mut self) -> Option<Bytes>;
    /// Local transactions that still wait, at most `limit`.
    fn rebroadcast(&self, limit: usize) -> Vec<Bytes>;
    /// Takes what a peer sent. May block the thread.
    fn receive(&self, batch: Vec<Bytes>);
}

/// Starts sending and receiving for one module.
pub fn start<E, T, S, R>(context: &E, relay: T, sender: S, receiver: R)
where
    E: Spawner + Clock + Supervisor,
    T: Relay,
    S: Sender,
    R: Receiver,
{
    let outgoing = relay.clone();
    context
        .child("gossip_send")
        .spawn(move |context| send(context, outgoing, sender));
    // Taking transactions waits for the state, so it gets a thread of its own.
    context
        .child("gossip_receive")
        .dedicated()
        .spawn(move |_| receive(relay, receiver));
}

async fn send<E: Clock, S: Sender>(context: E, mut relay: impl Relay, mut sender: S) {
    let mut repeat = context.current() + REPEAT;
    loop {
        let first = {
            let next = pin!(relay.next());
            let due = pin!(context.sleep_until(repeat));
            match select(next, due).await {
                Either::Left((Some(first), _)) => Some(first),
                Either::Left((None, _)) => return,
                Either::Right(_) => None,
            }
        };
        let mut waiting = match first {
            Some(first) => {
                context.sleep(GATHER).await;
                vec![first]
            }
            None => {
                repeat = context.current() + REPEAT;
                relay.rebroadcast(BATCH_MAX)
            }
        };
        while waiting.len() < BATCH_MAX {
            let Some(next) = relay.try_next() else { break };
            waiting.push(next);
        }
        for batch in batches(waiting) {
            let _ = sender.send(Recipients::All, batch.encode(), false);
        }
    }
}

/// Splits transactions into messages within the limits.
fn batches(transactions: Vec<Bytes>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    for transaction in transactions {
        bytes += transaction.len();
        match batches.last_mut() {
            Some(batch) if bytes <= BATCH_BYTES_MAX && batch.0.len() < BATCH_MAX => {
                batch.0.push(transaction);
            }
            _ => {
                bytes = transaction.len();
                batches.push(Batch(vec![transaction]));
            }
        }
    }
    batches
}

async fn receive<R: Receiver>(relay: impl Relay, mut receiver: R) {
    while let Ok((peer, message)) = receiver.recv().await {
        match Batch::decode(message) {
            Ok(Batch(transactions)) => relay.receive(transactions),
            Err(error) => debug!(?peer, %error, "dropped a malformed transaction message"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_within_their_limits() {
        let small = vec![Bytes::from(vec![1; 120]); 3000];
        let large = vec![Bytes::from(vec![2; TRANSACTION_BYTES_MAX]); 5];
        let split = batches([small, large].concat());
        assert_eq!(split.iter().map(|batch| batch.0.len()).sum::<usize>(), 3005);
        for batch in &split {
            let encoded = batch.encode();
            assert!(encoded.len() <= MESSAGE_BYTES_MAX);
            assert_eq!(&Batch::decode(encoded).unwrap(), batch);
        }
    }

    /// NET-1: a peer's message cannot make this node allocate beyond the limits.
    #[test]
    fn oversized_messages_are_refused() {
        let long = Batch(vec![Bytes::from(vec![0; TRANSACTION_BYTES_MAX + 1])]);
        assert!(Batch::decode(long.encode()).is_err());
        let many = Batch(vec![Bytes::new(); BATCH_MAX + 1]);
        assert!(Batch::decode(many.encode()).is_err());
        assert!(Batch::decode(Bytes::from_static(&[0xff; 64])).is_err());
    }
}
