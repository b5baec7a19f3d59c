//! The methods of actions, and bodies that are no fields, over a real socket.

use kipo::{
    Action, Context, Error, Json, OutputCache, RawBody, Result, action,
    testing::{self, json},
};

use crate::{
    support::{Answer, TestApp, get},
    testing::app as app_in_process,
};

/// Finds words.
#[action(method = "GET")]
struct Find {
    #[validate(length(min = 1))]
    words: Vec<String>,
    page: Option<u32>,
}

impl Action for Find {
    type Output = String;
    const CACHE: OutputCache<Self> = OutputCache::for_secs(60);

    async fn call(self, cx: Context) -> Result<String> {
        let page = self.page.unwrap_or(1);
        Ok(format!("{}:{page}:{}", self.words.join("+"), cx.cookie("user").unwrap_or_default()))
    }
}

#[action(method = "GET")]
async fn plain() -> Result<u32> {
    Ok(7)
}

#[action(method = "PUT")]
async fn put(name: String) -> Result<String> {
    Ok(format!("put {name}"))
}

#[action(method = "PATCH")]
async fn patch(name: String) -> Result<String> {
    Ok(format!("patch {name}"))
}

#[action(method = "DELETE")]
async fn delete(name: String) -> Result<String> {
    Ok(format!("delete {name}"))
}

/// Returns the bytes and their type, if their signature is right.
#[action]
async fn hook(cx: Context, body: RawBody) -> Result<String> {
    if cx.header("x-signature") != Some(&body.len().to_string()) {
        return Err(Error::forbidden("the signature is wrong"));
    }
    Ok(format!("{:?} {}", body.content_type(), String::from_utf8_lossy(&body)))
}

#[action]
async fn sum(numbers: Json<Vec<u8>>) -> Result<u32> {
    Ok(numbers.iter().map(|n| u32::from(*n)).sum())
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} /_kipo/actions/methods.{path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\
         {headers}\r\n{body}"
    )
}

async fn read(app: &TestApp, query: &str, headers: &str) -> Answer {
    app.send(get(&format!("/_kipo/actions/methods.{query}"), headers)).await
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn a_get_takes_its_input_from_the_query_by_the_same_rules() {
    let app = TestApp::start().await;
    let answer = read(&app, "Find?words=a&words=b+c&page=2", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#""a+b c:2:""#));
    let refused = read(&app, "Find?words=a&page=x", "").await.problem(422, "validation_failed");
    assert_eq!(refused["errors"]["page"][0], "is not valid");
    read(&app, "Find?page=1", "").await.problem(422, "validation_failed");
    // The cache of a GET has the query and the caller in its key.
    for (query, headers, hit) in [
        ("words=a&words=b+c&page=2", "", true),
        ("words=a&words=b+c&page=3", "", false),
        ("words=a&words=b+c&page=2", "cookie: user=ann\r\n", false),
    ] {
        let answer = read(&app, &format!("Find?{query}"), headers).await;
        assert_eq!(answer.header("cache-status").unwrap().contains("hit"), hit, "{answer:?}");
    }
}

#[tokio::test]
async fn a_get_that_has_not_changed_is_a_304() {
    let app = TestApp::start().await;
    let first = read(&app, "Plain", "").await;
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let tag = first.header("etag").unwrap();
    for named in [tag, "*", &format!("\"other\", W/{tag}")] {
        let again = read(&app, "Plain", &format!("if-none-match: {named}\r\n")).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{named}");
        assert_eq!(again.header("etag"), Some(tag));
    }
    assert_eq!(read(&app, "Plain", "if-none-match: \"other\"\r\n").await.status, 200);
}

#[tokio::test]
async fn a_huge_if_none_match_is_refused_or_ignored() {
    let app = TestApp::start().await;
    let huge = format!("if-none-match: {}\r\n", "\"a\",".repeat(16 << 10));
    let mut client = app.connect().await;
    client.try_write(get("/_kipo/actions/methods.Plain", &huge)).await;
    let status = client.head().await.status;
    assert!(status == 200 || (400..500).contains(&status), "{status}");
    assert_eq!(read(&app, "Plain", "").await.status, 200);
}

#[tokio::test]
async fn method_is_declared_and_honoured() {
    let app = TestApp::start().await;
    for (method, name) in [("PUT", "Put"), ("PATCH", "Patch"), ("DELETE", "Delete")] {
        let answer = app.send(request(method, name, JSON, r#"{"name":"a"}"#)).await;
        let expected = format!("\"{} a\"", name.to_lowercase());
        assert_eq!((answer.status, answer.body), (200, expected));
        let refused = app.send(request("POST", name, JSON, r#"{"name":"a"}"#)).await;
        refused.problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), Some(method));
    }
    let refused = app.send(request("POST", "Plain", JSON, "{}")).await;
    refused.problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    let mut client = app.connect().await;
    client.write(request("HEAD", "Plain", "", "")).await;
    let head = client.head().await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("1")));
}

#[tokio::test]
async fn the_origin_is_checked_for_what_is_not_a_read() {
    let app = TestApp::start().await;
    let site = "sec-fetch-site: cross-site\r\n";
    for (method, name) in [("PUT", "Put"), ("PATCH", "Patch"), ("DELETE", "Delete")] {
        let headers = format!("{JSON}{site}");
        let answer = app.send(request(method, name, &headers, r#"{"name":"a"}"#)).await;
        answer.problem(403, "cross_site");
    }
    assert_eq!(read(&app, "Plain", site).await.status, 200);
}

#[tokio::test]
async fn a_raw_body_is_declared_and_honoured() {
    let app = TestApp::start().await;
    let body = "\u{feff}{ \"a\" :1}";
    let signed = format!("x-signature: {}\r\ncontent-type: text/x-odd; v=1\r\n", body.len());
    let answer = app.send(request("POST", "Hook", &signed, body)).await;
    let text: String = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(text, format!("Some(\"text/x-odd; v=1\") {body}"));
    let answer = app.send(request("POST", "Hook", "x-signature: 0\r\n", "")).await;
    assert_eq!(answer.body, r#""None ""#);
    let large = "x".repeat((1 << 20) + 1);
    let answer = app.send(request("POST", "Hook", "", &large)).await;
    answer.problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_body_may_be_a_list() {
    let app = TestApp::start().await;
    let sum = async |body: &str| app.send(request("POST", "Sum", JSON, body)).await;
    assert_eq!(sum("[1,2,3]").await.body, "6");
    let refused = sum("[1,300]").await.problem(422, "validation_failed");
    assert_eq!(refused["errors"]["[1]"][0], "must be a whole number from 0 to 255", "{refused}");
    sum("{}").await.problem(422, "validation_failed");
    sum("[1").await.problem(400, "bad_request");
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    app.send(request("POST", "Sum", form, "a=1")).await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn bodies_are_parsed_before_anything_is_checked() {
    let app = TestApp::start().await;
    // The method and the origin are checked before a body that is never sent.
    for (method, headers, status) in
        [("POST", "", 405), ("PUT", "sec-fetch-site: cross-site\r\n", 403)]
    {
        let mut client = app.connect().await;
        let head = format!(
            "{method} /_kipo/actions/methods.Put HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\
             {JSON}{headers}\r\n"
        );
        client.write(head).await;
        assert_eq!(client.head().await.status, status);
    }
}

#[tokio::test]
async fn a_test_in_its_process_sends_the_method_of_the_action() {
    let app = testing::App::start(app_in_process()).await;
    let found = app.call::<Find>(json!({ "words": ["a", "b c"], "page": 2 })).await;
    assert_eq!(found.output(), "a+b c:2:");
    let shown = found.to_string();
    assert!(shown.starts_with("> GET /_kipo/actions/methods.Find?words=a&words=b+c&page=2\n<"));
    let refused = app.call::<Find>(json!({ "words": [] })).await.error();
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(app.call::<Plain>(json!({})).await.output(), 7);
    assert_eq!(app.call::<Put>(json!({ "name": "a" })).await.output(), "put a");
    assert_eq!(app.call::<Patch>(json!({ "name": "a" })).await.output(), "patch a");
    assert_eq!(app.call::<Delete>(json!({ "name": "a" })).await.output(), "delete a");
    assert_eq!(app.call::<Sum>(json!([1, 2])).await.output(), 3);
    let hook = app.client().with_header("x-signature", "3").call::<Hook>(json!("x")).await;
    assert_eq!(hook.output(), r#"Some("application/json") "x""#);
}
