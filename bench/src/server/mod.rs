//! A server under test as the runner sees it: a process, its endpoints, its cores, and what it has
//! used. Start reading at [`running`].

mod centrifugo;
mod cores;
mod nchan;
pub(crate) mod open_files;
mod outside;
pub(crate) mod process;
mod running;

pub(crate) use self::{cores::Cores, running::Server};
