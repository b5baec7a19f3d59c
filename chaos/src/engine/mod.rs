//! The engines that nodes share: real servers on files of their own, and the network between them
//! and the nodes. Start reading at [`Cluster`].

mod aof;
mod cluster;
mod files;
mod nats;
mod network;
mod redis;

pub(crate) use self::{
    cluster::{Cluster, Program},
    files::copy,
    network::{Fault, Network},
    redis::Sync,
};
