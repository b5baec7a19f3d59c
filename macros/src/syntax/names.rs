//! Names in the cases of Rust: `send_message`, `SendMessage`.

use proc_macro2::Ident;
use syn::{Pat, ext::IdentExt};

use crate::diagnostics::Errors;

/// Returns a name without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Returns the name of an argument, and reports a pattern that is more than a name.
pub(crate) fn of_argument(pat: &Pat, errors: &mut Errors) -> Option<Ident> {
    match pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Some(name.ident.clone())
        }
        _ => {
            errors.under(pat, "an argument needs a name here: destructure it in the body");
            None
        }
    }
}

/// Returns `send_message` as `SendMessage`.
pub(crate) fn upper_camel(snake: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    snake.split('_').map(word).collect()
}

/// Returns `SendMessage` as `sendMessage`.
pub(crate) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Returns `HTTPError` as `http_error`: a word starts at a capital that follows a small letter
/// or a digit, and at the last capital of a run that a small letter follows.
pub(crate) fn snake(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut snake = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        let after = letters.get(index + 1);
        let starts = before.is_some_and(|before| {
            before.is_lowercase()
                || before.is_ascii_digit()
                || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
        });
        if letter.is_uppercase() && starts {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_snake(camel: &str, expected: &str) {
        assert_eq!(snake(camel), expected);
    }

    #[test]
    fn a_word_starts_at_a_capital_but_not_inside_an_acronym() {
        check_snake("Chat", "chat");
        check_snake("UserJoined", "user_joined");
        check_snake("HTTPError", "http_error");
        check_snake("ParseHTTP", "parse_http");
        check_snake("Step1Done", "step1_done");
        check_snake("V2", "v2");
        check_snake("Already_Snake", "already_snake");
        check_snake("X", "x");
    }

    #[test]
    fn a_function_names_its_action() {
        assert_eq!(upper_camel("send_message"), "SendMessage");
        assert_eq!(upper_camel("delete"), "Delete");
        assert_eq!(upper_camel("get_2fa"), "Get2fa");
    }
}
