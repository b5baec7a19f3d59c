//! A server under test as the runner sees it: a process, its endpoints, its cores, and what it has
//! used. Start reading at [`running`].

mod cores;
pub(crate) mod nchan;
mod nginx;
pub(crate) mod process;
mod running;

pub(crate) use self::{cores::Cores, nginx::Nginx, running::Server};
