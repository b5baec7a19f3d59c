//! The payload of a variant: how it is written and described.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::{
    bounds,
    hygiene::{local, numbered},
    paths::{JSON_SCHEMA, OUTGOING, SCHEMARS, SERDE, SERIALIZE, WAY},
    schema,
};
use crate::{
    fields::{Object, Payload, Serde, writes_null},
    syntax::names,
};

/// Writes the assertions that the types of a payload can travel.
pub(crate) fn asked(payload: &Payload) -> Vec<TokenStream> {
    match payload {
        Payload::Nothing => Vec::new(),
        Payload::Value { ty, .. } => vec![bounds::assert(OUTGOING, ty)],
        Payload::Object(object) => {
            object.types.iter().map(|ty| bounds::assert(OUTGOING, ty)).collect()
        }
    }
}

/// Returns the name of the hidden struct that writes a variant's fields as an object.
pub(crate) fn object_name(variant: &Ident) -> Ident {
    format_ident!("__{}", names::unraw(variant))
}

/// Writes the hidden struct, if the variant has named fields.
pub(crate) fn object(variant: &Ident, payload: &Payload) -> Option<TokenStream> {
    let Payload::Object(Object { attrs, fields, types, assumed, .. }) = payload else {
        return None;
    };
    let mut attrs = attrs.clone();
    let null = fields.iter().any(|field| writes_null(&Serde::parse(&field.attrs), &field.ty));
    schema::describe(&mut attrs, &[], null);
    let name = object_name(variant);
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

/// Writes the pattern of a variant, with the locals that [`written`] uses.
pub(crate) fn pattern(variant: &Ident, payload: &Payload) -> TokenStream {
    match payload {
        Payload::Nothing => quote!(Self::#variant { .. }),
        Payload::Value { .. } => {
            let data = local("data");
            quote!(Self::#variant(#data))
        }
        Payload::Object(object) => {
            let members = members(object);
            quote!(Self::#variant { #members })
        }
    }
}

/// Writes the call that writes a payload as JSON.
pub(crate) fn written(variant: &Ident, payload: &Payload, out: &Ident) -> TokenStream {
    match payload {
        Payload::Nothing => quote!(#WAY::<()>::OF.write(&(), #out)),
        Payload::Value { ty, .. } => {
            let data = local("data");
            quote!(#WAY::<#ty>::OF.write(#data, #out))
        }
        Payload::Object(object) => {
            let (name, members) = (object_name(variant), members(object));
            quote!({ #WAY::<#name>::OF.write(&#name { #members }, #out) })
        }
    }
}

/// Writes each field with its local.
pub(crate) fn members(Object { fields, .. }: &Object) -> TokenStream {
    let members: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let locals = (0..members.len()).map(|index| numbered("field", index));
    quote!(#(#members: #locals),*)
}

/// Writes the type that describes a payload.
pub(crate) fn described(variant: &Ident, payload: &Payload) -> TokenStream {
    match payload {
        Payload::Nothing => quote!(()),
        Payload::Value { ty, .. } => ty.to_token_stream(),
        Payload::Object(Object { fields, .. }) => {
            let object = object_name(variant);
            let lifetime = (!fields.is_empty()).then(|| quote!(<'static>));
            quote!(#object #lifetime)
        }
    }
}
