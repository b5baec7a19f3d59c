//! An action as it is written: a struct, or a function that is read as a struct and a call.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{
    Attribute, Expr, FieldModifiers, Fields, FieldsNamed, FnArg, Generics, Item, ItemFn,
    ItemStruct, LitStr, PatType, ReturnType, Token, Type, TypeTuple, Visibility, parse_quote,
    punctuated::Punctuated, spanned::Spanned, token,
};

use crate::{
    diagnostics::{Errors, suggest},
    fields::{Field, JsonPath, Rule, Serde},
    syntax::{access::Access, args::Syntax, attrs, context, names, types},
};

/// An action.
pub(crate) struct Action {
    /// The name that `name = "…"` gives it.
    pub name: Option<LitStr>,
    /// The types of state that the app has to hold: of `state(…)`, then of the arguments.
    pub states: Vec<Type>,
    pub access: Access,
    pub method: Option<Method>,
    pub settings: Settings,
    /// The struct below the attribute, or the one that the function's arguments make, without
    /// `#[context]`.
    pub input: ItemStruct,
    /// The same struct without the fields that come from the request: what the caller sends.
    pub body: ItemStruct,
    /// The fields that come from the request.
    pub values: Vec<Value>,
    pub doc: String,
    /// The fields of the body.
    pub fields: Vec<Field>,
    /// Rules over several fields.
    pub rules: Vec<Rule>,
    pub decoding: Decoding,
    /// The function, if the action is written as one.
    pub call: Option<Call>,
}

/// The constants of a function's action, which a struct has in its `impl`.
#[derive(Default)]
pub(crate) struct Settings {
    /// The value of `limits = …`.
    pub limits: Option<Expr>,
    /// The value of `cache = …`.
    pub cache: Option<Expr>,
}

/// A field that comes from the request.
pub(crate) struct Value {
    pub ident: Ident,
    pub ty: Type,
}

/// How the body is decoded and described.
pub(crate) enum Decoding {
    /// The body has no fields: any JSON object is accepted.
    Empty,
    /// By derives that prove their bounds for each field's type.
    Derived,
    /// By derives that assume their bounds for these types.
    Assumed(Vec<Type>),
    /// The body is the value of one field.
    Whole(Box<Whole>),
}

/// The field that is the whole body.
pub(crate) struct Whole {
    pub ident: Ident,
    pub ty: Type,
    /// Whether it takes any bytes, and not only JSON.
    pub is_raw: bool,
}

/// The method that `method = "…"` gives.
pub(crate) struct Method {
    pub text: LitStr,
    /// The variant of the runtime's `InputMethod`.
    pub variant: &'static str,
}

impl Method {
    pub(crate) const KNOWN: &[(&str, &str)] = &[
        ("GET", "Get"),
        ("POST", "Post"),
        ("PUT", "Put"),
        ("PATCH", "Patch"),
        ("DELETE", "Delete"),
    ];

    /// Returns the method that a text names, and reports a text that names none.
    fn of(text: LitStr, errors: &mut Errors) -> Option<Self> {
        let value = text.value();
        let known = Self::KNOWN.iter().find(|(name, _)| *name == value);
        if known.is_none() {
            let names: Vec<&str> = Self::KNOWN.iter().map(|(name, _)| *name).collect();
            let hint = suggest(&value.to_ascii_uppercase(), &names);
            errors.under(&text, format!("unknown method {value:?}: {hint}"));
        }
        known.map(|(_, variant)| Self { text, variant })
    }
}

impl Whole {
    /// Returns the field that is the whole body, if there is one, and reports fields beside it.
    fn of(body: &ItemStruct, errors: &mut Errors) -> Option<Self> {
        let found = body.fields.iter().find_map(|field| {
            let is_raw = match types::last_segment(&field.ty)? {
                (ident, None) if ident == "RawBody" => true,
                (ident, Some(_)) if ident == "Json" => false,
                _ => return None,
            };
            Some(Self { ident: field.ident.clone()?, ty: field.ty.clone(), is_raw })
        })?;
        if body.fields.len() > 1 {
            let name = if found.is_raw { "RawBody" } else { "Json" };
            let message = format!(
                "`{name}` is the whole body, so it is the only field that the caller sends: put the \
                 others into it, or into header fields"
            );
            errors.under(&found.ty, message);
        }
        Some(found)
    }
}

/// The function of an action.
pub(crate) struct Call {
    /// Without the attributes that belong to the input.
    pub function: ItemFn,
    /// Whether the function has a doc comment, and so the input.
    pub documented: bool,
    /// In the order of the function's arguments, except for those that have no name.
    pub arguments: Vec<Argument>,
    /// What the function returns.
    pub output: Type,
    /// The `T` of a `Result<T>`. An alias of it shows none.
    pub answer: Option<Type>,
}

/// An argument of the function.
pub(crate) struct Argument {
    /// Doc comments and helper attributes, which only a field can have.
    pub attrs: Vec<Attribute>,
    pub ty: Type,
    pub source: Source,
}

/// Where the value of an argument comes from.
pub(crate) enum Source {
    Context,
    State(Type),
    /// The stream of these events.
    Stream(Type),
    /// This field of the input.
    Field(Ident),
}

/// What `#[action]` derives.
pub(crate) const DERIVES: &[&str] = &["Deserialize", "JsonSchema"];

const ACTION: Syntax = Syntax {
    name: "`#[action]`",
    noun: "argument",
    known: &["name", "method", "state", "guard", "public", "limits", "cache"],
    form: "`name = \"chat.Send\"`, `method = \"GET\"`, `state(Type, …)`, `guard = Admin`, `public`, \
           `limits = LIMITS` and `cache = OutputCache::for_secs(60)`",
};

/// Parses `#[action(args)] item`.
pub(crate) fn parse(args: TokenStream, item: &TokenStream, errors: &mut Errors) -> Option<Action> {
    let args = Args::parse(args, errors);
    match syn::parse2(item.clone()) {
        Ok(Item::Struct(input)) => Some(Action::of(input, args, None, errors)),
        Ok(Item::Fn(function)) => {
            let (input, call) = split(function, errors);
            Some(Action::of(input, args, Some(call), errors))
        }
        Ok(item) => {
            let what = "an action is a struct, whose fields are its arguments, or an `async fn`";
            errors.at(keyword(&item), what);
            None
        }
        Err(error) => {
            errors.push(error);
            None
        }
    }
}

impl Action {
    fn of(mut input: ItemStruct, args: Args, call: Option<Call>, errors: &mut Errors) -> Self {
        let values = Value::take_all(&mut input.fields, errors);
        let body = body_of(&input, &values);
        let mut fields = Field::parse_all(&body.fields, &Serde::parse(&body.attrs), errors);
        let whole = Whole::of(&body, errors);
        if let (Some(whole), [field]) = (&whole, fields.as_mut_slice()) {
            field.path = JsonPath::Whole;
            field.plain = false;
            field.read_by_type = !whole.is_raw;
        }
        let rules = Rule::of_type(&input.attrs, errors);
        let mut states = args.states;
        for argument in call.iter().flat_map(|call| &call.arguments) {
            if let Source::State(ty) = &argument.source {
                states.push(ty.clone());
            }
        }
        Self {
            name: args.name,
            states,
            access: args.access,
            method: args.method,
            settings: args.settings,
            doc: attrs::doc(&input.attrs),
            decoding: match whole {
                Some(whole) => Decoding::Whole(Box::new(whole)),
                None => Decoding::of(&body, &fields),
            },
            input,
            body,
            values,
            fields,
            rules,
            call,
        }
    }
}

impl Value {
    /// Finds the fields with `#[context]`, and removes the attribute.
    fn take_all(fields: &mut Fields, errors: &mut Errors) -> Vec<Self> {
        let mut values = Vec::new();
        for field in fields {
            if context::take(&mut field.attrs, errors)
                && let Some(ident) = &field.ident
            {
                values.push(Self { ident: ident.clone(), ty: field.ty.clone() });
            }
        }
        values
    }
}

/// Returns a struct without the fields that come from the request.
fn body_of(input: &ItemStruct, values: &[Value]) -> ItemStruct {
    let mut body = input.clone();
    if let Fields::Named(fields) = &mut body.fields {
        let is_value = |field: &syn::Field| {
            values.iter().any(|value| field.ident.as_ref() == Some(&value.ident))
        };
        let sent = std::mem::take(&mut fields.named).into_iter().filter(|field| !is_value(field));
        fields.named = sent.collect();
        // A form in which nobody chose a file has no part for the field.
        for field in fields.named.iter_mut().filter(|field| types::is_list_of_files(&field.ty)) {
            if !attrs::holds(&field.attrs, "serde", &["default"]) {
                field.attrs.push(parse_quote!(#[serde(default)]));
            }
        }
    }
    body
}

impl Decoding {
    fn of(body: &ItemStruct, fields: &[Field]) -> Self {
        if !matches!(body.fields, Fields::Named(_)) {
            return Self::Empty;
        }
        let types = fields.iter().filter(|field| field.read_by_type).map(|field| field.ty.clone());
        let types: Vec<Type> = types.collect();
        if types::can_be_assumed(&types, &body.ident) && !is_read_otherwise(&body.attrs) {
            Self::Assumed(types)
        } else {
            Self::Derived
        }
    }
}

/// Returns whether a struct is read or described by more than its fields.
fn is_read_otherwise(attrs: &[Attribute]) -> bool {
    let keys = [
        "bound",
        "default",
        "rename",
        "from",
        "try_from",
        "remote",
        "with",
        "schema_with",
        "transform",
    ];
    attrs::holds(attrs, "serde", &keys) || attrs::holds(attrs, "schemars", &keys)
}

/// What `#[action(…)]` says.
#[derive(Default)]
struct Args {
    name: Option<LitStr>,
    states: Vec<Type>,
    access: Access,
    method: Option<Method>,
    settings: Settings,
}

impl Args {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        for arg in ACTION.parse(tokens, errors) {
            match arg.key.to_string().as_str() {
                "name" => args.name = arg.text(errors).filter(|name| is_name(name, errors)),
                "method" => {
                    args.method = arg.text(errors).and_then(|text| Method::of(text, errors));
                }
                "state" => args.states = arg.types(errors),
                "limits" => args.settings.limits = arg.value(errors),
                "cache" => args.settings.cache = arg.value(errors),
                _ => args.access.read(&arg, errors),
            }
        }
        args
    }
}

/// Returns whether a text is the name of an action, which a page calls as `action.chat.Send`, and
/// reports one that is not.
fn is_name(name: &LitStr, errors: &mut Errors) -> bool {
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
        let form = "write words of `a-z`, `0-9` and `_`, then a type's name, joined by dots: \
                    `\"chat.Send\"`";
        errors.under(name, format!("{text:?} is not a valid action name: {form}"));
    }
    right
}

/// Splits a function into the input that its arguments make, and the call of what is left.
fn split(mut function: ItemFn, errors: &mut Errors) -> (ItemStruct, Call) {
    let (helpers, others): (Vec<_>, Vec<_>) =
        std::mem::take(&mut function.attrs).into_iter().partition(attrs::is_helper);
    function.attrs = others;
    let docs = function.attrs.iter().filter(|attr| attrs::is_doc(attr));
    let attrs: Vec<_> = docs.cloned().chain(helpers).collect();

    let mut arguments = Vec::new();
    for argument in &mut function.sig.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        arguments.extend(Argument::take(argument, errors));
    }
    let output = match &function.sig.output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => unit(),
    };
    let answer = match types::last_segment(&output) {
        Some((ident, Some(answer))) if ident == "Result" => Some(answer.clone()),
        _ => None,
    };
    let documented = attrs.iter().any(attrs::is_doc);
    let input = input_of(&function, attrs, &arguments);
    (input, Call { function, documented, arguments, output, answer })
}

/// Returns the struct that a function's arguments make.
fn input_of(function: &ItemFn, attrs: Vec<Attribute>, arguments: &[Argument]) -> ItemStruct {
    let name = &function.sig.ident;
    let field = |argument: &Argument| match &argument.source {
        Source::Field(ident) => Some(syn::Field {
            attrs: argument.attrs.clone(),
            vis: Visibility::Inherited,
            modifiers: FieldModifiers::default(),
            ident: Some(ident.clone()),
            colon_token: Some(<Token![:]>::default()),
            ty: argument.ty.clone(),
            default: None,
        }),
        Source::Context | Source::State(_) | Source::Stream(_) => None,
    };
    let named = arguments.iter().filter_map(field).collect();
    ItemStruct {
        attrs,
        vis: function.vis.clone(),
        struct_token: <Token![struct]>::default(),
        ident: Ident::new(&names::upper_camel(&names::unraw(name)), name.span()),
        generics: Generics::default(),
        fields: Fields::Named(FieldsNamed { brace_token: token::Brace::default(), named }),
        semi_token: None,
    }
}

/// Returns `()`, which a function without an arrow returns.
fn unit() -> Type {
    Type::Tuple(TypeTuple {
        attrs: Vec::new(),
        paren_token: token::Paren::default(),
        elems: Punctuated::new(),
    })
}

impl Argument {
    /// Takes from an argument the attributes that belong to a field.
    fn take(argument: &mut PatType, errors: &mut Errors) -> Option<Self> {
        let (attrs, others) =
            std::mem::take(&mut argument.attrs).into_iter().partition(attrs::is_of_field);
        argument.attrs = others;
        let source = match filled(&argument.ty) {
            Some(source) => source,
            None => Source::Field(names::of_argument(&argument.pat, errors)?),
        };
        Some(Self { attrs, ty: (*argument.ty).clone(), source })
    }
}

impl Call {
    /// Returns the type of the events that the action streams.
    pub(crate) fn event(&self) -> Option<&Type> {
        self.arguments.iter().find_map(|argument| match &argument.source {
            Source::Stream(event) => Some(event),
            Source::Context | Source::State(_) | Source::Field(_) => None,
        })
    }
}

/// Returns what the runtime fills an argument with, which the last word of its type says.
///
/// References and a page's context count as well, so that a check can say what is wrong with them.
fn filled(ty: &Type) -> Option<Source> {
    let ty = match types::ungrouped(ty) {
        Type::Reference(reference) => &reference.elem,
        ty => ty,
    };
    let (ident, argument) = types::last_segment(ty)?;
    match (ident.to_string().as_str(), argument) {
        ("Context" | "PageContext", None) => Some(Source::Context),
        ("State", Some(state)) => Some(Source::State(state.clone())),
        ("EventStream", Some(event)) => Some(Source::Stream(event.clone())),
        _ => None,
    }
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
