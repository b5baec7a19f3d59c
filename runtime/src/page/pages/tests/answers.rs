//! What a page's function may say: status, headers, redirects, caching, and what stands in the
//! head; and who may see a page at all.

use std::time::Duration;

use async_trait::async_trait;
use kipo_topic::{Positions, Topic};

use super::*;
use crate::{
    action::{FromContext, Guard, Requirement},
    page::data::{Meta, PageGuards},
};

/// A page `a` that does what its query says.
const PAGE: PageRegistration = PageRegistration {
    page: "a",
    module: "app",
    file: "app/actions/a.rs",
    line: 3,
    params: &[],
    states: &[],
    public: false,
    guard: None,
    values: &[],
    cache: None,
    data: |cx| Box::pin(act(cx)),
};

#[kipo::data]
#[derive(Default)]
struct Wish {
    status: Option<u16>,
    #[serde(default)]
    to: String,
    how: Option<String>,
    #[validate(length(max = 5))]
    title: Option<String>,
    #[serde(default)]
    cookie: bool,
}

#[derive(kipo::Event)]
enum RoomEvent {
    Said,
}

static ROOM: Topic<RoomEvent> = Topic::new("room");
static HALL: Topic<RoomEvent> = Topic::new("hall");

async fn act(cx: PageContext) -> Result<PageData> {
    let wish: Wish = cx.query()?;
    if wish.cookie {
        cx.append_header(header::SET_COOKIE, HeaderValue::from_static("seen=1"));
    }
    match wish.how.as_deref() {
        Some("redirect") => return Err(Error::redirect(wish.to)),
        Some("for_now") => return Err(Error::redirect_temporary(wish.to)),
        Some("for_good") => return Err(Error::redirect_permanent(wish.to)),
        Some("away") => return Err(Error::redirect_away(wish.to)),
        Some("or") => return Err(Error::unauthorized("log in first").or_redirect(wish.to)),
        Some("public") => cx.cache(Cache::public(Duration::from_secs(60)).vary("accept-language")),
        Some("position") => {
            cx.cache(Cache::public(Duration::from_secs(60)));
            cx.position(&ROOM).await?;
        }
        Some("positions") => {
            cx.cache(Cache::public(Duration::from_secs(60)));
            cx.position(&ROOM).await?;
            cx.position(&HALL).await?;
        }
        Some("position_of_both") => {
            cx.cache(Cache::public(Duration::from_secs(60)));
            cx.positions(&[&ROOM, &HALL]).await?;
        }
        Some("never") => cx.cache(Cache::never()),
        Some("slow") => tokio::time::sleep(Duration::from_secs(3600)).await,
        Some(other) => return Err(Error::bad_request(format!("what is {other}?"))),
        None => {}
    }
    if let Some(status) = wish.status {
        cx.status(status);
    }
    if let Some(title) = wish.title {
        cx.meta(Meta::new().title(title).canonical("/a"));
    }
    cx.append_header(header::LINK, HeaderValue::from_static("</b>; rel=next"));
    PageData::of(&serde_json::json!({ "word": "here" }))
}

fn app(page: &'static PageRegistration, settings: Settings) -> (TestDir, Pages) {
    let dir = TestDir::new(&[
        ("pages/_layout.html", LAYOUT),
        ("pages/a.html", &child("{{ word }}")),
        ("pages/plain.html", &child("plain")),
        ("pages/account/index.html", &child("account")),
        ("pages/account/orders.html", &child("orders")),
        ("pages/accounts.html", &child("accounts")),
        ("pages/404.html", &child("Nothing at {{ path }}: {{ message }}")),
        (
            "pages/422.html",
            &child(
                "{% for field, words in errors %}{{ field }}: {{ words | join(sep=\", \") }}{% endfor %}",
            ),
        ),
    ]);
    let pages = Pages::of(dir.files(), settings, &States::default(), vec![page]).unwrap();
    (dir, pages)
}

fn plain() -> (TestDir, Pages) {
    static PLAIN: PageRegistration = PAGE;
    app(&PLAIN, Settings::test())
}

#[tokio::test]
async fn a_page_has_the_status_and_the_headers_that_its_data_says() {
    let (_dir, pages) = plain();
    for status in [200, 202, 404, 410, 503] {
        let page = ask(&pages, &format!("GET /a?status={status}"), &[]).await;
        assert_eq!(page.status, status);
        assert!(page.body.contains("here"), "{}", page.body);
        assert_eq!(page.header("link"), "</b>; rel=next");
        assert!(page.header("content-security-policy").contains("default-src"));
        let kept = if status == 200 { "private, no-cache" } else { "no-store" };
        assert_eq!(page.header("cache-control"), kept);
        assert_eq!(page.headers.contains_key("etag"), status == 200);
    }
    // A status without a page is a fault of ours.
    for status in [204, 302, 304, 42] {
        assert_eq!(ask(&pages, &format!("GET /a?status={status}"), &[]).await.status, 500);
    }
}

#[tokio::test]
async fn a_page_carries_the_position_that_its_data_was_read_at() {
    let (_dir, pages) = plain();
    let ask = async |how: &str| ask(&pages, &format!("GET /a?how={how}"), &[]).await;
    let page = ask("position").await;
    let mut positions = Positions::default();
    positions.add(ROOM.name(), ROOM.position().await.unwrap());
    let meta = format!("<meta name=\"kipo-position\" content=\"{positions}\">\n</head>");
    assert!(page.body.contains(&meta), "{}", page.body);
    // Caches that are not the visitor's own get no copy.
    assert_eq!(page.header("cache-control"), "private, max-age=60");
    let etag = page.header("etag").to_owned();
    assert_eq!(ask("position").await.header("etag"), etag);
    ROOM.publish(&RoomEvent::Said).await.unwrap();
    assert_ne!(ask("position").await.header("etag"), etag);

    assert_eq!(ask("position&status=202").await.body.matches("kipo-position").count(), 1);
    let of_two = ask("positions").await;
    assert!(!of_two.body.contains("kipo-position"), "{}", of_two.body);
    assert_eq!(of_two.header("cache-control"), "private, max-age=60");
    // One position in two topics is one.
    let of_both = ask("position_of_both").await;
    positions = Positions::default();
    positions.add(ROOM.name(), ROOM.position().await.unwrap());
    positions.add(HALL.name(), HALL.position().await.unwrap());
    assert!(of_both.body.contains(&format!("content=\"{positions}\"")), "{}", of_both.body);
    assert_eq!(of_both.header("cache-control"), "private, max-age=60");
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_a_page() {
    let (_dir, pages) = plain();
    for (query, text) in [
        ("status=many", "status: "),
        ("title=longer", "title: must have at most 5 characters"),
        ("status=1&status=2", "status: "),
    ] {
        let page = ask(&pages, &format!("GET /a?{query}"), &[("accept", "text/html")]).await;
        assert_eq!(page.status, 422, "{query}");
        assert!(page.body.contains(text), "{query}: {}", page.body);
        assert!(!page.body.contains("many"), "{}", page.body);
    }
    let problem = ask(&pages, "GET /a?title=longer", &[("accept", "application/json")]).await;
    assert_eq!(problem.status, 422);
    assert!(problem.body.contains("\"errors\":{\"title\":["), "{}", problem.body);
    // What is no field is passed over, and what is not UTF-8 is no reason to fail.
    assert_eq!(ask(&pages, "GET /a?utm_source=x&%ff=%ff&&=", &[]).await.status, 200);
}

#[tokio::test]
async fn a_page_sends_its_visitor_on() {
    let (_dir, pages) = plain();
    for (how, to, status, location) in [
        ("redirect", "/login", 303, "/login"),
        ("for_now", "/soon?a=1%26b=2", 307, "/soon?a=1&b=2"),
        ("for_good", "/new", 308, "/new"),
        ("away", "https://id.example/", 303, "https://id.example/"),
        ("redirect", "/a%0d%0aset-cookie:%20x=1", 303, "/a%0D%0Aset-cookie:%20x=1"),
        ("redirect", "/%5Cevil.example", 303, "/%5Cevil.example"),
        ("redirect", "//evil.example", 400, ""),
        ("redirect", "https://evil.example", 400, ""),
        ("redirect", "", 400, ""),
        ("away", "javascript:alert(1)", 500, ""),
        ("or", "/login", 303, "/login"),
        ("or", "//evil.example", 401, ""),
    ] {
        let line = format!("GET /a?how={how}&to={to}&cookie=true");
        let answer = ask(&pages, &line, &[("accept", "text/html")]).await;
        assert_eq!((answer.status, answer.header("location")), (status, location), "{line}");
        // Whatever the answer is, the cookie goes with it, and no copy is shared.
        assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["seen=1"]);
        assert!(!answer.header("cache-control").contains("public"), "{line}");
    }
}

#[tokio::test]
async fn a_program_is_told_the_error_and_not_sent_to_log_in() {
    let (_dir, pages) = plain();
    let json = [("accept", "application/json")];
    let problem = ask(&pages, "GET /a?how=or&to=/login", &json).await;
    assert_eq!((problem.status, problem.header("location")), (401, ""));
    assert_eq!(problem.header("vary"), "accept");
    // A page that is elsewhere is so for programs, too.
    assert_eq!(ask(&pages, "GET /a?how=redirect&to=/b", &json).await.header("location"), "/b");
}

#[tokio::test]
async fn a_page_says_how_long_copies_are_good() {
    static MINUTES: PageRegistration =
        PageRegistration { cache: Some(Cache::public(Duration::from_secs(300))), ..PAGE };
    let (_dir, pages) = app(&MINUTES, Settings::test());
    for (query, kept, vary) in [
        ("", "public, max-age=300", ""),
        ("how=public", "public, max-age=60", "accept-language"),
        ("how=never", "no-store", ""),
        // A cookie is for one visitor.
        ("cookie=true", "private, max-age=300", ""),
        ("status=404", "no-store", ""),
        ("status=many", "no-store", "accept"),
        ("how=what", "no-store", "accept"),
    ] {
        let page = ask(&pages, &format!("GET /a?{query}"), &[]).await;
        assert_eq!(page.header("cache-control"), kept, "{query}");
        assert_eq!(page.header("vary"), vary, "{query}");
    }
    assert_eq!(ask(&pages, "GET /plain", &[]).await.header("cache-control"), "private, no-cache");

    // While it is written, a copy would hide an edit.
    let (_dir, pages) = app(&MINUTES, Settings { reload: true, ..Settings::test() });
    assert_eq!(ask(&pages, "GET /a", &[]).await.header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn a_copy_is_named_by_all_that_a_page_shows() {
    let (_dir, pages) = plain();
    let first = ask(&pages, "GET /a?how=public", &[]).await;
    let etag = first.header("etag").to_owned();
    let again = ask(&pages, "GET /a?how=public", &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    // A 304 says again what a copy needs.
    for name in ["cache-control", "etag", "vary", "content-security-policy"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    let other = ask(&pages, "GET /a?title=other", &[("if-none-match", &etag)]).await;
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), etag);
    // What failed has no name, and is sent whole.
    let failed = ask(&pages, "GET /nowhere", &[("if-none-match", "*")]).await;
    assert_eq!((failed.status, failed.header("etag")), (404, ""));
    let own = ask(&pages, "GET /a?status=404", &[("if-none-match", "*")]).await;
    assert!(own.status == 404 && own.body.contains("here"));
}

/// A box that holds it is small enough for an allocator's quick way.
#[tokio::test]
async fn the_future_of_a_page_is_small() {
    let (_dir, pages) = plain();
    let future = pages.handle(Context::test());
    assert!(size_of_val(&future) <= 800, "{}", size_of_val(&future));
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let (_dir, pages) = plain();
    for path in
        ["/a", "/a?how=public&title=t", "/a?status=202", "/a?how=redirect&to=/b", "/nowhere", "/a/"]
    {
        let mut get = ask(&pages, &format!("GET {path}"), &[]).await;
        let mut head = ask(&pages, &format!("HEAD {path}"), &[]).await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        for headers in [&mut get.headers, &mut head.headers] {
            headers.remove("x-request-id");
        }
        let length = head.headers.remove("content-length").unwrap();
        assert_eq!(length.to_str().unwrap(), get.body.len().to_string(), "{path}");
        // The router sets it where a page does not.
        let sent = get.headers.remove("content-length");
        assert!(sent.is_none_or(|sent| sent == length), "{path}");
        assert_eq!(head.headers, get.headers, "{path}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let refused = ask(&pages, &format!("{method} /a"), &[]).await;
        assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method}");
        assert_eq!(refused.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_page_names_itself() {
    let site = Some("https://example.org".to_owned());
    static PLAIN: PageRegistration = PAGE;
    for (site, canonical) in [(site, "https://example.org/a"), (None, "/a")] {
        let (_dir, pages) = app(&PLAIN, Settings { site, ..Settings::test() });
        let page = ask(&pages, "GET /a?title=%3Cb%3E", &[]).await.body;
        assert!(page.contains("<title>&lt;b&gt;</title>"), "{page}");
        assert!(!page.contains("<title>t</title>"), "{page}");
        assert!(page.contains(&format!("<link rel=\"canonical\" href=\"{canonical}\">")), "{page}");
        assert_eq!(page.contains("og:url"), canonical.starts_with("https"));
        assert!(ask(&pages, "GET /a", &[]).await.body.contains("<title>t</title>"));
    }
}

/// Admits those who have a cookie `member`.
#[derive(Debug)]
struct MembersOnly;

#[async_trait]
impl Guard for MembersOnly {
    async fn admit(&self, cx: &Context) -> Result<()> {
        match cx.cookie("member") {
            Some("yes") => Ok(()),
            Some("broken") => panic!("hunter2"),
            Some(_) => Err(Error::forbidden("not for you")),
            None => Err(Error::unauthorized("log in first").or_redirect("/login")),
        }
    }
}

#[tokio::test]
async fn a_guarded_page_is_for_those_whom_its_guard_admits() {
    static GUARDED: PageRegistration = PageRegistration {
        guard: Some(|| Requirement::admitted_by(&MembersOnly)),
        cache: Some(Cache::public(Duration::from_secs(60))),
        ..PAGE
    };
    let mut guards = PageGuards::default();
    guards.push("/account/", MembersOnly);
    let (_dir, pages) = app(&GUARDED, Settings { guards, ..Settings::test() });
    for path in ["/a", "/account", "/account/orders"] {
        let line = format!("GET {path}");
        let member = ask(&pages, &line, &[("cookie", "member=yes")]).await;
        assert_eq!(member.status, 200, "{path}");
        // A proxy may not keep for others what was shown to a member.
        assert!(member.header("cache-control").starts_with("private"), "{path}");
        let stranger = ask(&pages, &line, &[]).await;
        assert_eq!((stranger.status, stranger.header("location")), (303, "/login"), "{path}");
        let program = ask(&pages, &line, &[("accept", "application/json")]).await;
        assert_eq!(program.status, 401, "{path}");
        let other = ask(&pages, &line, &[("cookie", "member=no")]).await;
        assert_eq!(other.status, 403, "{path}");
        assert!(other.body.contains("not for you"), "{}", other.body);
        let broken = ask(&pages, &line, &[("cookie", "member=broken")]).await;
        assert_eq!((broken.status, broken.body.contains("hunter2")), (500, false), "{path}");
    }
    // The guard comes before the data: nobody is told what would be wrong with it.
    assert_eq!(ask(&pages, "GET /a?status=many", &[]).await.status, 303);
    for path in ["/accounts", "/plain"] {
        assert_eq!(ask(&pages, &format!("GET {path}"), &[]).await.status, 200, "{path}");
    }
}

/// The proof that a request has the cookie of a member.
struct Membership;

impl FromContext for Membership {
    async fn from_context(cx: &Context) -> Result<Self> {
        MembersOnly.admit(cx).await.map(|()| Self)
    }
}

#[tokio::test]
async fn what_the_app_requires_holds_for_every_page_that_is_not_public() {
    static OPEN: PageRegistration = PageRegistration {
        public: true,
        cache: Some(Cache::public(Duration::from_secs(60))),
        ..PAGE
    };
    let mut guards = PageGuards::default();
    guards.require(Requirement::of::<Membership>());
    let settings = || Settings { guards: guards.clone(), ..Settings::test() };
    let (_dir, pages) = app(&OPEN, settings());
    let open = ask(&pages, "GET /a", &[]).await;
    assert_eq!((open.status, open.header("cache-control")), (200, "public, max-age=60"));
    // A page without data has no function that says `public`.
    for path in ["/plain", "/account"] {
        let stranger = ask(&pages, &format!("GET {path}"), &[]).await;
        assert_eq!((stranger.status, stranger.header("location")), (303, "/login"), "{path}");
        let member = ask(&pages, &format!("GET {path}"), &[("cookie", "member=yes")]).await;
        assert_eq!(member.status, 200, "{path}");
    }
    let undecided = pages.undecided();
    assert!(!undecided.contains(&"pages/a.html".to_owned()), "{undecided:?}");
    assert!(undecided.contains(&"pages/plain.html".to_owned()), "{undecided:?}");

    let (_dir, pages) = app(&PAGE, settings());
    assert_eq!(ask(&pages, "GET /a", &[]).await.status, 303);
    assert!(pages.undecided().contains(&"pages/a.html".to_owned()));
}

#[tokio::test]
async fn a_page_with_a_value_is_of_one_visitor_and_proves_what_the_app_requires() {
    static PROVEN: PageRegistration = PageRegistration {
        values: const { &[Requirement::of::<Membership>()] },
        cache: Some(Cache::public(Duration::from_secs(60))),
        data: |cx| {
            Box::pin(async move {
                let Membership = Membership::from_context(&cx).await?;
                act(cx).await
            })
        },
        ..PAGE
    };
    let mut guards = PageGuards::default();
    guards.require(Requirement::of::<Membership>());
    let (_dir, pages) = app(&PROVEN, Settings { guards, ..Settings::test() });
    assert_eq!(ask(&pages, "GET /a?status=many", &[]).await.status, 303);
    let member = ask(&pages, "GET /a", &[("cookie", "member=yes")]).await;
    assert_eq!((member.status, member.header("cache-control")), (200, "private, max-age=60"));
    assert!(!pages.undecided().contains(&"pages/a.html".to_owned()));
}

#[test]
fn a_guard_of_no_page_is_a_mistake() {
    let dir = TestDir::new(&[("pages/admin/index.html", "x")]);
    let with = |folder: &str| {
        let mut guards = PageGuards::default();
        guards.push(folder, MembersOnly);
        let settings = Settings { guards, ..Settings::test() };
        Pages::of(dir.files(), settings, &States::default(), Vec::new())
    };
    assert!(with("admin").is_ok() && with("").is_ok() && with("/").is_ok());
    let errors = with("admni").unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "App::guard_pages(\"admni\"): there is no page pages/admni.html and none below pages/admni/"
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_takes_too_long_is_given_up() {
    let (_dir, pages) = plain();
    let page = ask(&pages, "GET /a?how=slow", &[]).await;
    assert_eq!(page.status, 504);
    assert!(page.body.contains("this took longer than it may"), "{}", page.body);
}

#[tokio::test]
async fn a_page_that_is_rendered_once_still_knows_how_it_was_asked_for() {
    let files = Files::embedded(&[("pages/about.html", b"<p>{{ path }}</p>")]);
    let pages = Pages::of(files, Settings::test(), &States::default(), Vec::new()).unwrap();
    let mut tags = Vec::new();
    for path in ["/about", "/%61bout", "/about"] {
        let page = ask(&pages, &format!("GET {path}"), &[]).await;
        assert!(page.body.contains(&format!("<p>{path}</p>")), "{}", page.body);
        tags.push(page.header("etag").to_owned());
    }
    assert_eq!(tags[0], tags[2]);
    assert_ne!(tags[0], tags[1]);
}
