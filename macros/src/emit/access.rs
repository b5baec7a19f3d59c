//! Who may use an action or a page, and the values that it takes from the request.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, PathArguments, Type, spanned::Spanned};

use super::{
    hygiene::user_span,
    paths::{GUARD_NAME, GUARD_TYPE, GUARD_VALUE, NO_WAY, NONE, PUBLIC, REQUIREMENT, SOME, WAY},
};
use crate::syntax::access::Access;

/// Writes the fields `public`, `guard` and `values` of a registration.
pub(crate) fn registered(access: &Access, values: &[&Type]) -> TokenStream {
    let public = access.is_public();
    let guard = match &access.guard {
        Some(guard) => required(guard),
        None => NONE.to_token_stream(),
    };
    let values = values.iter().map(|ty| {
        let span = user_span(ty.span());
        let requirement = REQUIREMENT.at(span);
        quote_spanned!(span=> #requirement::of::<#ty>())
    });
    quote! {
        public: #public,
        guard: #guard,
        values: &[#(#values),*],
    }
}

/// Writes a check for each value of something public: a request must not lack it.
pub(crate) fn checked(access: &Access, values: &[&Type]) -> TokenStream {
    let values = values.iter().filter(|_| access.is_public());
    values
        .map(|ty| {
            let span = user_span(ty.span());
            let (public, way) = (PUBLIC.at(span), WAY.at(span));
            quote_spanned! {span=>
                const _: () = {
                    #[allow(unused_imports)]
                    use #NO_WAY as _;
                    #public(#way::<#ty>::IS_PROOF)
                };
            }
        })
        .collect()
}

/// Writes the expression that takes a value from the request `cx`.
pub(crate) fn taken(ty: &Type, cx: &TokenStream) -> TokenStream {
    let span = user_span(ty.span());
    let way = WAY.at(span);
    quote_spanned!(span=> #way::<#ty>::OF.take(#cx).await?)
}

/// Writes a function that returns the requirement of a guard.
fn required(guard: &Expr) -> TokenStream {
    let span = user_span(guard.span());
    let (some, requirement, guard_type) =
        (SOME.at(span), REQUIREMENT.at(span), GUARD_TYPE.at(span));
    match Form::of(guard) {
        // The import names the type, and its value if it has one. If it has none, the value is that
        // of the glob, which an import by name hides.
        Form::Name => quote_spanned! {span=>
            #some(|| {
                #[allow(unused_imports)]
                use #GUARD_VALUE as _;
                #[allow(unused_imports)]
                use #GUARD_NAME::*;
                use #guard as __Guard;
                #guard_type::<__Guard>::OF.requirement(const { &__Guard })
            })
        },
        Form::Generic => quote_spanned! {span=>
            #some(|| {
                #[allow(unused_imports)]
                use #GUARD_VALUE as _;
                #guard_type::<#guard>::OF.requirement(&#GUARD_NAME::__Guard)
            })
        },
        Form::Value => {
            quote_spanned!(span=> #some(|| #requirement::admitted_by(const { &#guard })))
        }
    }
}

/// How a guard is written.
enum Form {
    /// The name of a type, which may be a value as well: `auth::Admin`.
    Name,
    /// A type with arguments: `Has::<Admin>`.
    Generic,
    /// A value: `Role("admin")`, `MEMBERS` or `Role::Admin`.
    Value,
}

impl Form {
    fn of(guard: &Expr) -> Self {
        let Expr::Path(path) = guard else { return Self::Value };
        let mut segments = path.path.segments.iter().rev();
        let Some(last) = segments.next() else { return Self::Value };
        let is_member = segments.next().is_some_and(|segment| names_a_type(&segment.ident));
        match &last.arguments {
            _ if is_member || path.qself.is_some() || !names_a_type(&last.ident) => Self::Value,
            PathArguments::None => Self::Name,
            PathArguments::AngleBracketed(_) | PathArguments::Parenthesized(_) => Self::Generic,
        }
    }
}

/// Returns whether a name is in the case of types: `Admin` or `A`, and not `ADMIN` or `admin`.
fn names_a_type(ident: &Ident) -> bool {
    let name = ident.to_string();
    let mut letters = name.chars();
    letters.next().is_some_and(char::is_uppercase)
        && (name.len() == 1 || letters.any(char::is_lowercase))
}
