//! A server under test as the runner sees it: a process, its endpoints, its cores, and what it has
//! used. Start reading at [`running`].

mod centrifugo;
mod cores;
mod nchan;
mod nginx;
pub(crate) mod open_files;
mod outside;
pub(crate) mod process;
mod running;

pub(crate) use self::{cores::Cores, nginx::Nginx, running::Server};
