//! Not a module.
