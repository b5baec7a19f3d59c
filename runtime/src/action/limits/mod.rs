//! Limits of an action: how much it reads and writes, how long and how often it runs.

mod settings;

pub use self::settings::Limits;

pub(crate) use self::settings::Bounds;
