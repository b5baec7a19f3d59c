//! What the servers push to this node: the entries of topics that it follows, and what other nodes write
//! to it.

pub(crate) mod feeds;
pub(crate) mod mail;
