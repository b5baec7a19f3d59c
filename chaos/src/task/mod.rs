//! What is done to the app, a file for each task of the command line.

pub(crate) mod chaos;
pub(crate) mod disk;
pub(crate) mod rollback;
pub(crate) mod storm;
