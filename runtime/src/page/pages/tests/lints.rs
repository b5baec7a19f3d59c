//! What is found in templates that parse: with the app, at start and after an edit.

use super::*;

fn settings() -> Settings {
    Settings { actions: Some(vec!["chat.Send".to_owned()]), ..Settings::test() }
}

#[test]
fn all_that_is_wrong_is_told_at_start_with_its_place() {
    let dir = TestDir::new(&[
        ("pages/_layout.html", LAYOUT),
        ("pages/index.html", &child("\n<form p-action=\"chat.Sent\">{{ params | safe }}</form>")),
        ("pages/index.js", "import { refs } from \"kipo\";\nrefs.name.focus();"),
        ("pages/about.html", "<link href=\"{{ asset(path='ap.css') }}\">"),
        ("pages/broken.html", "{% if %}<p a={{ b }}>"),
        ("public/app.css", ""),
    ]);
    let wrong = Pages::of(dir.files(), settings(), &States::default(), Vec::new());
    let text: Vec<_> = wrong.expect_err("all wrong").iter().map(ToString::to_string).collect();
    let expected = [
        // Nothing more is said of a template that does not parse.
        "pages/broken.html:1:7: ",
        "pages/about.html:1:27: there is no file public/ap.css; did you mean `app.css`?",
        "pages/index.html:2:17: there is no action `chat.Sent`; did you mean `chat.Send`?",
        "pages/index.html:2:40: `safe` puts text into the page as markup",
        "pages/index.js:2:6: index.html has no element with p-ref=\"name\"",
    ];
    assert_eq!(text.len(), expected.len(), "{text:#?}");
    for (text, expected) in text.iter().zip(expected) {
        assert!(text.starts_with(expected), "{expected}\n\n{text}");
    }
    assert!(text[2].contains("    known: chat.Send"), "{}", text[2]);
}

#[tokio::test]
async fn an_edit_that_is_wrong_does_not_serve() {
    let dir = chat();
    let pages = pages(&dir);
    dir.write("pages/about.html", &child("<p class={{ path }}>"));
    let diagnostics = pages.reload().unwrap_err();
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!((diagnostics[0].file.as_str(), diagnostics[0].line), ("pages/about.html", Some(1)));
    assert!(diagnostics[0].excerpt.contains("<p class={{ path }}>"));
    assert_eq!(ask(&pages, "GET /about", &[]).await.status, 200);

    dir.write(
        "pages/about.html",
        &child("{# kipo: safe because paths have no blanks #}<p a={{ path }}>"),
    );
    pages.reload().unwrap();
    assert!(ask(&pages, "GET /about", &[]).await.body.contains("<p a=/about>"));
}

#[test]
fn a_variable_that_nobody_gives_is_told_with_those_that_are_there() {
    let dir = TestDir::new(&[("pages/index.html", "{{ param }}{{ path }}")]);
    let pages = Pages::of(dir.files(), settings(), &States::default(), Vec::new());
    let errors = pages.expect_err("no such variable");
    let text = errors[0].to_string();
    assert!(text.contains("`param` is not defined; did you mean `params`?"), "{text}");
    assert!(text.contains("    known: params, path"), "{text}");
}

#[tokio::test]
async fn a_file_is_named_by_its_content_as_long_as_it_is_there() {
    let dir = TestDir::new(&[
        (
            "pages/index.html",
            "{{ asset(path=\"a b.css\") }}|{{ asset(path=path ~ 'x') | default }}",
        ),
        ("pages/blog.html", "{% set file = \"css/\" ~ \"b.css\" %}{{ asset(path=file) }}"),
        ("public/a b.css", "a{}"),
        ("public/css/b.css", "b{}"),
    ]);
    let pages = pages(&dir);
    let address = |html: &str| html.rsplit_once("</script>\n").map(|(_, rest)| rest.to_owned());
    let before = address(&ask(&pages, "GET /blog", &[]).await.body).unwrap();
    let kept = ask(&pages, &format!("GET {before}"), &[]).await;
    assert_eq!(kept.header("cache-control"), "public, max-age=31536000, immutable");
    // The file is another one, so its address is as well, without the pages being read again.
    dir.write("public/css/b.css", "b{color:red}");
    let after = address(&ask(&pages, "GET /blog", &[]).await.body).unwrap();
    assert_ne!(before, after);
    let older = ask(&pages, &format!("GET {before}"), &[]).await;
    assert_eq!(
        (older.body.as_str(), older.header("cache-control")),
        ("b{color:red}", "public, no-cache")
    );

    let wrong = ask(&pages, "GET /", &[]).await;
    assert_eq!(wrong.status, 500);
    dir.write("pages/index.html", "{{ asset(path=\"a b.css\") }}");
    pages.reload().unwrap();
    let index = address(&ask(&pages, "GET /", &[]).await.body).unwrap();
    assert!(index.starts_with("/a%20b.") && index.ends_with(".css"), "{index}");
    assert_eq!(ask(&pages, &format!("GET {index}"), &[]).await.body, "a{}");
}
