//! What an input is made of: its fields.

mod field;

pub use self::field::Field;

pub(crate) use self::field::sentence;
