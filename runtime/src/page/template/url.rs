//! URLs from data: the `url` filter of templates.

use tera::{Kwargs, State, TeraResult, Value};

use crate::page::check::scheme;

/// The schemes that a link may have. Others may run a script or open a program.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// The replacement for a URL with another scheme: a link to nothing.
const INVALID: &str = "about:invalid";

/// Returns a URL unchanged if it is relative or leads to the web, to a mailbox or to a phone. Any
/// other, above all `javascript:`, becomes `about:invalid`. Null becomes an empty text.
pub(crate) fn filter(value: &Value, _: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    if value.is_undefined() {
        return Err(tera::Error::message(
            "the `url` filter was given a variable that is undefined",
        ));
    }
    if value.is_none() {
        return Ok(Value::normal_string(""));
    }
    let Some(text) = value.as_str() else {
        return Err(tera::Error::message("the `url` filter takes text"));
    };
    Ok(Value::normal_string(&safe(text)))
}

/// Returns the URL as a browser parses it, or [`INVALID`].
fn safe(text: &str) -> String {
    // Browsers remove these characters before they look for a scheme. (WHATWG URL, basic URL parser)
    let text = text.trim_matches(|c: char| c <= ' ');
    let text: String = text.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    match scheme(&text) {
        Some(scheme) if !SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(scheme)) => INVALID.into(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_known_scheme_or_is_invalid() {
        for (text, expected) in [
            ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
            ("HTTP://example.org", "HTTP://example.org"),
            ("mailto:x@example.org", "mailto:x@example.org"),
            ("tel:+123", "tel:+123"),
            ("/blog/a:b", "/blog/a:b"),
            ("//example.org", "//example.org"),
            ("a/b:c", "a/b:c"),
            ("?q=a:b", "?q=a:b"),
            ("#a:b", "#a:b"),
            ("", ""),
            (" /a ", "/a"),
            ("javascript:alert(1)", INVALID),
            ("JavaScript:alert(1)", INVALID),
            (" \u{1}javascript:alert(1)", INVALID),
            ("java\nscr\tipt:alert(1)", INVALID),
            ("vbscript:x", INVALID),
            ("data:text/html,x", INVALID),
            ("blob:x", INVALID),
            ("file:///etc/passwd", INVALID),
            ("localhost:8080", INVALID),
            // No scheme starts like this: these are paths.
            ("1:2", "1:2"),
            ("é:x", "é:x"),
        ] {
            assert_eq!(safe(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_result_is_escaped_like_any_text() {
        let mut tera = tera::Tera::new();
        tera.register_filter("url", filter);
        tera.add_raw_template("a.html", "<a href=\"{{ v | url }}\">").unwrap();
        let rendered = |value: Value| {
            let mut context = tera::Context::new();
            context.insert_value("v", value);
            tera.render("a.html", &context).map_err(|error| error.to_string())
        };
        assert_eq!(rendered("/?a=1&\"".into()).unwrap(), "<a href=\"/?a=1&amp;&quot;\">");
        assert_eq!(rendered(Value::none()).unwrap(), "<a href=\"\">");
        assert!(rendered(7.into()).unwrap_err().contains("takes text"));
        assert!(tera.render("a.html", &tera::Context::new()).is_err());
    }
}
