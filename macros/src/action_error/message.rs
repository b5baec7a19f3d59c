//! The fields that a message names in braces.

use syn::{Fields, Member};

use crate::syntax::names;

/// Returns the names with which a message may name the fields of a variant: `missing`, or `0`.
pub(crate) fn fields(fields: &Fields) -> Vec<String> {
    fields.members().map(|member| name(&member)).collect()
}

/// Returns the name of one field.
pub(crate) fn name(member: &Member) -> String {
    match member {
        Member::Named(ident) => names::unraw(ident),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

/// Returns the names in the braces of a format string, each once, in their order.
pub(crate) fn used(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let Some(end) = rest.find('}') else { break };
        let name = rest[..end].split(':').next().unwrap_or_default().trim().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
        rest = &rest[end + 1..];
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_single_braces() {
        for (text, expected) in [
            ("nothing", &[][..]),
            ("{missing} of {limit:>3} and {missing:?}", &["missing", "limit"]),
            ("{{braces}} {0}", &["0"]),
            ("{", &[]),
            ("{}", &[""]),
        ] {
            assert_eq!(used(text), expected, "{text}");
        }
    }
}
