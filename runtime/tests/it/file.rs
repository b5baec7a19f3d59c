//! Public files.

use kipo::Files;

use crate::{
    page,
    support::{Answer, Folder, TestApp, get},
};

const STYLE: &[u8] = &[b'x'; 4000];

const FILES: &[(&str, &[u8])] = &[
    ("pages/index.html", b"<link rel=\"stylesheet\" href=\"{{ asset(path=\"css/app.css\") }}\">"),
    ("public/css/app.css", STYLE),
    ("public/logo.png", STYLE),
    ("public/robots.txt", b"User-agent: *"),
    ("public/.well-known/security.txt", b"Contact: mailto:x@example.org"),
    ("public/.env", b"PASSWORD=hunter2"),
];

async fn app() -> TestApp {
    let files = [page::FILES, FILES].concat();
    TestApp::with(|app| app.files(Files::embedded(&files))).await
}

async fn ask(app: &TestApp, path: &str, headers: &str) -> Answer {
    app.send(get(path, headers)).await
}

/// Sends a HEAD request.
async fn ask_head(app: &TestApp, path: &str, headers: &str) -> Answer {
    let mut client = app.connect().await;
    client.write(get(path, headers).replace("GET", "HEAD")).await;
    client.head().await
}

#[tokio::test]
async fn a_public_file_is_revalidated_by_its_etag() {
    let app = app().await;
    let answer = ask(&app, "/robots.txt", "").await;
    assert_eq!(answer.body, "User-agent: *");
    assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let etag = answer.header("etag").unwrap().to_owned();
    let again = ask(&app, "/robots.txt", &format!("if-none-match: {etag}\r\n")).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn the_url_of_a_file_in_a_template_contains_its_hash() {
    let app = app().await;
    let html = ask(&app, "/", "accept: text/html\r\n").await.body;
    let url = html.split('"').find(|url| url.starts_with("/css/app.")).unwrap().to_owned();
    let current = ask(&app, &url, "").await;
    assert_eq!((current.status, current.body.len()), (200, 4000));
    assert_eq!(current.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let older = ask(&app, "/css/app.0123456789abcdef.css", "").await;
    assert_eq!((older.status, older.body.len()), (200, 4000));
    assert_eq!(older.header("cache-control"), Some("public, no-cache"));
    assert_eq!(ask(&app, "/css/app.0123.css", "").await.status, 404);
}

#[tokio::test]
async fn text_is_compressed_if_the_client_accepts_it() {
    let app = app().await;
    for (path, accepted, coding) in [
        ("/css/app.css", "gzip, br", Some("br")),
        ("/css/app.css", "gzip, br;q=0", Some("gzip")),
        ("/css/app.css", "identity", None),
        ("/logo.png", "gzip, br", None),
        ("/robots.txt", "gzip, br", None),
    ] {
        let answer = ask_head(&app, path, &format!("accept-encoding: {accepted}\r\n")).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{path}");
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert_eq!(length < 100, coding.is_some() || path == "/robots.txt", "{path}: {length}");
        let vary = (path == "/css/app.css").then_some("accept-encoding");
        assert_eq!(answer.header("vary"), vary, "{path}");
    }
}

#[tokio::test]
async fn a_range_is_a_part_of_a_file() {
    let app = app().await;
    for (path, range, status, content_range, length) in [
        ("/logo.png", "bytes=10-19", 206, Some("bytes 10-19/4000"), 10),
        ("/logo.png", "bytes=-100", 206, Some("bytes 3900-3999/4000"), 100),
        ("/logo.png", "bytes=4000-", 416, Some("bytes */4000"), 0),
        ("/logo.png", "bytes=0-1,3-4", 200, None, 4000),
        ("/css/app.css", "bytes=3990-", 206, Some("bytes 3990-3999/4000"), 10),
    ] {
        let fields = format!("range: {range}\r\naccept-encoding: identity\r\n");
        let answer = ask(&app, path, &fields).await;
        assert_eq!(answer.status, status, "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        assert_eq!(answer.header("accept-ranges"), Some("bytes"), "{range}");
        assert_eq!(answer.body.len(), length, "{range}");
    }
    let head = ask_head(
        &app,
        "/logo.png",
        "range: bytes=0-1
",
    )
    .await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("4000")));
}

#[tokio::test]
async fn hidden_files_and_files_outside_the_folder_are_not_served() {
    let app = app().await;
    assert_eq!(ask(&app, "/.well-known/security.txt", "").await.status, 200);
    for path in [
        "/.env",
        "/%2eenv",
        "/.well-known/../.env",
        "/.well-known/%2e%2e/.env",
        "/.well-known/..%2f.env",
        "/css/../.env",
        "/css/..%5c.env",
        "/css\\..\\.env",
        "/..%2fpages%2findex.html",
        "/css%2fapp.css",
        "/css/app.css%00",
        "/css//app.css",
        "//css/app.css",
        "/%2fetc%2fpasswd",
        "/c:/css/app.css",
    ] {
        assert_eq!(ask(&app, path, "").await.status, 404, "{path}");
    }
    assert_eq!(app.send(get("/robots.txt", "").replace("GET", "PUT")).await.status, 405);
}

#[tokio::test]
async fn a_large_file_on_disk_is_sent_in_pieces() {
    let folder = Folder::new();
    let text: String = (0..400_000).map(|n| format!("{n:06}\n")).collect();
    for (path, content) in page::FILES.iter().chain(&[("public/log.txt", text.as_bytes())]) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let path = folder.path().to_owned();
    let app = TestApp::with(|app| app.files(Files::on_disk(path))).await;

    let whole = ask(&app, "/log.txt", "").await;
    assert_eq!(whole.header("content-length"), Some("2800000"));
    assert!(whole.body == text);
    let part = ask(&app, "/log.txt", "range: bytes=2100000-2100006\r\n").await;
    assert_eq!((part.status, part.body.as_str()), (206, "300000\n"));
    assert_eq!(part.header("content-range"), Some("bytes 2100000-2100006/2800000"));
    let etag = whole.header("etag").unwrap();
    let again = ask(&app, "/log.txt", &format!("if-none-match: {etag}\r\n")).await;
    assert_eq!(again.status, 304);
    let head = ask_head(&app, "/log.txt", "").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("2800000")));
}

#[tokio::test]
async fn a_page_of_an_older_version_still_finds_the_client_modules() {
    let app = app().await;
    let html = ask(&app, "/", "accept: text/html\r\n").await.body;
    let url = html.split('"').find(|url| url.ends_with("/main.js")).unwrap().to_owned();
    let now = ask(&app, &url, "").await;
    let older = ask(&app, "/_kipo/0123456789abcdef/main.js", "").await;
    assert_eq!((older.status, &older.body), (200, &now.body));
    assert_eq!(older.header("cache-control"), Some("public, no-cache"));
}
