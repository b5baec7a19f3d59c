//! Pages: templates below `pages/`, their data, and the files beside them. Start reading at
//! [`pages`].

mod answer;
mod check;
mod data;
pub(crate) mod embedded;
mod form;
mod html;
mod pages;
mod route;
mod settings;
mod template;

pub use self::data::{Cache, Meta, PageContext, PageData, PageRegistration, Query};

pub(crate) use self::{
    answer::Keep,
    data::PageGuards,
    form::{Forms, Inputs},
    pages::{PageOverview, Pages, service::PageService},
    settings::Settings,
};

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::{
    answer::wants_html,
    check::{Diagnostic, excerpt, nearest_names},
    html::escape,
    template::{Listed, PageFailure},
};
