//! The form of a body.

/// The form of the body that an action takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// An object or a form, with the fields of the action.
    Fields,
    /// A form with the fields of the action, some of which are files.
    Multipart,
    /// Any JSON: the body is the value of one field, a [`Json`](crate::Json).
    Json,
    /// Any bytes: the body is the value of one field, a [`RawBody`](crate::RawBody).
    Raw,
}
