//! Forms that post to an action by their page.

use std::collections::BTreeMap;

use kipo::{
    Action, App, Context, Error, Files, Guard, Limits, PageContext, Rate, Result, action,
    async_trait, data,
    http::{self, HeaderValue, header},
    page, testing,
};

use crate::page::FILES;

/// What a visitor asks for.
#[derive(Clone, Copy)]
#[data]
enum Topic {
    Sales,
    Support,
}

/// Takes a message.
#[action]
struct Contact {
    #[validate(length(min = 2, max = 40))]
    name: String,
    #[validate(email)]
    email: String,
    #[validate(length(min = 5))]
    message: String,
    topic: Option<Topic>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    copy: bool,
    #[validate(secret)]
    code: Option<String>,
    #[validate(range(min = 1, max = 9))]
    seats: Option<u8>,
}

impl Action for Contact {
    type Output = String;

    const LIMITS: Limits = Limits::new().body_bytes_max(4096);

    async fn call(self, cx: Context) -> Result<String> {
        let Self { name, email, message, topic, tags, copy, code, seats } = self;
        match name.as_str() {
            "Taken" => {
                cx.append_header(header::SET_COOKIE, HeaderValue::from_static("visitor=Ann"));
                return Err(Error::invalid("name", "is taken"));
            }
            "Closed" => return Err(Error::conflict("the desk is closed")),
            "Moved" => return Err(Error::redirect("/elsewhere?a=1")),
            "Login" => return Err(Error::unauthorized("log in first").or_redirect("/login")),
            "Effect" => cx.redirect("/thanks")?,
            "Cookie" => {
                cx.append_header(header::SET_COOKIE, HeaderValue::from_static("visitor=Bob"));
            }
            _ => {}
        }
        let topic = topic.map(|topic| match topic {
            Topic::Sales => "sales",
            Topic::Support => "support",
        });
        Ok(format!("{name} {email} {message} {topic:?} {tags:?} {copy} {code:?} {seats:?}"))
    }
}

/// Renames a card.
#[action]
async fn rename(id: u32, #[validate(length(min = 1))] title: String) -> Result<String> {
    Ok(format!("{id} {title}"))
}

/// Answers once a minute.
#[action]
struct Once {
    text: String,
}

impl Action for Once {
    type Output = String;

    const LIMITS: Limits = Limits::new().rate(Rate::per_minute(1));

    async fn call(self, _cx: Context) -> Result<String> {
        Ok(self.text)
    }
}

/// Takes a picture.
#[action]
async fn add_picture(
    #[validate(length(min = 1))] title: String,
    picture: Option<kipo::Upload>,
) -> Result<String> {
    Ok(format!("{title} {:?}", picture.map(|picture| picture.name().to_owned())))
}

/// Takes plans.
#[action]
async fn add_plans(
    #[validate(file(types("application/pdf", "image/*")))] plan: kipo::Upload,
    #[validate(length(min = 1), file(bytes_max = 1000, types("text/csv")))] tables: Vec<
        kipo::Upload,
    >,
    #[validate(file(types("*/*")))] other: Option<kipo::Upload>,
    #[serde(default)]
    #[validate(secret)]
    note: String,
) -> Result<usize> {
    Ok(note.len() + plan.name().len() + tables.len() + usize::from(other.is_some()))
}

/// Is on no page.
#[action]
async fn hidden_from_pages(_name: Option<String>) -> Result<()> {
    Ok(())
}

/// Admits requests with the cookie `member`.
struct CookieMember;

#[async_trait]
impl Guard for CookieMember {
    async fn admit(&self, cx: &Context) -> Result<()> {
        cx.cookie("member").map(|_| ()).ok_or_else(|| Error::forbidden("members only"))
    }
}

/// The visitor, by a cookie.
#[data]
struct Visitor {
    visitor: String,
}

#[page("forms/contact", cache = "public, 5m")]
async fn contact(cx: PageContext) -> Result<Visitor> {
    Ok(Visitor { visitor: cx.cookie("visitor").unwrap_or("nobody").to_owned() })
}

#[page("forms/member", guard = CookieMember)]
async fn member(_cx: PageContext) -> Result<()> {
    Ok(())
}

/// A page for each `#[page]` in this file.
pub(crate) const PAGES: &[(&str, &[u8])] = &[
    (
        "pages/forms/contact.html",
        br#"<head></head>{{ visitor }}
<form p-action="form.Contact">
  <input {{ field("form.Contact", "name") }}>{{ field_error("form.Contact", "name") }}
  <input {{ field("form.Contact", "email") }} id="mail">{{ field_error("form.Contact", "email") }}
  <textarea {{ field("form.Contact", "message") }}></textarea>
  <select {{ field("form.Contact", "topic") }}><option value=""><option value="Sales"><option value="Support"></select>
  <input type="checkbox" value="red" {{ field("form.Contact", "tags") }}>
  <input type="checkbox" value="blue" {{ field("form.Contact", "tags") }}>
  <input {{ field("form.Contact", "copy") }}>
  <input {{ field("form.Contact", "code") }}>
  <input {{ field("form.Contact", "seats") }}>
  {{ form_error("form.Contact") }}
</form>
typed: {{ form.form.Contact.values.name }} {{ form["form.Contact"].error }}"#,
    ),
    ("pages/forms/member.html", br#"<form p-action="form.Contact">{% include "forms/_fields.html" %}</form>"#),
    ("pages/forms/_fields.html", br#"<input name="name"><input name="email"><textarea name="message"></textarea>"#),
];

/// The pages of this binary, and two more.
fn files(more: &'static [(&'static str, &'static [u8])]) -> Files {
    Files::embedded([FILES, more].concat().leak())
}

const TWO: &[(&str, &[u8])] = &[
    (
        "pages/forms/cards.html",
        br#"{% for id in [1, 2] %}<form p-action="form.Rename" p-action-key="{{ id }}">
<input type="hidden" name="id" value="{{ id }}">
<input {{ field("form.Rename", "title", value="card " ~ id) }}>{{ field_error("form.Rename", "title") }}
</form>{% endfor %}"#,
    ),
    (
        "pages/forms/once.html",
        br#"<form p-action="form.Once"><input {{ field("form.Once", "text") }}>{{ form_error("form.Once") }}</form>"#,
    ),
    (
        "pages/forms/picture.html",
        br#"<form p-action="form.AddPicture"><input {{ field("form.AddPicture", "title") }}>
<input {{ field("form.AddPicture", "picture") }}>{{ form_error("form.AddPicture") }}</form>"#,
    ),
    (
        "pages/forms/plans.html",
        br#"<form p-action="form.AddPlans"><input {{ field("form.AddPlans", "plan") }}>
<input {{ field("form.AddPlans", "tables") }}><input accept=".csv" {{ field("form.AddPlans", "tables") }}>
<input {{ field("form.AddPlans", "other") }}><textarea {{ field("form.AddPlans", "note") }}></textarea>
<input {{ field("form.AddPlans", "note") }}></form>"#,
    ),
    ("pages/forms/none.html", b"no form"),
];

async fn app() -> testing::App {
    app_with(|app| app).await
}

async fn app_with(settings: impl FnOnce(App) -> App) -> testing::App {
    testing::App::start(settings(crate::testing::app().files(files(TWO)))).await
}

const CONTACT: &str = "/forms/contact";

fn filled() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("name", "Ann"), ("email", "ann@example.org"), ("message", "Hello there")])
}

#[tokio::test]
async fn a_form_has_the_attributes_that_the_rules_of_its_action_know() {
    let html = app().await.get("/forms/contact?a=1&b").await.text().to_owned();
    for expected in [
        r#"<form p-action="form.Contact" method="post" action="?a=1&amp;b&amp;kipo-form=form.Contact">"#,
        r#"<input name="name" id="form-Contact-name" minlength="2" maxlength="40" required aria-describedby="form-Contact-name-error">"#,
        r#"<p class="field-error" id="form-Contact-name-error" p-error="name" hidden></p>"#,
        r#"<input name="email" type="email" required aria-describedby="form-Contact-email-error" id="mail">"#,
        r#"<textarea name="message" id="form-Contact-message" minlength="5" required></textarea>"#,
        r#"<select name="topic" id="form-Contact-topic"><option value=""><option value="Sales">"#,
        r#"<input type="checkbox" value="red" name="tags" id="form-Contact-tags-red">"#,
        r#"<input name="copy" id="form-Contact-copy" type="checkbox" value="true">"#,
        r#"<input name="code" id="form-Contact-code" type="password">"#,
        r#"<input name="seats" id="form-Contact-seats" type="number" min="1" max="9">"#,
        r#"<p class="form-error" p-error role="alert" hidden></p>"#,
    ] {
        assert!(html.contains(expected), "{expected}\n{html}");
    }
}

#[tokio::test]
async fn a_form_that_is_right_leads_to_its_page() {
    let app = app().await;
    let done = app.post_form("/forms/contact?a=1", "form.Contact", filled()).await;
    assert_eq!((done.status().as_u16(), done.location()), (303, Some("/forms/contact?a=1")));
    assert_eq!(done.header("cache-control"), Some("no-store"));
    assert_eq!(done.header("kipo-effects"), None);
    assert_eq!(done.text(), "");
}

#[tokio::test]
async fn an_empty_control_of_an_option_has_no_value() {
    let mut fields = filled();
    fields.extend([("topic", ""), ("code", ""), ("seats", "")]);
    let app = app().await;
    let done = app.post_form(CONTACT, "form.Contact", &fields).await;
    assert_eq!(done.status().as_u16(), 303, "{}", done.text());
    fields.insert("name", "");
    assert_eq!(app.post_form(CONTACT, "form.Contact", &fields).await.status().as_u16(), 422);
}

#[tokio::test]
async fn an_action_says_where_a_form_leads() {
    let app = app().await;
    for (name, location) in
        [("Effect", "/thanks"), ("Moved", "/elsewhere?a=1"), ("Login", "/login")]
    {
        let mut fields = filled();
        fields.insert("name", name);
        let done = app.post_form(CONTACT, "form.Contact", fields).await;
        assert_eq!((done.status().as_u16(), done.location()), (303, Some(location)), "{name}");
    }
}

#[tokio::test]
async fn a_form_that_is_wrong_is_shown_again_with_what_was_typed() {
    let fields = [
        ("name", "<A>"),
        ("email", "ann\"@"),
        ("message", "\n<b>"),
        ("topic", "Support"),
        ("tags", "red"),
        ("copy", "true"),
        ("code", "hunter2"),
        ("seats", "12"),
    ];
    let refused = app().await.post_form(CONTACT, "form.Contact", fields).await;
    assert_eq!(refused.status().as_u16(), 422);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert_eq!(refused.header("content-type"), Some("text/html; charset=utf-8"));
    let html = refused.text();
    for expected in [
        r#" required value="&lt;A&gt;" aria-describedby="#,
        r#" value="ann&quot;@" aria-invalid="true" autofocus aria-describedby="form-Contact-email-error" id="mail">"#,
        r#"p-error="email">must be an email address</p>"#,
        r#"id="form-Contact-message" minlength="5" required aria-invalid="true">&#10;"#,
        r#"<option value="Sales"><option selected value="Support">"#,
        r#"value="red" name="tags" id="form-Contact-tags-red" checked>"#,
        r#"value="blue" name="tags" id="form-Contact-tags-blue">"#,
        r#"id="form-Contact-copy" type="checkbox" value="true" checked>"#,
        r#"id="form-Contact-code" type="password">"#,
        r#"value="12" aria-invalid="true">"#,
        "typed: &lt;A&gt;",
    ] {
        let expected = expected.replace("&#10;", "\n\n&lt;b&gt;</textarea>");
        assert!(html.contains(&expected), "{expected}\n{html}");
    }
    assert_eq!(html.matches(" autofocus").count(), 1, "{html}");
    // These fields have no `field_error`.
    assert!(
        html.contains(
            "role=\"alert\">message: must have at least 5 characters; seats: must be from 1 to 9</p>"
        ),
        "{html}"
    );
    assert!(!html.contains("hunter2"), "{html}");
}

#[tokio::test]
async fn an_error_of_the_action_itself_keeps_its_status() {
    let app = app().await;
    let mut fields = filled();
    fields.insert("name", "Closed");
    let refused = app.post_form(CONTACT, "form.Contact", &fields).await;
    assert_eq!(refused.status().as_u16(), 409);
    assert!(refused.text().contains("role=\"alert\">the desk is closed</p>"), "{}", refused.text());
    assert!(refused.text().contains("value=\"ann@example.org\""), "{}", refused.text());
    // The page sees the cookie that the action set, and so does the client.
    fields.insert("name", "Taken");
    let refused = app.post_form(CONTACT, "form.Contact", &fields).await;
    assert!(
        refused.text().contains("<head>") && refused.text().contains("Ann\n<form"),
        "{}",
        refused.text()
    );
    assert!(refused.text().contains("p-error=\"name\">is taken</p>"), "{}", refused.text());
    assert_eq!(app.cookie("visitor").as_deref(), Some("Ann"));
    fields.insert("name", "Cookie");
    app.post_form(CONTACT, "form.Contact", &fields).await;
    assert_eq!(app.cookie("visitor").as_deref(), Some("Bob"));
}

#[tokio::test]
async fn two_forms_of_one_action_are_told_apart_by_their_key() {
    let app = app().await;
    let html = app.get("/forms/cards").await.text().to_owned();
    assert!(html.contains("action=\"?kipo-form=form.Rename&amp;kipo-key=2\""), "{html}");
    assert!(
        html.contains("id=\"form-Rename-2-title\" minlength=\"1\" required value=\"card 2\""),
        "{html}"
    );
    let fields = [("id", "2"), ("title", "")];
    let refused = app.post_form("/forms/cards?kipo-key=2", "form.Rename", fields).await;
    assert_eq!(refused.status().as_u16(), 422);
    let html = refused.text();
    assert!(
        html.contains("required value=\"card 1\" aria-describedby=\"form-Rename-1-title-error\""),
        "{html}"
    );
    assert!(html.contains("required value=\"\" aria-invalid=\"true\""), "{html}");
    assert!(html.contains("id=\"form-Rename-1-title-error\" p-error=\"title\" hidden>"), "{html}");
    let fields = [("id", "2"), ("title", "x")];
    let done = app.post_form("/forms/cards?kipo-key=2&p=3", "form.Rename", fields).await;
    assert_eq!(done.location(), Some("/forms/cards?p=3"));
}

#[tokio::test]
async fn the_address_of_a_posted_form_leads_to_its_page() {
    let app = app().await;
    let page = app.get("/forms/contact?kipo-form=form.Contact&a=1&kipo-key=2").await;
    assert_eq!((page.status().as_u16(), page.location()), (303, Some("/forms/contact?a=1")));
}

/// Sends a form with other header fields.
async fn send(
    app: &testing::Client,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> testing::Response {
    let mut request = http::Request::post(target).header("accept", "application/problem+json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(body.into()).unwrap()).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const BODY: &str = "name=Ann&email=ann%40example.org&message=Hello+there";

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_nothing_of_it_is_shown() {
    let app = app().await;
    for field in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let target = "/forms/contact?kipo-form=form.Contact";
        let refused = send(&app, target, &[FORM, field], BODY).await;
        assert_eq!((refused.status().as_u16(), refused.error().code.as_str()), (403, "cross_site"));
    }
}

#[tokio::test]
async fn a_page_takes_only_its_own_forms() {
    let app = app().await;
    for (target, status) in [
        ("/forms/contact?kipo-form=form.Nothing", 404),
        ("/forms/contact?kipo-form=form.HiddenFromPages", 404),
        ("/forms/contact?kipo-form=form.Rename", 404),
        ("/forms/contact", 404),
        ("/forms/none?kipo-form=form.Contact", 405),
        ("/forms/none", 405),
        ("/forms/nowhere?kipo-form=form.Contact", 404),
        ("/logo.svg?kipo-form=form.Contact", 405),
    ] {
        assert_eq!(send(&app, target, &[FORM], BODY).await.status().as_u16(), status, "{target}");
    }
}

#[tokio::test]
async fn a_method_in_a_field_changes_nothing() {
    let app = app().await;
    let target = "/forms/contact?kipo-form=form.Contact&_method=DELETE";
    let headers = [FORM, ("x-http-method-override", "DELETE")];
    let done = send(&app, target, &headers, format!("{BODY}&_method=DELETE")).await;
    assert_eq!(
        (done.status().as_u16(), done.location()),
        (303, Some("/forms/contact?_method=DELETE"))
    );
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let app = app().await;
    let target = "/forms/contact?kipo-form=form.Contact";
    for (content_type, body, status) in [
        ("application/json", "{}", 415),
        ("text/plain", "name=Ann", 415),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", "name=%E9", 415),
        ("multipart/form-data", "", 400),
        ("multipart/form-data; boundary=b", "no part", 400),
        ("application/x-www-form-urlencoded", "", 422),
    ] {
        let refused = send(&app, target, &[("content-type", content_type)], body).await;
        assert_eq!(refused.status().as_u16(), status, "{content_type}");
    }
    assert_eq!(send(&app, target, &[], "").await.status().as_u16(), 415);
}

#[tokio::test]
async fn a_body_that_is_too_large_shows_the_form_again() {
    let app = app().await;
    let mut fields = filled();
    let long = "x".repeat(5000);
    fields.insert("message", &long);
    let pairs: Vec<_> = fields.into_iter().collect();
    let refused = app.post_form(CONTACT, "form.Contact", pairs).await;
    assert_eq!(refused.status().as_u16(), 413);
    assert!(refused.text().contains("role=\"alert\">the body is larger than 4 KB</p>"));
    assert!(refused.text().contains("value=\"ann@example.org\""));
}

#[tokio::test]
async fn a_name_that_is_sent_twice_is_an_error_of_its_field() {
    let mut fields: Vec<_> = filled().into_iter().collect();
    fields.push(("name", "Bob"));
    let refused = app().await.post_form(CONTACT, "form.Contact", fields).await;
    assert_eq!(refused.status().as_u16(), 422);
    assert!(refused.text().contains("p-error=\"name\">is not valid</p>"), "{}", refused.text());
    assert!(
        refused.text().contains("required value=\"Ann\" aria-invalid=\"true\""),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn a_multipart_form_is_read_and_shown_again() {
    let app = app().await;
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let right =
        part("name", "Ann") + &part("email", "ann@example.org") + &part("message", "Hello there");
    let target = "/forms/contact?kipo-form=form.Contact";
    let headers = [("content-type", "multipart/form-data; boundary=b"), ("accept", "text/html")];
    let done = send(&app, target, &headers, format!("{right}--b--\r\n")).await;
    assert_eq!(done.status().as_u16(), 303);
    let wrong = part("name", "Ann") + &part("email", "ann") + &part("message", "Hello\r\nthere");
    let refused = send(&app, target, &headers, format!("{wrong}--b--\r\n")).await;
    assert_eq!(refused.status().as_u16(), 422);
    assert!(refused.text().contains(">Hello\r\nthere</textarea>"), "{}", refused.text());
}

#[tokio::test]
async fn a_page_that_its_guard_refuses_takes_no_form() {
    let app = app().await;
    let refused = app.post_form("/forms/member", "form.Contact", filled()).await;
    assert_eq!(refused.status().as_u16(), 403);
    let member = app.client().with_cookie("member", "1");
    let done = member.post_form("/forms/member", "form.Contact", filled()).await;
    assert_eq!(done.status().as_u16(), 303);
}

#[tokio::test]
async fn what_was_typed_survives_a_limit_that_refuses_before_the_body_is_read() {
    let app = app().await;
    let fields = [("text", "a long story")];
    let done = app.post_form("/forms/once", "form.Once", fields).await;
    assert_eq!(done.status().as_u16(), 303);
    let refused = app.post_form("/forms/once", "form.Once", fields).await;
    assert_eq!(refused.status().as_u16(), 429);
    assert!(refused.header("retry-after").is_some());
    assert!(refused.text().contains("value=\"a long story\""), "{}", refused.text());
    assert!(!refused.text().contains("role=\"alert\" hidden"), "{}", refused.text());
}

#[tokio::test]
async fn a_form_below_a_prefix_leads_to_its_page_there() {
    let app = app_with(|app| app.prefix("/app")).await;
    let done = app.post_form("/app/forms/contact?a=1", "form.Contact", filled()).await;
    assert_eq!((done.status().as_u16(), done.location()), (303, Some("/app/forms/contact?a=1")));
    let mut fields = filled();
    fields.insert("name", "Effect");
    let done = app.post_form("/app/forms/contact", "form.Contact", fields).await;
    assert_eq!(done.location(), Some("/app/thanks"));
}

#[tokio::test]
async fn a_control_knows_the_types_of_a_file_and_whether_it_is_secret() {
    let page = app().await.get("/forms/plans").await;
    for attributes in [
        r#"id="form-AddPlans-plan" type="file" accept="application/pdf, image/*" required>"#,
        r#"id="form-AddPlans-tables" type="file" accept="text/csv" multiple required>"#,
        // An attribute by hand has precedence.
        r#"<input accept=".csv" name="tables" id="form-AddPlans-tables" type="file" multiple required>"#,
        r#"id="form-AddPlans-other" type="file">"#,
        r#"<textarea name="note" id="form-AddPlans-note" p-secret></textarea>"#,
        r#"<input name="note" id="form-AddPlans-note" type="password">"#,
    ] {
        assert!(page.text().contains(attributes), "{attributes} in {}", page.text());
    }
}

#[tokio::test]
async fn a_form_with_a_file_is_sent_as_multipart_and_the_file_is_not_shown_again() {
    let app = app().await;
    let page = app.get("/forms/picture").await;
    assert!(page.text().contains("enctype=\"multipart/form-data\""), "{}", page.text());
    assert!(
        page.text().contains("id=\"form-AddPicture-picture\" type=\"file\">"),
        "{}",
        page.text()
    );
    let target = "/forms/picture?kipo-form=form.AddPicture";
    let headers = [("content-type", "multipart/form-data; boundary=b"), ("accept", "text/html")];
    for (title, content, status) in [("", "pixels", 422), ("Sea", "pixels", 303), ("Sea", "", 303)]
    {
        // A browser sends a control without a file with an empty name.
        let name = if content.is_empty() { "" } else { "sea.png" };
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n{title}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{content}\r\n--b--\r\n"
        );
        let answer = send(&app, target, &headers, body).await;
        assert_eq!(answer.status().as_u16(), status, "{title} {content}: {}", answer.text());
        assert!(!answer.text().contains("sea.png") && !answer.text().contains("pixels"));
    }
}
