//! A file for `actions!()` to find.
