//! `#[action]` on a struct or on an `async fn`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{
    Attribute, Fields, FnArg, GenericParam, Item, ItemFn, ItemStruct, LitStr, Pat, ReturnType,
    Type, ext::IdentExt, spanned::Spanned,
};

use crate::{
    diagnostics::Errors,
    expand,
    fields::rules::{self, Rule},
    item::{self, Field, Serde},
    syntax::args::Owner,
};

/// An action, ready to be written down.
pub(crate) struct Action {
    /// The input, without `#[action]`.
    pub item: ItemStruct,
    pub doc: String,
    pub fields: Vec<Field>,
    /// Rules over several fields.
    pub rules: Vec<Rule>,
    pub args: Args,
    /// The function that the action calls, if it was written as one.
    pub call: Option<Call>,
}

/// What `#[action(…)]` says.
#[derive(Default)]
pub(crate) struct Args {
    pub name: Option<LitStr>,
    pub states: Vec<Type>,
}

/// The function behind an action.
pub(crate) struct Call {
    /// As it was written, without attributes on its arguments.
    pub function: ItemFn,
    /// In the order of the function's arguments.
    pub arguments: Vec<Argument>,
    pub output: Type,
}

/// How an argument of a function is filled.
pub(crate) enum Argument {
    Context,
    State(Type),
    Stream(Type),
    /// A field of the input.
    Field(Ident),
}

const ACTION: Owner = Owner {
    name: "`#[action]`",
    noun: "argument",
    known: &["name", "state"],
    form: "`name = \"chat.Send\"` and `state(Type, …)`",
};

/// What `#[action]` derives.
const DERIVES: &[&str] = &["Deserialize", "JsonSchema"];

/// Expands the attribute.
pub(crate) fn action(args: TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = parse_args(args, &mut errors);
    match syn::parse2::<Item>(tokens.clone()) {
        Ok(Item::Struct(item)) => of_struct(item, args, errors),
        Ok(Item::Fn(function)) => of_function(function, args, errors),
        Ok(item) => {
            let what = "an action is a struct, whose fields are its arguments, or an `async fn`";
            errors.at(keyword(&item), what);
            expand::stub(item, errors)
        }
        Err(error) => {
            errors.push(error);
            expand::untouched(tokens, errors)
        }
    }
}

fn parse_args(tokens: TokenStream, errors: &mut Errors) -> Args {
    let mut args = Args::default();
    for arg in ACTION.parse(tokens, errors) {
        match arg.key.to_string().as_str() {
            "name" => args.name = arg.text(errors).filter(|name| check_name(name, errors)),
            _ => args.states = arg.types(errors),
        }
    }
    args
}

/// Checks that a name is what `action.chat.Send` can be written with.
fn check_name(name: &LitStr, errors: &mut Errors) -> bool {
    let text = name.value();
    let wrong = |word: &str, capitals: bool| {
        let allowed = |letter: char| {
            letter == '_'
                || letter.is_ascii_lowercase()
                || letter.is_ascii_digit()
                || (capitals && letter.is_ascii_uppercase())
        };
        word.is_empty()
            || word.starts_with(|c: char| c.is_ascii_digit())
            || !word.chars().all(allowed)
    };
    let (namespace, last) = match text.rsplit_once('.') {
        Some((namespace, last)) => (Some(namespace), last),
        None => (None, text.as_str()),
    };
    let right = !wrong(last, true)
        && namespace.is_none_or(|namespace| !namespace.split('.').any(|word| wrong(word, false)));
    if !right {
        let form = "words of `a-z`, `0-9` and `_` and then a type's name, joined by dots: \
                    `\"chat.Send\"`";
        errors.under(name, format!("{text:?} is no name of an action; it is {form}"));
    }
    right
}

fn of_struct(mut item: ItemStruct, args: Args, mut errors: Errors) -> TokenStream {
    check_generics(&item, &mut errors);
    if let Fields::Unnamed(fields) = &item.fields
        && !fields.unnamed.is_empty()
    {
        let ident = &item.ident;
        let message = format!("an action's fields have names: `struct {ident} {{ name: Type }}`");
        errors.under(fields, message);
    }
    if item.generics.params.is_empty() {
        for field in &item.fields {
            check_owned(&field.ty, &mut errors);
        }
    }
    item::refuse_cfg(&item.attrs, "#[action]", &mut errors);
    item::refuse_derives(&item.attrs, "#[action]", DERIVES, &mut errors);
    item::without_derives(&mut item.attrs, DERIVES);
    let doc = item::doc(&item.attrs);
    finish(item, doc, args, None, errors)
}

/// Reads the fields of the input and writes the action down.
fn finish(
    item: ItemStruct,
    doc: String,
    args: Args,
    call: Option<Call>,
    mut errors: Errors,
) -> TokenStream {
    let serde = Serde::of(&item.attrs);
    let fields = item::fields(&item.fields, &serde, &mut errors);
    let rules = rules::of_type(&item.attrs, &mut errors);
    match call {
        _ if errors.is_empty() => expand::action(&Action { item, doc, fields, rules, args, call }),
        Some(call) => expand::bare(&call.function, errors),
        None => expand::stub(Item::Struct(item), errors),
    }
}

fn check_generics(item: &ItemStruct, errors: &mut Errors) {
    let Some(first) = item.generics.params.first() else { return };
    let ident = &item.ident;
    let message = match first {
        GenericParam::Lifetime(_) => "an action owns its input: `String` instead of `&'a str`, \
                                      and no lifetime"
            .to_owned(),
        GenericParam::Type(_) | GenericParam::Const(_) => format!(
            "an action has no generic parameters: the browser calls it as `{ident}`, with types \
             that are known"
        ),
    };
    errors.under(&item.generics.params, message);
}

/// Reports a borrowed input, which nothing could own.
fn check_owned(ty: &Type, errors: &mut Errors) {
    if let Type::Reference(reference) = item::ungrouped(ty) {
        let owned = match item::last_segment(&reference.elem) {
            Some((ident, None)) if ident == "str" => "`String`".to_owned(),
            Some((ident, None)) => format!("`{ident}`"),
            _ => "such as a `Vec`".to_owned(),
        };
        errors.under(ty, format!("an action owns its input: {owned} instead of a reference"));
    }
}

fn of_function(mut function: ItemFn, args: Args, mut errors: Errors) -> TokenStream {
    let output = check_signature(&function, &mut errors);
    item::refuse_cfg(&function.attrs, "#[action]", &mut errors);

    let mut states = args.states;
    let mut arguments = Vec::new();
    let mut fields: Vec<syn::Field> = Vec::new();
    for argument in &mut function.sig.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        let (field_attrs, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut argument.attrs).into_iter().partition(is_field_attr);
        argument.attrs = kept;
        let Some(kind) = special(&argument.ty, &mut errors) else {
            if let Some(ident) = name_of(&argument.pat, &mut errors) {
                check_owned(&argument.ty, &mut errors);
                check_no_impl(&argument.ty, &mut errors);
                fields.push(expand::field(&field_attrs, &ident, &argument.ty));
                arguments.push(Argument::Field(ident));
            }
            continue;
        };
        for attr in &field_attrs {
            errors.under(attr, "this argument is not part of the input");
        }
        match &kind {
            Argument::Stream(_) if stream(&arguments).is_some() => {
                errors
                    .under(&argument.ty, "an action has one stream: `EventStream` is given twice");
            }
            Argument::State(ty) => states.push(ty.clone()),
            _ => {}
        }
        arguments.push(kind);
    }

    let (moved, kept): (Vec<_>, Vec<_>) =
        std::mem::take(&mut function.attrs).into_iter().partition(item::is_helper);
    function.attrs = kept;
    let item = expand::input_of(&function, &moved, &fields);
    let doc = item::doc(&function.attrs);
    let args = Args { states, ..args };
    let Some(output) = output else { return expand::bare(&function, errors) };
    let call = Call { function, arguments, output };
    finish(item, doc, args, Some(call), errors)
}

/// Returns the event type of the stream among the arguments.
pub(crate) fn stream(arguments: &[Argument]) -> Option<&Type> {
    arguments.iter().find_map(|argument| match argument {
        Argument::Stream(event) => Some(event),
        Argument::Context | Argument::State(_) | Argument::Field(_) => None,
    })
}

/// Checks what stands around the arguments, and returns the type that the function answers.
fn check_signature(function: &ItemFn, errors: &mut Errors) -> Option<Type> {
    let sig = &function.sig;
    let name = sig.ident.unraw();
    if sig.asyncness.is_none() {
        errors.under(sig.fn_token, format!("an action is `async`: `async fn {name}(…)`"));
    }
    if let Some(receiver) = sig.receiver() {
        errors.under(receiver, "an action stands alone: it has no `self`");
    }
    if !sig.generics.params.is_empty() {
        errors.under(
            &sig.generics.params,
            "an action has no generic parameters: the browser calls it with types that are known",
        );
    }
    match &sig.output {
        ReturnType::Default => {
            let form = format!("`async fn {name}(…) -> Result<()>`");
            errors.under(&sig.ident, format!("an action answers a `Result`: {form}"));
            None
        }
        ReturnType::Type(_, ty) if never_a_result(ty) => {
            errors.under(ty, "an action answers a `Result`: put `Result<…>` around this");
            None
        }
        ReturnType::Type(_, ty) => {
            check_no_impl(ty, errors);
            Some((**ty).clone())
        }
    }
}

/// Tells whether a type is certainly no `Result`. An alias might be one; the compiler knows.
fn never_a_result(ty: &Type) -> bool {
    const OTHERS: &[&str] = &[
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
        "u32", "u64", "u128", "usize", "String", "Vec", "Option", "Box", "HashMap", "BTreeMap",
    ];
    match item::ungrouped(ty) {
        Type::Path(_) => {
            item::last_segment(ty).is_some_and(|(ident, _)| OTHERS.iter().any(|word| ident == word))
        }
        Type::Array(_) | Type::Never(_) | Type::Reference(_) | Type::Tuple(_) => true,
        _ => false,
    }
}

/// Returns what the runtime fills in by itself, told by the last word of the type.
fn special(ty: &Type, errors: &mut Errors) -> Option<Argument> {
    if let Type::Reference(reference) = item::ungrouped(ty) {
        let (ident, _) = item::last_segment(&reference.elem)?;
        let known = ["Context", "State", "EventStream"];
        if known.iter().any(|known| ident == known) {
            errors.under(ty, format!("take it by value: `{ident}` is cheap to pass on"));
            return Some(Argument::Context);
        }
        return None;
    }
    let (ident, argument) = item::last_segment(ty)?;
    match (ident.to_string().as_str(), argument) {
        ("Context", None) => Some(Argument::Context),
        ("State", Some(state)) => Some(Argument::State(state.clone())),
        ("EventStream", Some(event)) => Some(Argument::Stream(event.clone())),
        ("PageContext", None) => {
            errors.under(ty, "a `PageContext` is for `#[page]`; an action takes a `Context`");
            Some(Argument::Context)
        }
        _ => None,
    }
}

/// Returns the name of an argument that becomes a field.
pub(crate) fn name_of(pat: &Pat, errors: &mut Errors) -> Option<Ident> {
    match pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Some(name.ident.clone())
        }
        _ => {
            errors.under(pat, "an argument needs a name here: take it apart in the body");
            None
        }
    }
}

/// Reports `impl Trait`, which has no name to write down.
pub(crate) fn check_no_impl(ty: &Type, errors: &mut Errors) {
    if let Type::ImplTrait(ty) = item::ungrouped(ty) {
        errors.under(
            ty,
            "`impl Trait` has no name that could be decoded or described: name the type",
        );
    } else if let Some((_, Some(argument))) = item::last_segment(ty) {
        check_no_impl(argument, errors);
    }
}

/// Tells whether an attribute of an argument belongs to the field made of it.
fn is_field_attr(attr: &Attribute) -> bool {
    item::is_helper(attr) || attr.path().is_ident("doc")
}

/// Returns where an item says what it is.
fn keyword(item: &Item) -> Span {
    match item {
        Item::Enum(item) => item.enum_token.span,
        Item::Union(item) => item.union_token.span,
        Item::Trait(item) => item.trait_token.span,
        Item::Impl(item) => item.impl_token.span,
        Item::Mod(item) => item.mod_token.span,
        Item::Type(item) => item.type_token.span,
        _ => item.span(),
    }
}
