//! What is done with one server or in turns with two: fan-out to listeners, memory of idle ones.
//! Rows, rivals and plots are made of these.

pub(crate) mod fan_out;
pub(crate) mod idle;
pub(crate) mod pair;
