//! The names that would have been right where a template uses one that is not known.

use crate::page::check::{
    expression::Expression,
    scan::{self, Piece},
    sources::Sources,
    suggestion::did_you_mean,
};

/// The engine's own filters and ours; a test asks the engine for each.
pub(crate) const FILTERS: [&str; 39] = [
    "abs",
    "capitalize",
    "default",
    "escape",
    "escape_html",
    "escape_xml",
    "first",
    "float",
    "get",
    "group_by",
    "indent",
    "int",
    "join",
    "json",
    "keys",
    "last",
    "length",
    "lower",
    "newlines_to_br",
    "nth",
    "pairs",
    "pluralize",
    "replace",
    "reverse",
    "round",
    "safe",
    "sort",
    "split",
    "str",
    "title",
    "trim",
    "trim_end",
    "trim_start",
    "truncate",
    "unique",
    "upper",
    "url",
    "values",
    "wordcount",
];

/// The engine's own tests.
pub(crate) const TESTS: [&str; 17] = [
    "array",
    "bool",
    "containing",
    "defined",
    "divisible_by",
    "ending_with",
    "even",
    "float",
    "integer",
    "iterable",
    "map",
    "none",
    "number",
    "odd",
    "starting_with",
    "string",
    "undefined",
];

/// The engine's own functions and ours.
pub(crate) const FUNCTIONS: [&str; 6] =
    ["asset", "field", "field_error", "form_error", "range", "throw"];

/// Returns a message of the engine's with what was meant in place of all that would have been
/// right, and all that.
pub(crate) fn names(sources: &Sources, message: &str) -> (String, Vec<String>) {
    let (sentence, listed) = listed(message);
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let known: Vec<String> = match sentence.split('`').next().unwrap_or_default() {
        "unknown filter " => own(&FILTERS),
        "unknown test " => own(&TESTS),
        "unknown function " => own(&FUNCTIONS),
        "unknown component " => components(sources),
        "unknown template " | "there is no template " => sources.keys().cloned().collect(),
        _ => listed,
    };
    let word = sentence.split('`').nth(1).unwrap_or_default();
    let meant = did_you_mean(word, known.iter().map(String::as_str));
    (format!("{}{meant}", sentence.trim_end_matches('.')), known)
}

/// Takes the names off that the engine itself puts behind a message.
fn listed(message: &str) -> (&str, Vec<String>) {
    for words in [" Available variables: ", " Available fields: "] {
        if let Some((sentence, names)) = message.split_once(words) {
            return (sentence, names.split(", ").map(str::to_owned).collect());
        }
    }
    (message, Vec::new())
}

fn components(sources: &Sources) -> Vec<String> {
    let mut names = Vec::new();
    for (at, piece) in sources.values().flat_map(|source| scan::pieces(source, 0)) {
        if let Piece::Statement(written) = piece {
            names.extend(Expression::of(written, at).component());
        }
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{files::Files, page::template::blank};

    #[test]
    fn the_engine_knows_all_that_is_said_to_be_known() {
        let tera = blank(&Files::embedded(&[]));
        let knows = |template: &str| tera.clone().add_raw_template("a.html", template).is_ok();
        assert!(FILTERS.iter().all(|filter| knows(&format!("{{{{ a | {filter} }}}}"))));
        assert!(TESTS.iter().all(|test| knows(&format!("{{{{ a is {test} }}}}"))));
        assert!(FUNCTIONS.iter().all(|function| knows(&format!("{{{{ {function}() }}}}"))));
        assert!(!knows("{{ a | unheard_of }}") && !knows("{{ unheard_of() }}"));
    }

    #[track_caller]
    fn check(message: &str, expected: &str, known: &[&str]) {
        let sources = Sources::from([(
            "_card.html".to_owned(),
            "{% component ui.Card(a: string) %}{% endcomponent ui.Card %}".to_owned(),
        )]);
        let (message, names) = names(&sources, message);
        assert_eq!(message, expected);
        assert!(known.iter().all(|name| names.iter().any(|n| n == name)), "{names:?}");
        assert_eq!(names.is_empty(), known.is_empty());
    }

    #[test]
    fn what_is_right_is_named() {
        check(
            "variable `titel` is not defined. Available variables: path, title",
            "variable `titel` is not defined; did you mean `title`?",
            &["path", "title"],
        );
        check(
            "field `x` is not defined. Available fields: name",
            "field `x` is not defined",
            &["name"],
        );
        check("unknown filter `jsn`", "unknown filter `jsn`; did you mean `json`?", &["json"]);
        check("unknown test `od`", "unknown test `od`; did you mean `odd`?", &["odd"]);
        check("unknown function `f`", "unknown function `f`", &["asset"]);
        check(
            "unknown component `ui.card`",
            "unknown component `ui.card`; did you mean `ui.Card`?",
            &["ui.Card"],
        );
        check(
            "there is no template `_crad.html` to extend",
            "there is no template `_crad.html` to extend; did you mean `_card.html`?",
            &["_card.html"],
        );
        check("something else.", "something else", &[]);
    }
}
