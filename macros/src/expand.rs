//! All the code that the macros write.
//!
//! Paths are absolute and locals carry the span of the macro itself, so that nothing a user
//! names can get in between.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Generics, Item, ItemFn, ItemStatic, Type, spanned::Spanned};

use crate::{
    action::{self, Action, Argument, Call},
    data::{self, Data},
    diagnostics::Errors,
    emit::paths::{Absolute, *},
    event::{Events, Payload, Variant},
    fields::rules::{Kind, Rule},
    files::File,
    item::{self, Field, Place, located},
    page::{self, Page},
    tree::{self, Module},
};

/// Returns a local that no name of the user's can be confused with.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn numbered(name: &str, index: usize) -> Ident {
    local(&format!("{name}_{index}"))
}

/// Writes an action: the input as decoded, the input as checked, and one registration.
pub(crate) fn action(action: &Action) -> TokenStream {
    let Action { item, doc, fields, rules, args, call } = action;
    let ident = &item.ident;
    let listed = fields.iter().filter(|field| field.plain).map(listed);
    let unlisted = fields
        .iter()
        .filter(|field| !field.plain && field.own)
        .map(|field| ask(INCOMING, &field.ty));
    let validate = validate(Receiver::This(fields), rules);
    let call = call.as_ref().map(|call| called(ident, call));

    let name_text = item::unraw(ident);
    let name = option(args.name.as_ref());
    let states = needs(&args.states);
    let Decoding { item, hidden, read, described, decoded } = input(action);
    let (deserializer, generator) = (local("deserializer"), local("generator"));
    let input = quote! {
        impl #INPUT for #ident {
            const FIELDS: &'static [#FIELD] = &[#(#listed),*];

            fn decode<'__de, __D: #DESERIALIZER<'__de>>(
                #deserializer: __D,
            ) -> #CORE_RESULT<Self, __D::Error> {
                use #NO_WAY as _;
                #WAY::<#read>::OF.read(#deserializer)#decoded
            }

            fn describe(#generator: &mut #SCHEMA_GENERATOR) -> #SCHEMA {
                use #NO_WAY as _;
                #WAY::<#described>::OF.describe(#generator)
            }

            #validate
        }
    };
    let input = match hidden {
        Some(hidden) => quote!(const _: () = { #hidden #input };),
        None => input,
    };
    quote! {
        #item

        #input

        #(#unlisted)*

        #call

        #SUBMIT! {
            #REGISTRATION {
                ident: #name_text,
                name: #name,
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
                doc: #doc,
                states: #states,
                endpoint: #ENDPOINT::<#ident, _>,
            }
        }
    }
}

/// How an input is read and described.
struct Decoding {
    /// The struct, with its derives.
    item: TokenStream,
    /// What is read or described instead of the struct.
    hidden: Option<TokenStream>,
    read: TokenStream,
    described: TokenStream,
    /// What makes the input of that which is read.
    decoded: TokenStream,
}

fn input(action: &Action) -> Decoding {
    let Action { item, doc, fields, .. } = action;
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let name = item::unraw(&item.ident);
    // A unit struct of serde is `null`; an action without fields takes any object.
    if !matches!(item.fields, syn::Fields::Named(_)) {
        let mut plain = item.clone();
        plain.attrs.retain(|attr| !item::is_helper(attr));
        let description = (!doc.is_empty()).then(|| quote!(, description = #doc));
        return Decoding {
            item: plain.into_token_stream(),
            hidden: Some(quote! {
                #[derive(#DESERIALIZE, #JSON_SCHEMA)]
                #[serde(crate = #serde, rename = #name)]
                #[schemars(crate = #schemars #description)]
                struct __Empty {}
            }),
            read: quote!(__Empty),
            described: quote!(__Empty),
            decoded: quote!(.map(|__Empty {}| Self {})),
        };
    }
    let types: Vec<_> = fields.iter().filter(|field| field.own).map(|field| &field.ty).collect();
    let trusted = !types.is_empty() && types.iter().all(|ty| can_trust(ty, &item.ident));
    if !trusted || item::is_described_otherwise(&item.attrs) {
        return Decoding {
            item: quote! {
                #[derive(#DESERIALIZE, #JSON_SCHEMA)]
                #[serde(crate = #serde)]
                #[schemars(crate = #schemars)]
                #item
            },
            hidden: None,
            read: quote!(Self),
            described: quote!(Self),
            decoded: TokenStream::new(),
        };
    }
    let (serde_bound, schemars_bound) = (trust(&types, BOUND_READ), trust(&types, BOUND_DESCRIBED));
    let mut plain = item.clone();
    let serde_only = |attr: &Attribute| attr.path().is_ident("serde") || !item::is_helper(attr);
    plain.attrs.retain(serde_only);
    plain.fields.iter_mut().for_each(|field| field.attrs.retain(serde_only));
    let attrs =
        item.attrs.iter().filter(|attr| item::is_helper(attr) || attr.path().is_ident("doc"));
    let members = item.fields.iter().map(|field| {
        let syn::Field { attrs, ident, ty, .. } = field;
        quote!(#(#attrs)* #ident: #ty)
    });
    Decoding {
        item: quote! {
            #[derive(#DESERIALIZE)]
            #[serde(crate = #serde, bound(deserialize = #serde_bound))]
            #plain
        },
        // schemars listens to a bound only where there is a parameter.
        hidden: Some(quote! {
            #[allow(dead_code)]
            #[derive(#JSON_SCHEMA)]
            #[schemars(crate = #schemars, rename = #name, bound = #schemars_bound)]
            #(#attrs)*
            struct __Described<'__a> {
                #(#members,)*
                #[schemars(skip)]
                __a: #PHANTOM<&'__a ()>,
            }
        }),
        read: quote!(Self),
        described: quote!(__Described<'static>),
        decoded: TokenStream::new(),
    }
}

/// A bound that is always proven at the use of a type and never at its definition.
#[derive(Clone, Copy)]
struct Bound {
    quantified: &'static str,
    of: Absolute,
    argument: &'static str,
}

const BOUND_READ: Bound = Bound { quantified: "", of: DESERIALIZE, argument: "<'de>" };
const BOUND_WRITTEN: Bound = Bound { quantified: "for<'__b> ", of: SERIALIZE, argument: "" };
const BOUND_DESCRIBED: Bound = Bound { quantified: "for<'__b> ", of: JSON_SCHEMA, argument: "" };

/// Tells whether a derive can take a type on trust. A type that holds the struct itself would be
/// proven by itself.
fn can_trust(ty: &Type, of: &Ident) -> bool {
    !item::mentions(ty, of) && !ty.to_token_stream().to_string().contains('$')
}

/// Returns a bound for a derive that makes it take each type on trust, so that only the [`ask`]
/// for it complains.
fn trust(types: &[&Type], bound: Bound) -> String {
    let mut texts: Vec<String> = Vec::new();
    for ty in types {
        let Bound { quantified, of, argument } = bound;
        let text = format!("{quantified}{}: {}{argument}", ty.to_token_stream(), of.as_str());
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(", ")
}

/// Asks that a type can travel; the compiler answers at the type.
fn ask(function: Absolute, ty: &Type) -> TokenStream {
    let span = located(ty.span());
    let function = function.at(span);
    quote_spanned!(span=> const _: () = #function::<#ty>();)
}

fn listed(field: &Field) -> TokenStream {
    let ty = &field.ty;
    let Place::Key(name) = &field.place else { return TokenStream::new() };
    let defaulted = field.defaulted.then(|| quote!(.defaulted()));
    let span = located(ty.span());
    let field = FIELD.at(span);
    quote_spanned!(span=> #field::new::<#ty>(#name) #defaulted)
}

/// Writes the function of an action, and the action that calls it.
fn called(ident: &Ident, call: &Call) -> TokenStream {
    let Call { function, arguments, output } = call;
    let name = &function.sig.ident;
    let uses_context =
        arguments.iter().any(|a| matches!(a, Argument::Context | Argument::State(_)));
    let cx = local(if uses_context { "cx" } else { "_cx" });
    let out = local("out");

    let mut fetch = TokenStream::new();
    let mut values = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        values.push(match argument {
            Argument::Context => quote!(#CLONE::clone(&#cx)),
            Argument::State(ty) => {
                let state = numbered("state", index);
                fetch.extend(quote!(let #state = #cx.state::<#ty>()?;));
                quote!(#state)
            }
            Argument::Stream(_) => quote!(#out),
            Argument::Field(field) => quote!(self.#field),
        });
    }
    move_last(&mut values, arguments.iter().rposition(|a| matches!(a, Argument::Context)), &cx);
    let span = located(output.span());
    let returned = RETURNED.at(span);
    let answer = match item::last_segment(output) {
        Some((ident, Some(answer))) if ident == "Result" => answer.to_token_stream(),
        // An alias may hold anything.
        _ => quote_spanned!(span=> <#output as #returned>::Output),
    };
    let body = quote_spanned!(span=> { #fetch #returned::result(#name(#(#values),*).await) });
    let (context, result, event_stream) =
        (CONTEXT.at(span), RESULT.at(span), EVENT_STREAM.at(span));
    let (cx, out) = (placed(&cx, span), placed(&out, span));
    // All at the answer's type, so that what is wrong with it is told once.
    match action::stream(arguments) {
        Some(event) => {
            let of = STREAM_ACTION.at(span);
            quote_spanned! {span=>
                #function

                impl #of for #ident {
                    type Event = #event;
                    type Output = #answer;

                    async fn stream(
                        self,
                        #cx: #context,
                        #out: #event_stream<#event>,
                    ) -> #result<#answer> #body
                }
            }
        }
        None => {
            let of = ACTION.at(span);
            quote_spanned! {span=>
                #function

                impl #of for #ident {
                    type Output = #answer;

                    async fn call(self, #cx: #context) -> #result<#answer> #body
                }
            }
        }
    }
}

/// Returns a local as written at `span`.
fn placed(local: &Ident, span: Span) -> Ident {
    let mut local = local.clone();
    local.set_span(local.span().located_at(span));
    local
}

/// Gives the context itself, and not a copy, to the last argument that wants it.
fn move_last(values: &mut [TokenStream], last: Option<usize>, cx: &Ident) {
    if let Some(index) = last {
        values[index] = quote!(#cx);
    }
}

/// Returns the input of an action that is written as a function.
pub(crate) fn input_of(
    function: &ItemFn,
    attrs: &[Attribute],
    fields: &[syn::Field],
) -> syn::ItemStruct {
    let name = item::upper_camel(&item::unraw(&function.sig.ident));
    let ident = Ident::new(&name, function.sig.ident.span());
    let vis = &function.vis;
    let docs: Vec<_> = function.attrs.iter().filter(|attr| attr.path().is_ident("doc")).collect();
    let undocumented = docs.is_empty().then(|| {
        let doc = format!("The input of `{}`.", function.sig.ident);
        quote!(#[doc = #doc] #[schemars(description = "")])
    });
    syn::parse_quote! {
        #(#docs)*
        #undocumented
        #(#attrs)*
        #vis struct #ident { #(#fields),* }
    }
}

/// Returns an argument as a field.
pub(crate) fn field(attrs: &[Attribute], ident: &Ident, ty: &Type) -> syn::Field {
    syn::parse_quote!(#(#attrs)* #ident: #ty)
}

/// What the fields of a check belong to.
#[derive(Clone, Copy)]
enum Receiver<'a> {
    This(&'a [Field]),
    Variants(&'a [data::Variant]),
}

/// Writes `fn validate`, or nothing where there is nothing to check.
fn validate(receiver: Receiver<'_>, rules: &[Rule]) -> TokenStream {
    let errors = local("errors");
    let checks: Vec<TokenStream> = match receiver {
        Receiver::This(fields) => {
            let of = |field: &Field| {
                let member = &field.member;
                checks(field, &errors, &|span| quote_spanned!(span=> &self.#member))
            };
            fields.iter().flat_map(of).collect()
        }
        Receiver::Variants(variants) => {
            let arms: Vec<_> =
                variants.iter().filter_map(|variant| arm(variant, &errors)).collect();
            let rest = (arms.len() < variants.len()).then(|| quote!(_ => {}));
            let empty = arms.is_empty();
            (!empty).then(|| quote!(match self { #(#arms)* #rest })).into_iter().collect()
        }
    };
    let whole = rules.iter().map(|rule| check(rule, &Place::Whole, &errors, &quote!(self)));
    let whole: Vec<_> = whole.collect();
    if checks.is_empty() && whole.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn validate(&self, #errors: &mut #FIELD_ERRORS) {
            #(#checks)*
            #(#whole)*
        }
    }
}

/// Writes the checks of a variant's fields, if there are any.
fn arm(variant: &data::Variant, errors: &Ident) -> Option<TokenStream> {
    if variant.fields.iter().all(|field| field.rules.is_empty()) {
        return None;
    }
    let ident = &variant.ident;
    let (mut bindings, mut all) = (Vec::new(), Vec::new());
    for (index, field) in variant.fields.iter().enumerate() {
        if field.rules.is_empty() {
            continue;
        }
        let (member, name) = (&field.member, numbered("field", index));
        bindings.push(quote!(#member: #name));
        let read = |span| placed(&name, span).into_token_stream();
        all.extend(checks(field, errors, &read));
    }
    let checks = within(&variant.place, errors, &quote!(#(#all)*));
    Some(quote!(Self::#ident { #(#bindings,)* .. } => { #checks }))
}

/// Writes the checks of a field; `read` writes the field, pointing at the rule.
fn checks(field: &Field, errors: &Ident, read: &dyn Fn(Span) -> TokenStream) -> Vec<TokenStream> {
    let each = field.rules.iter();
    each.map(|rule| check(rule, &field.place, errors, &read(located(rule.span)))).collect()
}

fn check(rule: &Rule, place: &Place, errors: &Ident, value: &TokenStream) -> TokenStream {
    let span = located(rule.span);
    let bound = |bound: &Option<syn::Expr>| option_at(bound.as_ref(), span);
    let (function, arguments) = match &rule.kind {
        Kind::Nested => {
            let validate = VALIDATE.at(span);
            let look = quote_spanned!(span=> #validate::validate(#value, #errors););
            return within(place, errors, &look);
        }
        Kind::Length { min, max } => {
            let (min, max) = (bound(min), bound(max));
            ("length", quote!(, #min, #max))
        }
        Kind::Range { min, max } => {
            let (min, max) = (bound(min), bound(max));
            ("range", quote!(, #min, #max))
        }
        Kind::Email => ("email", TokenStream::new()),
        Kind::Url => ("url", TokenStream::new()),
        Kind::Contains { pattern } => ("contains", quote!(, #pattern)),
        Kind::Required => ("required", TokenStream::new()),
        Kind::Custom { function } => ("custom", quote!(, #function)),
    };
    let (rules, function) = (RULES.at(span), Ident::new(function, span));
    let broken = quote_spanned!(span=> #rules::#function(#value #arguments));
    match place {
        Place::Key(name) => quote!(#errors.check(#name, #broken);),
        Place::Whole => quote!(#errors.check("", #broken);),
        Place::Index(_) => within(place, errors, &quote!(#errors.check("", #broken);)),
    }
}

/// Writes `body` so that its paths start at `place`.
fn within(place: &Place, errors: &Ident, body: &TokenStream) -> TokenStream {
    match place {
        Place::Key(name) => quote!(#errors.within(#name, |#errors| { #body });),
        Place::Index(index) => quote!(#errors.at(#index, |#errors| { #body });),
        Place::Whole => body.clone(),
    }
}

/// Writes the derives of a `#[data]` type, and its rules.
pub(crate) fn data(data: &Data) -> TokenStream {
    let Data { item, ident, generics, schema_name, body, rules } = data;
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let rename = schema_name.as_ref().map(|name| quote!(, rename = #name));
    let (receiver, fields): (_, Vec<&Field>) = match body {
        data::Body::Struct(fields) => (Receiver::This(fields), fields.iter().collect()),
        data::Body::Enum(variants) => {
            let fields = variants.iter().flat_map(|variant| &variant.fields);
            (Receiver::Variants(variants), fields.collect())
        }
    };
    let nothing = local("_errors");
    let mut validate = validate(receiver, rules);
    if validate.is_empty() {
        validate = quote!(fn validate(&self, #nothing: &mut #FIELD_ERRORS) {});
    }
    let generics = with_nested(generics, &fields);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[derive(#SERIALIZE, #DESERIALIZE, #JSON_SCHEMA)]
        #[serde(crate = #serde)]
        #[schemars(crate = #schemars #rename)]
        #item

        impl #impl_generics #VALIDATE for #ident #ty_generics #where_clause {
            #validate
        }
    }
}

/// Returns the generics, with what nested checks need of the types that depend on them.
fn with_nested(generics: &Generics, fields: &[&Field]) -> Generics {
    let mut generics = generics.clone();
    if generics.type_params().next().is_some() {
        let nested =
            |field: &&&Field| field.rules.iter().any(|rule| matches!(rule.kind, Kind::Nested));
        for field in fields.iter().filter(nested) {
            let ty = &field.ty;
            generics.make_where_clause().predicates.push(syn::parse_quote!(#ty: #VALIDATE));
        }
    }
    generics
}

/// Writes the events of a stream.
pub(crate) fn events(events: &Events) -> TokenStream {
    let Events { ident, variants } = events;
    // A reference is never empty, not even one to an enum without variants.
    let (this, out, generator) = match variants.as_slice() {
        [] => (quote!(*self), local("_out"), local("_generator")),
        _ => (quote!(self), local("out"), local("generator")),
    };
    let name = |variant: &Variant| {
        let (ident, name) = (&variant.ident, &variant.name);
        quote!(Self::#ident { .. } => #name,)
    };
    let names = variants.iter().map(name);
    let objects = variants.iter().filter_map(|variant| object(variant, ident));
    let written = variants.iter().map(|variant| written(variant, &out));
    let described = variants.iter().map(|variant| described(variant, &generator));
    let asked = variants.iter().flat_map(|variant| match &variant.payload {
        Payload::Nothing => Vec::new(),
        Payload::Value(ty) => vec![ask(OUTGOING, ty)],
        Payload::Object { fields, .. } => {
            let own = fields.iter().filter(|field| item::written_by_type(&field.attrs));
            own.map(|field| ask(OUTGOING, &field.ty)).collect()
        }
    });
    let use_ways = (!variants.is_empty()).then(|| quote!(use #NO_WAY as _;));
    quote! {
        const _: () = {
            #use_ways

            #(#objects)*

            #(#asked)*

            impl #EVENT for #ident {
                fn name(&self) -> &'static str {
                    match #this { #(#names)* }
                }

                fn write_data(&self, #out: &mut #VEC<u8>) -> #SERDE_JSON::Result<()> {
                    match #this { #(#written)* }
                }

                fn describe(#generator: &mut #SCHEMA_GENERATOR) -> #VEC<#EVENT_TYPE> {
                    ::std::vec![#(#described),*]
                }
            }
        };
    }
}

/// Returns the name of the hidden struct that writes a variant's fields as an object.
fn object_name(variant: &Variant) -> Ident {
    format_ident!("__{}", item::unraw(&variant.ident))
}

fn object(variant: &Variant, of: &Ident) -> Option<TokenStream> {
    let Payload::Object { attrs, fields } = &variant.payload else { return None };
    let name = object_name(variant);
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let lifetime = (!fields.is_empty()).then(|| quote!(<'__event>));
    let own = fields.iter().filter(|field| item::written_by_type(&field.attrs));
    let types: Vec<_> = own.map(|field| &field.ty).collect();
    let bounds = (!types.is_empty() && types.iter().all(|ty| can_trust(ty, of)))
        .then(|| (trust(&types, BOUND_WRITTEN), trust(&types, BOUND_DESCRIBED)));
    let serde_bound = bounds.iter().map(|(serde, _)| quote!(, bound(serialize = #serde)));
    let schemars_bound = bounds.iter().map(|(_, schemars)| quote!(, bound = #schemars));
    let fields = fields.iter().map(|field| {
        let syn::Field { attrs, ident, ty, .. } = field;
        quote!(#(#attrs)* #ident: &'__event #ty)
    });
    Some(quote! {
        #[derive(#SERIALIZE, #JSON_SCHEMA)]
        #[serde(crate = #serde #(#serde_bound)*)]
        #[schemars(crate = #schemars, inline #(#schemars_bound)*)]
        #(#attrs)*
        struct #name #lifetime { #(#fields),* }
    })
}

fn written(variant: &Variant, out: &Ident) -> TokenStream {
    let ident = &variant.ident;
    match &variant.payload {
        Payload::Nothing => quote!(Self::#ident { .. } => #WAY::<()>::OF.write(&(), #out),),
        Payload::Value(ty) => {
            let data = local("data");
            quote!(Self::#ident(#data) => #WAY::<#ty>::OF.write(#data, #out),)
        }
        Payload::Object { fields, .. } => {
            let name = object_name(variant);
            let members: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
            let locals: Vec<_> = (0..members.len()).map(|index| numbered("field", index)).collect();
            quote! {
                Self::#ident { #(#members: #locals),* } => {
                    #WAY::<#name>::OF.write(&#name { #(#members: #locals),* }, #out)
                }
            }
        }
    }
}

fn described(variant: &Variant, generator: &Ident) -> TokenStream {
    let Variant { name, doc, payload, .. } = variant;
    let ty = match payload {
        Payload::Nothing => quote!(()),
        Payload::Value(ty) => ty.to_token_stream(),
        Payload::Object { fields, .. } => {
            let object = object_name(variant);
            let lifetime = (!fields.is_empty()).then(|| quote!(<'static>));
            quote!(#object #lifetime)
        }
    };
    let data = quote!(#WAY::<#ty>::OF.describe(#generator));
    quote!(#EVENT_TYPE { name: #name, doc: #doc, data: #data })
}

/// Writes the function of a page's data, and its registration.
pub(crate) fn page(page: &Page) -> TokenStream {
    let Page { page, params, states, args, function, arguments } = page;
    let name = &function.sig.ident;
    let cx = local(if arguments.is_empty() { "_cx" } else { "cx" });
    let mut fetch = TokenStream::new();
    let mut values = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        let value = numbered("argument", index);
        values.push(match argument {
            page::Argument::Context => quote!(#CLONE::clone(&#cx)),
            page::Argument::State(ty) => {
                fetch.extend(quote!(let #value = #cx.state::<#ty>()?;));
                quote!(#value)
            }
            page::Argument::Query(ty) => {
                let span = located(ty.span());
                fetch.extend(quote_spanned!(span=> let #value = #cx.query::<#ty>()?;));
                quote!(#QUERY(#value))
            }
            page::Argument::Param(ident, ty) => {
                let param = item::unraw(ident);
                let span = located(ty.span());
                fetch.extend(quote_spanned!(span=> let #value = #cx.param::<#ty>(#param)?;));
                quote!(#value)
            }
        });
    }
    let last = arguments.iter().rposition(|a| matches!(a, page::Argument::Context));
    move_last(&mut values, last, &cx);
    let states = needs(states);
    let guard = match &args.guard {
        Some(guard) => quote_spanned!(located(guard.span())=> #SOME(&#guard)),
        None => NONE.to_token_stream(),
    };
    let cache = match args.cache {
        Some(cache) => {
            let cache = written_cache(cache);
            quote!(#SOME(#cache))
        }
        None => NONE.to_token_stream(),
    };
    quote! {
        #function

        #SUBMIT! {
            #PAGE_REGISTRATION {
                page: #page,
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
                params: &[#(#params),*],
                states: #states,
                guard: #guard,
                cache: #cache,
                data: |#cx| #BOX::pin(async move {
                    #fetch
                    #PAGE_DATA::of(&#name(#(#values),*).await?)
                }),
            }
        }
    }
}

fn written_cache(cache: page::Cache) -> TokenStream {
    match cache {
        page::Cache::Public { seconds } => quote!(#CACHE::public(#DURATION::from_secs(#seconds))),
        page::Cache::Private { seconds } => quote!(#CACHE::private(#DURATION::from_secs(#seconds))),
        page::Cache::Never => quote!(#CACHE::never()),
    }
}

/// Writes a topic and its registration.
pub(crate) fn topic(topic: &ItemStatic) -> TokenStream {
    let name = &topic.ident;
    let place = quote_spanned!(located(topic.ty.span())=> &#name);
    quote! {
        #topic

        #SUBMIT! {
            #TOPIC_REGISTRATION {
                topic: || #place,
                file: ::core::file!(),
                line: ::core::line!(),
            }
        }
    }
}

/// Writes the files of an app: where they are in a debug build, what they hold in a release.
pub(crate) fn files(root: &str, files: &[File]) -> TokenStream {
    let found = local("files");
    let files =
        files.iter().map(|File { name, path }| quote!((#name, ::core::include_bytes!(#path))));
    quote! {{
        #[cfg(debug_assertions)]
        let #found = #FILES::on_disk(#root);
        #[cfg(not(debug_assertions))]
        let #found = #FILES::embedded(&[#(#files),*]);
        #found
    }}
}

/// Writes mistakes where an expression is expected.
pub(crate) fn expression(errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote!({ #errors })
}

/// Writes modules for files.
pub(crate) fn tree(module: &Module, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let module = declared(module, &TokenStream::new());
    // An action is `pub` although nobody names it: it is reached through its registration.
    quote! { #errors #[allow(unreachable_pub)] #module }
}

fn declared(module: &Module, vis: &TokenStream) -> TokenStream {
    let ident = &module.ident;
    match &module.body {
        tree::Body::File(path) => quote!(#[path = #path] #vis mod #ident;),
        tree::Body::Folder(modules) => {
            let modules = modules.iter().map(|module| declared(module, &quote!(pub(crate))));
            quote!(#vis mod #ident { #(#modules)* })
        }
    }
}

/// Returns the needs for state, for a registration.
fn needs(states: &[Type]) -> TokenStream {
    let needs =
        states.iter().map(|ty| quote_spanned!(located(ty.span())=> #STATE_NEED::of::<#ty>()));
    quote!(&[#(#needs),*])
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    option_at(value, Span::call_site())
}

fn option_at(value: Option<impl ToTokens>, span: Span) -> TokenStream {
    match value {
        Some(value) => {
            let some = SOME.at(span);
            quote_spanned!(span=> #some(#value))
        }
        None => NONE.at(span),
    }
}

/// Writes an item that cannot be an action: it stays, its attributes that only derives
/// understand do not, and it counts as an input, so that the rest of the program is read.
pub(crate) fn stub(mut item: Item, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    strip(&mut item);
    let Some((ident, generics)) = named(&item) else { return quote! { #errors #item } };
    let generics = with_static(generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #errors

        #item

        impl #impl_generics #INPUT for #ident #ty_generics #where_clause {
            const FIELDS: &'static [#FIELD] = &[];

            fn decode<'__de, __D: #DESERIALIZER<'__de>>(_: __D) -> #CORE_RESULT<Self, __D::Error> {
                ::core::unreachable!()
            }

            fn describe(_: &mut #SCHEMA_GENERATOR) -> #SCHEMA {
                ::core::unreachable!()
            }
        }
    }
}

/// Writes a type that cannot be data, as [`stub`] does.
pub(crate) fn stub_data(data: &Data, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let mut item = data.item.clone();
    strip(&mut item);
    let ident = &data.ident;
    let decoding = stub_decoding(ident, &data.generics);
    let (impl_generics, ty_generics, where_clause) = data.generics.split_for_impl();
    quote! {
        #errors

        #item

        #decoding

        impl #impl_generics #SERIALIZE for #ident #ty_generics #where_clause {
            fn serialize<__S: #SERIALIZER>(&self, _: __S) -> #CORE_RESULT<__S::Ok, __S::Error> {
                ::core::unreachable!()
            }
        }

        impl #impl_generics #VALIDATE for #ident #ty_generics #where_clause {
            fn validate(&self, _: &mut #FIELD_ERRORS) {}
        }
    }
}

fn stub_decoding(ident: &Ident, generics: &Generics) -> TokenStream {
    let (_, ty_generics, where_clause) = generics.split_for_impl();
    let (impl_generics, ..) = generics.split_for_impl();
    let mut with_de = generics.clone();
    with_de.params.insert(0, syn::parse_quote!('__de));
    let (impl_generics_de, ..) = with_de.split_for_impl();
    quote! {
        impl #impl_generics_de #DESERIALIZE<'__de> for #ident #ty_generics #where_clause {
            fn deserialize<__D: #DESERIALIZER<'__de>>(_: __D) -> #CORE_RESULT<Self, __D::Error> {
                ::core::unreachable!()
            }
        }

        impl #impl_generics #JSON_SCHEMA for #ident #ty_generics #where_clause {
            fn schema_name() -> #COW<'static, str> {
                ::core::unreachable!()
            }

            fn json_schema(_: &mut #SCHEMA_GENERATOR) -> #SCHEMA {
                ::core::unreachable!()
            }
        }
    }
}

/// Returns the generics with what an input has to be.
fn with_static(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    if !generics.params.is_empty() {
        let predicate = syn::parse_quote!(Self: #SEND + 'static);
        generics.make_where_clause().predicates.push(predicate);
    }
    generics
}

/// Writes an enum whose events are wrong as one that has events all the same.
pub(crate) fn stub_events(ident: &Ident, generics: &Generics, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let generics = with_static(generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #errors

        impl #impl_generics #EVENT for #ident #ty_generics #where_clause {
            fn name(&self) -> &'static str {
                ::core::unreachable!()
            }

            fn write_data(&self, _: &mut #VEC<u8>) -> #SERDE_JSON::Result<()> {
                ::core::unreachable!()
            }

            fn describe(_: &mut #SCHEMA_GENERATOR) -> #VEC<#EVENT_TYPE> {
                ::core::unreachable!()
            }
        }
    }
}

/// Writes a function as it was, without the attributes of its arguments, next to its mistakes.
pub(crate) fn bare(function: &ItemFn, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote! { #errors #function }
}

/// Writes what could not be understood as it was, next to its mistakes.
pub(crate) fn untouched(tokens: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote! { #errors #tokens }
}

/// Takes away the attributes that nobody understands without the derives.
fn strip(item: &mut Item) {
    let keep = |attrs: &mut Vec<Attribute>| attrs.retain(|attr| !item::is_helper(attr));
    match item {
        Item::Struct(item) => {
            keep(&mut item.attrs);
            item.fields.iter_mut().for_each(|field| keep(&mut field.attrs));
        }
        Item::Enum(item) => {
            keep(&mut item.attrs);
            for variant in &mut item.variants {
                keep(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| keep(&mut field.attrs));
            }
        }
        _ => {}
    }
}

fn named(item: &Item) -> Option<(&Ident, &Generics)> {
    match item {
        Item::Struct(item) => Some((&item.ident, &item.generics)),
        Item::Enum(item) => Some((&item.ident, &item.generics)),
        Item::Union(item) => Some((&item.ident, &item.generics)),
        _ => None,
    }
}
