//! The elements that page scripts reach by name: `p-ref="name"` and `p-part="name"` in the templates.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::check::{Piece, scan};

/// Each name with the tags of the elements that carry it, for the types of `refs`.
pub(crate) type Refs = BTreeMap<String, BTreeSet<String>>;

/// The names of parts, each by what stands between its expressions: `row-{{ id }}` is `row-` and
/// nothing.
pub(crate) type PartNames = BTreeSet<Vec<String>>;

/// Returns the names of parts in a set of templates.
pub(crate) fn parts<'a>(sources: impl IntoIterator<Item = &'a str>) -> PartNames {
    let tags = sources.into_iter().flat_map(scan::tags);
    let attributes = tags.flat_map(|tag| tag.attributes);
    let names = attributes.filter(|attribute| attribute.name.eq_ignore_ascii_case("p-part"));
    names.map(|name| pieces(name.value)).filter(|pieces| pieces != &[""]).collect()
}

fn pieces(name: &str) -> Vec<String> {
    // What statements write, only they know.
    if name.contains("{%") {
        return vec![String::new(); 2];
    }
    // Between two expressions there is one piece of text, be it empty.
    let mut texts = vec![String::new()];
    for (_, piece) in scan::pieces(name, 0) {
        match piece {
            Piece::Text(text) => texts.last_mut().into_iter().for_each(|last| last.push_str(text)),
            Piece::Expression(_) => texts.push(String::new()),
            // A statement is not there, as was asked first.
            Piece::Statement(_) | Piece::Comment(_) => {}
        }
    }
    texts
}

/// Returns the names in a set of templates. One that an expression makes is left out; a tag that
/// an expression makes is the empty one.
pub(crate) fn scan<'a>(sources: impl IntoIterator<Item = &'a str>) -> Refs {
    let mut refs = Refs::new();
    for tag in sources.into_iter().flat_map(scan::tags) {
        let names = tag.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("p-ref"));
        for name in names.map(|a| a.value.trim()) {
            if !name.is_empty() && !name.contains(['{', '}']) {
                let tag = if tag.name.contains('{') { "" } else { tag.name };
                refs.entry(name.to_owned()).or_default().insert(tag.to_ascii_lowercase());
            }
        }
    }
    refs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_by_what_stands_between_expressions() {
        let parts = parts([
            "<ul p-part=\"list\"></ul><p p-part=list P-PART=''>",
            "<li p-part=\"row-{{ id }}\"><li p-part='{{ a }}-{{ a }}!'><p p-part=\"{% if a %}b{% endif %}\">",
        ]);
        let text: Vec<_> = parts.iter().map(|pieces| pieces.join("*")).collect();
        assert_eq!(text, ["*", "*-*!", "list", "row-*"]);
    }

    #[test]
    fn names_come_with_their_tags() {
        let refs = scan([
            "<INPUT p-ref=\"name\"><p p-ref='status' hidden><p p-ref=other></p>",
            "<output p-ref=\"status\">{% for x in xs %}<li p-ref=\"row_{{ x }}\">{% endfor %}",
            "<!-- <b p-ref=\"gone\"> --><script>'<b p-ref=\"text\">'</script><my-tag P-REF=\"own\">",
        ]);
        let text = refs.iter().map(|(name, tags)| {
            format!("{name}: {}", tags.iter().cloned().collect::<Vec<_>>().join(" | "))
        });
        assert_eq!(
            text.collect::<Vec<_>>(),
            ["name: input", "other: p", "own: my-tag", "status: output | p"]
        );
    }
}
