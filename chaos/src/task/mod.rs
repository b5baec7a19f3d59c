//! What is done to the app, a file for each task of the command line.

pub(crate) mod chaos;
pub(crate) mod disk;
mod failover;
pub(crate) mod load;
pub(crate) mod nodes;
pub(crate) mod rollback;
pub(crate) mod rollback_engine;
pub(crate) mod storm;
pub(crate) mod topics;
