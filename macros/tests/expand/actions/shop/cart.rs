//! Declared by `mod.rs`.
