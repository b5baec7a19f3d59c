//! What each listener read, and whether that keeps the promise. Start reading at [`verify`](mod@verify).

mod entries;
mod tally;
mod verify;

pub(crate) use self::{
    entries::{Entry, Messages, Reason, Record, Resume},
    tally::{Count, Tally, Violations},
    verify::{Acknowledged, Expected, Findings, Kind, Rules, verify},
};
