//! Files that callers send.
//!
//! `upload` is what an action takes, `upload_to` the same in a store of the app's own (`sink`), and `field`
//! says of a type of a field that it is a file. `writer` takes a file as it arrives: to a file of `temporary`,
//! within the bytes that `quota` admits. `stored_file` is one that has arrived: `name` cleans its name,
//! `media_type` finds out what it is, and `parts` has the files of a request while its input is decoded. `resumable` has the uploads that go on
//! after a lost connection. Start reading at `upload`.

mod batch;
mod field;
mod hex;
mod media_type;
mod name;
mod parts;
mod quota;
mod resumable;
mod settings;
mod sink;
mod stored_file;
mod temporary;
mod upload;
mod upload_to;
mod writer;

pub use self::{
    field::{FileField, FileKind},
    settings::UploadSettings,
    sink::{UploadHead, UploadSink},
    upload::Upload,
    upload_to::UploadTo,
};

pub(crate) use self::{
    media_type::{declares_one_of, is_among, size_in_words, types_in_words},
    parts::Parts,
    quota::Reservation,
    resumable::{Appending, Checksum, Claims, Fault, Found, Id, Record, Sender, Unfinished, Used},
    settings::Uploads,
    stored_file::StoredFile,
    writer::Writer,
};
