//! What each listener saw, and whether it keeps the promise. Start reading at [`verify`](mod@verify).

mod entries;
mod tally;
mod verify;

pub(crate) use self::{
    entries::{Entry, Messages, Reason, Record, Resume},
    tally::{Count, Tally},
    verify::{Acknowledged, Expected, Findings, Kind, verify},
};
