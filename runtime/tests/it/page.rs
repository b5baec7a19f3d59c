//! Pages with data, in an app with actions.

use kipo::{
    Context, Error, Files, Guard, Meta, PageContext, Query, Result, State, async_trait, data, page,
};

use crate::{
    actions::Room,
    support::{Answer, TestApp, get},
};

/// The data of an entry's page.
#[data]
struct Entry {
    title: String,
    number: u32,
}

/// Returns the data of an entry's page.
#[page("blog/[number]")]
async fn entry(cx: PageContext, number: u32) -> Result<Entry> {
    let title = cx.cookie("title").unwrap_or("<Untitled>").to_owned();
    match number {
        0 => Err(Error::not_found("no such entry")),
        1 => Err(std::io::Error::other("password=hunter2"))?,
        _ => Ok(Entry { title, number }),
    }
}

/// The query of a search.
#[data]
struct Search {
    #[validate(length(min = 1, max = 20))]
    q: String,
    page: Option<u32>,
}

/// The result of a search.
#[data]
struct Found {
    text: String,
}

/// Returns the data of the search page.
#[page("search", cache = "public, 5m")]
async fn search(cx: PageContext, Query(search): Query<Search>) -> Result<Found> {
    cx.meta(Meta::new().title(format!("Search: {}", search.q)).canonical("/search"));
    match search.q.as_str() {
        "moved" => Err(Error::redirect_permanent("/blog/7")),
        q => Ok(Found { text: format!("{q}, {}", search.page.unwrap_or(1)) }),
    }
}

/// Admits requests with a cookie `member`.
#[derive(Debug)]
struct MembersOnly;

#[async_trait]
impl Guard for MembersOnly {
    async fn admit(&self, cx: &Context) -> Result<()> {
        let refused = || Error::unauthorized("log in first").or_redirect("/login");
        cx.cookie("member").map(|_| ()).ok_or_else(refused)
    }
}

/// Returns the data of the member page.
#[page("member", guard = MembersOnly)]
async fn member(room: State<Room>) -> Result<Found> {
    Ok(Found { text: format!("{} listen to the {}", room.listeners(), room.name()) })
}

/// A page for each `#[page]` in this file. Without them no app of this binary starts.
pub(crate) const FILES: &[(&str, &[u8])] = &[
    (
        "pages/_layout.html",
        b"<html><head></head><body>{% block main %}{% endblock %}</body></html>",
    ),
    (
        "pages/blog/[number].html",
        b"{% extends \"_layout.html\" %}{% block main %}{{ number }}: {{ title }}{% endblock %}",
    ),
    ("pages/blog/[number].js", b"export {};"),
    ("pages/search.html", b"<head><title>x</title></head>{{ text }}"),
    ("pages/member.html", b"{{ text }}"),
    ("pages/members/index.html", b"All members"),
    ("pages/feed.html", b"<head></head>{% for line in lines %}<li>{{ line }}</li>{% endfor %}"),
    ("pages/two.html", b"<head></head><p data-room=\"{{ room }}\" data-hall=\"{{ hall }}\">"),
    ("pages/boards/[keys].html", b"<head></head><p data-position=\"{{ position }}\">"),
    crate::form::PAGES[0],
    crate::form::PAGES[1],
    crate::form::PAGES[2],
    crate::prefix::LINKS,
    crate::prefix::LOGO,
    ("pages/404.html", b"nothing at {{ path }}"),
    ("pages/500.html", b"sorry, {{ request_id }}"),
];

async fn ask(path: &str, headers: &str) -> Answer {
    let app = TestApp::with(|app| app.files(Files::embedded(FILES))).await;
    app.send(get(path, &format!("accept: text/html\r\n{headers}"))).await
}

#[tokio::test]
async fn a_page_escapes_its_data() {
    let answer = ask("/blog/7", "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("7: &lt;Untitled&gt;</body>"), "{}", answer.body);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self' 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(ask("/blog/7", "cookie: title=Hi\r\n").await.body.contains("7: Hi"));
}

#[tokio::test]
async fn what_a_page_loads_is_served_as_immutable() {
    let app = TestApp::with(|app| app.files(Files::embedded(FILES))).await;
    let html = app.send(get("/blog/7", "accept: text/html\r\n")).await.body;
    let urls = html.split(['"', '\'']).filter(|url| url.starts_with("/_kipo/"));
    let urls: Vec<&str> = urls.collect();
    assert!(urls.len() > 5, "{html}");
    for url in urls {
        let answer = app.send(get(url, "")).await;
        assert_eq!(answer.status, 200, "{url}");
        let cache = answer.header("cache-control").unwrap();
        assert!(cache.contains("immutable"), "{url}: {cache}");
        assert!(answer.header("content-type").unwrap().starts_with("text/javascript"), "{url}");
    }
}

#[tokio::test]
async fn a_failed_page_shows_the_error_page() {
    let answer = ask("/blog/0", "").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.ends_with("nothing at /blog/0"), "{}", answer.body);
    assert_eq!(ask("/blog/seven", "").await.status, 404);
    let answer = ask("/blog/1", "").await;
    assert_eq!(answer.status, 500);
    // In development, the page shows the cause to the author.
    let author = cfg!(all(feature = "dev", debug_assertions));
    assert_eq!(answer.body.contains("sorry, "), !author, "{}", answer.body);
    assert_eq!(answer.body.contains("hunter2"), author, "{}", answer.body);
}

#[tokio::test]
async fn a_query_is_decoded_into_its_type() {
    let answer = ask("/search?q=tea%26b&page=2", "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.ends_with("tea&amp;b, 2"), "{}", answer.body);
    assert!(answer.body.contains("<title>Search: tea&amp;b</title>"), "{}", answer.body);
    for query in ["", "?q=", "?q=tea&page=two", "?page=2"] {
        let answer = ask(&format!("/search{query}"), "").await;
        assert_eq!(answer.status, 422, "{query}");
    }
    let answer = ask("/search?q=moved", "").await;
    assert_eq!((answer.status, answer.header("location")), (308, Some("/blog/7")));
}

#[tokio::test]
async fn a_guard_protects_a_page_and_a_folder() {
    let app =
        TestApp::with(|app| app.files(Files::embedded(FILES)).guard_pages("members", MembersOnly))
            .await;
    for path in ["/member", "/members"] {
        let stranger = app.send(get(path, "accept: text/html\r\n")).await;
        assert_eq!((stranger.status, stranger.header("location")), (303, Some("/login")), "{path}");
        assert_eq!(app.send(get(path, "accept: application/json\r\n")).await.status, 401);
        assert_eq!(app.send(get(path, "cookie: member=1\r\n")).await.status, 200, "{path}");
    }
    let member = app.send(get("/member", "cookie: member=1\r\n")).await;
    assert!(member.body.ends_with("0 listen to the room"), "{}", member.body);
}

#[tokio::test]
async fn errors_of_pages_are_reported_together_at_start() {
    let files: &[(&str, &[u8])] = &[("pages/a.html", b"{{ x"), ("pages/b.html", b"{% if %}")];
    let error = kipo::App::new().files(Files::embedded(files)).router().unwrap_err().to_string();
    // The two templates, each `#[page]` without a page, and the actions without their state.
    for location in ["pages/a.html:1", "pages/b.html:1", "page.rs:", "actions.rs:"] {
        assert!(error.contains(location), "{location} is not in\n{error}");
    }
}
