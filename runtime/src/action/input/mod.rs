//! What an input is made of: the method that sends it, the form of its body, its fields and its files.

mod body_form;
mod field;
mod input_method;
mod json;
mod raw_body;
mod uploads;

pub use self::{
    body_form::BodyForm,
    field::Field,
    input_method::InputMethod,
    json::Json,
    raw_body::RawBody,
    uploads::{FileField, FileKind, Upload, UploadHead, UploadSettings, UploadSink, UploadTo},
};

pub(crate) use self::{
    field::sentence,
    uploads::{
        Appending, Checksum, Claims, Fault, Found, Id, Parts, Record, Reservation, Sender,
        StoredFile, Unfinished, Uploads, Used, Writer, is_among, size_in_words, types_in_words,
    },
};
