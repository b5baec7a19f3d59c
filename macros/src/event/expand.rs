//! The code of events: their names, how they are written, described and read.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{DeriveInput, Type};

use super::model::{Event, Events};
use crate::{
    emit::{
        bounds,
        hygiene::{local, numbered},
        paths::{
            CORE_RESULT, DECODABLE, DECODE_EVENT, DEFAULT, DESERIALIZE, EVENT, EVENT_TYPE, NO_WAY,
            SCHEMA_GENERATOR, SERDE, SERDE_JSON, VEC, WAY,
        },
        payload,
    },
    fields::{Object, Payload},
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
    let objects = events.iter().filter_map(|event| payload::object(&event.ident, &event.payload));
    let written = events.iter().map(|event| written(event, &out));
    let described = events.iter().map(|event| described(event, &generator));
    let asked = events.iter().flat_map(|event| payload::asked(&event.payload));
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
    let (name, serde) = (payload::object_name(&event.ident), SERDE.as_str());
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
            let object = payload::object_name(&event.ident);
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

/// Writes the arm that writes the data of an event.
fn written(event: &Event, out: &Ident) -> TokenStream {
    let pattern = payload::pattern(&event.ident, &event.payload);
    let written = payload::written(&event.ident, &event.payload, out);
    quote!(#pattern => #written,)
}

fn described(event: &Event, generator: &Ident) -> TokenStream {
    let (name, doc) = (&event.name.text, &event.doc);
    let ty = payload::described(&event.ident, &event.payload);
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
