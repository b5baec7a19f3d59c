//! The code of a page: the function of its data, and one registration.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Item, spanned::Spanned};

use super::model::{Argument, Cache, Function, Page, Source};
use crate::{
    emit::{
        access,
        hygiene::{local, numbered, user_span},
        option::option,
        paths::{BOX, CACHE, CLONE, DURATION, NO_WAY, PAGE_DATA, PAGE_REGISTRATION, QUERY, SUBMIT},
        state,
    },
    syntax::{attrs, names},
};

/// Writes a page.
pub(crate) fn page(page: &Page, function: &Function) -> TokenStream {
    let Page { path, params, access, cache } = page;
    let item = &function.item;
    let states = state::needs(function.states());
    let values = function.values();
    let checked = access::checked(access, &values);
    let access = access::registered(access, &values);
    let cache = option(cache.map(cached));
    let (cx, body) = body(function);
    quote! {
        #item

        #checked

        #SUBMIT! {
            #PAGE_REGISTRATION {
                page: #path,
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
                params: &[#(#params),*],
                states: #states,
                #access
                cache: #cache,
                data: |#cx| #BOX::pin(async move { #body }),
            }
        }
    }
}

/// Writes the context's local, and the body that fetches the arguments and calls the function.
fn body(function: &Function) -> (Ident, TokenStream) {
    let arguments = &function.arguments;
    let is_context = |argument: &Argument| matches!(argument.source, Source::Context);
    let last = arguments.iter().rposition(is_context);
    let cx = local(if arguments.is_empty() { "_cx" } else { "cx" });
    // Nothing else is read for a request that lacks a value.
    let (mut taken, mut fetch) = (TokenStream::new(), TokenStream::new());
    let mut values = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        let value = numbered("argument", index);
        values.push(match &argument.source {
            Source::Context if last == Some(index) => quote!(#cx),
            Source::Context => quote!(#CLONE::clone(&#cx)),
            Source::Value => {
                let of_request = access::taken(&argument.ty, &quote!(&#cx));
                taken.extend(quote!(let #value = #of_request;));
                quote!(#value)
            }
            Source::State(ty) => {
                fetch.extend(quote!(let #value = #cx.state::<#ty>()?;));
                quote!(#value)
            }
            Source::Query(ty) => {
                let span = user_span(ty.span());
                fetch.extend(quote_spanned!(span=> let #value = #cx.query::<#ty>()?;));
                quote!(#QUERY(#value))
            }
            Source::Param(ident) => {
                let (ty, param) = (&argument.ty, names::unraw(ident));
                let span = user_span(ty.span());
                fetch.extend(quote_spanned!(span=> let #value = #cx.param::<#ty>(#param)?;));
                quote!(#value)
            }
        });
    }
    let name = &function.item.sig.ident;
    let taken = (!taken.is_empty()).then(|| quote!(use #NO_WAY as _; #taken));
    (cx, quote!(#taken #fetch #PAGE_DATA::of(&#name(#(#values),*).await?)))
}

/// Writes an item that has errors, without the attributes that only `#[page]` understands.
pub(crate) fn fallback(tokens: &TokenStream) -> TokenStream {
    let Ok(mut item) = syn::parse2::<Item>(tokens.clone()) else { return tokens.clone() };
    attrs::remove_helpers(&mut item);
    item.into_token_stream()
}

fn cached(cache: Cache) -> TokenStream {
    match cache {
        Cache::Public { seconds } => quote!(#CACHE::public(#DURATION::from_secs(#seconds))),
        Cache::Private { seconds } => quote!(#CACHE::private(#DURATION::from_secs(#seconds))),
        Cache::Never => quote!(#CACHE::never()),
    }
}
