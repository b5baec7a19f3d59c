//! Files as the output of actions.

use kipo::{Download, Result, action};

use crate::support::{Answer, TestApp, get, post};

/// Returns ten digits.
#[action(method = "GET")]
pub(crate) async fn digits() -> Result<Download> {
    Ok(Download::bytes("0123456789").name("zehn ä.txt"))
}

/// Returns JSON as a file.
#[action]
pub(crate) async fn export(rows: u8) -> Result<Download> {
    Ok(Download::bytes(vec![b'1'; usize::from(rows)]).name("rows.json").inline())
}

const DIGITS: &str = "/_kipo/actions/download.Digits";

async fn asked(headers: &str) -> Answer {
    // As a link has it: no JSON is asked for.
    let headers = format!("accept: text/html\r\n{headers}");
    TestApp::start().await.send(get(DIGITS, &headers)).await
}

#[tokio::test]
async fn a_link_downloads_the_output_of_an_action() {
    let answer = asked("").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "0123456789"));
    let disposition = "attachment; filename=\"zehn _.txt\"; filename*=UTF-8''zehn%20%C3%A4.txt";
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-disposition", disposition),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("content-length", "10"),
        ("cache-control", "private, no-cache"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test]
async fn a_download_has_ranges_and_conditions() {
    let answer = asked("range: bytes=-3\r\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (206, "789"));
    assert_eq!(answer.header("content-range"), Some("bytes 7-9/10"));
    assert_eq!(asked("range: bytes=10-\r\n").await.status, 416);
    let etag = answer.header("etag").unwrap().to_owned();
    let answer = asked(&format!("if-none-match: {etag}\r\n")).await;
    assert_eq!((answer.status, answer.body.as_str()), (304, ""));
    assert_eq!(asked("range: bytes=-3\r\nif-range: \"other\"\r\n").await.status, 200);
}

#[tokio::test]
async fn a_head_request_gets_the_length_and_no_content() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get(DIGITS, "").replacen("GET", "HEAD", 1)).await;
    let head = client.head().await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    client.write(get(DIGITS, "")).await;
    assert_eq!(client.answer().await.body, "0123456789");
}

#[tokio::test]
async fn a_post_returns_the_whole_file() {
    let app = TestApp::start().await;
    let answer = app.send(post("download.Export", "range: bytes=0-0\r\n", r#"{"rows":3}"#)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "111"));
    assert_eq!(answer.header("content-disposition"), Some("inline; filename=\"rows.json\""));
}

#[tokio::test]
async fn a_part_of_a_batch_cannot_return_a_file() {
    let app = TestApp::start().await;
    let body = r#"[{"action":"download.Export","input":{"rows":3}}]"#;
    let mut client = app.connect().await;
    client.write(post("X", "", body).replace("/actions/X", "/batch")).await;
    assert_eq!(client.head().await.status, 200);
    let parts = client.stream_to_end().await;
    assert!(parts.contains(r#""status":406"#), "{parts}");
}
