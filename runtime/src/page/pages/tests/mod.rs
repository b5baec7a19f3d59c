//! Pages from a folder of files to responses, without a socket.

mod answers;
mod errors;
mod forms;
mod lints;
mod parts;

use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;

use super::*;
use crate::{action::StateNeed, files::TestDir, header::RequestId};

const LAYOUT: &str = "<!doctype html><html><head><title>t</title></head><body>\
                      {% block main %}{% endblock %}</body></html>";

fn child(main: &str) -> String {
    format!("{{% extends \"_layout.html\" %}}{{% block main %}}{main}{{% endblock %}}")
}

fn pages(dir: &TestDir) -> Pages {
    Pages::of(dir.files(), Settings::test(), &States::default(), Vec::new()).unwrap()
}

#[track_caller]
fn errors(files: &[(&str, &str)], registrations: Vec<&'static PageRegistration>) -> Vec<String> {
    let dir = TestDir::new(files);
    let pages = Pages::of(dir.files(), Settings::test(), &States::default(), registrations);
    let errors = pages.expect_err("these pages are wrong");
    errors.iter().map(ToString::to_string).collect()
}

fn request(line: &str, headers: &[(&'static str, &str)]) -> Context {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    Context::new(head, peer, RequestId::next(), States::default())
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.into()).unwrap();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(pages: &Pages, line: &str, headers: &[(&'static str, &str)]) -> Answer {
    Answer::of(pages.handle(request(line, headers)).await).await
}

async fn asset(pages: &Pages, line: &str) -> Answer {
    Answer::of(pages.asset(&request(line, &[])).await).await
}

fn chat() -> TestDir {
    TestDir::new(&[
        ("pages/_layout.html", LAYOUT),
        ("pages/index.html", &child("<h1>Chat</h1>")),
        ("pages/index.js", "import './_chat/feed.js';"),
        ("pages/index.css", "p{}"),
        ("pages/_chat/feed.js", "export {};"),
        ("pages/about.html", &child("{{ path }}")),
        ("pages/blog/[slug].html", &child("{{ params.slug }}|{{ path }}")),
        ("pages/404.html", &child("Nothing at {{ path }}: {{ message }}")),
        ("pages/500.html", &child("{{ status }} {{ request_id }}")),
        ("public/app.css", "b{}"),
    ])
}

#[tokio::test]
async fn a_page_comes_with_its_script_and_style() {
    let dir = chat();
    let pages = pages(&dir);
    let page = ask(&pages, "GET /", &[]).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "private, no-cache");
    assert_eq!(page.headers.get_all("x-content-type-options").iter().count(), 1);
    assert!(!page.header("x-request-id").is_empty());
    assert!(page.header("content-security-policy").starts_with("default-src 'self'; script-src"));
    assert!(page.body.contains("<h1>Chat</h1>"));

    let url = format!("/_kipo/pages/{}/index", pages.serving.load().hash().as_str());
    let css = format!("<link rel=\"stylesheet\" href=\"{url}.css\">\n");
    let js = format!("<script type=\"module\" src=\"{url}.js\"></script>\n</head>");
    assert!(page.body.contains(&css) && page.body.contains(&js), "{}", page.body);
    // A page without files of its own has no links to any.
    assert!(!ask(&pages, "GET /about", &[]).await.body.contains("/pages/"));
}

#[tokio::test]
async fn a_page_is_asked_for_again_only_if_it_changed() {
    let (dir, etag) = (chat(), "etag");
    let pages = pages(&dir);
    let etag = ask(&pages, "GET /", &[]).await.header(etag).to_owned();
    let again = ask(&pages, "GET /", &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}

#[tokio::test]
async fn what_is_in_a_path_is_data() {
    let dir = chat();
    dir.write("pages/blog/[slug].css", "p{}");
    let page = ask(&pages(&dir), "GET /blog/%3Cscript%3E", &[]).await;
    assert!(page.body.contains("/blog/%5Bslug%5D.css\">"), "{}", page.body);
    assert!(page.body.contains("&lt;script&gt;|/blog/%3Cscript%3E"), "{}", page.body);
}

#[tokio::test]
async fn methods_and_slashes_are_told_apart() {
    let dir = chat();
    let pages = pages(&dir);
    for (line, status, header, value) in [
        ("HEAD /", 200, "content-type", "text/html; charset=utf-8"),
        ("POST /", 405, "allow", "GET, HEAD"),
        ("DELETE /app.css", 405, "allow", "GET, HEAD"),
        ("POST /nowhere", 404, "vary", "accept"),
        ("GET /about/", 308, "location", "/about"),
        ("GET /about/?a=/&b=1", 308, "location", "/about?a=/&b=1"),
        ("GET /blog/a%2Fb/", 308, "location", "/blog/a%2Fb"),
        ("GET /nowhere/", 404, "location", ""),
        ("GET //evil.example/", 404, "location", ""),
        ("GET /app.css/", 404, "location", ""),
        ("GET /404", 404, "content-type", "text/html; charset=utf-8"),
        ("GET /_layout", 404, "content-type", "text/html; charset=utf-8"),
        ("GET /index.html", 404, "content-type", "text/html; charset=utf-8"),
        ("GET /index", 404, "content-type", "text/html; charset=utf-8"),
        ("OPTIONS *", 404, "content-type", "text/html; charset=utf-8"),
        ("GET /..%2fpages/index.html", 404, "content-type", "text/html; charset=utf-8"),
        ("GET /%00", 404, "content-type", "text/html; charset=utf-8"),
        ("GET /%ff", 404, "content-type", "text/html; charset=utf-8"),
    ] {
        let answer = ask(&pages, line, &[]).await;
        assert_eq!((answer.status, answer.header(header)), (status, value), "{line}");
    }
}

#[tokio::test]
async fn head_tells_the_length_of_get() {
    let dir = chat();
    let pages = pages(&dir);
    for path in ["/", "/app.css", "/nowhere"] {
        let get = ask(&pages, &format!("GET {path}"), &[]).await;
        let head = ask(&pages, &format!("HEAD {path}"), &[]).await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        // The request's id is another one, and as long.
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert_eq!(head.header("etag"), get.header("etag"));
    }
}

#[tokio::test]
async fn public_files_have_types_and_validators() {
    let dir = chat();
    let pages = pages(&dir);
    let css = ask(&pages, "GET /app.css", &[]).await;
    assert_eq!((css.status, css.body.as_str()), (200, "b{}"));
    assert_eq!(css.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(css.header("cache-control"), "public, no-cache");
    let etag = css.header("etag").to_owned();
    let again = ask(&pages, "GET /app.css", &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.header("etag")), (304, etag.as_str()));
    dir.write("public/a b.json", "{}");
    let json = ask(&pages, "GET /a%20b%2Ejson", &[]).await;
    assert_eq!(json.header("content-type"), "application/json; charset=utf-8");
    dir.write("public/app.css", "i{}");
    assert_eq!(ask(&pages, "GET /app.css", &[("if-none-match", &etag)]).await.body, "i{}");
}

#[tokio::test]
async fn a_file_in_the_binary_is_found_before_a_page_with_a_parameter() {
    let files = Files::embedded(&[
        ("pages/[name].html", b"<p>{{ params.name }}"),
        ("pages/about.html", b"<p>this page"),
        ("public/a.txt", b"a text"),
        ("public/notes", b"notes"),
    ]);
    let address = format!("/{}", files.address("a.txt").unwrap());
    let pages = Pages::of(files, Settings::test(), &States::default(), Vec::new()).unwrap();
    for (path, expected) in [
        ("/a.txt", "a text"),
        (&address, "a text"),
        ("/notes", "notes"),
        ("/other", "<p>other"),
        ("/about", "<p>this page"),
    ] {
        let answer = ask(&pages, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.ends_with(expected), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_page_that_is_not_sent_has_the_fields_of_a_page_but_no_type() {
    let dir = chat();
    let pages = pages(&dir);
    let page = ask(&pages, "GET /", &[]).await;
    let etag = page.header("etag").to_owned();
    for (field, value, status) in
        [("if-none-match", etag.as_str(), 304), ("if-match", "\"other\"", 412)]
    {
        let refused = ask(&pages, "GET /", &[(field, value)]).await;
        assert_eq!((refused.status, refused.body.as_str()), (status, ""));
        assert!(!refused.headers.contains_key("content-type"), "{field}");
        assert_eq!(refused.headers.contains_key("etag"), status == 304, "{field}");
        for same in ["cache-control", "content-security-policy", "referrer-policy"] {
            assert_eq!(refused.header(same), page.header(same), "{field}");
        }
        assert!(!refused.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn people_get_pages_and_programs_get_problems() {
    let dir = chat();
    let pages = pages(&dir);
    let page = ask(&pages, "GET /a&b", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("Nothing at /a&amp;b: there is nothing"), "{}", page.body);
    assert!(page.header("content-security-policy").contains("default-src"));
    let problem = ask(&pages, "GET /a", &[("accept", "application/json")]).await;
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert!(problem.body.contains("\"code\":\"not_found\""), "{}", problem.body);
}

#[tokio::test]
async fn an_app_without_error_pages_has_plain_ones() {
    let dir = TestDir::new(&[("pages/index.html", "<p>x")]);
    let page = ask(&pages(&dir), "GET /a", &[]).await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("<h1>404 Not Found</h1>"), "{}", page.body);
}

#[tokio::test]
async fn assets_are_kept_for_good_under_their_hash_alone() {
    let dir = chat();
    let pages = pages(&dir);
    let old = pages.serving.load().hash().as_str().to_owned();
    let js = asset(&pages, &format!("GET /_kipo/pages/{old}/_chat/feed.js")).await;
    assert_eq!((js.status, js.body.as_str()), (200, "export {};"));
    assert_eq!(js.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(js.header("cache-control"), "public, max-age=31536000, immutable");

    dir.write("pages/_chat/feed.js", "export let a;");
    pages.reload().unwrap();
    let stale = asset(&pages, &format!("GET /_kipo/pages/{old}/_chat/feed.js")).await;
    assert_eq!(
        (stale.body.as_str(), stale.header("cache-control")),
        ("export let a;", "public, no-cache")
    );
    let new = pages.serving.load().hash().as_str().to_owned();
    assert_ne!(old, new);

    for path in ["index.html", "_layout.html", "../index.js", "%2e%2e/index.js", "gone.js", "", "."]
    {
        let answer = asset(&pages, &format!("GET /_kipo/pages/{new}/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(asset(&pages, &format!("POST /_kipo/pages/{new}/index.js")).await.status, 405);
    assert_eq!(asset(&pages, &format!("HEAD /_kipo/pages/{new}/index.js")).await.body, "");
}

#[tokio::test]
async fn a_reload_is_whole_or_not_at_all() {
    let dir = chat();
    let pages = pages(&dir);
    dir.write("pages/about.html", "{% if %}");
    dir.write("pages/new.html", "<p>new");
    let diagnostics = pages.reload().unwrap_err();
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!((diagnostics[0].file.as_str(), diagnostics[0].line), ("pages/about.html", Some(1)));
    assert!(diagnostics[0].excerpt.contains("{% if %}"));
    // The pages of before go on, and those that came with the error wait.
    assert_eq!(ask(&pages, "GET /about", &[]).await.status, 200);
    assert_eq!(ask(&pages, "GET /new", &[]).await.status, 404);

    dir.write("pages/about.html", &child("mended"));
    pages.reload().unwrap();
    assert!(ask(&pages, "GET /about", &[]).await.body.contains("mended"));
    assert_eq!(ask(&pages, "GET /new", &[]).await.status, 200);
    dir.remove("pages/new.html");
    pages.reload().unwrap();
    assert_eq!(ask(&pages, "GET /new", &[]).await.status, 404);
}

const fn registration(page: &'static str) -> PageRegistration {
    PageRegistration {
        page,
        module: "app::posts",
        file: "app/actions/posts.rs",
        line: 7,
        params: &["slug"],
        states: &[],
        public: false,
        guard: None,
        values: &[],
        cache: None,
        data: |cx| {
            Box::pin(async move {
                let slug: String = cx.param("slug")?;
                match slug.as_str() {
                    "gone" => return Err(Error::not_found("no such post")),
                    "secret" => return Err(Error::forbidden("members only")),
                    "broken" => return Err(Error::internal("hunter2")),
                    "panic" => panic!("hunter3"),
                    "untitled" => return PageData::of(&()),
                    "clash" => return PageData::of(&serde_json::json!({ "path": "x" })),
                    _ => {}
                }
                cx.append_header(header::SET_COOKIE, HeaderValue::from_static("seen=1"));
                PageData::of(&serde_json::json!({ "title": format!("<{slug}>") }))
            })
        },
    }
}

static POST: PageRegistration = registration("blog/[slug]");

fn blog() -> (TestDir, Pages) {
    let dir = chat();
    dir.write("pages/blog/[slug].html", &child("<p>{{ title }}</p>"));
    let pages = Pages::of(dir.files(), Settings::test(), &States::default(), vec![&POST]);
    (dir, pages.unwrap())
}

#[tokio::test]
async fn a_page_shows_its_data() {
    let (_dir, pages) = blog();
    let page = ask(&pages, "GET /blog/first", &[]).await;
    assert!(page.body.contains("<p>&lt;first&gt;</p>"), "{}", page.body);
    assert_eq!(page.header("set-cookie"), "seen=1");
}

#[tokio::test]
async fn failures_of_the_data_are_pages_too() {
    let (_dir, pages) = blog();
    for (slug, status, text) in [
        ("gone", 404, "Nothing at /blog/gone: no such post"),
        ("secret", 403, "<h1>403 Forbidden</h1>\n<p>members only</p>"),
        ("broken", 500, "500 "),
        ("panic", 500, "500 "),
        ("clash", 500, "500 "),
    ] {
        let page = ask(&pages, &format!("GET /blog/{slug}"), &[]).await;
        assert_eq!(page.status, status, "{slug}");
        assert!(page.body.contains(text), "{slug}: {}", page.body);
        assert!(!page.body.contains("hunter"), "{slug}: {}", page.body);
    }
}

#[tokio::test]
async fn a_mistake_in_a_template_is_shown_to_its_author_alone() {
    let (_dir, pages) = blog();
    let (set, line) = (pages.serving.load_full(), "GET /blog/untitled");
    for (audience, shown) in [(Audience::Author, true), (Audience::Stranger, false)] {
        let cx = request(line, &[]);
        let failure = pages.answer(&set, &pages.head, &cx).await.unwrap_err();
        let answer = Answer::of(answer::answer(&cx, &set, &pages.head, failure, audience)).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.body.contains("variable `title` is not defined"), shown);
        assert_eq!(answer.body.contains("&lt;p&gt;{{ title }}&lt;/p&gt;"), shown);
        assert!(answer.body.contains(cx.request_id().as_str()));
        // For the script that shows it where every other error is shown.
        assert_eq!(answer.body.contains("id=\"kipo-failure\">{\"file\":"), shown);
    }
}

#[test]
fn all_mistakes_are_told_together() {
    static LOST: PageRegistration = registration("blog/[id]");
    static AGAIN: PageRegistration = PageRegistration { line: 9, ..registration("blog/[slug]") };
    static NEEDY: PageRegistration = PageRegistration {
        states: const { &[StateNeed::of::<u8>()] },
        params: &["slog"],
        ..registration("post/[slug]")
    };
    static ERROR_PAGE: PageRegistration = registration("404");
    let text = errors(
        &[
            ("pages/blog/[slug].html", "{{ a b }}\n"),
            ("pages/blog/index.html", "x"),
            ("pages/blog.html", "x"),
            ("pages/post/[slug].html", "x\n\n{% extends \"nowhere.html\" %}"),
            ("pages/post/[x", ""),
            ("pages/post-[x].html", ""),
            ("pages/404.html", "\n<p data-x=\"{{ message | json }}\">"),
            ("pages/old.html.tera", ""),
            ("pages/types.d.ts", ""),
            ("public/app.css", ""),
            ("pages/app.css.html", ""),
            ("pages/child.html", "{% extends \"gone.html\" %}"),
        ],
        vec![&POST, &LOST, &AGAIN, &NEEDY, &ERROR_PAGE],
    )
    .join("\n");
    for expected in [
        "pages/blog/[slug].html:1:6: ",
        "1 | {{ a b }}",
        "pages/blog/index.html: pages/blog.html answers /blog already: keep one of them",
        "pages/post/[slug].html:3:",
        "pages/post-[x].html: in `post-[x]` the parameter has to be the whole segment: `[id]`",
        "pages/404.html:2:12: the value of `json` holds double quotes: put single quotes around",
        "pages/old.html.tera: only .html pages with their .js and .css go here",
        "pages/app.css.html: public/app.css has the same address",
        "pages/child.html:1:13: there is no template `gone.html` to extend",
        "app/actions/posts.rs:7: there is no page pages/blog/[id].html; did you mean \
         `#[page(\"blog/[slug]\")]`?",
        "app/actions/posts.rs:9: pages/blog/[slug].html has its data already, from \
         app/actions/posts.rs:7",
        "app/actions/posts.rs:7: the page `post/[slug]` needs the state `u8`: add `.state(…)` to the App",
        "app/actions/posts.rs:7: pages/post/[slug].html has no parameter `slog`",
        "app/actions/posts.rs:7: there is no page pages/404.html: an error page takes no data",
    ] {
        assert!(text.contains(expected), "{expected}\n\nis not in\n\n{text}");
    }
}

#[test]
fn names_that_nobody_knows_are_told_with_their_place() {
    let text = errors(
        &[
            ("pages/a.html", "x\n{{ path | shout }} {% include \"gone.html\" %}"),
            ("pages/b.html", "{{ sing() }}"),
        ],
        Vec::new(),
    );
    assert_eq!(
        text.iter().map(|text| text.lines().next().unwrap()).collect::<Vec<_>>(),
        [
            "pages/a.html:2:11: unknown filter `shout`; did you mean `sort`?",
            "pages/a.html:2:31: unknown template `gone.html`",
            "pages/b.html:1:4: unknown function `sing`"
        ]
    );
}

#[test]
fn templates_that_go_round_are_told() {
    let text = errors(
        &[
            ("pages/_a.html", "{% extends \"_b.html\" %}"),
            ("pages/_b.html", "{% extends \"_a.html\" %}"),
        ],
        Vec::new(),
    );
    assert_eq!(text.len(), 1);
    assert!(text[0].starts_with("pages/_"), "{text:?}");
    assert!(text[0].contains("the templates go round in a circle"), "{text:?}");
}

#[test]
fn a_page_without_its_data_does_not_start() {
    let text = errors(&[("pages/a.html", "{{ title }}")], Vec::new());
    assert_eq!(text.len(), 1);
    assert!(text[0].starts_with("pages/a.html:1:4: variable `title` is not defined"), "{text:?}");
    assert!(text[0].contains("no `#[page(\"a\")]` gives pages/a.html its data"), "{text:?}");
}

#[test]
fn what_may_be_missing_may_be_missing() {
    let dir = TestDir::new(&[
        (
            "pages/a.html",
            "{{ title | default(value=\"x\") }}{% if user %}{{ user.name }}{% endif %}",
        ),
        ("pages/[id].html", "{{ params.id | int }}"),
    ]);
    pages(&dir);
}

#[test]
fn refs_are_sorted_and_of_all_templates() {
    let dir = TestDir::new(&[
        ("pages/b.html", "<p p-ref=\"status\"><input p-ref=\"name\">"),
        ("pages/_a.html", "<output p-ref=\"status\">"),
    ]);
    let tags = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        pages(&dir).refs(),
        [("name".to_owned(), tags(&["input"])), ("status".to_owned(), tags(&["output", "p"]))]
    );
}

#[tokio::test]
async fn embedded_pages_answer_like_those_on_disk() {
    let files = Files::embedded(&[
        ("pages/_layout.html", LAYOUT.as_bytes()),
        ("pages/index.html", b"{% extends \"_layout.html\" %}"),
        ("pages/index.css", b"p{}"),
        ("public/app.css", b"b{}"),
    ]);
    let pages = Pages::of(files, Settings::test(), &States::default(), Vec::new()).unwrap();
    let page = ask(&pages, "GET /", &[]).await;
    assert!(page.status == 200 && page.body.contains("/index.css"), "{}", page.body);
    assert_eq!(ask(&pages, "GET /app.css", &[]).await.body, "b{}");
}

/// Whatever a stranger asks for, there is an answer, and none of ours goes out.
#[tokio::test]
async fn no_path_is_too_strange() {
    let dir = chat();
    dir.write("secret.txt", "hunter2");
    let pages = pages(&dir);
    let pieces = [
        "/",
        "..",
        "%2e%2e",
        "%2F",
        "%5c",
        "secret.txt",
        "pages",
        "%00",
        "%",
        "é",
        "[slug]",
        "{",
        "a",
    ];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let path = format!("/{first}{second}{third}");
                if path.parse::<http::Uri>().is_err() {
                    continue;
                }
                let answer = ask(&pages, &format!("GET {path}"), &[]).await;
                assert!(matches!(answer.status, 200 | 308 | 404), "{path}: {}", answer.status);
                assert!(!answer.body.contains("hunter2"), "{path}");
                asset(&pages, &format!("GET /_kipo/pages{path}")).await;
            }
        }
    }
}
