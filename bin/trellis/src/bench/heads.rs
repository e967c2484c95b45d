//! New blocks as the server announces them: `eth_subscribe("newHeads")` over WebSocket.

use crate::error::CliError;
use alloy_primitives::B256;
use core::time::Duration;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Instant;
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// Longest time for the connection and the subscription to be there.
const SETUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Announcements kept for a reader that is busy. One that falls further behind loses the subscription.
const BACKLOG: usize = 4_096;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A block that was announced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announcement {
    pub(crate) hash: B256,
    /// When the announcement arrived.
    pub(crate) at: Instant,
}

/// A subscription to new blocks. Arrival is noted by a task of its own, so a busy reader does not distort it.
#[derive(Debug)]
pub(crate) struct Heads {
    queue: mpsc::Receiver<Announcement>,
    reader: JoinHandle<()>,
}

impl Heads {
    /// Subscribes at the WebSocket of the `http://` URL `url`.
    pub(crate) async fn subscribe(url: &str) -> Result<Self, CliError> {
        let url = url.replacen("http://", "ws://", 1);
        let failed = |reason: String| {
            CliError::new(format!("cannot subscribe to new blocks at {url}: {reason}"))
        };
        let setup = timeout(SETUP_TIMEOUT, open(&url)).await;
        let socket = setup
            .map_err(|_| failed("no answer".to_owned()))?
            .map_err(failed)?;
        let (sender, queue) = mpsc::channel(BACKLOG);
        Ok(Self {
            queue,
            reader: tokio::spawn(read(socket, sender)),
        })
    }

    /// The next announcement, or `None` if the server ended the subscription.
    pub(crate) async fn next(&mut self) -> Option<Announcement> {
        self.queue.recv().await
    }

    /// Forgets what was announced and not read.
    pub(crate) fn clear(&mut self) {
        while self.queue.try_recv().is_ok() {}
    }
}

impl Drop for Heads {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn open(url: &str) -> Result<Socket, String> {
    let (mut socket, _) = connect_async(url)
        .await
        .map_err(|error| error.to_string())?;
    let request =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"] });
    socket
        .send(Message::text(request.to_string()))
        .await
        .map_err(|error| error.to_string())?;
    while let Some(message) = socket.next().await {
        let message = message.map_err(|error| error.to_string())?;
        let Some(answer) = parse(&message) else {
            continue;
        };
        if answer["id"] == json!(1) {
            let refused = answer["error"]["message"].as_str();
            return refused.map_or(Ok(socket), |text| Err(text.to_owned()));
        }
    }
    Err("the connection was closed".to_owned())
}

async fn read(mut socket: Socket, sender: mpsc::Sender<Announcement>) {
    while let Some(Ok(message)) = socket.next().await {
        let at = Instant::now();
        let hash = parse(&message)
            .and_then(|value| value["params"]["result"]["hash"].as_str()?.parse().ok());
        let Some(hash) = hash else {
            continue;
        };
        if sender.try_send(Announcement { hash, at }).is_err() {
            return;
        }
    }
}

fn parse(message: &Message) -> Option<Value> {
    message
        .to_text()
        .ok()
        .and_then(|text| serde_json::from_str(text).ok())
}
