//! Typed server actions: structs on the server, calls and streams in the browser.
//!
//! An action is a struct: its fields are the arguments, its [`Action`] is what it does. The
//! browser calls it by name, with full types, and nothing has to be listed or generated.
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
//! The [`guide`] tells the rest: actions, streams, topics, pages, guards, the browser client.
//!
//! What this crate does not do: TLS and HTTP/2 (a proxy does), sessions and users (a [`Guard`]
//! of yours does), databases (any crate does; give it to the app as [`App::state`]).

// Generated code says `::kipo::…`, here as well.
extern crate self as kipo;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod action;
mod app;
#[cfg(all(feature = "dev", debug_assertions))]
mod dev;
mod error;
mod files;
pub mod guide;
mod header;
mod page;
mod request;
mod schema;
mod server;
mod stream;
pub mod testing;

pub use async_trait::async_trait;
pub use http;
pub use kipo_topic as topic;
pub use tokio::time;

pub use kipo_topic::{Durability, Event, EventType, Topic};

pub use crate::{
    action::{Action, Context, Exact, Guard, Input, Limits, State, Validate},
    app::{App, StartError},
    error::{Code, Error, FieldErrors, Result},
    files::Files,
    header::RequestId,
    page::{Cache, Meta, PageContext, Query},
    server::ServeLimits,
    stream::{EventStream, StreamAction},
};

/// Makes a struct, or an `async fn`, an action: decodable, described in TypeScript, registered.
///
/// On a struct, implement [`Action`] or [`StreamAction`] for it. On a function, its arguments are
/// the fields, but for [`Context`], [`State`] and [`EventStream`], which are filled in; the struct
/// is named after the function, `delete` → `Delete`.
///
/// - `#[action(name = "chat.Post")]`: a name of its own instead of that of its path.
/// - `#[action(state(Db, Mailer))]`: state that it needs, checked at start.
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

/// Declares every Rust file below `actions/` beside `main.rs` as a module, so that a new file is
/// an action without a list to keep. `kipo::actions!("src/actions")` names another folder.
///
/// The app's `build.rs` tells cargo to look for new files: `cargo::rerun-if-changed=actions`.
///
/// A folder with a `mod.rs` declares its own files. Names that begin with `_` or `.` are left out.
pub use kipo_macros::actions;

/// Derives what a type needs to travel: serde's traits, the schema, and [`Validate`] from its
/// `#[validate(…)]` attributes.
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

/// Finds the app's pages and public files: on disk in a debug build, inside the binary in a
/// release. An expression of type [`Files`] for [`App::files`].
pub use kipo_macros::files;

/// Gives a page its data: the function runs before the page is rendered, and what it returns is
/// what the template knows. See the [guide](guide::pages).
///
/// - `#[page("admin", guard = MembersOnly)]`: a [`Guard`] that is asked before anything else.
/// - `#[page("about", cache = "public, 5m")]`: a [`Cache`], unless the function sets another;
///   `"private, 1h"` and `"no-store"` are the other forms.
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

/// Registers a [`Topic`] in a `static`, so that the app opens it at start: a durable one in the
/// directory of `--data-dir`. Two registered topics of one name are an error at start.
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

/// Derives [`Event`](trait@Event) for an enum: each variant is an event, named in snake case.
///
/// `#[event(name = "…")]` on a variant gives it another name. The payload is the data: one
/// unnamed field, named fields, or nothing.
pub use kipo_macros::Event;
