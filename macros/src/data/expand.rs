//! The code of a `#[data]` type: its derives and its rules.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{DeriveInput, Generics, Item, parse_quote};

use super::model::{Body, DERIVES, Data};
use crate::{
    emit::{
        hygiene::local,
        paths::{
            CORE_RESULT, COW, DESERIALIZE, DESERIALIZER, FIELD_ERRORS, JSON_SCHEMA, SCHEMA,
            SCHEMA_GENERATOR, SCHEMARS, SERDE, SERIALIZE, SERIALIZER, VALIDATE,
        },
        schema, validate,
    },
    fields::{Field, Kind, Rule},
    syntax::attrs,
};

/// Writes the derives of a type, and its rules.
pub(crate) fn data(data: &Data) -> TokenStream {
    let Data { body, rules, schema_name, .. } = data;
    let item = described(data);
    let (serde, schemars) = (SERDE.as_str(), SCHEMARS.as_str());
    let rename = schema_name.as_ref().map(|name| quote!(, rename = #name));
    let validate = validate(body, rules);
    let ident = &item.ident;
    let generics = with_nested(&item.generics, body);
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

/// Returns the item with what its schema says about it.
fn described(data: &Data) -> DeriveInput {
    let mut item = data.item.clone();
    let mut writes_null = false;
    let mut describe = |written: &mut syn::Fields, fields: &[Field]| {
        schema::describe_fields(written, fields);
        writes_null |= fields.iter().any(|field| field.writes_null);
    };
    match (&mut item.data, &data.body) {
        (syn::Data::Struct(written), Body::Struct(fields)) => {
            describe(&mut written.fields, fields);
        }
        (syn::Data::Enum(written), Body::Enum(variants)) => {
            for (written, variant) in written.variants.iter_mut().zip(variants) {
                describe(&mut written.fields, &variant.fields);
            }
        }
        _ => {}
    }
    schema::describe(&mut item.attrs, &data.rules, writes_null);
    item
}

fn validate(body: &Body, rules: &[Rule]) -> TokenStream {
    let validate = match body {
        Body::Struct(fields) => validate::of_struct(fields, rules),
        Body::Enum(variants) => validate::of_enum(variants, rules),
    };
    let errors = local("_errors");
    validate.unwrap_or_else(|| quote!(fn validate(&self, #errors: &mut #FIELD_ERRORS) {}))
}

/// Returns the generics, with what nested rules need of the types that depend on them.
fn with_nested(generics: &Generics, body: &Body) -> Generics {
    let mut generics = generics.clone();
    if generics.type_params().next().is_some() {
        let is_nested =
            |field: &&Field| field.rules.iter().any(|rule| matches!(rule.kind, Kind::Nested));
        let fields: Vec<&Field> = match body {
            Body::Struct(fields) => fields.iter().collect(),
            Body::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
        };
        for field in fields.into_iter().filter(is_nested) {
            let ty = &field.ty;
            generics.make_where_clause().predicates.push(parse_quote!(#ty: #VALIDATE));
        }
    }
    generics
}

/// Writes an item that has errors, without the attributes that only derives understand. A struct
/// or an enum still implements what `#[data]` gives, so that the compiler reports no further errors
/// where it is used.
pub(crate) fn fallback(tokens: &TokenStream) -> TokenStream {
    let Ok(mut item) = syn::parse2::<Item>(tokens.clone()) else { return tokens.clone() };
    let data = match &mut item {
        Item::Struct(item) => {
            attrs::remove_derives(&mut item.attrs, DERIVES);
            fallback_data(&item.ident, &item.generics)
        }
        Item::Enum(item) => {
            attrs::remove_derives(&mut item.attrs, DERIVES);
            fallback_data(&item.ident, &item.generics)
        }
        _ => return tokens.clone(),
    };
    attrs::remove_helpers(&mut item);
    quote!(#item #data)
}

fn fallback_data(ident: &Ident, generics: &Generics) -> TokenStream {
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let mut with_de = generics.clone();
    with_de.params.insert(0, parse_quote!('__de));
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
