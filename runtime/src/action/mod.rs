//! What an app's author writes against: the trait of a call, the request as plain data, values that
//! are taken from it, guards, validation rules, effects and limits.
//!
//! This room knows the request as plain data. It may know failures (`error`) and the words of HTTP
//! (`header`), and the positions in topics. It knows no socket, no stream and no table of actions. Start reading at `call`.

mod cache;
mod call;
mod codec;
mod context;
mod effects;
mod exact;
mod guard;
mod input;
mod limits;
mod output;
mod positions;
mod state;
mod validate;
mod value;

pub use self::{
    cache::OutputCache,
    call::{Action, Input},
    codec::{Incoming, NoWay, Outgoing, Way, incoming, outgoing, public},
    context::{Context, toast::Toast},
    exact::Exact,
    guard::{Guard, GuardType, GuardValue, Requirement, guard_name},
    input::{
        BodyForm, Field, FileField, FileKind, InputMethod, Json, RawBody, Upload, UploadHead,
        UploadSettings, UploadSink, UploadTo,
    },
    limits::{Key, Limits, Rate, RateIdentity},
    output::{Download, IntoOutput, argument},
    state::{State, StateNeed},
    validate::{Validate, rules},
    value::{ClientIp, Extract, FromContext, Values},
};

pub(crate) use self::{
    cache::{CacheOverview, Digest, Encoded, Join, Landed, Lead, OUTPUT_CACHE_BYTES_MAX, Outputs},
    context::attachment::{Attachment, Ended},
    effects::NAME as EFFECTS,
    guard::Guards,
    input::{
        Appending, Checksum, Claims, Fault, Found, Id as UploadId, Parts, Record as UploadRecord,
        Reservation, Sender, StoredFile, Unfinished, Uploads, Used, Writer, sentence,
        size_in_words,
    },
    limits::{
        Bounds, Identified, Identify, Limiter, RATE_KEYS_MAX, RateLimit, ResponseMax, network,
    },
    positions::TakenPosition,
    state::States,
    value::Provided,
};
