//! The code of events: their names, how they are written, described and read.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{DeriveInput, Type};

use super::model::{Event, Events, Object, Payload};
use crate::{
    emit::{
        bounds,
        hygiene::{local, numbered},
        paths::{
            CORE_RESULT, DECODABLE, DECODE_EVENT, DEFAULT, DESERIALIZE, EVENT, EVENT_TYPE,
            JSON_SCHEMA, NO_WAY, OUTGOING, SCHEMA_GENERATOR, SCHEMARS, SERDE, SERDE_JSON,
            SERIALIZE, VEC, WAY,
        },
        schema,
    },
    fields::{Serde, writes_null},
    syntax::names,
};

/// Writes the events of a stream.
pub(crate) fn events(events: &Events) -> TokenStream {
    let decoding = decoding(events);
    let Events { ident, events, .. } = events;
    // A reference is never empty, not even one to an enum without variants.
    let (this, out, generator) = match events.as_slice() {
        [] => (quote!(*self), local("_out"), local("_generator")),
        _ => (quote!(self), local("out"), local("generator")),
    };
    let name = |event: &Event| {
        let (ident, name) = (&event.ident, &event.name.text);
        quote!(Self::#ident { .. } => #name,)
    };
    let names = events.iter().map(name);
    let objects = events.iter().filter_map(object);
    let written = events.iter().map(|event| written(event, &out));
    let described = events.iter().map(|event| described(event, &generator));
    let asked = events.iter().flat_map(asked);
    let use_ways = (!events.is_empty()).then(|| quote!(use #NO_WAY as _;));
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

        #decoding
    }
}

/// Writes how the events are read from their names and data. The bounds are proven where they are
/// read: an event that is only written needs no type that can be read.
fn decoding(Events { ident, events, .. }: &Events) -> TokenStream {
    let (name, data) = (local("name"), local(if events.is_empty() { "_data" } else { "data" }));
    let objects = events.iter().filter_map(read_object);
    let bounds = events.iter().flat_map(read_bounds);
    let read = events.iter().map(|event| read(event, &data));
    let names = events.iter().map(|event| &event.name.text);
    quote! {
        const _: () = {
            #(#objects)*

            impl #DECODE_EVENT for #ident
            where
                #(#bounds,)*
            {
                fn decode(#name: &str, #data: &str) -> #SERDE_JSON::Result<Self> {
                    match #name {
                        #(#read)*
                        _ => #CORE_RESULT::Err(
                            <#SERDE_JSON::Error as #SERDE::de::Error>::unknown_variant(
                                #name,
                                &[#(#names),*],
                            ),
                        ),
                    }
                }
            }
        };
    }
}

/// Writes what reading an event demands of the types of its payload.
fn read_bounds(event: &Event) -> Vec<TokenStream> {
    let decodable = |ty: &Type| quote!(for<'__b> #ty: #DECODABLE);
    match &event.payload {
        Payload::Nothing => Vec::new(),
        Payload::Value { ty, .. } => vec![decodable(ty)],
        Payload::Object(Object { read, .. }) => {
            let defaults = read.defaults.iter().map(|ty| quote!(for<'__b> #ty: #DEFAULT));
            read.types.iter().map(decodable).chain(defaults).collect()
        }
    }
}

/// Writes the hidden struct that reads a variant's fields from an object.
fn read_object(event: &Event) -> Option<TokenStream> {
    let Payload::Object(Object { attrs, fields, read, .. }) = &event.payload else { return None };
    let (name, serde) = (object_name(event), SERDE.as_str());
    let bounds = read.assumed.then(|| {
        let types = bounds::assume(&read.types, bounds::READ);
        let defaults = bounds::assume(&read.defaults, bounds::DEFAULTED);
        let bounds: Vec<_> =
            [types, defaults].into_iter().filter(|text| !text.is_empty()).collect();
        let bounds = bounds.join(", ");
        quote!(, bound(deserialize = #bounds))
    });
    let fields = fields.iter().map(|field| {
        let syn::Field { attrs, ident, ty, .. } = field;
        let attrs = attrs.iter().filter(|attr| !attr.path().is_ident("schemars"));
        quote!(#(#attrs)* #ident: #ty)
    });
    Some(quote! {
        #[derive(#DESERIALIZE)]
        #[serde(crate = #serde #bounds)]
        #(#attrs)*
        struct #name { #(#fields),* }
    })
}

fn read(event: &Event, data: &Ident) -> TokenStream {
    let (ident, name) = (&event.ident, &event.name.text);
    match &event.payload {
        Payload::Nothing => quote!(#name => #CORE_RESULT::Ok(Self::#ident {}),),
        Payload::Value { ty, .. } => {
            quote!(#name => #SERDE_JSON::from_str::<#ty>(#data).map(Self::#ident),)
        }
        Payload::Object(Object { fields, .. }) => {
            let object = object_name(event);
            let members: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
            let locals: Vec<_> = (0..members.len()).map(|index| numbered("field", index)).collect();
            quote! {
                #name => #SERDE_JSON::from_str::<#object>(#data).map(
                    |#object { #(#members: #locals),* }| Self::#ident { #(#members: #locals),* },
                ),
            }
        }
    }
}

/// Writes the assertions that the types of a payload can travel.
fn asked(event: &Event) -> Vec<TokenStream> {
    match &event.payload {
        Payload::Nothing => Vec::new(),
        Payload::Value { ty, .. } => vec![bounds::assert(OUTGOING, ty)],
        Payload::Object(object) => {
            object.types.iter().map(|ty| bounds::assert(OUTGOING, ty)).collect()
        }
    }
}

/// Returns the name of the hidden struct that writes a variant's fields as an object.
fn object_name(event: &Event) -> Ident {
    format_ident!("__{}", names::unraw(&event.ident))
}

fn object(event: &Event) -> Option<TokenStream> {
    let Payload::Object(Object { attrs, fields, types, assumed, .. }) = &event.payload else {
        return None;
    };
    let mut attrs = attrs.clone();
    let null = fields.iter().any(|field| writes_null(&Serde::parse(&field.attrs), &field.ty));
    schema::describe(&mut attrs, &[], null);
    let name = object_name(event);
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let lifetime = (!fields.is_empty()).then(|| quote!(<'__event>));
    let serde_bound = assumed.then(|| {
        let bound = bounds::assume(types, bounds::WRITTEN);
        quote!(, bound(serialize = #bound))
    });
    let schemars_bound = assumed.then(|| {
        let bound = bounds::assume(types, bounds::DESCRIBED);
        quote!(, bound = #bound)
    });
    let fields = fields.iter().map(|field| {
        let syn::Field { attrs, ident, ty, .. } = field;
        quote!(#(#attrs)* #ident: &'__event #ty)
    });
    Some(quote! {
        #[derive(#SERIALIZE, #JSON_SCHEMA)]
        #[serde(crate = #serde #serde_bound)]
        #[schemars(crate = #schemars, inline #schemars_bound)]
        #(#attrs)*
        struct #name #lifetime { #(#fields),* }
    })
}

fn written(event: &Event, out: &Ident) -> TokenStream {
    let ident = &event.ident;
    match &event.payload {
        Payload::Nothing => quote!(Self::#ident { .. } => #WAY::<()>::OF.write(&(), #out),),
        Payload::Value { ty, .. } => {
            let data = local("data");
            quote!(Self::#ident(#data) => #WAY::<#ty>::OF.write(#data, #out),)
        }
        Payload::Object(Object { fields, .. }) => {
            let name = object_name(event);
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

fn described(event: &Event, generator: &Ident) -> TokenStream {
    let (name, doc) = (&event.name.text, &event.doc);
    let ty = match &event.payload {
        Payload::Nothing => quote!(()),
        Payload::Value { ty, .. } => ty.to_token_stream(),
        Payload::Object(Object { fields, .. }) => {
            let object = object_name(event);
            let lifetime = (!fields.is_empty()).then(|| quote!(<'static>));
            quote!(#object #lifetime)
        }
    };
    let data = quote!(#WAY::<#ty>::OF.describe(#generator));
    quote!(#EVENT_TYPE { name: #name, doc: #doc, data: #data })
}

/// Writes an implementation for a type that has errors, so that the compiler reports no further
/// errors where it is used.
pub(crate) fn fallback(tokens: &TokenStream) -> TokenStream {
    let Ok(input) = syn::parse2::<DeriveInput>(tokens.clone()) else { return TokenStream::new() };
    let ident = &input.ident;
    let generics = bounds::with_static(&input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
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

        impl #impl_generics #DECODE_EVENT for #ident #ty_generics #where_clause {
            fn decode(_: &str, _: &str) -> #SERDE_JSON::Result<Self> {
                ::core::unreachable!()
            }
        }
    }
}
