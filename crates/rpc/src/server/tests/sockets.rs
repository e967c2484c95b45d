use super::*;
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{Error, Message, protocol::CloseFrame},
};

pub(super) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(server: &Server, path: &str) -> Self {
        Self::open(server.address, path).await
    }

    pub(super) async fn open(address: SocketAddr, path: &str) -> Self {
        Self(
            connect_async(format!("ws://{address}{path}"))
                .await
                .unwrap()
                .0,
        )
    }

    /// A client whose system takes little before the server notices that nobody reads.
    async fn connect_narrow(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let stream = MaybeTlsStream::Plain(socket.connect(server.address).await.unwrap());
        let url = format!("ws://{}/", server.address);
        Self(client_async(url, stream).await.unwrap().0)
    }

    pub(super) async fn send(&mut self, request: Value) {
        self.0
            .send(Message::text(request.to_string()))
            .await
            .unwrap();
    }

    /// The next JSON message.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match self
                .0
                .next()
                .await
                .expect("the connection is open")
                .unwrap()
            {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    pub(super) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({"jsonrpc":"2.0","id":1,"method":method,"params":params}))
            .await;
        self.next().await
    }

    async fn subscribe(&mut self) -> String {
        let answer = self.call("eth_subscribe", json!(["numbers"])).await;
        answer["result"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }

    /// Everything up to the close frame.
    async fn drain(&mut self) -> (Vec<Value>, CloseFrame) {
        let mut seen = Vec::new();
        loop {
            match self
                .0
                .next()
                .await
                .expect("a close frame comes first")
                .unwrap()
            {
                Message::Text(text) => seen.push(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return (seen, frame.expect("with a reason")),
                _ => {}
            }
        }
    }
}

fn number(event: &Value) -> u64 {
    event["params"]["result"][0]
        .as_u64()
        .unwrap_or_else(|| panic!("{event}"))
}

#[tokio::test]
async fn the_same_methods_and_batches_as_over_http() {
    let server = Server::start(RpcLimits::default()).await;
    let mut client = Client::connect(&server, "/pay").await;
    let answer = client.call("echo", json!(["hi"])).await;
    assert_eq!(answer, json!({"jsonrpc":"2.0","id":1,"result":"hi"}));
    client
        .send(json!([{"id":1,"method":"echo"}, {"id":2,"method":"nope"}]))
        .await;
    assert_eq!(client.next().await[1]["error"]["code"], -32601);
    client.0.send(Message::text("{")).await.unwrap();
    assert_eq!(client.next().await["error"]["code"], -32700);
    client
        .0
        .send(Message::binary(r#"{"id":9,"method":"echo"}"#))
        .await
        .unwrap();
    assert_eq!(client.next().await["id"], 9);
    assert!(server.hub.log.lock().is_empty());
    client.0.close(None).await.unwrap();
    assert!(matches!(
        client.0.next().await,
        None | Some(Ok(Message::Close(_)))
    ));
    server.stop().await;
}

#[tokio::test]
async fn slow_calls_do_not_hold_up_others() {
    let server = Server::start(RpcLimits::default()).await;
    let mut client = Client::connect(&server, "/").await;
    client
        .send(json!({"id":1,"method":"sleep","params":[200]}))
        .await;
    client.send(json!({"id":2,"method":"echo"})).await;
    assert_eq!(client.next().await["id"], 2);
    assert_eq!(client.next().await["id"], 1);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_runs_a_bounded_number_of_requests() {
    // NET-1
    let server = Server::start(RpcLimits {
        socket_requests: 3,
        ..RpcLimits::default()
    })
    .await;
    let mut client = Client::connect(&server, "/").await;
    for id in 0..12 {
        client
            .send(json!({"id":id,"method":"sleep","params":[20]}))
            .await;
    }
    for _ in 0..12 {
        client.next().await;
    }
    assert_eq!(server.hub.running_max.load(Ordering::SeqCst), 3);
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_is_told_every_block_once_and_in_order() {
    let server = Server::start(RpcLimits::default()).await;
    let mut client = Client::connect(&server, "/").await;
    server.hub.publish();
    let id = client.subscribe().await;
    assert!(id.len() == 34 && id.starts_with("0x"), "128 bits: {id}");
    for expected in 2..30 {
        server.hub.publish();
        let event = client.next().await;
        assert_eq!(
            (number(&event), &event["params"]["subscription"]),
            (expected, &json!(id))
        );
        assert_eq!(event["method"], "eth_subscription");
    }
    assert_eq!(
        client.call("eth_unsubscribe", json!([id])).await["result"],
        true
    );
    assert_eq!(
        client.call("eth_unsubscribe", json!([id])).await["result"],
        false
    );
    server.hub.publish();
    assert_eq!(
        client.call("echo", json!(["quiet"])).await["result"],
        "quiet"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_id_comes_before_the_first_event() {
    let server = Server::start(RpcLimits::default()).await;
    let publisher = {
        let hub = server.hub.clone();
        tokio::spawn(async move {
            loop {
                hub.publish();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    for _ in 0..20 {
        let mut client = Client::connect(&server, "/").await;
        // The batch's other call holds the answer, and with it the id, back.
        client
            .send(json!([
                {"id":1,"method":"eth_subscribe","params":["numbers"]},
                {"id":2,"method":"sleep","params":[4]}
            ]))
            .await;
        let answer = client.next().await;
        let first = client.next().await;
        assert_eq!(
            first["params"]["subscription"], answer[0]["result"],
            "{answer} {first}"
        );
        assert_eq!(number(&client.next().await), number(&first) + 1);
    }
    publisher.abort();
    server.stop().await;
}

#[tokio::test]
async fn subscriptions_need_a_known_kind_and_have_a_limit() {
    let server = Server::start(RpcLimits {
        socket_subscriptions: 2,
        ..RpcLimits::default()
    })
    .await;
    let mut client = Client::connect(&server, "/").await;
    assert_eq!(
        client.call("eth_subscribe", json!(["what"])).await["error"]["code"],
        -32602
    );
    let first = client.subscribe().await;
    client.subscribe().await;
    let refused = client.call("eth_subscribe", json!(["numbers"])).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("limit of 2 subscriptions"), "{message}");
    client.call("eth_unsubscribe", json!([first])).await;
    client.subscribe().await;
    server.stop().await;
}

#[tokio::test]
async fn a_lagging_subscriber_is_closed_and_told_where_to_resume() {
    // NET-1: the queue and the broadcast are bounded, and nothing is dropped silently.
    let limits = RpcLimits {
        socket_queue_bytes: 10_000,
        ..RpcLimits::default()
    };
    let server = Server::start(limits).await;
    let mut client = Client::connect_narrow(&server).await;
    let answer = client
        .call("eth_subscribe", json!(["padded", 400_000]))
        .await;
    let id = answer["result"].as_str().unwrap().to_owned();
    // More than the sockets' buffers hold, while the client reads nothing.
    for _ in 0..100 {
        server.hub.publish();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (seen, close) = client.drain().await;
    let numbers: Vec<_> = seen.iter().map(number).collect();
    assert_eq!(
        numbers,
        (1..=numbers.len() as u64).collect::<Vec<_>>(),
        "no gap before the close"
    );
    assert!(numbers.len() < 100);
    assert_eq!(u16::from(close.code), 1013);
    let next = numbers.len() + 1;
    let reason = close.reason.as_str();
    assert!(
        reason.starts_with(&format!("subscription {id} lagged by ")),
        "{reason}"
    );
    assert!(
        reason.ends_with(&format!("back-fill with eth_getLogs from block {next}")),
        "{reason}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_stalls_too_long_is_closed() {
    let limits = RpcLimits {
        socket_queue_bytes: 10_000,
        socket_stall: Duration::from_millis(100),
        ..RpcLimits::default()
    };
    let server = Server::start(limits).await;
    let mut client = Client::connect_narrow(&server).await;
    // Fewer blocks than the broadcast keeps, but more bytes than the sockets' buffers do.
    client
        .call("eth_subscribe", json!(["padded", 2_000_000]))
        .await;
    for _ in 0..7 {
        server.hub.publish();
    }
    while server.hub.blocks.receiver_count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (seen, close) = client.drain().await;
    assert_eq!(u16::from(close.code), 1013);
    let reason = close.reason.as_str();
    let resume = format!("from block {}", seen.len() + 1);
    assert!(
        reason.contains("lagged") && reason.ends_with(&resume),
        "{reason}"
    );
    server.stop().await;
}

#[tokio::test]
async fn oversized_messages_close_the_connection_with_the_limit() {
    // NET-1
    let server = Server::start(RpcLimits {
        socket_message_bytes: 1_000,
        ..RpcLimits::default()
    })
    .await;
    let mut client = Client::connect(&server, "/").await;
    client
        .0
        .send(Message::text("x".repeat(1_001)))
        .await
        .unwrap();
    let (_, close) = client.drain().await;
    assert_eq!(u16::from(close.code), 1009);
    assert_eq!(
        close.reason.as_str(),
        "message exceeds the limit of 1000 bytes"
    );
    server.stop().await;
}

#[tokio::test]
async fn connections_are_bounded_and_freed() {
    // NET-1
    let server = Server::start(RpcLimits {
        sockets: 1,
        ..RpcLimits::default()
    })
    .await;
    let mut client = Client::connect(&server, "/").await;
    let url = format!("ws://{}/pay", server.address);
    let Err(Error::Http(response)) = connect_async(&url).await else {
        panic!("refused over HTTP")
    };
    assert_eq!(response.status(), 503);
    let body = String::from_utf8(response.into_body().unwrap()).unwrap();
    assert!(body.contains("limit of 1 WebSocket connections"), "{body}");
    client.0.close(None).await.unwrap();
    while connect_async(&url).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn silent_peers_are_closed_and_live_ones_stay() {
    let limits = RpcLimits {
        ping_interval: Duration::from_millis(40),
        ..RpcLimits::default()
    };
    let server = Server::start(limits).await;
    let mut live = Client::connect(&server, "/").await;
    let mut silent = Client::connect(&server, "/").await;
    // Reading answers pings; not reading is silence.
    let read = tokio::time::timeout(Duration::from_millis(400), live.next()).await;
    assert!(read.is_err(), "still open, and nothing to say");
    let (_, close) = silent.drain().await;
    assert_eq!(u16::from(close.code), 1008);
    assert!(
        close.reason.starts_with("no answer to pings"),
        "{}",
        close.reason
    );
    assert_eq!(live.call("echo", json!([1])).await["result"], 1);
    server.stop().await;
}

#[tokio::test]
async fn shutdown_says_goodbye() {
    let server = Server::start(RpcLimits::default()).await;
    let mut client = Client::connect(&server, "/").await;
    client.subscribe().await;
    let stopping = tokio::spawn(server.stop());
    let (_, close) = client.drain().await;
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1001, "the node is shutting down")
    );
    // The peer's half of the closing handshake, so that the server need not wait for it.
    assert!(client.0.next().await.is_none());
    tokio::time::timeout(Duration::from_secs(5), stopping)
        .await
        .unwrap()
        .unwrap();
}
