//! The effects that a response asks the browser for: a list in one header field.
//!
//! `kipo-effects: [{"effect":"reloadPart","name":"messages"}]`. The list is JSON in visible ASCII,
//! because some proxies reject other bytes in a header field.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};

pub(crate) const NAME: HeaderName = HeaderName::from_static("kipo-effects");

/// The longest list, in bytes. By default nginx accepts 4 KiB of header fields from a server, and
/// cookies need a part of it. Long values belong in the output.
const BYTES_MAX: usize = 2048;

/// The effects of one response, in order.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Each one is a JSON object in ASCII.
    list: Vec<String>,
    /// Why this response cannot have effects, if it cannot.
    unavailable: Option<&'static str>,
}

impl Effects {
    /// Returns a list that refuses every effect with this reason.
    pub(crate) fn unavailable(reason: &'static str) -> Self {
        Self { list: Vec::new(), unavailable: Some(reason) }
    }

    /// Adds an effect.
    ///
    /// # Errors
    ///
    /// Returns a 500 if this response cannot have effects, if `fields` is not an object or has a
    /// field `effect`, or if the list becomes longer than [`BYTES_MAX`].
    pub(crate) fn add(&mut self, name: &str, fields: &impl Serialize) -> Result<()> {
        if let Some(reason) = self.unavailable {
            return Err(Error::internal(format!("the effect `{name}` cannot be sent: {reason}")));
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
                let reason = "has a field `effect`, which is reserved for its name";
                return Err(Error::internal(format!("the effect `{name}` {reason}")));
            }
            _ => {
                let reason = "has no fields: give it a struct or a map";
                return Err(Error::internal(format!("the effect `{name}` {reason}")));
            }
        }
        self.list.push(ascii(&effect));
        let bytes = self.header_bytes();
        if bytes > BYTES_MAX {
            self.list.pop();
            return Err(Error::internal(format!(
                "the effect `{name}` makes the list {bytes} bytes long, more than {BYTES_MAX}: \
                 return long values in the output"
            )));
        }
        Ok(())
    }

    /// Moves the effects of another list to the end of this one.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.list.append(&mut other.list);
    }

    /// Returns the effects so far, each as JSON.
    pub(crate) fn as_slice(&self) -> &[String] {
        &self.list
    }

    /// Moves the list into the head of a response.
    pub(crate) fn move_into(&mut self, headers: &mut HeaderMap) {
        if self.list.is_empty() {
            return;
        }
        let list = format!("[{}]", std::mem::take(&mut self.list).join(","));
        headers
            .insert(NAME, HeaderValue::try_from(list).expect("ASCII without control characters"));
    }

    /// Returns the length of the list with its brackets and commas.
    fn header_bytes(&self) -> usize {
        self.list.iter().map(|effect| effect.len() + 1).sum::<usize>() + 1
    }
}

/// Returns JSON in visible ASCII. Other characters occur only in strings, where JSON escapes them.
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
            list.add(name, fields).unwrap();
        }
        let mut headers = HeaderMap::new();
        list.move_into(&mut headers);
        assert_eq!(headers.get(NAME).map_or("", |list| list.to_str().unwrap()), expected);
        assert!(list.as_slice().is_empty());
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
    fn characters_outside_visible_ascii_are_escaped() {
        check(
            &[("toast", json!({ "text": "é😀\n\u{7f}\"\\" }))],
            r#"[{"effect":"toast","text":"\u00e9\ud83d\ude00\n\u007f\"\\"}]"#,
        );
    }

    #[test]
    fn an_effect_that_cannot_be_sent_is_refused_and_the_list_stays_unchanged() {
        let mut list = Effects::default();
        list.add("a", &json!({ "n": 1 })).unwrap();
        for (fields, expected) in [
            (json!([1]), "no fields"),
            (json!("text"), "no fields"),
            (json!({ "effect": "b" }), "a field `effect`"),
            (json!({ "text": "x".repeat(BYTES_MAX) }), "return long values in the output"),
        ] {
            let error = format!("{:?}", list.add("toast", &fields).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(list.as_slice(), [r#"{"effect":"a","n":1}"#]);

        let error = format!("{:?}", Effects::unavailable("it is late").add("a", &()).unwrap_err());
        assert!(error.contains("it is late"), "{error}");
    }

    #[test]
    fn the_longest_list_fills_its_bound() {
        let mut list = Effects::default();
        while list.add("a", &()).is_ok() {}
        let mut headers = HeaderMap::new();
        list.move_into(&mut headers);
        let bytes = headers[NAME].len();
        assert!(bytes <= BYTES_MAX && bytes + r#",{"effect":"a"}"#.len() > BYTES_MAX, "{bytes}");
    }
}
