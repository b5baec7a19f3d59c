//! JSON inside HTML: the `json` filter of templates.

use tera::{Kwargs, State, TeraResult, Value};

/// Writes a value as JSON that is safe in a `<script type="application/json">`, in text and in an
/// attribute **with single quotes**: it holds no `<`, `>`, `&` and `'`, nor the line separators
/// that older scripts end a string at.
///
/// No text is both JSON inside of a script and safe between double quotes; a lint reports the filter
/// in such an attribute.
pub(crate) fn filter(value: &Value, _: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    if value.is_undefined() {
        return Err(tera::Error::message(
            "the `json` filter was given a variable that is undefined",
        ));
    }
    let json = serde_json::to_string(value)
        .map_err(|error| tera::Error::chain("this value has no form in JSON", error))?;
    Ok(Value::safe_string(&safe(&json)))
}

/// Returns JSON with the special characters of HTML escaped. JSON has none of them outside of
/// strings.
pub(crate) fn safe(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\'' => text.push_str("\\u0027"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, value: &serde_json::Value, expected: &str) {
        let mut tera = tera::Tera::new();
        tera.register_filter("json", filter);
        tera.add_raw_template("a.html", template).unwrap();
        let mut context = tera::Context::new();
        context.insert("v", value);
        assert_eq!(tera.render("a.html", &context).unwrap(), expected);
    }

    #[test]
    fn no_character_of_html_is_left() {
        let value = serde_json::json!({ "b": "</script><!-- & 'x' \u{2028}\u{2029} \"q\" é", "a": [1, null] });
        let text = r#"{"b":"\u003c/script\u003e\u003c!-- \u0026 \u0027x\u0027 \u2028\u2029 \"q\" é","a":[1,null]}"#;
        check(
            "<script type=\"application/json\">{{ v | json }}</script>",
            &value,
            &format!("<script type=\"application/json\">{text}</script>"),
        );
        check("<p data-x='{{ v | json }}'>", &value, &format!("<p data-x='{text}'>"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), value);
    }

    #[test]
    fn large_numbers_stay_exact() {
        check("{{ v | json }}", &u64::MAX.into(), "18446744073709551615");
        check("{{ v | json }}", &i64::MIN.into(), "-9223372036854775808");
    }

    #[test]
    fn an_unknown_variable_is_no_null() {
        let mut tera = tera::Tera::new();
        tera.register_filter("json", filter);
        tera.add_raw_template("a.html", "{{ missing | json }}").unwrap();
        assert!(tera.render("a.html", &tera::Context::new()).is_err());
    }
}
