//! The arguments of an attribute: each key is known and given once.

use std::fmt::Display;

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Token, Type, parse::Parser, punctuated::Punctuated};

use crate::diagnostics::{Errors, suggest};

/// What the arguments of one attribute look like, in the words of its error messages.
#[derive(Clone, Copy)]
pub(crate) struct Syntax {
    /// Such as "`#[action]`".
    pub name: &'static str,
    /// What one argument is called: "argument" or "rule".
    pub noun: &'static str,
    pub known: &'static [&'static str],
    /// The right form, for a user who wrote something else altogether.
    pub form: &'static str,
}

/// `key`, `key = value` or `key(…)`, where the key is known and not given before.
pub(crate) struct Arg {
    pub key: Ident,
    pub meta: Meta,
}

impl Syntax {
    /// Parses arguments; reports those that are wrong and leaves them out.
    pub(crate) fn parse(self, tokens: TokenStream, errors: &mut Errors) -> Vec<Arg> {
        let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(metas) => metas,
            Err(error) => {
                errors.at(error.span(), format!("{} takes {}", self.name, self.form));
                return Vec::new();
            }
        };
        let mut args: Vec<Arg> = Vec::new();
        for meta in metas {
            let Self { name, noun, known, .. } = self;
            let Some(key) = meta.path().get_ident().cloned() else {
                errors.under(meta.path(), format!("{name} takes {}", self.form));
                continue;
            };
            let word = key.to_string();
            if !known.contains(&word.as_str()) {
                let hint = suggest(&word, known);
                errors.under(&key, format!("unknown {noun} `{word}` of {name}: {hint}"));
            } else if args.iter().any(|arg| arg.key == key) {
                errors.under(&key, format!("`{word}` is given twice"));
            } else {
                args.push(Arg { key, meta });
            }
        }
        args
    }
}

impl Arg {
    /// Returns the text of `key = "text"`.
    pub(crate) fn text(&self, errors: &mut Errors) -> Option<LitStr> {
        match &self.meta {
            Meta::NameValue(pair) => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
                other => self.wrong(other, " = \"…\"", errors),
            },
            other => self.wrong(other, " = \"…\"", errors),
        }
    }

    /// Returns the value of `key = value`.
    pub(crate) fn value(&self, errors: &mut Errors) -> Option<Expr> {
        match &self.meta {
            Meta::NameValue(pair) => Some(pair.value.clone()),
            other => self.wrong(other, " = …", errors),
        }
    }

    /// Returns the types of `key(A, B)`.
    pub(crate) fn types(&self, errors: &mut Errors) -> Vec<Type> {
        let parser = Punctuated::<Type, Token![,]>::parse_terminated;
        let types = match &self.meta {
            Meta::List(list) if !list.tokens.is_empty() => list.parse_args_with(parser).ok(),
            Meta::List(_) | Meta::Path(_) | Meta::NameValue(_) => None,
        };
        match types {
            Some(types) => types.into_iter().collect(),
            None => self.wrong(&self.meta, "(Type, …)", errors).unwrap_or_default(),
        }
    }

    /// Returns the values of `key(a, b)`.
    pub(crate) fn values(&self, errors: &mut Errors) -> Option<Vec<Expr>> {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        match &self.meta {
            Meta::List(list) if !list.tokens.is_empty() => {
                let values = list.parse_args_with(parser).ok();
                values.map(|values| values.into_iter().collect())
            }
            Meta::List(_) | Meta::Path(_) | Meta::NameValue(_) => None,
        }
        .or_else(|| self.wrong(&self.meta, "(\"…\", \"…\")", errors))
    }

    /// Returns the arguments of `key(…)`; at least one is written.
    pub(crate) fn list(&self, syntax: Syntax, errors: &mut Errors) -> Option<Vec<Self>> {
        match &self.meta {
            Meta::List(list) if !list.tokens.is_empty() => {
                Some(syntax.parse(list.tokens.clone(), errors))
            }
            other => {
                errors.under(other, format!("{} takes {}", syntax.name, syntax.form));
                None
            }
        }
    }

    /// Checks that the key has no value.
    pub(crate) fn bare(&self, errors: &mut Errors) -> Option<()> {
        match &self.meta {
            Meta::Path(_) => Some(()),
            other => {
                errors.under(other, format!("`{}` takes no value", self.key));
                None
            }
        }
    }

    fn wrong<T>(
        &self,
        tokens: impl quote::ToTokens,
        form: impl Display,
        errors: &mut Errors,
    ) -> Option<T> {
        errors.under(tokens, format!("the form is `{}{form}`", self.key));
        None
    }
}
