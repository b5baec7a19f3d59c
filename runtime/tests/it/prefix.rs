//! An app below a path prefix, which is fixed or reported by a trusted proxy.

use axum::{Router, http::HeaderValue, response::Redirect, routing::get as on_get};
use kipo::{App, Context, Files, Meta, PageContext, Result, action, data, http::header, page};

use crate::{
    page::FILES,
    support::{Answer, TestApp, get, post},
};

/// Returns the prefix of the app, and asks for a redirect.
#[action(name = "Prefixed")]
async fn prefixed(cx: Context) -> Result<Vec<String>> {
    cx.redirect("/blog/7")?;
    Ok(vec![cx.prefix().to_owned(), cx.cookie_path().to_owned()])
}

/// The data of the page of links.
#[data]
struct Links {
    link: String,
}

#[page("links")]
async fn links(cx: PageContext) -> Result<Links> {
    cx.meta(Meta::new().title("Links").canonical("/links"));
    cx.append_header(header::LINK, HeaderValue::from_static("</app.css>; rel=preload; as=style"));
    Ok(Links { link: "/blog/7?a=1&b".to_owned() })
}

/// The page of `links`, which all apps of this binary have, as they have its function.
pub(crate) const LINKS: (&str, &[u8]) = (
    "pages/links.html",
    b"<head><title>x</title></head>{% component logo() %}<i data-logo=\"{{ asset(path='logo.svg') }}\"></i>\
      {% endcomponent logo %}<a href=\"/\">home</a><a href=\"{{ link | url }}\">{{ link }}</a>\
      <img src=\"{{ asset(path='logo.svg') }}\"><a href=\"//other.example/\">other</a>\
      <p data-path=\"{{ path }}\"></p>{{<logo />}}",
);

/// What that page shows.
pub(crate) const LOGO: (&str, &[u8]) = ("public/logo.svg", b"<svg/>");

const OWN: &[(&str, &[u8])] = &[
    ("pages/index.html", b"<head></head><a href=\"/links\">Links</a>"),
    ("pages/index.css", b"a {}"),
];

fn with_files(app: App) -> App {
    let routes = Router::new()
        .route("/own", on_get(async |cx: Context| cx.prefix().to_owned()))
        .route("/away", on_get(async || Redirect::to("/own")));
    app.files(Files::embedded(&[FILES, OWN].concat())).routes(routes)
}

async fn fixed() -> TestApp {
    TestApp::with(|app| with_files(app).prefix("/app")).await
}

async fn behind_a_proxy() -> TestApp {
    TestApp::with(|app| with_files(app).trusted_proxy([127, 0, 0, 1])).await
}

fn page(path: &str, headers: &str) -> String {
    get(path, &format!("accept: text/html\r\n{headers}"))
}

/// Asserts that the page of links, its assets and its fields lead below `/app`.
fn check_links(answer: &Answer) {
    assert_eq!(answer.status, 200);
    let html = &answer.body;
    for expected in [
        "<a href=\"/app/\">home</a>",
        "<a href=\"/app/blog/7?a=1&amp;b\">/blog/7?a=1&amp;b</a>",
        "<a href=\"//other.example/\">",
        "<img src=\"/app/logo.",
        "data-logo=\"/app/logo.",
        "data-path=\"/links\"",
        "<link rel=\"canonical\" href=\"/app/links\">",
        "{\"imports\":{\"kipo\":\"/app/_kipo/",
        "<script type=\"module\" src=\"/app/_kipo/",
        "<meta name=\"kipo-prefix\" content=\"/app\">",
    ] {
        assert!(html.contains(expected), "{expected} is not in\n{html}");
    }
    assert!(!html.contains("/app/app"), "{html}");
    assert_eq!(answer.header("link"), Some("</app/app.css>; rel=preload; as=style"));
}

/// Returns the addresses of a page that are not links to pages.
fn loaded(html: &str) -> Vec<&str> {
    let all = html.split('"').filter(|url| url.starts_with('/'));
    all.filter(|url| url.contains("/_kipo/") || url.contains("/logo.")).collect()
}

#[tokio::test]
async fn a_fixed_prefix_is_in_every_address() {
    let app = fixed().await;
    let links = app.send(page("/app/links", "")).await;
    check_links(&links);
    let home = app.send(page("/app/", "")).await.body;
    assert!(home.contains("<a href=\"/app/links\">"), "{home}");
    assert!(home.contains("<link rel=\"stylesheet\" href=\"/app/_kipo/pages/"), "{home}");
    let urls = [loaded(&links.body), loaded(&home)].concat();
    assert!(urls.len() > 10, "{urls:?}");
    for url in urls {
        let answer = app.send(get(url, "")).await;
        assert_eq!(answer.status, 200, "{url}");
        assert!(answer.header("cache-control").unwrap().contains("immutable"), "{url}");
    }
}

#[tokio::test]
async fn actions_redirects_and_effects_are_below_the_prefix() {
    let app = fixed().await;
    let answer = app.send(post("Prefixed", "", "{}").replace("/_kipo", "/app/_kipo")).await;
    assert_eq!(answer.body, "[\"/app\",\"/app\"]");
    let effects = answer.header("kipo-effects").unwrap();
    assert!(effects.contains("\"path\":\"/app/blog/7\""), "{effects}");
    for (path, status, location) in [
        ("/app/search?q=moved", 308, "/app/blog/7"),
        ("/app/member", 303, "/app/login"),
        ("/app/blog/7/?a=b", 308, "/app/blog/7?a=b"),
        ("/app/away", 303, "/app/own"),
        ("/app", 308, "/app/"),
        ("/app?a=b", 308, "/app/?a=b"),
    ] {
        let answer = app.send(page(path, "")).await;
        assert_eq!((answer.status, answer.header("location")), (status, Some(location)), "{path}");
    }
    assert_eq!(app.send(page("/app/own", "")).await.body, "/app");
    let missing = app.send(page("/app/nothing", "")).await;
    assert_eq!(missing.status, 404);
    assert!(missing.body.ends_with("nothing at /nothing"), "{}", missing.body);
    assert!(missing.body.contains("src=\"/app/_kipo/"), "{}", missing.body);
    let openapi = app.send(get("/app/_kipo/openapi.json", "")).await;
    if cfg!(debug_assertions) {
        assert_eq!(openapi.json()["servers"][0]["url"], "/app");
        assert!(openapi.json()["paths"]["/_kipo/actions/Prefixed"].is_object());
    }
}

#[tokio::test]
async fn nothing_is_served_beside_a_fixed_prefix() {
    let app = fixed().await;
    for path in
        ["/", "/links", "/_kipo/actions/Prefixed", "/apple/links", "/APP/links", "//app/links"]
    {
        let problem = app.send(page(path, "")).await.problem(404, "not_found");
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(detail.contains("answers below `/app/`"), cfg!(debug_assertions), "{detail}");
    }
    // A fixed prefix wins over a field, whoever sends it.
    let app =
        TestApp::with(|app| with_files(app).prefix("/app").trusted_proxy([127, 0, 0, 1])).await;
    check_links(&app.send(page("/app/links", "x-forwarded-prefix: /other\r\n")).await);
}

#[tokio::test]
async fn a_trusted_proxy_reports_the_prefix() {
    let app = behind_a_proxy().await;
    let field = "x-forwarded-prefix: /app\r\n";
    let answer = app.send(page("/links", field)).await;
    check_links(&answer);
    assert_eq!(answer.header("vary"), Some("x-forwarded-prefix"));
    let etag = answer.header("etag").unwrap().to_owned();
    let again = app.send(page("/links", &format!("{field}if-none-match: {etag}\r\n"))).await;
    assert_eq!((again.status, again.header("vary")), (304, Some("x-forwarded-prefix")));
    let plain = app.send(page("/links", &format!("if-none-match: {etag}\r\n"))).await;
    assert_eq!(plain.status, 200);
    assert!(!plain.body.contains("/app/"), "{}", plain.body);
    let answer = app.send(post("Prefixed", field, "{}")).await;
    assert_eq!(answer.body, "[\"/app\",\"/app\"]");
    let moved = app.send(page("/member", "x-forwarded-prefix: /app/\r\n")).await;
    assert_eq!(moved.header("location"), Some("/app/login"));
}

#[tokio::test]
async fn a_fixed_page_is_retained_for_each_prefix() {
    let app = behind_a_proxy().await;
    // Twice, and for more prefixes than are retained.
    for number in (0..20).chain(0..20) {
        let home = app.send(page("/", &format!("x-forwarded-prefix: /p{number}\r\n"))).await.body;
        assert!(home.contains(&format!("<a href=\"/p{number}/links\">")), "{number}: {home}");
        assert!(home.contains(&format!("\"kipo\":\"/p{number}/_kipo/")), "{number}: {home}");
        let plain = app.send(page("/", "")).await.body;
        assert!(plain.contains("<a href=\"/links\">") && !plain.contains("\"/p"), "{plain}");
    }
}

#[tokio::test]
async fn the_field_of_a_stranger_is_ignored() {
    let app = TestApp::with(|app| with_files(app).trusted_proxy([192, 0, 2, 7])).await;
    let answer = app.send(page("/", "x-forwarded-prefix: /evil\r\n")).await;
    assert!(answer.body.contains("<a href=\"/links\">"), "{}", answer.body);
    assert_eq!(answer.header("vary"), None);
    assert_eq!(app.send(page("/", "x-forwarded-prefix: //evil\r\n")).await.status, 200);
}

#[tokio::test]
async fn a_malformed_field_of_a_trusted_proxy_is_a_400() {
    let app = behind_a_proxy().await;
    let long = format!("/{}", "a".repeat(256));
    for field in [
        "//evil.example",
        "/..",
        "/a/../b",
        "/a//b",
        "/a?b",
        "/a#b",
        "/a\\b",
        "/a%2fb",
        "/a%2F..",
        "/\u{fc}",
        "/a\tb",
        "https://evil.example/a",
        "app",
        "/a, /b",
        "/a\r\nx-forwarded-prefix: /b",
        &long,
    ] {
        let answer = app.send(page("/", &format!("x-forwarded-prefix: {field}\r\n"))).await;
        let problem = answer.problem(400, "bad_request");
        assert!(problem["detail"].as_str().unwrap().contains("X-Forwarded-Prefix"), "{problem}");
    }
    assert_eq!(app.send(page("/", "x-forwarded-prefix: /\r\n")).await.status, 200);
}

#[test]
fn a_malformed_prefix_stops_the_start() {
    for prefix in
        ["app", "//evil.example", "/a/..", "/a?b", "/a#b", "/a\\b", "/a%2Fb", "/a\nb", "/\u{fc}"]
    {
        let error = App::new().prefix(prefix).router().unwrap_err().to_string();
        assert!(error.contains("a prefix looks like `/app`"), "{error}");
    }
}
