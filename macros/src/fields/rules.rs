//! The rules that `#[validate(…)]` states.

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, Meta, spanned::Spanned};

use crate::{
    diagnostics::Errors,
    syntax::args::{Arg, Syntax},
};

/// One rule for a value.
pub(crate) struct Rule {
    pub kind: Kind,
    /// Of the rule's name. The compiler reports there that a rule does not fit its type.
    pub span: Span,
}

pub(crate) enum Kind {
    Length { min: Option<Expr>, max: Option<Expr> },
    Range { min: Option<Expr>, max: Option<Expr> },
    Email,
    Url,
    Contains { pattern: Expr },
    File { min: Option<Expr>, max: Option<Expr>, types: Vec<Expr> },
    Required,
    Nested,
    Secret,
    Custom { function: Expr },
}

const RULES: Syntax = Syntax {
    name: "`#[validate]`",
    noun: "rule",
    known: &[
        "length", "range", "email", "url", "contains", "file", "required", "nested", "secret",
        "custom",
    ],
    form: "rules such as `length(min = 1, max = 20)`",
};

const LENGTH: Syntax = Syntax {
    name: "`length`",
    noun: "argument",
    known: &["min", "max", "equal"],
    form: "`min`, `max` or both, or `equal`: `length(min = 1, max = 20)`",
};

const RANGE: Syntax = Syntax {
    name: "`range`",
    noun: "argument",
    known: &["min", "max"],
    form: "`min`, `max` or both: `range(min = 1, max = 20)`",
};

const CONTAINS: Syntax = Syntax {
    name: "`contains`",
    noun: "argument",
    known: &["pattern"],
    form: "a text: `contains(pattern = \"@\")`",
};

const FILE: Syntax = Syntax {
    name: "`file`",
    noun: "argument",
    known: &["bytes_min", "bytes_max", "types"],
    form: "sizes and types: `file(bytes_max = 5 << 20, types(\"image/*\"))`",
};

const CUSTOM: Syntax = Syntax {
    name: "`custom`",
    noun: "argument",
    known: &["function"],
    form: "a function: `custom(function = is_even)`",
};

impl Rule {
    /// Parses the rules of a field.
    pub(crate) fn of_field(attrs: &[Attribute], errors: &mut Errors) -> Vec<Self> {
        parse(attrs, errors).into_iter().filter_map(|arg| rule(&arg, errors)).collect()
    }

    /// Parses the rules of a whole type: only a function of the user's can check one.
    pub(crate) fn of_type(attrs: &[Attribute], errors: &mut Errors) -> Vec<Self> {
        let mut rules = Self::of_field(attrs, errors);
        rules.retain(|rule| {
            let whole = matches!(rule.kind, Kind::Custom { .. });
            if !whole {
                let message = "this rule is for a field; a type takes `custom(function = …)`";
                errors.at(rule.span, message);
            }
            whole
        });
        rules
    }
}

/// Returns whether an attribute states rules.
pub(crate) fn is_validate(attr: &Attribute) -> bool {
    attr.path().is_ident("validate")
}

fn parse(attrs: &[Attribute], errors: &mut Errors) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    for attr in attrs.iter().filter(|attr| is_validate(attr)) {
        let Meta::List(list) = &attr.meta else {
            errors.under(&attr.meta, format!("{} takes {}", RULES.name, RULES.form));
            continue;
        };
        for arg in RULES.parse(list.tokens.clone(), errors) {
            if args.iter().any(|other| other.key == arg.key) {
                errors.under(&arg.key, format!("`{}` is given twice", arg.key));
            } else {
                args.push(arg);
            }
        }
    }
    args
}

fn rule(arg: &Arg, errors: &mut Errors) -> Option<Rule> {
    let kind = match arg.key.to_string().as_str() {
        "length" => {
            let (min, max) = bounds(arg, LENGTH, errors)?;
            Kind::Length { min, max }
        }
        "range" => {
            let (min, max) = bounds(arg, RANGE, errors)?;
            Kind::Range { min, max }
        }
        "email" => arg.bare(errors).map(|()| Kind::Email)?,
        "url" => arg.bare(errors).map(|()| Kind::Url)?,
        "required" => arg.bare(errors).map(|()| Kind::Required)?,
        "nested" => arg.bare(errors).map(|()| Kind::Nested)?,
        "secret" => arg.bare(errors).map(|()| Kind::Secret)?,
        "file" => file(arg, errors)?,
        "contains" => Kind::Contains { pattern: only(arg, CONTAINS, errors)? },
        _ => Kind::Custom { function: only(arg, CUSTOM, errors)? },
    };
    Some(Rule { kind, span: arg.key.span() })
}

/// Returns the sizes and the types of `file(…)`.
fn file(arg: &Arg, errors: &mut Errors) -> Option<Kind> {
    let args = arg.list(FILE, errors)?;
    let (mut min, mut max, mut types) = (None, None, Vec::new());
    for arg in &args {
        match arg.key.to_string().as_str() {
            "bytes_min" => min = Some(arg.value(errors)?),
            "bytes_max" => max = Some(arg.value(errors)?),
            _ => types = arg.values(errors)?,
        }
    }
    Some(Kind::File { min, max, types })
}

/// Returns the lower and the upper bound; `equal` is both.
fn bounds(arg: &Arg, syntax: Syntax, errors: &mut Errors) -> Option<(Option<Expr>, Option<Expr>)> {
    let args = arg.list(syntax, errors)?;
    let mut bound = |name: &str| {
        let arg = args.iter().find(|arg| arg.key == name)?;
        Some((arg.key.clone(), arg.value(errors)?))
    };
    match (bound("min"), bound("max"), bound("equal")) {
        (None, None, Some((_, equal))) => Some((Some(equal.clone()), Some(equal))),
        (_, _, Some((key, _))) => {
            errors.under(key, "`equal` sets both `min` and `max`: leave them out");
            None
        }
        (min, max, None) => {
            let expr = |bound: Option<(Ident, Expr)>| bound.map(|(_, expr)| expr);
            Some((expr(min), expr(max)))
        }
    }
}

/// Returns the value of the one argument that a rule takes.
fn only(arg: &Arg, syntax: Syntax, errors: &mut Errors) -> Option<Expr> {
    let value = arg.list(syntax, errors)?.first()?.value(errors)?;
    // Other crates write `custom(function = "path")`.
    if let (Expr::Lit(_), "custom") = (&value, arg.key.to_string().as_str()) {
        errors.at(value.span(), "the function is a path, without quotes");
        return None;
    }
    Some(value)
}
