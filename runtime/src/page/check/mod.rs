//! What is wrong with a template, and where. Start reading at [`lint`].

mod diagnostic;
mod expression;
mod known_names;
mod lint;
pub(super) mod scan;
mod script_refs;
mod sources;
mod suggestion;
mod url_start;

pub(crate) use self::diagnostic::Diagnostic;
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::{diagnostic::excerpt, suggestion::nearest_names};
pub(super) use self::{
    expression::{Expression, Token},
    lint::{Known, lint, unknown_file},
    scan::Piece,
    script_refs::{Uses, lint as lint_script},
    sources::Sources,
    suggestion::did_you_mean,
    url_start::scheme,
};
