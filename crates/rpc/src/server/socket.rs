//! JSON-RPC over one WebSocket connection.
//!
//! ```text
//!            ┌── reader ── requests (tasks, bounded) ──┐
//! client ────┤                                         ├──► queue (bounded) ──► writer ──► client
//!            └            subscriptions (tasks)        ┘
//! ```
//! *Open*: all of these run. *Closing* begins when the peer leaves, a subscription lags, the peer does not answer pings,
//! it breaks a limit of the protocol, or the node shuts down: requests and subscriptions stop, the writer sends what is
//! queued and then a close frame with code and reason, within [`DRAIN_TIMEOUT`]. *Closed*: everything is dropped.
//! A restart of the node closes every connection; clients subscribe again.

use super::{
    Service, Shared, Shutdown,
    answer::{CallResult, error_body},
    budget::Budget,
    close::{Close, Closing},
    engine::{Handler, process},
    queue::{Outgoing, Queue},
};
use crate::{
    Params, RpcError,
    subscribe::{SubscriptionId, Subscriptions},
};
use axum::extract::ws::{Message, WebSocket, close_code};
use bytes::Bytes;
use core::time::Duration;
use futures::{
    FutureExt, SinkExt, StreamExt,
    future::BoxFuture,
    stream::{SplitSink, SplitStream},
};
use parking_lot::Mutex;
use std::{pin::pin, sync::Arc};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

/// Time to send what is queued, and the close frame, to a peer that reads.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Time the peer has to answer the close frame; closing the socket earlier could lose the frame.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Messages written before the socket is flushed.
const WRITE_BATCH: usize = 256;

/// Serves a connection until it ends.
pub(super) async fn run(
    socket: WebSocket,
    service: Arc<dyn Service>,
    shared: Arc<Shared>,
    shutdown: Shutdown,
) {
    let (sink, mut stream) = socket.split();
    let (queue, outgoing) = Queue::new(&shared.limits);
    let closing = Arc::new(Closing::new());
    let subscriptions = Subscriptions::new(
        queue.clone(),
        closing.clone(),
        shared.limits.socket_subscriptions,
    );
    let ping = shared.limits.ping_interval;
    let mut writer = pin!(write(sink, outgoing, &closing, ping).fuse());
    let session = Arc::new(Session {
        service,
        shared,
        queue,
        subscriptions,
    });
    tokio::select! {
        () = &mut writer => return,
        close = read(&mut stream, &session) => closing.close(close),
        _ = closing.closed() => {}
        () = shutdown.wait() => closing.close(Close::shutdown()),
    }
    // Stops the subscriptions: the reader's requests, which share the session, are gone already.
    drop(session);
    let drained = async {
        writer.await;
        let rest = async { while stream.next().await.is_some_and(|message| message.is_ok()) {} };
        // The peer's close frame or its silence: either way the connection is over.
        let _ = timeout(LINGER_TIMEOUT, rest).await;
    };
    if timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::debug!("a WebSocket peer did not read to the end of its connection");
    }
}

/// What the requests of one connection share.
struct Session {
    service: Arc<dyn Service>,
    shared: Arc<Shared>,
    queue: Queue,
    subscriptions: Subscriptions,
}

/// Reads requests until the connection should close.
async fn read(stream: &mut SplitStream<WebSocket>, session: &Arc<Session>) -> Close {
    let limits = &session.shared.limits;
    let in_flight = Arc::new(Semaphore::new(limits.socket_requests.max(1)));
    // A live peer sends at least its pongs.
    let silence_max = limits.ping_interval.mul_f32(2.5);
    let mut requests = JoinSet::new();
    loop {
        // While as many requests run as may, nothing is read: the peer waits (NET-1).
        let permit = in_flight
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        while requests.try_join_next().is_some() {}
        let message = loop {
            match timeout(silence_max, stream.next()).await {
                Err(_) => return dead(silence_max),
                Ok(None) => return Close::new(close_code::NORMAL, ""),
                Ok(Some(Err(error))) => return broken(&error, limits.socket_message_bytes),
                Ok(Some(Ok(Message::Text(text)))) => break Bytes::from(text),
                Ok(Some(Ok(Message::Binary(bytes)))) => break bytes,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)))) => {}
            }
        };
        let session = session.clone();
        requests.spawn(async move {
            session.answer(&message).await;
            drop(permit);
        });
    }
}

fn dead(silence: Duration) -> Close {
    let reason = format!("no answer to pings for {} s", silence.as_secs());
    Close::new(close_code::POLICY, reason)
}

/// The close frame for a message that could not be read.
fn broken(error: &axum::Error, limit: usize) -> Close {
    // The only error of the library that is about size; its type is not reachable through axum.
    if error.to_string().contains("too long") {
        Close::new(
            close_code::SIZE,
            format!("message exceeds the limit of {limit} bytes"),
        )
    } else {
        Close::new(
            close_code::PROTOCOL,
            format!("WebSocket protocol error: {error}"),
        )
    }
}

/// Sends the queue and pings, then, once closing, what is left of the queue and the close frame.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    closing: &Closing,
    ping: Duration,
) {
    let mut ping = interval_at(Instant::now() + ping, ping);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut closed = pin!(closing.closed());
    let close = loop {
        let written = tokio::select! {
            biased;
            close = &mut closed => break close,
            Some(message) = outgoing.recv() => write_batch(&mut sink, message, &mut outgoing).await,
            _ = ping.tick() => sink.send(Message::Ping(Bytes::new())).await,
        };
        if written.is_err() {
            return;
        }
    };
    outgoing.close();
    while let Some(message) = outgoing.recv().await {
        if write_batch(&mut sink, message, &mut outgoing)
            .await
            .is_err()
        {
            return;
        }
    }
    // A peer that is gone needs no close frame.
    let _ = sink.send(Message::Close(Some(close.into_frame()))).await;
}

/// Writes a message and those queued behind it, then flushes. Their room in the queue is free when they are sent.
async fn write_batch(
    sink: &mut SplitSink<WebSocket, Message>,
    first: Outgoing,
    outgoing: &mut mpsc::Receiver<Outgoing>,
) -> Result<(), axum::Error> {
    let mut sent = Vec::new();
    let mut next = Some(first);
    while let Some(message) = next {
        sink.feed(Message::Text(message.text.clone())).await?;
        sent.push(message);
        next = (sent.len() < WRITE_BATCH)
            .then(|| outgoing.try_recv().ok())
            .flatten();
    }
    sink.flush().await
}

impl Session {
    async fn answer(self: &Arc<Self>, message: &[u8]) {
        let mut lease = self.shared.budget.lease(Budget::FREE_BYTES);
        if !lease.grow(message.len()) {
            let error = RpcError::limit_exceeded(format!(
                "the node is busy: requests and responses in flight reach its limit of {} bytes; try again",
                lease.budget_bytes()
            ));
            let _ = self.queue.send(error_body(&error)).await;
            return;
        }
        let call = Call {
            session: self,
            opened: Mutex::default(),
        };
        let answer = process(message, &call, &self.shared.limits, &self.shared.budget).await;
        if let Some(answer) = answer {
            // A closed queue is a closed connection: nobody is left to tell.
            let _ = self.queue.send(answer).await;
        }
        // Only now: the client has to learn the id before the first notification.
        for id in call.opened.into_inner() {
            self.subscriptions.start(id);
        }
    }
}

/// The requests of one message.
struct Call<'s> {
    session: &'s Session,
    opened: Mutex<Vec<SubscriptionId>>,
}

impl Handler for Call<'_> {
    fn call<'a>(&'a self, method: &'a str, params: Params) -> BoxFuture<'a, CallResult> {
        match method {
            "eth_subscribe" => async move { self.subscribe(&params) }.boxed(),
            "eth_unsubscribe" => async move { self.unsubscribe(&params) }.boxed(),
            _ => self.session.service.call(method, params),
        }
    }

    fn send_many(&self, params: Vec<Params>) -> BoxFuture<'_, Vec<CallResult>> {
        self.session.service.send_many(params)
    }
}

impl Call<'_> {
    fn subscribe(&self, params: &Params) -> CallResult {
        let Session {
            service,
            shared,
            subscriptions,
            ..
        } = self.session;
        let id = subscriptions.open(|| service.subscribe(&shared.budget, params))?;
        self.opened.lock().push(id);
        Ok(super::raw(&id.to_string()))
    }

    fn unsubscribe(&self, params: &Params) -> CallResult {
        let mut params = params.positional()?;
        let id: SubscriptionId = params.required("subscription id")?;
        params.finish()?;
        Ok(super::raw(&self.session.subscriptions.remove(id)))
    }
}
