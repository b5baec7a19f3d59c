//! The errors of one macro call, all reported in one compile, and hints for their messages.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors found so far, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Reports `message` under all of `tokens`.
    pub(crate) fn under(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports `message` at `span`.
    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.push(syn::Error::new(span, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns code that makes the compiler print the errors.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.map(|error| error.to_compile_error()).unwrap_or_default()
    }

    /// Returns the errors and then `item`, so that the rest of the program still finds the item.
    pub(crate) fn beside(self, item: &TokenStream) -> TokenStream {
        let mut tokens = self.into_tokens();
        item.to_tokens(&mut tokens);
        tokens
    }
}

/// Returns "did you mean …?" if one of `known` is close to `word`, and all of `known` otherwise.
pub(crate) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the known ones are {}", list(known)),
    }
}

/// Returns names as "`a`, `b` and `c`".
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Returns the name of `known` that is closest to `word`, unless more than a third of it differs.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |name: &&str| distance(word, name);
    let best = known.iter().copied().min_by_key(near)?;
    (distance(word, best) <= best.len().max(word.len()).div_ceil(3)).then_some(best)
}

/// Returns how many letters of `a` are replaced, missing, added or swapped in `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i.max(j)
            } else {
                let replaced = usize::from(a[i - 1] != b[j - 1]);
                let one =
                    (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + replaced);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { one.min(rows[i - 2][j - 2] + 1) } else { one }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_nearest_name() {
        let known = ["name", "state"];
        assert_eq!(nearest("nmae", &known), Some("name"));
        assert_eq!(nearest("states", &known), Some("state"));
        assert_eq!(nearest("timeout", &known), None);
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(list(&["a"]), "`a`");
    }
}
