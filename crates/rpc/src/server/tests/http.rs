use super::*;
use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn post(url: String, body: impl Into<reqwest::Body>) -> Response {
    Client::new().post(url).body(body).send().await.unwrap()
}

async fn body(response: Response) -> Value {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// The answer to a JSON body.
pub(super) async fn post_json(url: String, json: Value) -> Value {
    body(post(url, json.to_string()).await).await
}

const ECHO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":["hi"]}"#;

#[tokio::test]
async fn every_module_answers_on_its_path_and_the_hub_on_the_root() {
    let server = Server::start(RpcLimits::default()).await;
    for path in ["/", "/hub", "/pay", "/pay/"] {
        let response = post(server.url(path), ECHO).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(body(response).await["result"], "hi", "{path}");
    }
    assert_eq!(
        (server.hub.log.lock().len(), server.pay.log.lock().len()),
        (2, 2)
    );
    let notification = post(server.url("/"), r#"{"method":"echo"}"#).await;
    assert_eq!(notification.status(), StatusCode::NO_CONTENT);
    server.stop().await;
}

#[tokio::test]
async fn a_browser_learns_what_is_where() {
    let server = Server::start(RpcLimits::default()).await;
    let get = async |path| body(reqwest::get(server.url(path)).await.unwrap()).await;
    let description = get("/pay").await;
    assert_eq!(description["module"]["name"], "pay");
    assert_eq!(description["module"]["chainId"], "0xdbba1");
    assert_eq!(description["modules"], json!(["/hub", "/pay"]));
    assert!(description["usage"].as_str().unwrap().contains("POST"));
    assert_eq!(get("/").await["module"]["name"], "hub");

    let unknown = reqwest::get(server.url("/market")).await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let unknown = body(unknown).await;
    assert_eq!(
        unknown["error"]["message"],
        "no module at /market; modules are at /hub, /pay"
    );
    assert_eq!(unknown["error"]["data"]["modules"][1]["path"], "/pay");
    assert_eq!(
        post(server.url("/hub/x"), ECHO).await.status(),
        StatusCode::NOT_FOUND
    );

    let put = Client::new().put(server.url("/")).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(put.headers()[header::ALLOW], "GET, HEAD, POST, OPTIONS");
    server.stop().await;
}

#[tokio::test]
async fn readiness_is_a_status() {
    let server = Server::start(RpcLimits::default()).await;
    let response = reqwest::get(server.url("/ready")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        body(response).await,
        json!({"network":"testnet","ready":false})
    );
    server.ready.store(true, Ordering::Release);
    assert_eq!(
        reqwest::get(server.url("/ready")).await.unwrap().status(),
        StatusCode::OK
    );
    server.stop().await;
}

#[tokio::test]
async fn large_bodies_are_refused_with_the_limit() {
    let limits = RpcLimits {
        request_bytes: 100_000,
        ..RpcLimits::default()
    };
    let server = Server::start(limits).await;
    let fits = format!("{ECHO}{}", " ".repeat(100_000 - ECHO.len()));
    assert_eq!(
        body(post(server.url("/"), fits).await).await["result"],
        "hi"
    );
    let refused = post(server.url("/"), "x".repeat(100_001)).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let refused = body(refused).await;
    assert_eq!(refused["error"]["code"], -32005);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("100001") && message.contains("limit of 100000 bytes"),
        "{message}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    // NET-1
    let limits = RpcLimits {
        request_bytes: 1_000,
        ..RpcLimits::default()
    };
    let server = Server::start(limits).await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let head =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        stream
            .write_all(format!("1f4\r\n{}\r\n", "x".repeat(500)).as_bytes())
            .await
            .unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let limits = RpcLimits {
        request_bytes: 1_000,
        ..RpcLimits::default()
    };
    let server = Server::start(limits).await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("request body of 1001 bytes exceeds the limit of 1000 bytes"));
    server.stop().await;
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    // NET-1
    let limits = RpcLimits {
        body_timeout: Duration::from_millis(50),
        ..RpcLimits::default()
    };
    let server = Server::start(limits).await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn malformed_bodies_and_content_types_do_not_matter_to_http() {
    let server = Server::start(RpcLimits::default()).await;
    for content_type in [
        "text/plain",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
    ] {
        let request = Client::new()
            .post(server.url("/"))
            .header(header::CONTENT_TYPE, content_type);
        let response = request.body(ECHO).send().await.unwrap();
        assert_eq!(body(response).await["result"], "hi");
    }
    let malformed = post(server.url("/"), "{nope").await;
    assert_eq!(malformed.status(), StatusCode::OK);
    assert_eq!(body(malformed).await["error"]["code"], -32700);
    server.stop().await;
}

#[tokio::test]
async fn pages_of_any_origin_may_call() {
    let server = Server::start(RpcLimits::default()).await;
    let preflight = Client::new()
        .request(Method::OPTIONS, server.url("/pay"))
        .header(header::ORIGIN, "https://wallet.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "content-type,x-anything",
        )
        .header("access-control-request-private-network", "true")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), StatusCode::OK);
    let headers = preflight.headers();
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(
        headers[header::ACCESS_CONTROL_ALLOW_HEADERS],
        "content-type,x-anything"
    );
    assert!(
        headers[header::ACCESS_CONTROL_ALLOW_METHODS]
            .to_str()
            .unwrap()
            .contains("POST")
    );
    assert_eq!(headers["access-control-allow-private-network"], "true");

    for (path, status) in [("/", 200), ("/nowhere", 404)] {
        let call = Client::new()
            .post(server.url(path))
            .header(header::ORIGIN, "https://wallet.example");
        let response = call.body(ECHO).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(
            response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            "*",
            "{path}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn requests_in_progress_finish_at_shutdown() {
    let server = Server::start(RpcLimits::default()).await;
    let call = post(
        server.url("/"),
        r#"{"id":1,"method":"sleep","params":[300]}"#,
    );
    let call = tokio::spawn(call);
    while server.hub.log.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    server.stop().await;
    assert_eq!(body(call.await.unwrap()).await["result"], "slept");
}
