//! The cache of outputs: what an action says about it, the outputs of one app within a bound of
//! bytes, their tags, and one computation for callers that come together. Start reading at
//! `output_cache`, then `outputs`.

mod encoded;
mod flight;
mod invalidate;
mod key;
mod output;
mod output_cache;
mod outputs;
mod tags;

pub use self::output_cache::OutputCache;

pub(crate) use self::{
    encoded::Encoded,
    flight::{Join, Landed, Lead},
    key::Digest,
    outputs::{OUTPUT_CACHE_BYTES_MAX, Outputs},
};
