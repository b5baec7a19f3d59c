//! An input as the query of a GET, as the browser client writes it: a list repeats its name, and null
//! is left out.

use serde_json::Value;

use crate::error::{Error, FieldErrors, Result};

/// Returns the query of an input, which is the JSON of an object.
pub(crate) fn of_input(input: &Value) -> Result<String> {
    let fields = input.as_object().ok_or_else(|| Error::invalid("", "must be an object"))?;
    let (mut pairs, mut errors) = (Vec::new(), FieldErrors::default());
    for (name, value) in fields {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items {
            match item {
                Value::Null => {}
                Value::String(text) => pairs.push((name, text.clone())),
                Value::Bool(_) | Value::Number(_) => pairs.push((name, item.to_string())),
                Value::Array(_) | Value::Object(_) => {
                    errors.add(name.as_str(), "must be no object: a query cannot carry one");
                    break;
                }
            }
        }
    }
    if errors.is_empty() { Ok(serde_html_form::to_string(pairs)?) } else { Err(errors.into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_repeats_its_name_and_null_is_left_out() {
        let input = json!({
            "words": ["a", "b c", null, "ü&="], "page": 2, "exact": true, "after": null, "none": [],
            "half": 0.5, "big": u64::MAX,
        });
        let expected = "words=a&words=b+c&words=%C3%BC%26%3D&page=2&exact=true&half=0.5\
                        &big=18446744073709551615";
        assert_eq!(of_input(&input).unwrap(), expected);
        assert_eq!(of_input(&json!({})).unwrap(), "");
    }

    #[test]
    fn what_a_query_cannot_carry_is_an_error_of_its_field() {
        let error = of_input(&json!({ "a": {}, "b": [1, []], "c": 1 })).unwrap_err();
        let fields: Vec<&str> = error.fields().iter().map(|(path, _)| path).collect();
        assert_eq!(fields, ["a", "b"]);
        assert_eq!(of_input(&json!([1])).unwrap_err().status(), 422);
    }
}
