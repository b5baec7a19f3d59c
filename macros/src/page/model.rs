//! A page and the function of its data, as they are written.

use proc_macro2::{Ident, TokenStream};
use syn::{
    FnArg, ItemFn, LitStr, Token, Type,
    parse::{ParseStream, Parser},
};

use crate::{
    diagnostics::Errors,
    syntax::{access::Access, args::Syntax, context, names, types},
};

/// What `#[page(…)]` says.
pub(crate) struct Page {
    /// The path of the page's file below `pages`, without `.html`.
    pub path: LitStr,
    /// The names in brackets, in the order of the path.
    pub params: Vec<String>,
    pub access: Access,
    pub cache: Option<Cache>,
}

/// How long copies of the page are fresh.
#[derive(Clone, Copy)]
pub(crate) enum Cache {
    Public { seconds: u64 },
    Private { seconds: u64 },
    Never,
}

/// The function that returns the page's data.
pub(crate) struct Function {
    /// Without `#[page]` and `#[context]`.
    pub item: ItemFn,
    /// In the order of the function's arguments, except for those that have no name.
    pub arguments: Vec<Argument>,
}

/// An argument of the function.
pub(crate) struct Argument {
    pub ty: Type,
    pub source: Source,
}

/// Where the value of an argument comes from.
pub(crate) enum Source {
    Context,
    State(Type),
    Query(Type),
    /// Taken from the request: the argument has `#[context]`.
    Value,
    /// The parameter of the path that has this name.
    Param(Ident),
}

const PAGE: Syntax = Syntax {
    name: "`#[page]`",
    noun: "argument",
    known: &["guard", "public", "cache"],
    form: "the page, and then `guard = MembersOnly`, `public` and `cache = \"public, 5m\"`",
};

impl Page {
    /// Parses the arguments of the attribute.
    pub(crate) fn parse(args: TokenStream, errors: &mut Errors) -> Option<Self> {
        let split = |input: ParseStream<'_>| {
            let path: LitStr = input.parse()?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
            Ok((path, input.parse::<TokenStream>()?))
        };
        let (path, rest) = match split.parse2(args) {
            Ok(split) => split,
            Err(error) => {
                let form = "`#[page]` takes the page's path below `pages`, without `.html`: \
                            `#[page(\"blog/[slug]\")]`";
                errors.at(error.span(), form);
                return None;
            }
        };
        let params = params(&path, errors);
        let mut page = Self { path, params, access: Access::default(), cache: None };
        for arg in PAGE.parse(rest, errors) {
            match arg.key.to_string().as_str() {
                "cache" => {
                    page.cache = arg.text(errors).and_then(|text| Cache::parse(&text, errors));
                }
                _ => page.access.read(&arg, errors),
            }
        }
        Some(page)
    }
}

/// Returns the names in brackets.
fn params(page: &LitStr, errors: &mut Errors) -> Vec<String> {
    let path = page.value();
    let mut params: Vec<String> = Vec::new();
    let mut wrong = |message: String| errors.under(page, message);
    if path.starts_with('/') || path.ends_with('/') || path.contains("//") || path.is_empty() {
        wrong(
            "a page is named by its file below `pages`: no `/` at either end, `index` for the \
             first page"
                .to_owned(),
        );
    }
    if let Some(stem) = path.strip_suffix(".html") {
        wrong(format!("leave `.html` out: `#[page({stem:?})]`"));
    }
    let count = path.split('/').count();
    for (index, segment) in path.split('/').enumerate() {
        let inner = segment.strip_prefix('[').and_then(|segment| segment.strip_suffix(']'));
        let name = match inner {
            Some(inner) => match inner.strip_prefix("...") {
                Some(_) if index + 1 < count => {
                    wrong(format!("`{segment}` takes the rest of the path, so it comes last"));
                    continue;
                }
                Some(rest) => rest,
                None => inner,
            },
            None if segment.contains(['[', ']']) => {
                wrong(format!("`{segment}`: a parameter is a whole segment: `[name]`"));
                continue;
            }
            None => continue,
        };
        if syn::parse_str::<Ident>(name).is_err() {
            wrong(format!("`{segment}`: the name of a parameter is a Rust identifier: `[name]`"));
        } else if params.iter().any(|param| param == name) {
            wrong(format!("the parameter `{name}` is given twice"));
        } else {
            params.push(name.to_owned());
        }
    }
    params
}

impl Cache {
    /// Parses `public, 5m`, `private, 1h` or `no-store`.
    fn parse(text: &LitStr, errors: &mut Errors) -> Option<Self> {
        let value = text.value();
        let cache = match value.split_once(',').map(|(who, time)| (who.trim(), time.trim())) {
            Some(("public", time)) => seconds(time).map(|seconds| Self::Public { seconds }),
            Some(("private", time)) => seconds(time).map(|seconds| Self::Private { seconds }),
            Some(_) => None,
            None => (value.trim() == "no-store").then_some(Self::Never),
        };
        if cache.is_none() {
            errors.under(
                text,
                "`cache` says who may store the page and for how long it is fresh: `\"public, 5m\"`, \
                 `\"private, 1h\"` (`s`, `m`, `h` or `d`), or `\"no-store\"`",
            );
        }
        cache
    }
}

fn seconds(time: &str) -> Option<u64> {
    let (number, unit) = time.split_at(time.len().checked_sub(1)?);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(unit)
}

impl Function {
    /// Parses the function below the attribute.
    pub(crate) fn parse(item: &TokenStream, errors: &mut Errors) -> Option<Self> {
        let mut item: ItemFn = match syn::parse2(item.clone()) {
            Ok(item) => item,
            Err(error) => {
                errors.at(error.span(), "the data of a page is an `async fn`");
                return None;
            }
        };
        let argument = |argument: &mut FnArg| match argument {
            FnArg::Typed(argument) => {
                let ty = (*argument.ty).clone();
                let of_request = context::take(&mut argument.attrs, errors);
                let source = match filled(&ty) {
                    Some(source) => {
                        if of_request {
                            errors.under(&ty, context::NOT_NEEDED);
                        }
                        source
                    }
                    None if of_request => Source::Value,
                    None => Source::Param(names::of_argument(&argument.pat, errors)?),
                };
                Some(Argument { ty, source })
            }
            FnArg::Receiver(_) => None,
        };
        let arguments = item.sig.inputs.iter_mut().filter_map(argument).collect();
        Some(Self { item, arguments })
    }

    /// Returns the types of state that the app has to hold.
    pub(crate) fn states(&self) -> impl Iterator<Item = &Type> {
        self.arguments.iter().filter_map(|argument| match &argument.source {
            Source::State(ty) => Some(ty),
            Source::Context | Source::Query(_) | Source::Value | Source::Param(_) => None,
        })
    }

    /// Returns the types of the values that are taken from the request.
    pub(crate) fn values(&self) -> Vec<&Type> {
        let values =
            self.arguments.iter().filter(|argument| matches!(argument.source, Source::Value));
        values.map(|argument| &argument.ty).collect()
    }
}

/// Returns what the runtime fills an argument with, which the last word of its type says.
///
/// An action's context counts as well, so that a check can say what is wrong with it.
fn filled(ty: &Type) -> Option<Source> {
    let (ident, argument) = types::last_segment(ty)?;
    match (ident.to_string().as_str(), argument) {
        ("PageContext" | "Context", None) => Some(Source::Context),
        ("State", Some(state)) => Some(Source::State(state.clone())),
        ("Query", Some(query)) => Some(Source::Query(query.clone())),
        _ => None,
    }
}
