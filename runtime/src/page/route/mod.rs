//! Names of files → the paths that they answer, and the parameters in those paths.

pub(super) mod param;
mod routes;

pub(super) use self::routes::{Match, Role, Route, Routes, Statuses, Target};
