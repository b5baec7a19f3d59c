//! One request from its head to its response: the table of names, the order of the steps, input, output. Start reading at [`dispatch`].

pub(crate) mod decode;
pub(crate) mod dispatch;
pub(crate) mod encode;
mod hosts;
pub(crate) mod route;
mod shield;
mod within;

pub use self::{dispatch::endpoint, route::Registration};

pub(crate) use self::{
    hosts::{AllowedHost, HostCheck, Hosts},
    route::{Mounted, Route},
    within::within,
};
