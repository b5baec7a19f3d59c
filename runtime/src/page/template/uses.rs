//! Which templates use which others.
//!
//! A template names those that it extends, includes and imports in quotes, and calls a component by
//! its name from any file. This search finds every use, and may take a plain text for one: that costs
//! one update too many, while a missed use would leave an open tab out of date.

use std::collections::BTreeSet;

use crate::page::check::Sources;

/// Returns the templates in `changed`, and all templates that use them.
pub(crate) fn dependents(sources: &Sources, changed: &BTreeSet<String>) -> BTreeSet<String> {
    let mut dependents = changed.clone();
    loop {
        let defined: Vec<String> =
            dependents.iter().flat_map(|name| names(sources, name)).collect();
        let more: Vec<&String> = sources
            .iter()
            .filter(|(name, source)| {
                !dependents.contains(*name) && defined.iter().any(|word| source.contains(word))
            })
            .map(|(name, _)| name)
            .collect();
        if more.is_empty() {
            return dependents;
        }
        dependents.extend(more.into_iter().cloned());
    }
}

/// Returns the texts of which another template contains one if it uses this one.
fn names(sources: &Sources, name: &str) -> Vec<String> {
    let mut names = vec![format!("\"{name}\""), format!("'{name}'"), format!("`{name}`")];
    let source = sources.get(name).map_or("", String::as_str);
    for definition in source.split("component").skip(1) {
        let word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let definition = definition.trim_start();
        let end = definition.find(|c| !word(c)).unwrap_or(definition.len());
        if end > 0 {
            names.push(format!("<{}", &definition[..end]));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_uses_what_it_extends_includes_and_calls() {
        let sources: Sources = [
            ("_base.html", "<html>{% block main %}{% endblock %}"),
            ("_layout.html", "{% extends '_base.html' %}"),
            ("_card.html", "{% component Card(title: string) %}{{ title }}{% endcomponent Card %}"),
            ("_list.html", "{{<Card title=\"x\" />}}"),
            ("index.html", "{% extends \"_layout.html\" %}{% include \"_list.html\" %}"),
            ("other.html", "alone"),
        ]
        .map(|(name, source)| (name.to_owned(), source.to_owned()))
        .into();
        let dependents = |name: &str| -> Vec<String> {
            dependents(&sources, &BTreeSet::from([name.to_owned()])).into_iter().collect()
        };
        assert_eq!(dependents("_base.html"), ["_base.html", "_layout.html", "index.html"]);
        assert_eq!(dependents("_card.html"), ["_card.html", "_list.html", "index.html"]);
        assert_eq!(dependents("index.html"), ["index.html"]);
        assert_eq!(dependents("other.html"), ["other.html"]);
    }
}
