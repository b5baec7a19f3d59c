//! `#[page("…")]` on an `async fn`: the data of a page.

use proc_macro2::{Ident, TokenStream};
use syn::{
    Expr, FnArg, ItemFn, LitStr, ReturnType, Token, Type,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use crate::{
    action::{check_no_impl, name_of},
    diagnostics::{Errors, list},
    expand, item,
    syntax::args::Owner,
};

/// A page's data, ready to be written down.
pub(crate) struct Page {
    pub page: LitStr,
    /// In the order of the path.
    pub params: Vec<String>,
    pub states: Vec<Type>,
    pub args: Args,
    pub function: ItemFn,
    /// In the order of the function's arguments.
    pub arguments: Vec<Argument>,
}

/// What `#[page("…", …)]` says besides the page.
#[derive(Default)]
pub(crate) struct Args {
    pub guard: Option<Expr>,
    pub cache: Option<Cache>,
}

/// How long copies of the page are good.
#[derive(Clone, Copy)]
pub(crate) enum Cache {
    Public { seconds: u64 },
    Private { seconds: u64 },
    Never,
}

/// How an argument of the function is filled.
pub(crate) enum Argument {
    Context,
    State(Type),
    Query(Type),
    /// From the path, by its name.
    Param(Ident, Type),
}

const PAGE: Owner = Owner {
    name: "`#[page]`",
    noun: "argument",
    known: &["guard", "cache"],
    form: "the page, and then `guard = MembersOnly` and `cache = \"public, 5m\"`",
};

/// Expands the attribute.
pub(crate) fn page(args: TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let page = parse_page(args, &mut errors);
    let (page, args) = page.map_or_else(Default::default, |(page, args)| (Some(page), args));
    let function = match syn::parse2::<ItemFn>(tokens.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.at(error.span(), "the data of a page is an `async fn`");
            return expand::untouched(tokens, errors);
        }
    };
    let params = page.as_ref().map(|page| params(page, &mut errors));
    check_signature(&function, &mut errors);
    item::refuse_cfg(&function.attrs, "#[page]", &mut errors);
    let arguments = arguments(&function, params.as_deref(), &mut errors);
    match (page, params) {
        (Some(page), Some(params)) if errors.is_empty() => {
            let states = arguments.iter().filter_map(|argument| match argument {
                Argument::State(ty) => Some(ty.clone()),
                Argument::Context | Argument::Query(_) | Argument::Param(..) => None,
            });
            let states = states.collect();
            expand::page(&Page { page, params, states, args, function, arguments })
        }
        _ => expand::bare(&function, errors),
    }
}

fn parse_page(tokens: TokenStream, errors: &mut Errors) -> Option<(LitStr, Args)> {
    let form = "`#[page]` takes the page's path below `pages`, without `.html`: \
                `#[page(\"blog/[slug]\")]`";
    let split = |input: ParseStream<'_>| {
        let page: LitStr = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok((page, input.parse::<TokenStream>()?))
    };
    match split.parse2(tokens) {
        Ok((page, rest)) => Some((page, parse_args(rest, errors))),
        Err(error) => {
            errors.at(error.span(), form);
            None
        }
    }
}

fn parse_args(tokens: TokenStream, errors: &mut Errors) -> Args {
    let mut args = Args::default();
    for arg in PAGE.parse(tokens, errors) {
        match arg.key.to_string().as_str() {
            "guard" => args.guard = arg.value(errors),
            _ => args.cache = arg.text(errors).and_then(|text| parse_cache(&text, errors)),
        }
    }
    args
}

/// Reads `public, 5m`, `private, 1h` or `no-store`.
fn parse_cache(text: &LitStr, errors: &mut Errors) -> Option<Cache> {
    let value = text.value();
    let cache = match value.split_once(',').map(|(who, time)| (who.trim(), time.trim())) {
        Some(("public", time)) => seconds(time).map(|seconds| Cache::Public { seconds }),
        Some(("private", time)) => seconds(time).map(|seconds| Cache::Private { seconds }),
        Some(_) => None,
        None => (value.trim() == "no-store").then_some(Cache::Never),
    };
    if cache.is_none() {
        errors.under(
            text,
            "who may keep a copy, and for how long it is good: `\"public, 5m\"`, \
             `\"private, 1h\"` (`s`, `m`, `h` or `d`), or `\"no-store\"`",
        );
    }
    cache
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
                    wrong(format!("`{segment}` takes the rest of the path, so it stands last"));
                    continue;
                }
                Some(rest) => rest,
                None => inner,
            },
            None if segment.contains(['[', ']']) => {
                wrong(format!("`{segment}`: a parameter is all of its segment, `[name]`"));
                continue;
            }
            None => continue,
        };
        if syn::parse_str::<Ident>(name).is_err() {
            wrong(format!("`{segment}`: a parameter is named as an argument is, `[name]`"));
        } else if params.iter().any(|param| param == name) {
            wrong(format!("the parameter `{name}` stands there twice"));
        } else {
            params.push(name.to_owned());
        }
    }
    params
}

fn check_signature(function: &ItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    let name = sig.ident.unraw();
    if sig.asyncness.is_none() {
        let message = format!("the data of a page is read by an `async fn`: `async fn {name}(…)`");
        errors.under(sig.fn_token, message);
    }
    if let Some(receiver) = sig.receiver() {
        errors.under(receiver, "a page's data stands alone: it has no `self`");
    }
    if !sig.generics.params.is_empty() {
        errors.under(&sig.generics.params, "a page's data has no generic parameters");
    }
    match &sig.output {
        ReturnType::Default => {
            let form = format!("`async fn {name}(…) -> Result<Post>`");
            errors.under(&sig.ident, format!("a page's data is a `Result`: {form}"));
        }
        ReturnType::Type(_, ty) => check_no_impl(ty, errors),
    }
}

fn arguments(function: &ItemFn, params: Option<&[String]>, errors: &mut Errors) -> Vec<Argument> {
    let mut arguments = Vec::new();
    for argument in &function.sig.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        let (word, inner) = match item::last_segment(&argument.ty) {
            Some((ident, inner)) => (ident.to_string(), inner),
            None => (String::new(), None),
        };
        match (word.as_str(), inner) {
            ("PageContext", None) => arguments.push(Argument::Context),
            ("State", Some(state)) => arguments.push(Argument::State(state.clone())),
            ("Query", Some(query)) => arguments.push(Argument::Query(query.clone())),
            ("Context", None) => {
                errors.under(&argument.ty, "the data of a page takes a `PageContext`");
            }
            _ => {
                let Some(ident) = name_of(&argument.pat, errors) else { continue };
                // Without a path there is nothing to hold the name against.
                let Some(params) = params else { continue };
                if params.contains(&ident.unraw().to_string()) {
                    arguments.push(Argument::Param(ident, (*argument.ty).clone()));
                } else {
                    let names: Vec<_> = params.iter().map(String::as_str).collect();
                    let there = list(&names);
                    let message = format!(
                        "`{ident}` is no parameter of the page, which has {there}; what stands \
                         behind the `?` is a `Query<…>`"
                    );
                    errors.under(&ident, message);
                }
            }
        }
    }
    arguments
}
