//! What an action returns besides data: what generated code asks of the return type, and files.

mod download;
mod into_output;

pub use self::{
    download::Download,
    into_output::{IntoOutput, argument},
};
