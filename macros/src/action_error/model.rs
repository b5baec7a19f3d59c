//! The errors of an action as they are written: the variants of an enum.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{
    Attribute, Expr, ExprLit, Field, Fields, Generics, Lit, LitStr, Member, Meta, Type,
    punctuated::Punctuated,
};

use crate::{
    diagnostics::Errors,
    fields::Payload,
    syntax::{
        args::{Arg, Syntax},
        attrs,
        enums::EnumItem,
        names, types,
    },
};

/// The errors of an action.
pub(crate) struct ActionErrors {
    pub ident: Ident,
    pub generics: Generics,
    pub doc: String,
    pub variants: Vec<Variant>,
}

/// One error.
pub(crate) struct Variant {
    pub ident: Ident,
    pub kind: Kind,
}

/// What a variant is.
pub(crate) enum Kind {
    /// It wraps another error, which it passes on unchanged.
    Transparent(Box<Wrapped>),
    Own(Box<Own>),
}

/// The field of a variant that wraps another error.
pub(crate) struct Wrapped {
    pub ty: Type,
    /// Whether `?` makes the variant of that error.
    pub from: bool,
}

impl Wrapped {
    /// Returns whether the error is `kipo::Error`, as far as its name shows.
    pub(crate) fn is_kipo(&self) -> bool {
        types::last_segment(&self.ty).is_some_and(|(ident, _)| ident == "Error")
    }
}

/// An error with a status and a code of its own.
pub(crate) struct Own {
    pub status: Status,
    pub code: Code,
    /// What the caller reads; by default the words of the code.
    pub message: Option<LitStr>,
    pub doc: String,
    /// All fields, for the message.
    pub fields: Fields,
    /// The field whose error is logged, and never sent.
    pub source: Option<(Member, Wrapped)>,
    /// The other fields, as the caller reads them.
    pub payload: Payload,
}

/// A status, and where it is written.
pub(crate) struct Status {
    pub number: u64,
    pub span: Span,
}

/// A code, and where it is written.
pub(crate) struct Code {
    pub text: String,
    pub span: Span,
}

const ERROR: Syntax = Syntax {
    name: "`#[error]`",
    noun: "argument",
    known: &["status", "code", "message", "transparent"],
    form: "`status = 409`, `code = \"room_full\"`, `message = \"…{field}…\"`, or only `transparent`",
};

/// The status of an error that names none.
const STATUS: u64 = 400;

/// Parses `#[derive(ActionError)] item`.
pub(crate) fn parse(item: &TokenStream, errors: &mut Errors) -> Option<ActionErrors> {
    let expected = |ident: &Ident| {
        let form = format!("`enum {ident} {{ NotFound, RoomFull {{ limit: u32 }} }}`");
        format!("the errors of an action are the variants of an enum: {form}")
    };
    let EnumItem { attrs, ident, generics, variants } = EnumItem::parse(item, expected, errors)?;
    let variants = variants.iter().map(|variant| Variant::of(variant, &ident, errors)).collect();
    Some(ActionErrors { doc: attrs::doc(&attrs), ident, generics, variants })
}

impl Variant {
    fn of(variant: &syn::Variant, of: &Ident, errors: &mut Errors) -> Self {
        let args = args(&variant.attrs, errors);
        let transparent = args.iter().find(|arg| arg.key == "transparent");
        let kind = match transparent.and_then(|arg| arg.bare(errors).map(|()| arg)) {
            Some(arg) => transparent_of(variant, arg, &args, errors),
            None => None,
        };
        let kind = kind.unwrap_or_else(|| Kind::Own(Box::new(Own::of(variant, of, &args, errors))));
        Self { ident: variant.ident.clone(), kind }
    }
}

/// Returns the arguments of all `#[error(…)]` attributes.
fn args(attrs: &[Attribute], errors: &mut Errors) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("error")) {
        let Meta::List(list) = &attr.meta else {
            errors.under(&attr.meta, format!("{} takes {}", ERROR.name, ERROR.form));
            continue;
        };
        for arg in ERROR.parse(list.tokens.clone(), errors) {
            if args.iter().any(|other| other.key == arg.key) {
                errors.under(&arg.key, format!("`{}` is given twice", arg.key));
            } else {
                args.push(arg);
            }
        }
    }
    args
}

fn transparent_of(
    variant: &syn::Variant,
    transparent: &Arg,
    args: &[Arg],
    errors: &mut Errors,
) -> Option<Kind> {
    for other in args.iter().filter(|arg| arg.key != "transparent") {
        let message = format!("a transparent error has the `{}` of the error in it", other.key);
        errors.under(&other.key, message);
    }
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let field = &fields.unnamed[0];
            let from = is_marked(field, "from");
            Some(Kind::Transparent(Box::new(Wrapped { ty: field.ty.clone(), from })))
        }
        _ => {
            let form = format!("`{}(#[from] kipo::Error)`", variant.ident);
            let message = format!("a transparent variant has one field, the error: {form}");
            errors.under(&transparent.key, message);
            None
        }
    }
}

impl Own {
    fn of(variant: &syn::Variant, of: &Ident, args: &[Arg], errors: &mut Errors) -> Self {
        let ident = &variant.ident;
        let mut own = Self {
            status: Status { number: STATUS, span: ident.span() },
            code: Code { text: names::snake(&names::unraw(ident)), span: ident.span() },
            message: None,
            doc: attrs::doc(&variant.attrs),
            fields: variant.fields.clone(),
            source: source(&variant.fields, errors),
            payload: Payload::Nothing,
        };
        let mut sent = variant.clone();
        remove_sources(&mut sent.fields);
        own.payload = Payload::of(&sent, of, "an error", errors);
        for arg in args {
            match arg.key.to_string().as_str() {
                "status" => own.status = Status::read(arg, errors).unwrap_or(own.status),
                "code" => {
                    let code = arg.text(errors);
                    let code = code.map(|code| Code { text: code.value(), span: code.span() });
                    own.code = code.unwrap_or(own.code);
                }
                "message" => own.message = arg.text(errors),
                _ => {}
            }
        }
        own
    }
}

impl Status {
    fn read(arg: &Arg, errors: &mut Errors) -> Option<Self> {
        let value = arg.value(errors)?;
        // The tokens of a user's own macro are in a group: `status = $status`.
        let inner = match &value {
            Expr::Group(group) => &group.expr,
            other => other,
        };
        if let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = inner
            && let Ok(status) = number.base10_parse()
        {
            return Some(Self { number: status, span: number.span() });
        }
        errors.under(value, "a status is a number: `status = 409`");
        None
    }
}

/// Finds the field with the error that is logged.
fn source(fields: &Fields, errors: &mut Errors) -> Option<(Member, Wrapped)> {
    let mut source = None;
    for (field, member) in fields.iter().zip(fields.members()).filter(|(field, _)| is_source(field))
    {
        if source.is_some() {
            errors.under(&field.ty, "an error has one source");
        }
        let from = is_marked(field, "from");
        if from && fields.len() > 1 {
            errors.under(
                &field.ty,
                "`#[from]` is for the only field of a variant: `?` has no value for the others",
            );
        }
        if matches!(fields, Fields::Unnamed(_)) && fields.len() > 1 {
            errors.under(fields, "give the fields names: `{ #[source] cause: Type, data: Type }`");
        }
        source = Some((member, Wrapped { ty: field.ty.clone(), from }));
    }
    source
}

fn remove_sources(fields: &mut Fields) {
    let kept = |fields: &mut Punctuated<Field, syn::Token![,]>| {
        std::mem::take(fields).into_iter().filter(|field| !is_source(field)).collect()
    };
    match fields {
        Fields::Named(fields) => fields.named = kept(&mut fields.named),
        Fields::Unnamed(fields) => fields.unnamed = kept(&mut fields.unnamed),
        Fields::Unit => {}
    }
    // What has no field left carries nothing.
    if fields.is_empty() {
        *fields = Fields::Unit;
    }
}

fn is_source(field: &Field) -> bool {
    is_marked(field, "source") || is_marked(field, "from")
}

fn is_marked(field: &Field, name: &str) -> bool {
    field.attrs.iter().any(|attr| attr.path().is_ident(name))
}
