//! The code of an action: the input as it is decoded and checked, the call of its function, and
//! one registration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Generics, Item, ItemStruct, Type, parse_quote, spanned::Spanned};

use super::model::{Action, Argument, Call, DERIVES, Decoding, Settings, Source, Value, Whole};
use crate::{
    emit::{
        access, bounds,
        hygiene::{local, local_at, numbered, user_span},
        option::option,
        paths::{
            ACTION, ARGUMENT, BODY_FORM, CLONE, CONTEXT, CORE_RESULT, DESERIALIZE, DESERIALIZER,
            ENDPOINT, ERR, EVENT_STREAM, FIELD, INCOMING, INPUT, INPUT_METHOD, INTO_OUTPUT,
            JSON_SCHEMA, LIMITS, NO_WAY, OK, OPTION, OUTPUT_CACHE, PHANTOM, RAW_BODY, REGISTRATION,
            RESULT, SCHEMA, SCHEMA_GENERATOR, SCHEMARS, SERDE, SOME, STREAM_ACTION, SUBMIT, VALUES,
            WAY,
        },
        schema, state, validate,
    },
    fields::{Field, JsonPath},
    syntax::{attrs, names},
};

/// Writes an action.
pub(crate) fn action(action: &Action) -> TokenStream {
    let ident = &action.input.ident;
    let name_text = names::unraw(ident);
    let name = option(action.name.as_ref());
    let doc = &action.doc;
    let states = state::needs(&action.states);
    let values: Vec<&Type> = action.values.iter().map(|value| &value.ty).collect();
    let checked = access::checked(&action.access, &values);
    let access = access::registered(&action.access, &values);
    let input = input(action);
    // The list of plain fields in the input asserts the same about their types.
    let asked = action.fields.iter().filter(|field| !field.plain && field.read_by_type);
    let asked = asked.map(|field| bounds::assert(INCOMING, &field.ty));
    let call = action.call.as_ref().map(|call| called(ident, call, &action.settings));
    // The compiler reports a wrong type of errors at the kind.
    let kind = match &action.call {
        Some(call) => quote_spanned!(user_span(call.output.span())=> _),
        None => quote_spanned!(user_span(ident.span())=> _),
    };
    quote! {
        #input

        #(#asked)*
        #checked

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
                #access
                endpoint: #ENDPOINT::<#ident, #kind>,
            }
        }
    }
}

/// Writes the input: the struct with its derives, and how it is decoded, described and checked.
fn input(action: &Action) -> TokenStream {
    let ident = &action.input.ident;
    let Decoded { item, hidden, read, described, finish } = decoded(action);
    let Assembled { item, hidden, body, values, assemble } = assembled(action, item, hidden);
    let listed = action.fields.iter().filter(|field| field.plain).filter_map(listed);
    let fields = match action.fields.iter().any(Field::may_be_file) {
        true => quote!({ use #NO_WAY as _; &[#(#listed),*] }),
        false => quote!(&[#(#listed),*]),
    };
    let validate = validate::of_struct(&action.fields, &action.rules);
    let (deserializer, generator) = (local("deserializer"), local("generator"));
    let form = form(action, &body);
    let input = quote! {
        impl #INPUT for #ident {
            type Body = #body;
            type Values = #values;

            #form
            const FIELDS: &'static [#FIELD] = #fields;

            fn decode<'__de, __D: #DESERIALIZER<'__de>>(
                #deserializer: __D,
            ) -> #CORE_RESULT<#body, __D::Error> {
                use #NO_WAY as _;
                #WAY::<#read>::OF.read(#deserializer)#finish
            }

            #assemble

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
    quote!(#item #input)
}

/// The parts of an input's code that depend on whether it has values from the request.
struct Assembled {
    /// The struct as the user wrote it.
    item: TokenStream,
    hidden: Option<TokenStream>,
    /// The type of the body.
    body: TokenStream,
    /// The type of the values.
    values: TokenStream,
    /// The function that joins both.
    assemble: TokenStream,
}

/// Writes how a body and values from the request become the input. `decoded` is the struct that is
/// decoded: the input itself, if it has no such values.
fn assembled(action: &Action, decoded: TokenStream, hidden: Option<TokenStream>) -> Assembled {
    let (body, values) = (local("body"), local("values"));
    if action.values.is_empty() {
        return Assembled {
            item: decoded,
            hidden,
            body: quote!(Self),
            values: quote!(()),
            assemble: quote!(fn assemble(#body: Self, (): ()) -> Self { #body }),
        };
    }
    let taken = action.body.fields.members().map(|member| quote!(#member: #body.#member));
    let given = action.values.iter().map(|Value { ident, .. }| quote!(#ident: #values.#ident));
    let members = taken.chain(given);
    let of_request = of_request(&action.values);
    Assembled {
        item: plain(action).into_token_stream(),
        hidden: Some(quote!(#decoded #hidden #of_request)),
        body: quote!(__Body),
        values: quote!(__Values),
        assemble: quote! {
            #[allow(deprecated)]
            fn assemble(#body: __Body, #values: __Values) -> Self {
                Self { #(#members),* }
            }
        },
    }
}

/// Writes the struct of the values from the request, and how they are taken.
fn of_request(values: &[Value]) -> TokenStream {
    let cx = local("cx");
    let members = values.iter().map(|Value { ident, ty }| quote!(#ident: #ty));
    let taken = values.iter().map(|Value { ident, ty }| {
        let taken = access::taken(ty, &quote!(#cx));
        quote!(#ident: #taken)
    });
    quote! {
        #[doc(hidden)]
        #[allow(missing_debug_implementations, unreachable_pub)]
        pub struct __Values { #(#members),* }

        impl #VALUES for __Values {
            async fn take(#cx: &#CONTEXT) -> #RESULT<Self> {
                use #NO_WAY as _;
                #OK(Self { #(#taken),* })
            }
        }
    }
}

/// Returns the struct without what only derives understand: it is not decoded itself.
fn plain(action: &Action) -> ItemStruct {
    let mut input = action.input.clone();
    input.attrs.retain(|attr| !attrs::is_helper(attr));
    input.fields.iter_mut().for_each(|field| field.attrs.retain(|attr| !attrs::is_helper(attr)));
    if let Some(doc) = missing_doc(action) {
        input.attrs.insert(0, parse_quote!(#[doc = #doc]));
    }
    input
}

/// Writes the entry of a field that has a key.
fn listed(field: &Field) -> Option<TokenStream> {
    let JsonPath::Key(name) = &field.path else { return None };
    let ty = &field.ty;
    let defaulted = field.defaulted.then(|| quote!(.defaulted()));
    let span = user_span(ty.span());
    let file = field.may_be_file().then(|| {
        let (way, max) = (WAY.at(span), option(field.file_bytes_max()));
        let types: Vec<_> = field.file_types().collect();
        let types = (!types.is_empty()).then(|| quote!(.with_file_types(&[#(#types),*])));
        quote_spanned!(span=> .with_file(#way::<#ty>::FILE, #max) #types)
    });
    let field = FIELD.at(span);
    Some(quote_spanned!(span=> #field::new::<#ty>(#name) #defaulted #file))
}

/// The parts of an input's code that depend on its [`Decoding`].
struct Decoded {
    /// The struct, with its derives.
    item: TokenStream,
    /// A struct that is read or described instead.
    hidden: Option<TokenStream>,
    /// The type that is read.
    read: TokenStream,
    /// The type that is described.
    described: TokenStream,
    /// What turns the value that is read into the input.
    finish: TokenStream,
}

fn decoded(action: &Action) -> Decoded {
    let mut item = documented(action);
    let name = names::unraw(&item.ident);
    let read = match action.values.is_empty() {
        true => quote!(Self),
        false => {
            hide(&mut item);
            quote!(__Body)
        }
    };
    match &action.decoding {
        Decoding::Empty => empty(item, &action.doc),
        Decoding::Derived => derived(&item, &name, read),
        Decoding::Assumed(types) => assumed(item, &name, types, read),
        Decoding::Whole(field) => whole(item, field, &read),
    }
}

/// Makes the struct that is decoded a hidden one, beside the struct that the user wrote.
fn hide(item: &mut ItemStruct) {
    item.ident = Ident::new("__Body", Span::call_site());
    item.vis = parse_quote!(pub);
    let hidden: [Attribute; 2] = [
        parse_quote!(#[doc(hidden)]),
        parse_quote!(#[allow(missing_debug_implementations, unreachable_pub)]),
    ];
    // A derive, a `must_use` and the like are for the struct that the user wrote.
    item.attrs.retain(attrs::is_of_field);
    item.attrs.splice(0..0, hidden);
}

/// Returns the body with what its schema says about it, and with a doc comment, which
/// `missing_docs` asks for. The schema leaves out a sentence that the user did not write.
fn documented(action: &Action) -> ItemStruct {
    let mut input = action.body.clone();
    schema::describe_fields(&mut input.fields, &action.fields);
    schema::describe(&mut input.attrs, &action.rules, false);
    if let Some(doc) = missing_doc(action) {
        let attrs: Vec<Attribute> = parse_quote!(#[doc = #doc] #[schemars(description = "")]);
        input.attrs.splice(0..0, attrs);
    }
    input
}

/// Returns a doc comment for the input of a function that has none.
fn missing_doc(action: &Action) -> Option<String> {
    let call = action.call.as_ref().filter(|call| !call.documented)?;
    Some(format!("The input of `{}`.", call.function.sig.ident))
}

/// Reads an object: serde's form of a unit struct is `null`.
fn empty(mut item: ItemStruct, doc: &str) -> Decoded {
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let name = names::unraw(&item.ident);
    item.attrs.retain(|attr| !attrs::is_helper(attr));
    let description = (!doc.is_empty()).then(|| quote!(, description = #doc));
    Decoded {
        item: item.into_token_stream(),
        hidden: Some(quote! {
            #[derive(#DESERIALIZE, #JSON_SCHEMA)]
            #[serde(crate = #serde, rename = #name)]
            #[schemars(crate = #schemars #description)]
            struct __Empty {}
        }),
        read: quote!(__Empty),
        described: quote!(__Empty),
        finish: quote!(.map(|__Empty {}| Self {})),
    }
}

/// Reads one field from all of the body.
fn whole(mut item: ItemStruct, field: &Whole, body: &TokenStream) -> Decoded {
    item.attrs.retain(|attr| !attrs::is_helper(attr));
    item.fields.iter_mut().for_each(|field| field.attrs.retain(|attr| !attrs::is_helper(attr)));
    let Whole { ident, ty, .. } = field;
    let value = local("value");
    Decoded {
        item: item.into_token_stream(),
        hidden: None,
        read: ty.to_token_stream(),
        described: ty.to_token_stream(),
        finish: quote!(.map(|#value| #body { #ident: #value })),
    }
}

/// Writes what an input says besides its fields: its method and the form of its body.
fn form(action: &Action, body: &TokenStream) -> TokenStream {
    let method = action.method.as_ref().map(|method| {
        let variant = Ident::new(method.variant, Span::call_site());
        quote!(const METHOD: #INPUT_METHOD = #INPUT_METHOD::#variant;)
    });
    let Decoding::Whole(whole) = &action.decoding else { return quote!(#method) };
    let Whole { ident, is_raw, .. } = &**whole;
    let raw = local("raw");
    match is_raw {
        false => quote!(#method const FORM: #BODY_FORM = #BODY_FORM::Json;),
        true => quote! {
            #method
            const FORM: #BODY_FORM = #BODY_FORM::Raw;

            fn take_raw(#raw: #RAW_BODY) -> #OPTION<#body> {
                #SOME(#body { #ident: #raw })
            }
        },
    }
}

fn derived(item: &ItemStruct, name: &str, read: TokenStream) -> Decoded {
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let is_named = |of| attrs::holds(&item.attrs, of, &["rename"]);
    // The schema of a hidden struct has the name of the struct that the user wrote.
    let rename = (item.ident != name && !is_named("serde") && !is_named("schemars"))
        .then(|| quote!(, rename = #name));
    Decoded {
        item: quote! {
            #[derive(#DESERIALIZE, #JSON_SCHEMA)]
            #[serde(crate = #serde)]
            #[schemars(crate = #schemars #rename)]
            #item
        },
        hidden: None,
        described: read.clone(),
        read,
        finish: TokenStream::new(),
    }
}

/// Describes a hidden struct with a parameter: schemars uses a bound only where there is one.
fn assumed(mut item: ItemStruct, name: &str, types: &[Type], read: TokenStream) -> Decoded {
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let read_bound = bounds::assume(types, bounds::READ);
    let described = bounds::assume(types, bounds::DESCRIBED);
    let members = item.fields.iter().map(|field| {
        let syn::Field { attrs, ident, ty, .. } = field;
        quote!(#(#attrs)* #ident: #ty)
    });
    let attrs = item.attrs.iter().filter(|attr| attrs::is_of_field(attr));
    let hidden = quote! {
        #[allow(dead_code)]
        #[derive(#JSON_SCHEMA)]
        #[schemars(crate = #schemars, rename = #name, bound = #described)]
        #(#attrs)*
        struct __Described<'__a> {
            #(#members,)*
            #[schemars(skip)]
            __a: #PHANTOM<&'__a ()>,
        }
    };
    let is_for_serde = |attr: &Attribute| attr.path().is_ident("serde") || !attrs::is_helper(attr);
    item.attrs.retain(is_for_serde);
    item.fields.iter_mut().for_each(|field| field.attrs.retain(is_for_serde));
    Decoded {
        item: quote! {
            #[derive(#DESERIALIZE)]
            #[serde(crate = #serde, bound(deserialize = #read_bound))]
            #item
        },
        hidden: Some(hidden),
        read,
        described: quote!(__Described<'static>),
        finish: TokenStream::new(),
    }
}

/// Writes the function of an action, and the action that calls it.
fn called(ident: &Ident, call: &Call, settings: &Settings) -> TokenStream {
    let Call { function, output, .. } = call;
    let constants = constants(settings);
    let span = user_span(output.span());
    let out = local("out");
    let (cx, body) = body(call, &out, span);
    let returned = INTO_OUTPUT.at(span);
    let answer = match &call.answer {
        Some(answer) => answer.to_token_stream(),
        None => quote_spanned!(span=> <#output as #returned>::Output),
    };
    let error = quote_spanned!(span=> <#output as #returned>::Error);
    let (context, result, event_stream) =
        (CONTEXT.at(span), RESULT.at(span), EVENT_STREAM.at(span));
    let (cx, out) = (local_at(&cx, span), local_at(&out, span));
    // All of it has the span of the output, so that the compiler reports an error in it once.
    match call.event() {
        Some(event) => {
            let of = STREAM_ACTION.at(span);
            quote_spanned! {span=>
                #function

                impl #of<#error> for #ident {
                    type Event = #event;
                    type Output = #answer;
                    #constants

                    async fn stream(
                        self,
                        #cx: #context,
                        #out: #event_stream<#event>,
                    ) -> #result<#answer, #error> #body
                }
            }
        }
        None => {
            let of = ACTION.at(span);
            quote_spanned! {span=>
                #function

                impl #of<#error> for #ident {
                    type Output = #answer;
                    #constants

                    async fn call(self, #cx: #context) -> #result<#answer, #error> #body
                }
            }
        }
    }
}

/// Writes the constants that the attribute sets. A wrong type is reported at the value.
fn constants(Settings { limits, cache }: &Settings) -> TokenStream {
    let limits = limits.as_ref().map(|value| {
        let span = user_span(value.span());
        let ty = LIMITS.at(span);
        quote_spanned!(span=> const LIMITS: #ty = #value;)
    });
    let cache = cache.as_ref().map(|value| {
        let span = user_span(value.span());
        let ty = OUTPUT_CACHE.at(span);
        quote_spanned!(span=> const CACHE: #ty<Self> = #value;)
    });
    quote!(#limits #cache)
}

/// Writes the context's local, and the body that fetches the arguments and calls the function.
fn body(call: &Call, out: &Ident, span: Span) -> (Ident, TokenStream) {
    let arguments = &call.arguments;
    let is_context = |argument: &Argument| matches!(argument.source, Source::Context);
    let is_state = |argument: &Argument| matches!(argument.source, Source::State(_));
    let is_used = arguments.iter().any(|argument| is_context(argument) || is_state(argument));
    let cx = local(if is_used { "cx" } else { "_cx" });
    let last = arguments.iter().rposition(is_context);
    let mut fetch = TokenStream::new();
    let mut values = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        values.push(match &argument.source {
            Source::Context if last == Some(index) => quote!(#cx),
            Source::Context => quote!(#CLONE::clone(&#cx)),
            Source::State(ty) => {
                let state = numbered("state", index);
                let error = local("error");
                fetch.extend(quote! {
                    let #state = match #ARGUMENT(#cx.state::<#ty>()) {
                        #OK(#state) => #state,
                        #ERR(#error) => return #ERR(#error),
                    };
                });
                quote!(#state)
            }
            Source::Stream(_) => quote!(#out),
            Source::Field(field) => quote!(self.#field),
        });
    }
    let name = &call.function.sig.ident;
    let returned = INTO_OUTPUT.at(span);
    let body = quote_spanned!(span=> { #fetch #returned::result(#name(#(#values),*).await) });
    (cx, body)
}

/// Writes an item that has errors, without the attributes that only derives understand. A type
/// still implements `Input`, so that the compiler reports no further errors where it is used.
pub(crate) fn fallback(tokens: &TokenStream) -> TokenStream {
    let Ok(mut item) = syn::parse2::<Item>(tokens.clone()) else { return tokens.clone() };
    attrs::remove_helpers(&mut item);
    if let Item::Struct(item) = &mut item {
        attrs::remove_derives(&mut item.attrs, DERIVES);
    }
    let input = match &item {
        Item::Struct(item) => fallback_input(&item.ident, &item.generics),
        Item::Enum(item) => fallback_input(&item.ident, &item.generics),
        Item::Union(item) => fallback_input(&item.ident, &item.generics),
        _ => TokenStream::new(),
    };
    quote!(#item #input)
}

fn fallback_input(ident: &Ident, generics: &Generics) -> TokenStream {
    let generics = bounds::with_static(generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        impl #impl_generics #INPUT for #ident #ty_generics #where_clause {
            type Body = Self;
            type Values = ();

            const FIELDS: &'static [#FIELD] = &[];

            fn decode<'__de, __D: #DESERIALIZER<'__de>>(_: __D) -> #CORE_RESULT<Self, __D::Error> {
                ::core::unreachable!()
            }

            fn assemble(body: Self, (): ()) -> Self {
                body
            }

            fn describe(_: &mut #SCHEMA_GENERATOR) -> #SCHEMA {
                ::core::unreachable!()
            }
        }
    }
}
