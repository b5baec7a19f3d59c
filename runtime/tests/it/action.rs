//! Calls: inputs, outputs and errors.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::support::{TestApp, get, post};

#[tokio::test]
async fn the_body_is_the_output_without_an_envelope() {
    let app = TestApp::start().await;
    let answer = app.call("Echo", r#"{"text":"hi","unknown":[1]}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), json!({ "text": "hi", "times": 0, "big": null }));
}

#[tokio::test]
async fn an_output_without_data_is_a_204() {
    let app = TestApp::start().await;
    let answer = app.call("Nothing", "{}").await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
}

#[tokio::test]
async fn a_call_without_arguments_needs_no_body() {
    let app = TestApp::start().await;
    let request = "POST /_kipo/actions/Nothing HTTP/1.1\r\nhost: test\r\n\r\n";
    assert_eq!(app.send(request).await.status, 204);
}

#[tokio::test]
async fn integers_of_64_bits_stay_exact() {
    let app = TestApp::start().await;
    let answer = app.call("Echo", r#"{"text":"hi","big":18446744073709551615}"#).await;
    assert!(answer.body.contains("18446744073709551615"), "{answer:?}");
}

#[tokio::test]
async fn a_form_is_decoded_into_the_same_struct() {
    let app = TestApp::start().await;
    let request = "POST /_kipo/actions/Echo HTTP/1.1\r\nhost: test\r\n\
        content-type: application/x-www-form-urlencoded; charset=utf-8\r\n\
        content-length: 17\r\n\r\ntext=a+b&times=42";
    assert_eq!(app.send(request).await.json()["text"], "a b");
}

#[tokio::test]
async fn the_error_names_every_field_that_is_not_valid_by_its_json_path() {
    let app = TestApp::start().await;
    let answer = app.call("Echo", r#"{"text":["secret"],"times":300}"#).await;
    let problem = answer.problem(422, "validation_failed");
    assert_eq!(
        problem["errors"],
        json!({ "text": ["must be text"], "times": ["must be a whole number from 0 to 255"] })
    );
    assert!(!answer.body.contains("secret"));
}

#[tokio::test]
async fn a_broken_rule_is_reported_without_the_value() {
    let app = TestApp::start().await;
    let answer = app.call("Echo", r#"{"text":"secretive"}"#).await;
    let problem = answer.problem(422, "validation_failed");
    assert_eq!(problem["errors"], json!({ "text": ["must have 1 to 5 characters"] }));
    assert!(!answer.body.contains("secretive"));
}

#[tokio::test]
async fn the_cause_of_an_error_is_never_sent() {
    let app = TestApp::start().await;
    for name in ["Leak", "Explode"] {
        let answer = app.call(name, "{}").await;
        answer.problem(500, "internal");
        assert!(!answer.body.contains("hunter2"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_panic_fails_one_request_and_its_connection_stays_open() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(post("Explode", "", "{}")).await;
    assert_eq!(client.answer().await.status, 500);
    client.write(post("Nothing", "", "{}")).await;
    assert_eq!(client.answer().await.status, 204);
}

#[tokio::test]
async fn an_action_sets_its_own_code_word_and_retry_after() {
    let app = TestApp::start().await;
    let answer = app.call("Refuse", "{}").await;
    assert_eq!(answer.problem(409, "room_full")["detail"], "the room is full");
    assert_eq!(answer.header("retry-after"), Some("7"));
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_a_504() {
    let app = TestApp::start().await;
    app.call("Slow", "{}").await.problem(504, "timeout");
}

#[tokio::test]
async fn an_admitted_call_runs_to_its_end_after_its_client_disconnects() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(post("Finish", "", "{}")).await;
    app.gate.entered.notified().await;
    drop(client);
    app.gate.open.notify_one();
    while !app.gate.done.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_valid_request_id_is_used_and_another_is_replaced() {
    let app = TestApp::start().await;
    let answer = app.send(post("Nothing", "x-request-id: abc-1\r\n", "{}")).await;
    assert_eq!(answer.header("x-request-id"), Some("abc-1"));
    let answer = app.send(post("Nothing", "x-request-id: a b\"c\r\n", "{}")).await;
    assert_ne!(answer.header("x-request-id"), Some("a b\"c"));
}

#[tokio::test]
async fn the_description_of_the_actions_is_served_with_an_etag() {
    let app = TestApp::with(kipo::App::publish_schema).await;
    let types = app.send(get("/_kipo/client.d.ts", "")).await;
    assert!(types.body.contains("Echo(input: "), "{}", types.body);
    let etag = types.header("etag").unwrap();
    let again = get("/_kipo/client.d.ts", &format!("if-none-match: {etag}\r\n"));
    assert_eq!(app.send(again).await.status, 304);
    let openapi = app.send(get("/_kipo/openapi.json", "")).await.json();
    assert!(openapi["paths"]["/_kipo/actions/Echo"]["post"].is_object());
}

#[tokio::test]
async fn the_base_path_is_a_setting() {
    let app = TestApp::with(|app| app.base("/api/v1")).await;
    let request = post("Nothing", "", "{}").replace("/_kipo/", "/api/v1/");
    assert_eq!(app.send(request).await.status, 204);
    assert_eq!(app.call("Nothing", "{}").await.status, 404);
}
