//! Names of files → the paths that they answer, and the parameters in those paths.

pub(super) mod param;
mod pattern;
mod role;
mod routes;
mod target;

pub(super) use self::{
    pattern::Route,
    role::{Role, Statuses},
    routes::{Match, Routes},
    target::Target,
};
