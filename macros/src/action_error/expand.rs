//! The code of an action's errors: how each becomes a problem, and how it is described.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Fields, Member, spanned::Spanned as _};

use super::{
    message,
    model::{ActionErrors, Kind, Own, Variant, Wrapped},
};
use crate::{
    emit::{
        bounds,
        hygiene::{local, user_span},
        paths::{
            ACTION_ERROR, DISPLAY, ERROR, ERROR_VARIANT, FMT_RESULT, FORMATTER, FROM, INTO_ERROR,
            NO_WAY, NONE, OK, SCHEMA_GENERATOR, SOME, TO_STRING, TYPED_ERROR, VARIANTS, VEC, WAY,
        },
        payload,
    },
    fields::Payload,
    syntax::names,
};

/// Writes the errors of an action.
pub(crate) fn action_errors(errors: &ActionErrors) -> TokenStream {
    let ActionErrors { ident, doc, variants, .. } = errors;
    let name = names::unraw(ident);
    let own = || variants.iter().filter_map(own);
    let objects = own().filter_map(|(ident, own)| payload::object(ident, &own.payload));
    let asked = own().flat_map(|(_, own)| payload::asked(&own.payload));
    let into_error = into_error(variants);
    let from_error = from_error(variants);
    let described = described(variants);
    let shown = shown(ident, variants);
    let from = variants.iter().filter_map(|variant| from(ident, variant));
    quote! {
        const _: () = {
            use #NO_WAY as _;

            #(#objects)*

            #(#asked)*

            impl #ACTION_ERROR for #ident {
                const NAME: &'static str = #name;
                const DOC: &'static str = #doc;

                #into_error

                #from_error

                #described
            }
        };

        #shown

        #(#from)*
    }
}

fn own(variant: &Variant) -> Option<(&Ident, &Own)> {
    match &variant.kind {
        Kind::Own(own) => Some((&variant.ident, own)),
        Kind::Transparent(_) => None,
    }
}

/// Writes how an error becomes one of Kipo. Its data is written first, while the error is whole.
fn into_error(variants: &[Variant]) -> TokenStream {
    let (message, out, written) = (local("message"), local("out"), local("written"));
    let data: Vec<TokenStream> = variants
        .iter()
        .filter_map(own)
        .filter(|(_, own)| !matches!(own.payload, Payload::Nothing))
        .map(|(ident, own)| {
            let pattern = pattern(ident, own);
            let json = payload::written(ident, &own.payload, &out);
            quote!(#pattern => #json,)
        })
        .collect();
    let has_data = !data.is_empty();
    let all_have_data = data.len() == variants.len();
    let write = has_data.then(|| {
        let others = (!all_have_data).then(|| quote!(_ => #OK(()),));
        quote! {
            let mut #out = #VEC::new();
            let #written = {
                let #out = &mut #out;
                match &self { #(#data)* #others }
            };
        }
    });
    let data = quote!(#SOME(#written.map(|()| #out)));
    let arms = variants.iter().map(|variant| {
        let ident = &variant.ident;
        match &variant.kind {
            Kind::Transparent(_) => {
                let error = local("error");
                quote!(Self::#ident(#error) => #INTO_ERROR(#error),)
            }
            Kind::Own(own) => {
                let (status, code) = (own.status.number as u16, &own.code.text);
                let data = match own.payload {
                    Payload::Nothing => quote!(#NONE),
                    Payload::Value { .. } | Payload::Object(_) => data.clone(),
                };
                let (source, logged) = match &own.source {
                    Some((member, _)) => {
                        let source = local("source");
                        (quote!(#member: #source, ..), Some(quote!(.with_source(#source))))
                    }
                    None => (quote!(..), None),
                };
                quote! {
                    Self::#ident { #source } => {
                        #TYPED_ERROR(#status, #code, #message, #data) #logged
                    }
                }
            }
        }
    });
    let message = variants
        .iter()
        .any(|variant| own(variant).is_some())
        .then(|| quote!(let #message = #TO_STRING(&self);));
    quote! {
        fn into_error(self) -> #ERROR {
            #message
            #write
            match self { #(#arms)* }
        }
    }
}

/// Writes the pattern of a variant with data, which leaves out its source.
fn pattern(ident: &Ident, own: &Own) -> TokenStream {
    match &own.payload {
        Payload::Object(object) => {
            let members = payload::members(object);
            let rest = own.source.is_some().then(|| quote!(, ..));
            quote!(Self::#ident { #members #rest })
        }
        Payload::Value { .. } | Payload::Nothing => payload::pattern(ident, &own.payload),
    }
}

/// Writes the variant that an error of Kipo becomes, if there is one.
fn from_error(variants: &[Variant]) -> Option<TokenStream> {
    let ident = variants.iter().find_map(|variant| match &variant.kind {
        Kind::Transparent(wrapped) if wrapped.is_kipo() => Some(&variant.ident),
        Kind::Transparent(_) | Kind::Own(_) => None,
    })?;
    let error = local("error");
    Some(quote! {
        fn from_error(#error: #ERROR) -> Self {
            Self::#ident(#error)
        }
    })
}

fn described(variants: &[Variant]) -> TokenStream {
    let (generator, all) = (local("generator"), local("all"));
    let each = variants.iter().map(|variant| match &variant.kind {
        Kind::Transparent(wrapped) => {
            let ty = &wrapped.ty;
            let span = user_span(ty.span());
            let variants = VARIANTS.at(span);
            quote_spanned!(span=> #all.extend(#variants::<#ty>(#generator));)
        }
        Kind::Own(own) => {
            let (status, code, doc) = (own.status.number as u16, &own.code.text, &own.doc);
            let data = match own.payload {
                Payload::Nothing => quote!(#NONE),
                Payload::Value { .. } | Payload::Object(_) => {
                    let ty = payload::described(&variant.ident, &own.payload);
                    quote!(#SOME(#WAY::<#ty>::OF.describe(#generator)))
                }
            };
            quote! {
                #all.push(#ERROR_VARIANT { status: #status, code: #code, doc: #doc, data: #data });
            }
        }
    });
    quote! {
        fn variants(#generator: &mut #SCHEMA_GENERATOR) -> #VEC<#ERROR_VARIANT> {
            let _ = &#generator;
            let mut #all = #VEC::new();
            #(#each)*
            #all
        }
    }
}

/// Writes the messages.
fn shown(ident: &Ident, variants: &[Variant]) -> TokenStream {
    let f = local("f");
    let arms = variants.iter().map(|variant| {
        let ident = &variant.ident;
        match &variant.kind {
            Kind::Transparent(_) => {
                let error = local("error");
                quote!(Self::#ident(#error) => #DISPLAY::fmt(#error, #f),)
            }
            Kind::Own(own) => message_arm(ident, own, &f),
        }
    });
    let this = if variants.is_empty() { quote!(*self) } else { quote!(self) };
    quote! {
        impl #DISPLAY for #ident {
            fn fmt(&self, #f: &mut #FORMATTER<'_>) -> #FMT_RESULT {
                match #this { #(#arms)* }
            }
        }
    }
}

fn message_arm(ident: &Ident, own: &Own, f: &Ident) -> TokenStream {
    let Some(text) = &own.message else {
        let words = own.code.text.replace(['_', '-', '.'], " ");
        return quote!(Self::#ident { .. } => #f.write_str(#words),);
    };
    let used = message::used(&text.value());
    let is_used = |member: &Member| used.contains(&message::name(member));
    if used.is_empty() {
        return quote!(Self::#ident { .. } => ::core::write!(#f, #text),);
    }
    match &own.fields {
        Fields::Unnamed(_) => {
            let data = local("data");
            quote!(Self::#ident(#data) => ::core::write!(#f, #text, #data),)
        }
        fields => {
            let bound = fields.members().filter(is_used);
            quote!(Self::#ident { #(#bound,)* .. } => ::core::write!(#f, #text),)
        }
    }
}

/// Writes what makes a variant of the error in it.
fn from(of: &Ident, Variant { ident, kind }: &Variant) -> Option<TokenStream> {
    let error = local("error");
    match kind {
        // Whatever becomes an error of Kipo: `?` works as in an action that returns that error.
        Kind::Transparent(wrapped) if wrapped.from && wrapped.is_kipo() => Some(quote! {
            impl<__E> #FROM<__E> for #of
            where
                #ERROR: #FROM<__E>,
            {
                fn from(#error: __E) -> Self {
                    Self::#ident(#FROM::from(#error))
                }
            }
        }),
        Kind::Transparent(wrapped) if wrapped.from => {
            let ty = &wrapped.ty;
            Some(quote! {
                impl #FROM<#ty> for #of {
                    fn from(#error: #ty) -> Self {
                        Self::#ident(#error)
                    }
                }
            })
        }
        Kind::Own(own) => match &own.source {
            Some((member, Wrapped { ty, from: true })) => Some(quote! {
                impl #FROM<#ty> for #of {
                    fn from(#error: #ty) -> Self {
                        Self::#ident { #member: #error }
                    }
                }
            }),
            _ => None,
        },
        Kind::Transparent(_) => None,
    }
}

/// Writes an implementation for a type that has errors, so that the compiler reports no further
/// errors where it is used.
pub(crate) fn fallback(tokens: &TokenStream) -> TokenStream {
    let Ok(input) = syn::parse2::<DeriveInput>(tokens.clone()) else { return TokenStream::new() };
    let ident = &input.ident;
    let generics = bounds::with_static(&input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        impl #impl_generics #ACTION_ERROR for #ident #ty_generics #where_clause {
            const NAME: &'static str = "";
            const DOC: &'static str = "";

            fn into_error(self) -> #ERROR {
                ::core::unreachable!()
            }

            fn variants(_: &mut #SCHEMA_GENERATOR) -> #VEC<#ERROR_VARIANT> {
                ::core::unreachable!()
            }
        }

        impl #impl_generics #DISPLAY for #ident #ty_generics #where_clause {
            fn fmt(&self, _: &mut #FORMATTER<'_>) -> #FMT_RESULT {
                ::core::unreachable!()
            }
        }
    }
}
