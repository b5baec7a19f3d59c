//! Uploads that go on after a lost connection: a file that arrives in several requests, before the call
//! that takes it.
//!
//! `record` is what is stored of an upload beside its bytes, and `table` counts what callers hold.
//! `store` begins, finds and expires uploads, `append` adds bytes to one, and `claim` lends a complete one
//! to a call. The protocol is in the room `request`. Start reading at `record`.

mod append;
mod claim;
mod fault;
mod record;
mod store;
mod table;

pub(crate) use self::{
    append::{Appending, Checksum},
    claim::{Claims, Used},
    fault::Fault,
    record::{Id, Record},
    store::{Found, Resumable, Sender, Unfinished},
    table::Bounds,
};
