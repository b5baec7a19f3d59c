//! The elements that a page's script reaches as `refs.name`, held against those that the page has.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::check::{
    diagnostic::Diagnostic,
    expression::{Expression, Token, text_end},
    scan::{self, Piece},
    sources::Sources,
    suggestion::did_you_mean,
};

/// Which templates each template extends, includes, imports or takes components from.
pub(crate) struct Uses<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Uses<'a> {
    pub(crate) fn of(sources: &'a Sources) -> Self {
        let mut defined = BTreeMap::new();
        for (name, expressions) in all(sources) {
            let components = expressions.iter().filter_map(Expression::component);
            defined.extend(components.map(|component| (component, name)));
        }
        let uses = all(sources).map(|(name, expressions)| {
            let texts = expressions.iter().flat_map(|expression| &expression.tokens);
            let named = texts.filter_map(|(_, token)| match token {
                Token::Text(text) => sources.get_key_value(*text).map(|(name, _)| name.as_str()),
                Token::Word(_) | Token::Mark(_) => None,
            });
            let components = expressions.iter().flat_map(Expression::components);
            let taken = components.filter_map(|component| defined.get(&component).copied());
            (name, named.chain(taken).collect())
        });
        Self(uses.collect())
    }

    /// Returns the templates that a page is made of, itself included.
    pub(crate) fn of_page(&self, page: &'a str) -> BTreeSet<&'a str> {
        let mut parts = BTreeSet::from([page]);
        let mut new = vec![page];
        while let Some(name) = new.pop() {
            let used = self.0.get(name).into_iter().flatten();
            new.extend(used.copied().filter(|used| parts.insert(used)));
        }
        parts
    }
}

fn all(sources: &Sources) -> impl Iterator<Item = (&str, Vec<Expression<'_>>)> {
    sources.iter().map(|(name, source)| {
        let expressions =
            scan::pieces(source, 0).into_iter().filter_map(|(at, piece)| match piece {
                Piece::Expression(written) | Piece::Statement(written) => {
                    Some(Expression::of(written, at))
                }
                Piece::Text(_) | Piece::Comment(_) => None,
            });
        (name.as_str(), expressions.collect())
    })
}

/// Returns a diagnostic for each name in a page's script that no element of the page has.
pub(crate) fn lint(
    sources: &Sources,
    uses: &Uses<'_>,
    page: &str,
    path: &str,
    script: &str,
) -> Vec<Diagnostic> {
    let Some((page, _)) = sources.get_key_value(page) else { return Vec::new() };
    let used = refs(script);
    if used.is_empty() {
        return Vec::new();
    }
    let mut known = BTreeSet::new();
    let templates = uses.of_page(page);
    let texts = templates.iter().filter_map(|name| sources.get(*name)).map(String::as_str);
    // What the script itself writes counts as well.
    for text in texts.chain([script]) {
        known.extend(named(text));
    }
    let mut diagnostics = Vec::new();
    for (at, name) in used {
        // A name with an expression in it may be any name that begins like it.
        let is_known = known.iter().any(|known| match known.split_once('{') {
            Some((start, _)) => name.starts_with(start),
            None => *known == name,
        });
        if is_known {
            continue;
        }
        let plain = known.iter().copied().filter(|known| !known.contains('{'));
        let meant = did_you_mean(name, plain.clone());
        let message = format!("{page} has no element with p-ref=\"{name}\"{meant}");
        let known = plain.map(str::to_owned).collect();
        diagnostics.push(Diagnostic {
            known,
            ..Diagnostic::in_text(path.to_owned(), script, at, &message)
        });
    }
    diagnostics
}

/// Returns the values of the attributes `p-ref` in a text, expressions and all.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("p-ref").filter_map(|(at, name)| {
        let value = text[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let value = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next()?,
            _ => value.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?,
        };
        Some(value.trim())
    })
}

/// Returns the names of `refs.name` in a script that imports `refs` from the client, each once,
/// and where it stands first.
fn refs(script: &str) -> Vec<(usize, &str)> {
    let code = without_words(script);
    if !imports_refs(script) {
        return Vec::new();
    }
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let mut found: Vec<(usize, &str)> = Vec::new();
    for (at, word) in code.match_indices("refs.") {
        let within = code[..at].ends_with(|c| is_name(c) || c == '.' || c == '#');
        let spread = code[..at].ends_with("...");
        let start = at + word.len();
        let rest = &script[start..];
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        let seen = found.iter().any(|(_, other)| *other == name);
        if (!within || spread) && !name.is_empty() && !seen {
            found.push((start, name));
        }
    }
    found
}

/// Tells whether a script has `import { refs } from "kipo"`.
fn imports_refs(script: &str) -> bool {
    let mut clients =
        ["\"kipo\"", "'kipo'"].into_iter().flat_map(|name| script.match_indices(name));
    clients.any(|(at, _)| {
        let before = script[..at].trim_end();
        let names = before.strip_suffix("from").and_then(|before| {
            let (_, names) = before.rsplit_once("import")?;
            names.trim().strip_prefix('{')?.strip_suffix('}')
        });
        names.is_some_and(|names| names.split(',').any(|name| name.trim() == "refs"))
    })
}

/// Returns a script with blanks in place of its comments and of what stands in quotes; the rest
/// stays at its place. Templates in backticks stay, as there is code within them.
fn without_words(script: &str) -> String {
    let mut code = String::with_capacity(script.len());
    let mut at = 0;
    while let Some(c) = script[at..].chars().next() {
        let rest = &script[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if matches!(c, '"' | '\'') {
            // No text goes on in the next line, so what is none is left at its end.
            text_end(rest).min(rest.find('\n').unwrap_or(rest.len()))
        } else {
            code.push(c);
            at += c.len_utf8();
            continue;
        };
        code.extend(std::iter::repeat_n(' ', length));
        at += length;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &[&str]) {
        let script = format!("import {{ action, refs }} from \"kipo\";\n{script}");
        let found = refs(&script);
        assert!(found.iter().all(|(at, name)| script[*at..].starts_with(name)));
        assert_eq!(found.iter().map(|(_, name)| *name).collect::<Vec<_>>(), expected, "{script}");
    }

    #[test]
    fn names_are_found_in_code_alone() {
        check("refs.list.append(refs.row_1); refs.list", &["list", "row_1"]);
        check("// refs.a\n/* refs.b\n */ 'refs.c' + \"it's refs.d\"; refs.e", &["e"]);
        check("`${refs.a.value} é`; [...refs.b]; x.refs.c; myrefs.d; this.#refs.e", &["a", "b"]);
        check("let re = /['\"]/;\nrefs.a", &["a"]);
        check("const { a } = refs; refs[b]; refs.", &[]);
        check("'no end", &[]);
    }

    #[test]
    fn only_the_refs_of_the_client_count() {
        for script in [
            "refs.a",
            "import { refs } from './other.js'; refs.a",
            "import { refs as r } from 'kipo'; refs.a",
            "import 'kipo'; refs.a",
        ] {
            assert!(refs(script).is_empty(), "{script}");
        }
        assert_eq!(refs("import {\n  action,\n  refs,\n} from 'kipo'; refs.a").len(), 1);
    }

    fn sources() -> Sources {
        [
            ("_base.html", "<main p-ref=\"app\">{% block main %}{% endblock %}</main>"),
            ("_layout.html", "{% extends \"_base.html\" %}"),
            ("_row.html", "{% component Row(n: number) %}<li p-ref='row'>{% endcomponent Row %}"),
            ("_list.html", "<ol p-ref=list>{{<Row n={1} />}}</ol>"),
            (
                "index.html",
                "{% extends '_layout.html' %}{% include \"_list.html\" %}<b p-ref='n_{{ n }}'>",
            ),
            ("other.html", "<p p-ref=\"elsewhere\">"),
        ]
        .map(|(name, source)| (name.to_owned(), source.to_owned()))
        .into()
    }

    #[test]
    fn a_page_has_what_its_parts_have() {
        let sources = sources();
        let uses = Uses::of(&sources);
        let lint = |script: &str| {
            let script = format!("import {{ refs }} from 'kipo';\n{script}");
            lint(&sources, &uses, "index.html", "pages/index.js", &script)
        };
        assert_eq!(lint("refs.app; refs.row; refs.list; refs.n_7"), []);
        assert_eq!(lint("x.innerHTML = '<p p-ref=\"own\">'; refs.own"), []);
        let diagnostics = lint("  refs.lst; refs.elsewhere");
        assert_eq!(diagnostics.len(), 2);
        assert_eq!(diagnostics[0].place(), "pages/index.js:2:8");
        assert_eq!(
            diagnostics[0].message,
            "index.html has no element with p-ref=\"lst\"; did you mean `list`?"
        );
        assert_eq!(diagnostics[0].known, ["app", "list", "row"]);
        assert!(diagnostics[0].excerpt.contains("  refs.lst"));
        assert_eq!(diagnostics[1].message, "index.html has no element with p-ref=\"elsewhere\"");
    }
}
