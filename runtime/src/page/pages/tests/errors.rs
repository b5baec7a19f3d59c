//! What is shown when a page cannot be, and who is told of it.

use std::sync::Mutex;

use super::*;

fn folders() -> TestDir {
    TestDir::new(&[
        ("pages/_layout.html", LAYOUT),
        ("pages/index.html", &child("home")),
        ("pages/blog/[slug].html", &child("{{ title }}")),
        ("pages/404.html", &child("404 of all")),
        ("pages/4xx.html", &child("{{ status }} of all")),
        ("pages/500.html", &child("500 of all")),
        ("pages/blog/404.html", &child("404 of the blog, {{ path }}")),
        ("pages/blog/drafts/4xx.html", &child("{{ status }} of drafts")),
        ("pages/[org]/404.html", &child("404 of an organisation")),
        ("pages/[org]/5xx.html", &child("{{ status }} of an organisation")),
    ])
}

#[tokio::test]
async fn the_error_page_of_the_nearest_folder_is_shown() {
    let dir = folders();
    let pages = Pages::of(dir.files(), Settings::test(), &States::default(), vec![&POST]).unwrap();
    for (line, status, text) in [
        // No folder covers the root's own path but the root.
        ("POST /", 405, "405 of all"),
        ("GET /blog/gone", 404, "404 of the blog, /blog/gone"),
        ("GET /blog", 404, "404 of the blog, /blog<"),
        ("GET /blog/a/b/c", 404, "404 of the blog, /blog/a/b/c"),
        ("GET /blog/drafts/x", 404, "404 of drafts"),
        ("GET /blogs", 404, "404 of an organisation"),
        ("GET /acme/x/y", 404, "404 of an organisation"),
        // The nearest folder that has one for this status: the blog has none for a 403.
        ("GET /blog/secret", 403, "403 of all"),
        ("GET /blog/broken", 500, "500 of an organisation"),
        ("GET /blog/%00", 404, "404 of all"),
        ("GET //x", 404, "404 of all"),
    ] {
        let page = ask(&pages, line, &[]).await;
        assert_eq!(page.status, status, "{line}");
        assert!(page.body.contains(text), "{line}: {}", page.body);
        assert_eq!(page.header("cache-control"), "no-store", "{line}");
    }
    // An error page is no page.
    assert_eq!(ask(&pages, "GET /4xx", &[]).await.status, 404);
}

#[tokio::test]
async fn one_page_does_for_all_faults() {
    static BUSY: PageRegistration = PageRegistration {
        data: |_| Box::pin(async { Err(Error::new(Code::Unavailable, "come back later")) }),
        ..POST
    };
    let dir = chat();
    let pages = Pages::of(dir.files(), Settings::test(), &States::default(), vec![&BUSY]).unwrap();
    let page = ask(&pages, "GET /blog/first", &[]).await;
    assert_eq!(page.status, 503);
    // `500.html`, which says the status.
    assert!(page.body.contains("503 "), "{}", page.body);
}

#[test]
fn two_error_pages_of_one_place_are_told() {
    let text = errors(&[("pages/[a]/404.html", "x"), ("pages/[b]/404.html", "x")], Vec::new());
    assert_eq!(
        text,
        ["pages/[b]/404.html: pages/[a]/404.html is shown there already: keep one of them"]
    );
}

#[test]
fn an_error_page_is_tried_at_start() {
    let text = errors(&[("pages/blog/5xx.html", "{{ title }}")], Vec::new());
    assert!(text[0].starts_with("pages/blog/5xx.html:1:4: variable `title`"), "{text:?}");
}

#[tokio::test]
async fn a_fault_is_told_to_those_who_write_the_page() {
    let (dir, pages) = blog();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&told);
    pages.on_failure(move |failure| {
        let PageFailure { page, diagnostic, request_id } = failure;
        assert!(!request_id.is_empty());
        hearing.lock().unwrap().push(format!("{page}: {diagnostic}"));
    });
    for slug in ["first", "gone", "secret", "broken", "panic", "untitled", "clash"] {
        ask(&pages, &format!("GET /blog/{slug}"), &[]).await;
    }
    drop(dir);
    let told = told.lock().unwrap();
    let place = "blog/[slug].html: app/actions/posts.rs:7:";
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], format!("{place} hunter2"));
    assert_eq!(told[1], format!("{place} panicked: hunter3"));
    assert!(told[2].starts_with("blog/[slug].html: pages/blog/[slug].html:1:"), "{told:?}");
    assert!(
        told[3].starts_with(&format!("{place} the page's data has a field `path`")),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_cause_of_a_fault_is_shown_to_its_author_alone() {
    for (reload, shown) in [(true, true), (false, false)] {
        let dir = chat();
        dir.write("pages/blog/[slug].html", &child("{{ title }}"));
        let settings = Settings { reload, ..Settings::test() };
        let pages = Pages::of(dir.files(), settings, &States::default(), vec![&POST]).unwrap();
        let page = ask(&pages, "GET /blog/broken", &[]).await;
        assert_eq!(page.status, 500);
        for cause in ["<h1>hunter2</h1>", "app/actions/posts.rs:7", "pages/blog/[slug].html"] {
            assert_eq!(page.body.contains(cause), shown, "{cause}: {}", page.body);
        }
        // The tab follows edits of the page, so that it mends itself.
        assert_eq!(page.body.contains("data-kipo-page=\"\""), shown);
        // What is no fault looks as visitors see it, and a program reads what a stranger may.
        assert!(ask(&pages, "GET /blog/gone", &[]).await.body.contains("Nothing at"));
        let problem = ask(&pages, "GET /blog/broken", &[("accept", "application/json")]).await;
        assert!(!problem.body.contains("hunter2"), "{}", problem.body);
    }
}
