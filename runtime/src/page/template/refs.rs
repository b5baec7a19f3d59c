//! The elements that page scripts reach by name: `p-ref="name"` and `p-part="name"` in the templates.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::check::{Piece, scan};

/// Each name with the tags of the elements that carry it, for the types of `refs`.
pub(crate) type Refs = BTreeMap<String, BTreeSet<String>>;

/// The names of parts, each as the texts between its expressions: `row-{{ id }}` is `row-` and an
/// empty text.
pub(crate) type PartNames = BTreeSet<Vec<String>>;

/// Returns the names of parts in a set of templates.
pub(crate) fn parts<'a>(sources: impl IntoIterator<Item = &'a str>) -> PartNames {
    let tags = sources.into_iter().flat_map(scan::tags);
    let attributes = tags.flat_map(|tag| tag.attributes);
    let names = attributes.filter(|attribute| attribute.name.eq_ignore_ascii_case("p-part"));
    names.map(|name| pieces(name.value)).filter(|pieces| pieces != &[""]).collect()
}

fn pieces(name: &str) -> Vec<String> {
    // The text that statements write is not known.
    if name.contains("{%") {
        return vec![String::new(); 2];
    }
    // There is one text, perhaps an empty one, between two expressions.
    let mut texts = vec![String::new()];
    for (_, piece) in scan::pieces(name, 0) {
        match piece {
            Piece::Text(text) => texts.last_mut().into_iter().for_each(|last| last.push_str(text)),
            Piece::Expression(_) => texts.push(String::new()),
            // The name contains no statement, see above.
            Piece::Statement(_) | Piece::Comment(_) => {}
        }
    }
    texts
}

/// Returns the names in a set of templates, without those that contain an expression. The tag of an
/// element is empty if an expression writes it.
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
    fn the_name_of_a_part_is_the_texts_between_its_expressions() {
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
