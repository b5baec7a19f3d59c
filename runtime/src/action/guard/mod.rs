//! Guards and the check of the origin: they decide before the body of a request is read. Start
//! reading at `guards`.

mod guards;
mod origin;

pub use self::guards::Guard;

pub(crate) use self::guards::Guards;
