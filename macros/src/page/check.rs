//! The checks of a page's function beyond its syntax.

use proc_macro2::Ident;
use syn::{ItemFn, ReturnType};

use super::model::{Function, Page, Source};
use crate::{
    diagnostics::{Errors, list},
    syntax::{names, refuse, types},
};

/// Checks the function of a page's data; `page` is `None` where the page is not known.
pub(crate) fn function(function: &Function, page: Option<&Page>, errors: &mut Errors) {
    if let Some(page) = page {
        page.access.check(errors);
    }
    signature(&function.item, errors);
    refuse::cfg(&function.item.attrs, "#[page]", errors);
    for argument in &function.arguments {
        match (&argument.source, page) {
            (Source::Context, _) => {
                if types::last_segment(&argument.ty).is_some_and(|(ident, _)| ident == "Context") {
                    errors.under(&argument.ty, "the data of a page takes a `PageContext`");
                }
            }
            (Source::Param(name), Some(page)) => param(name, page, errors),
            (Source::Param(_), None) | (Source::State(_) | Source::Query(_) | Source::Value, _) => {
            }
        }
    }
}

fn signature(function: &ItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    let name = names::unraw(&sig.ident);
    if sig.asyncness.is_none() {
        let message = format!("the data of a page is read by an `async fn`: `async fn {name}(…)`");
        errors.under(sig.fn_token, message);
    }
    if let Some(receiver) = sig.receiver() {
        errors.under(receiver, "the data of a page comes from a free function: it has no `self`");
    }
    if !sig.generics.params.is_empty() {
        errors.under(&sig.generics.params, "a page's data has no generic parameters");
    }
    match &sig.output {
        ReturnType::Default => {
            let form = format!("`async fn {name}(…) -> Result<Post>`");
            errors.under(&sig.ident, format!("a page's data is a `Result`: {form}"));
        }
        ReturnType::Type(_, ty) => refuse::impl_trait(ty, errors),
    }
}

/// Checks that an argument has the name of a parameter.
fn param(name: &Ident, page: &Page, errors: &mut Errors) {
    if !page.params.contains(&names::unraw(name)) {
        let params: Vec<_> = page.params.iter().map(String::as_str).collect();
        let known = list(&params);
        let message = format!(
            "`{name}` is not a parameter of the page (known: {known}); a `Query<…>` reads the query \
             string"
        );
        errors.under(name, message);
    }
}
