//! What an action asks of the browser besides its output: a list in one header field.
//!
//! `kipo-effects: [{"effect":"reloadPart","name":"messages"}]`. The list is JSON in ASCII, as a
//! header field may hold nothing else that every proxy lets through.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};

const NAME: HeaderName = HeaderName::from_static("kipo-effects");

/// The longest list, in bytes. nginx takes 4 KiB of header fields from a server unless it is told
/// otherwise, and cookies want some of them; what is long belongs into the output.
const BYTES_MAX: usize = 2048;

/// What one answer asks for, in order.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Each one a JSON object in ASCII.
    asked: Vec<String>,
    /// Why nothing can be asked for, if so.
    refused: Option<&'static str>,
}

impl Effects {
    /// Returns a list that stays empty, and says why.
    pub(crate) fn refused(why: &'static str) -> Self {
        Self { asked: Vec::new(), refused: Some(why) }
    }

    /// Adds one to the list.
    ///
    /// # Errors
    ///
    /// A 500 if nothing can be asked for here, if `fields` is no object or has a field `effect`, or
    /// if the list gets too long.
    pub(crate) fn ask(&mut self, name: &str, fields: &impl Serialize) -> Result<()> {
        if let Some(why) = self.refused {
            return Err(Error::internal(format!("the effect `{name}` has no way to go: {why}")));
        }
        let mut effect = format!("{{\"effect\":{}", Value::from(name));
        match serde_json::to_value(fields).map_err(Error::internal)? {
            Value::Null => effect.push('}'),
            Value::Object(fields) if fields.is_empty() => effect.push('}'),
            Value::Object(fields) if !fields.contains_key("effect") => {
                effect.push(',');
                effect.push_str(&Value::from(fields).to_string()[1..]);
            }
            Value::Object(_) => {
                let why = "has a field `effect`, which is where its name goes";
                return Err(Error::internal(format!("the effect `{name}` {why}")));
            }
            _ => {
                let why = "has no fields: give it a struct or a map";
                return Err(Error::internal(format!("the effect `{name}` {why}")));
            }
        }
        self.asked.push(ascii(&effect));
        let bytes = self.header_bytes();
        if bytes > BYTES_MAX {
            self.asked.pop();
            return Err(Error::internal(format!(
                "the effect `{name}` makes the list {bytes} bytes long, more than {BYTES_MAX}: \
                 what is long belongs into the output"
            )));
        }
        Ok(())
    }

    /// Returns what was asked for so far.
    pub(crate) fn asked(&self) -> &[String] {
        &self.asked
    }

    /// Moves the list into the head of a response.
    pub(crate) fn take(&mut self, headers: &mut HeaderMap) {
        if self.asked.is_empty() {
            return;
        }
        let list = format!("[{}]", std::mem::take(&mut self.asked).join(","));
        headers
            .insert(NAME, HeaderValue::try_from(list).expect("ASCII without control characters"));
    }

    /// Returns the length of the list with its brackets and commas.
    fn header_bytes(&self) -> usize {
        self.asked.iter().map(|effect| effect.len() + 1).sum::<usize>() + 1
    }
}

/// Returns JSON in visible ASCII: all else stands in its strings, where it can be escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, ' '..='~') {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(effects: &[(&str, Value)], expected: &str) {
        let mut list = Effects::default();
        for (name, fields) in effects {
            list.ask(name, fields).unwrap();
        }
        let mut headers = HeaderMap::new();
        list.take(&mut headers);
        assert_eq!(headers.get(NAME).map_or("", |list| list.to_str().unwrap()), expected);
        assert!(list.asked().is_empty());
    }

    #[test]
    fn a_list_is_one_field() {
        check(&[], "");
        check(
            &[("reloadPart", json!({ "name": "a" })), ("b", Value::Null), ("c", json!({}))],
            r#"[{"effect":"reloadPart","name":"a"},{"effect":"b"},{"effect":"c"}]"#,
        );
    }

    #[test]
    fn all_that_is_not_visible_ascii_is_escaped() {
        check(
            &[("toast", json!({ "text": "é😀\n\u{7f}\"\\" }))],
            r#"[{"effect":"toast","text":"\u00e9\ud83d\ude00\n\u007f\"\\"}]"#,
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_harms_nothing() {
        let mut list = Effects::default();
        list.ask("a", &json!({ "n": 1 })).unwrap();
        for (fields, expected) in [
            (json!([1]), "no fields"),
            (json!("text"), "no fields"),
            (json!({ "effect": "b" }), "a field `effect`"),
            (json!({ "text": "x".repeat(BYTES_MAX) }), "belongs into the output"),
        ] {
            let error = format!("{:?}", list.ask("toast", &fields).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(list.asked(), [r#"{"effect":"a","n":1}"#]);

        let error = format!("{:?}", Effects::refused("it is late").ask("a", &()).unwrap_err());
        assert!(error.contains("it is late"), "{error}");
    }

    #[test]
    fn the_longest_list_is_as_long_as_it_says() {
        let mut list = Effects::default();
        while list.ask("a", &()).is_ok() {}
        let mut headers = HeaderMap::new();
        list.take(&mut headers);
        let bytes = headers[NAME].len();
        assert!(bytes <= BYTES_MAX && bytes + r#",{"effect":"a"}"#.len() > BYTES_MAX, "{bytes}");
    }
}
