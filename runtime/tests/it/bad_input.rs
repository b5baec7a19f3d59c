//! Malformed and hostile requests: each gets its status and a problem document, never a hang or a
//! 500.

use std::time::Duration;

use kipo::ServeLimits;

use crate::support::{TestApp, get, post};

#[tokio::test]
async fn a_body_that_is_not_json_is_a_400() {
    let app = TestApp::start().await;
    let deep = "[".repeat(10_000);
    let hidden = format!(r#"{{"text":"a","x":{deep}{}}}"#, "]".repeat(10_000));
    for body in ["", "{", "not json", "{}{}", deep.as_str(), hidden.as_str()] {
        app.call("Echo", body).await.problem(400, "bad_request");
    }
    let mut utf8 = post("Echo", "", r#"{"text":"XX"}"#).into_bytes();
    let at = utf8.windows(2).position(|two| two == b"XX").unwrap();
    utf8[at] = 0xff;
    app.send(utf8).await.problem(400, "bad_request");
}

#[tokio::test]
async fn json_of_another_shape_is_a_422() {
    let app = TestApp::start().await;
    for body in ["null", "[]", "7", r#""text""#, r#"["a",1,2]"#, "{}", r#"{"text":null}"#] {
        app.call("Echo", body).await.problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_a_413_that_its_client_can_read() {
    let app = TestApp::start().await;
    let body = format!(r#"{{"text":"{}"}}"#, "a".repeat(10 << 20));
    app.call("Echo", &body).await.problem(413, "payload_too_large");
    // The same without a length, in chunks.
    let mut client = app.connect().await;
    client
        .write(
            "POST /_kipo/actions/Echo HTTP/1.1\r\nhost: test\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await;
    let chunk = format!("100000\r\n{}\r\n", "a".repeat(1 << 20));
    for _ in 0..10 {
        client.write(&chunk).await;
    }
    client.write("0\r\n\r\n").await;
    client.answer().await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn an_unsupported_content_type_is_a_415() {
    let app = TestApp::start().await;
    for kind in ["text/plain", "application/xml", "json", "\u{fe}"] {
        let request = post("Echo", "", "{}").replace("application/json", kind);
        app.send(request).await.problem(415, "unsupported_media_type");
    }
    let bare = "POST /_kipo/actions/Echo HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n{}";
    app.send(bare).await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn another_method_is_a_405_with_allow() {
    let app = TestApp::start().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let request = post("Echo", "", "{}").replace("POST", method);
        let answer = app.send(request).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    let answer = app.send(post("Follow", "", "{}").replace("POST", "PUT")).await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("GET, POST"));
}

#[tokio::test]
async fn an_unknown_path_is_a_404() {
    let app = TestApp::start().await;
    let paths = [
        "/_kipo/actions/No.Such",
        "/_kipo/actions/",
        "/_kipo/actions/echo",
        "/_kipo/actions/../actions/Echo",
        "/_kipo/actions/%2e%2e/Echo",
        "/_kipo/actions/..%2fEcho",
        "/_kipo/actions/Echo%00",
        "/_kipo/actions/Echo/",
        "/_kipo//actions/Echo",
        "/_kipo/../../etc/passwd",
        "/_kipo/0000000000000000/none.js",
        "/_kipo/0/main.js",
        "/_kipo",
        "/",
        "/%ff%fe",
    ];
    for path in paths {
        app.send(get(path, "accept: application/json\r\n")).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_a_431_and_a_url_that_is_too_long_a_414() {
    let app = TestApp::start().await;
    for name in ["x-long", "last-event-id"] {
        let header = format!("{name}: {}\r\n", "a".repeat(64 << 10));
        let mut client = app.connect().await;
        client.try_write(post("Follow", &header, "{}")).await;
        client.answer().await.problem(431, "headers_too_large");
    }
    let mut client = app.connect().await;
    client.try_write(get(&format!("/{}", "a".repeat(15 << 10)), "accept: text/css\r\n")).await;
    assert!([404, 414, 431].contains(&client.answer().await.status));
}

#[tokio::test]
async fn a_request_that_is_not_http_is_a_400() {
    let app = TestApp::start().await;
    let requests: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nbroken header\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nhost: test\r\n\r\n",
        b"POST /_kipo/actions/Echo HTTP/1.1\r\nhost: test\r\ncontent-length: x\r\n\r\n",
    ];
    for request in requests {
        let answer = app.send(request).await;
        answer.problem(400, "bad_request");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn a_last_event_id_with_a_line_break_is_a_400() {
    let app = TestApp::start().await;
    let answer = app.send(get("/_kipo/actions/Follow", "last-event-id: 1\n2\r\n")).await;
    answer.problem(400, "bad_request");
}

#[tokio::test]
async fn a_body_that_is_cut_by_a_close_is_a_400_or_closes_the_connection() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(&post("Echo", "", r#"{"text":"hi"}"#)[..100]).await;
    client.finish_writing().await;
    let text = client.read_to_end().await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 400"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_while_the_connection_stays_open_is_a_408() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    let request = post("Echo", "", r#"{"text":"hi"}"#);
    client.write(&request[..request.len() - 4]).await;
    client.answer().await.problem(408, "request_timeout");
}

#[tokio::test]
async fn a_connection_that_sends_no_head_is_closed_after_the_header_timeout() {
    let limits =
        ServeLimits { header_timeout: Duration::from_millis(50), ..ServeLimits::default() };
    let app = TestApp::with(|app| app.serve_limits(limits)).await;
    let mut silent = app.connect().await;
    assert_eq!(silent.read_to_end().await, "");
    let mut slow = app.connect().await;
    slow.write("POST /_kipo/actions/Echo HTTP/1.1\r\nhost: ").await;
    let text = slow.read_to_end().await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
}
