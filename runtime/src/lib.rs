//! Typed server actions: structs on the server, calls and streams in the browser.
//!
//! An action is a struct. Its fields are the arguments, and its [`Action`] implementation is the
//! work. The browser calls it by name, with full types. There is no list of actions to maintain and
//! no code to generate.
//!
//! ```
//! use kipo::{Action, Context, Result, action};
//!
//! /// Greets somebody.
//! #[action]
//! pub struct Greet {
//!     #[validate(length(min = 1, max = 20))]
//!     name: String,
//! }
//!
//! impl Action for Greet {
//!     type Output = String;
//!
//!     async fn call(self, _cx: Context) -> Result<String> {
//!         Ok(format!("Hello, {}!", self.name))
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let greeting = Greet { name: "Ann".into() }.call(Context::test()).await.unwrap();
//! assert_eq!(greeting, "Hello, Ann!");
//! # });
//! ```
//!
//! ```js
//! await action.Greet({ name: "Ann" }).call(); // "Hello, Ann!"
//! ```
//!
//! The [`guide`] explains actions, streams, topics, pages, forms, guards, sessions, the app around them,
//! tests and the browser client.
//!
//! This crate does not do TLS and HTTP/2 (put a proxy in front), users and passwords (a
//! [`Session`] knows who has signed in), or databases (use any crate, and open the connection pool
//! with [`App::state_async`]).

// Generated code names `::kipo::…`, also inside this crate.
extern crate self as kipo;

mod action;
mod app;
#[cfg(all(feature = "dev", debug_assertions))]
mod dev;
mod error;
mod files;
pub mod guide;
mod header;
mod metrics;
mod page;
mod request;
mod schema;
mod server;
mod session;
mod stream;
pub mod testing;

pub use async_trait::async_trait;
pub use cookie;
pub use http;
pub use kipo_topic as topic;
pub use tokio::time;

pub use kipo_topic::{Durability, Event, EventType, Presence, Topic, TopicKey, Topics};

pub use crate::{
    action::{
        Action, ClientIp, Context, Download, Exact, Extract, FromContext, Guard, Input, Json, Key,
        Limits, OutputCache, Rate, RateIdentity, RawBody, State, StateNeed, Toast, Upload,
        UploadHead, UploadSettings, UploadSink, UploadTo, Validate,
    },
    app::{App, RunningApp, StartError},
    error::{ActionError, Code, Error, FieldErrors, Result},
    files::Files,
    header::RequestId,
    page::{Cache, Meta, PageContext, Query},
    server::{ServeLimits, TaskContext},
    session::{
        CookieSecret, Cookies, PrivateCookies, Session, SessionStore, Sessions, SignedCookies,
    },
    stream::{DecodeEvent, EventStream, StreamAction, Translated},
};

/// Turns a struct or an `async fn` into an action: decodable, described in TypeScript and
/// registered.
///
/// For a struct, implement [`Action`] or [`StreamAction`]. For a function, the attribute writes the
/// struct: it is named after the function (`delete` becomes `Delete`), and the arguments are its
/// fields. Arguments of type [`Context`], [`State`] and [`EventStream`] are no fields; Kipo passes
/// them.
///
/// `#[context]` marks a field or an argument that comes from the request and not from the caller: a
/// [`FromContext`] value, which Kipo makes before it reads the body.
///
/// - `#[action(name = "chat.Post")]` sets the name. The default is the path below `actions`, such
///   as `chat.Send` for the struct `Send` in `actions/chat/send.rs`.
/// - `#[action(limits = LIMITS, cache = OutputCache::for_secs(60))]` above a function sets the
///   [`Limits`] and the [`OutputCache`] that a struct has in its `impl`.
/// - `#[action(state(Db, Mailer))]` names the state that the action needs. The app checks it at
///   start.
/// - `#[action(guard = Admin)]` adds a guard: a [`FromContext`] type, which the request has to yield,
///   or a [`Guard`].
/// - `#[action(method = "GET")]` is for reads: the fields are the query, and the response has an
///   `ETag`. The others are `"PUT"`, `"PATCH"` and `"DELETE"`; `"POST"` is the default.
/// - `#[action(public)]` makes an exception from [`App::require`].
///
/// ```
/// use kipo::{Action, Context, Result, action};
///
/// /// Doubles a number.
/// #[action(name = "math.Double")]
/// async fn double(n: i32) -> Result<i32> {
///     Ok(n * 2)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(Double { n: 4 }.call(Context::test()).await.unwrap(), 8);
/// # });
/// ```
pub use kipo_macros::action;

/// Derives [`trait@ActionError`] for an enum: each variant is an error with a status, a code and data.
/// It also implements `Display`, which writes the message.
///
/// On a variant, `#[error(…)]` takes:
///
/// - `status = 409`: the status of the response, 400 to 599. The default is 400.
/// - `code = "room_full"`: the `code` of the problem document. The default is the name of the
///   variant in snake case.
/// - `message = "at most {limit} guests"`: the sentence that the caller reads, with fields in
///   braces as in `format!`. The default is the words of the code.
/// - `transparent`: the one field of the variant is a [`struct@Error`] or another `ActionError`, and the
///   caller reads that one. With `#[from]` before a [`struct@Error`], `?` turns every error into this
///   variant that it turns into a `kipo::Error`.
///
/// The fields of a variant are its data: one unnamed field, named fields, or none. A field with
/// `#[source]` is logged, and the caller never reads it.
///
/// ```
/// use kipo::{Action, ActionError, Context, action};
///
/// #[derive(Debug, ActionError)]
/// enum BookingError {
///     /// Nobody else fits in.
///     #[error(status = 409, message = "at most {limit} guests")]
///     RoomFull { limit: u32 },
///     #[error(transparent)]
///     Other(#[from] kipo::Error),
/// }
///
/// #[action]
/// async fn book(guests: u32) -> Result<(), BookingError> {
///     if guests > 8 {
///         return Err(BookingError::RoomFull { limit: 8 });
///     }
///     std::fs::metadata(".")?; // the caller reads a fixed sentence, and the log has the cause
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let error = Book { guests: 9 }.call(Context::test()).await.unwrap_err();
/// assert!(matches!(error, BookingError::RoomFull { limit: 8 }));
/// assert_eq!(error.to_string(), "at most 8 guests");
/// # });
/// ```
pub use kipo_macros::ActionError;

/// Declares every Rust file below the folder `actions`, beside `main.rs`, as a module. A new file
/// then needs no `mod` line. `kipo::actions!("src/actions")` names another folder.
///
/// The `build.rs` of the app prints `cargo::rerun-if-changed=actions`, so cargo notices new files.
///
/// A folder with a `mod.rs` declares its own files. Names that begin with `_` or `.` are skipped.
pub use kipo_macros::actions;

/// Derives what a type needs as part of an input, an output or an event: serde's traits, the
/// schema, and [`Validate`] from its `#[validate(…)]` attributes.
///
/// ```
/// use kipo::{FieldErrors, Validate, data};
///
/// #[data]
/// struct Author {
///     #[validate(length(min = 1))]
///     name: String,
/// }
///
/// let mut errors = FieldErrors::default();
/// Author { name: String::new() }.validate(&mut errors);
/// assert_eq!(errors.get("name"), ["must have at least 1 character"]);
/// ```
pub use kipo_macros::data;

/// Returns the pages and public files of the app, as [`Files`] for [`App::files`]. A debug build
/// reads them from disk. A release build embeds them in the binary.
pub use kipo_macros::files;

/// Provides the data of a page: the function runs before the page is rendered, and the template
/// reads what it returns. See the [guide](guide::pages).
///
/// - `#[page("admin", guard = MembersOnly)]` adds a [`Guard`] or a [`FromContext`] type that the
///   request has to yield. It runs before the function.
/// - `#[page("login", public)]` makes an exception from [`App::require`].
/// - `#[context]` before an argument takes a [`FromContext`] value from the request.
/// - `#[page("about", cache = "public, 5m")]` sets the [`Cache`], unless the function sets another.
///   The other forms are `"private, 1h"` and `"no-store"`.
///
/// ```
/// use kipo::{PageContext, Result, data, page};
///
/// #[data]
/// pub struct About {
///     founded: u16,
/// }
///
/// #[page("about", cache = "public, 1d")]
/// async fn about(_cx: PageContext) -> Result<About> {
///     Ok(About { founded: 1907 })
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(about(kipo::Context::test().into()).await.unwrap().founded, 1907);
/// # });
/// ```
pub use kipo_macros::page;

/// Registers a [`Topic`] in a `static`, and the app opens it at start. A durable topic is stored in
/// the directory of `--data-dir`. Two registered topics with the same name are an error at start.
///
/// ```
/// use kipo::{Durability, Event, Topic, topic};
///
/// #[derive(Event)]
/// enum Weather {
///     Storm(String),
/// }
///
/// #[topic]
/// static WEATHER: Topic<Weather> = Topic::durable("weather", Durability::Fsync).keep(1000);
///
/// # kipo::testing::open_topics();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cursor = WEATHER.publish(&Weather::Storm("from the west".into())).await.unwrap();
/// assert_eq!(cursor.seq(), 1);
/// # });
/// ```
pub use kipo_macros::topic;

/// Opens a [`Presence`] at start: in an app whose topics are in an engine that many nodes share, it
/// shows the members of all nodes.
///
/// # Examples
///
/// ```
/// use kipo::{Presence, presence};
///
/// #[presence]
/// static HERE: Presence<String, String> = Presence::new("here");
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let _ada = HERE.enter("attic", &"Ada".to_owned());
/// assert_eq!(HERE.of("attic").list(), ["Ada"]);
/// # });
/// ```
pub use kipo_macros::presence;

/// Derives [`Event`](trait@Event) for an enum: each variant is an event, named in snake case.
///
/// `#[event(name = "…")]` on a variant sets another name. The fields of the variant are the
/// payload: one unnamed field, named fields, or none.
///
/// ```
/// use kipo::Event;
///
/// #[derive(Event)]
/// enum RoomEvent {
///     Said { text: String },
///     #[event(name = "room.closed")]
///     Closed,
/// }
///
/// assert_eq!(RoomEvent::Said { text: "hi".to_owned() }.name(), "said");
/// assert_eq!(RoomEvent::Closed.name(), "room.closed");
/// ```
pub use kipo_macros::Event;

/// What generated code uses. This module is not part of the public API and may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use kipo_topic::EventType;
    pub use schemars;
    pub use serde;
    pub use serde_json;

    pub use crate::{
        action::{
            BodyForm, Field, FileField, FileKind, GuardType, GuardValue, Incoming, Input,
            InputMethod, IntoOutput, NoWay, Outgoing, Requirement, StateNeed, Values, Way,
            argument, guard_name, incoming, outgoing, public, rules,
        },
        error::{ErrorVariant, FieldErrors, typed_error, variants},
        page::{PageData, PageRegistration},
        request::{Registration, endpoint},
        stream::{Decodable, TopicRegistration},
    };
}
