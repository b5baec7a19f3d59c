//! The bounds of integers, which schemars leaves to their format.

use serde_json::Value;

use crate::schema::description::subschemas;

/// Adds the bounds of all integers in a schema. A rule that is narrower stays.
pub(super) fn add(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    if let Some((min, max)) = keywords.get("format").and_then(Value::as_str).and_then(of_format) {
        keywords.entry("minimum").or_insert(min);
        keywords.entry("maximum").or_insert(max);
    }
    subschemas(keywords).into_iter().for_each(add);
}

/// Returns the smallest and the largest integer of a format. schemars writes those of the shorter
/// formats itself; parsers of JSON do not agree on those of the longer ones.
fn of_format(format: &str) -> Option<(Value, Value)> {
    match format {
        "int32" => Some((i32::MIN.into(), i32::MAX.into())),
        "uint32" => Some((u32::MIN.into(), u32::MAX.into())),
        "int64" | "int" => Some((i64::MIN.into(), i64::MAX.into())),
        "uint64" | "uint" => Some((u64::MIN.into(), u64::MAX.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_have_their_bounds_and_rules_narrow_them() {
        let mut schema = json!({
            "items": { "type": "integer", "format": "uint32", "minimum": 1, "maximum": 100 },
            "prefixItems": [{ "type": ["integer", "null"], "format": "int64" }],
        });
        add(&mut schema);
        assert_eq!(
            schema,
            json!({
                "items": { "type": "integer", "format": "uint32", "minimum": 1, "maximum": 100 },
                "prefixItems": [{
                    "type": ["integer", "null"],
                    "format": "int64",
                    "minimum": i64::MIN,
                    "maximum": i64::MAX,
                }],
            })
        );
    }
}
