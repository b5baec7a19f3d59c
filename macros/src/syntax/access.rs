//! Who may use an action or a page, as its attribute says it: `public` and `guard = …`.

use proc_macro2::Ident;
use syn::Expr;

use super::args::Arg;
use crate::diagnostics::Errors;

/// Who may use an action or a page.
#[derive(Default)]
pub(crate) struct Access {
    /// The word `public`, if it is given.
    public: Option<Ident>,
    pub guard: Option<Expr>,
}

impl Access {
    /// Reads `public` or `guard = …`.
    pub(crate) fn read(&mut self, arg: &Arg, errors: &mut Errors) {
        if arg.key == "public" {
            self.public = arg.bare(errors).map(|()| arg.key.clone());
        } else {
            self.guard = arg.value(errors);
        }
    }

    pub(crate) fn is_public(&self) -> bool {
        self.public.is_some()
    }

    /// Reports a guard of something that is public.
    pub(crate) fn check(&self, errors: &mut Errors) {
        if let (Some(public), Some(_)) = (&self.public, &self.guard) {
            let message = "`public` means that everybody may use it, and a guard refuses some: remove \
                           one of the two";
            errors.under(public, message);
        }
    }
}
