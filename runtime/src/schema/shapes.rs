//! Types in every form that serde and schemars know, as inputs, outputs and events, and types that
//! are hard to name: the golden files describe them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kipo_topic::EventType;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::{
    action::{BodyForm, Exact, InputMethod, RawBody, Upload},
    error,
    schema::{Describe, Described, Refusals, Shape, Types},
};

/// Returns the types of all actions below.
pub(super) fn types() -> Types {
    let actions: [(&str, &'static str, Describe); 18] = [
        ("bank.Transfer", "", transfer),
        ("boards.Watch", "Follows one topic of each family.", call::<boards::Watch, ()>),
        ("chat.Listen", "Streams the room.", listen),
        (
            "chat.Send",
            "Posts one message.\n\nTo everyone in the room.",
            call::<chat::Send, chat::Message>,
        ),
        ("mail.Send", "Ends early? */ No.", call::<mail::Send, Vec<mail::Message>>),
        ("mail.Import", "Takes a mailbox.", call::<RawBody, i64>),
        ("mail.Search", "Reads by GET.", call::<mail::Search, Vec<mail::Message>>),
        ("mail.Attach", "Takes files, and returns one.", call::<mail::Attach, Upload>),
        ("mail.Sort", "Takes a list.", call::<crate::action::Json<Vec<mail::Message>>, ()>),
        ("mail.Count", "", call::<Unit, i64>),
        ("mail.delete", "", call::<mail::Delete, UnitStruct>),
        ("shapes.Structs", "", call::<Structs, Structs>),
        ("shapes.Enums", "", call::<Enums, Enums>),
        ("shapes.Numbers", "", call::<Numbers, Numbers>),
        ("shapes.Nested", "", call::<Nested, Nested>),
        ("Ping", "At the top, where `Call` is taken.", call::<Unit, call::Call>),
        ("new", "A name that means something else.", call::<Unit, HashMap<String, bool>>),
        ("default.string", "", call::<Unit, Option<Shared>>),
    ];
    Types::collect(actions.into_iter().map(|(name, doc, describe)| Described {
        name: name.to_owned(),
        doc,
        needs: needs(name),
        refusals: refusals(name),
        method: match name {
            "mail.Search" => InputMethod::Get,
            "mail.delete" => InputMethod::Delete,
            _ => InputMethod::Post,
        },
        form: match name {
            "mail.Import" => BodyForm::Raw,
            "mail.Attach" => BodyForm::Multipart,
            "mail.Sort" => BodyForm::Json,
            _ => BodyForm::Fields,
        },
        describe,
    }))
}

/// Returns what the limits of some actions refuse.
fn refusals(action: &str) -> Refusals {
    Refusals {
        by_rate: action == "chat.Send",
        by_runs: matches!(action, "chat.Send" | "chat.Listen"),
    }
}

/// Returns what the callers of some actions have to prove.
fn needs(action: &str) -> Vec<String> {
    let needs: &[&str] = match action {
        "chat.Send" | "chat.Listen" => &["User"],
        "mail.delete" => &["Admin", "User"],
        _ => &[],
    };
    needs.iter().map(|&name| name.to_owned()).collect()
}

/// Compares a text with `golden/<name>`, or writes it there if `UPDATE_GOLDEN` is set.
#[track_caller]
pub(super) fn check_golden(name: &str, text: &str) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let line = golden.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
    assert!(
        golden == text,
        "{name} differs from line {}:\n  is      {:?}\n  becomes {:?}\nUPDATE_GOLDEN=1 rewrites it",
        line + 1,
        golden.lines().nth(line),
        text.lines().nth(line),
    );
}

fn call<I: JsonSchema, O: JsonSchema>(
    de: &mut SchemaGenerator,
    ser: &mut SchemaGenerator,
) -> Shape {
    Shape {
        input: de.subschema_for::<I>(),
        output: ser.subschema_for::<O>(),
        errors: None,
        events: None,
    }
}

fn listen(de: &mut SchemaGenerator, ser: &mut SchemaGenerator) -> Shape {
    let event = |name, doc, data| EventType { name, doc, data };
    let events = vec![
        event("chat", "Someone said something.", ser.subschema_for::<chat::Message>()),
        event("status", "", ser.subschema_for::<Status>()),
        event("shared", "", ser.subschema_for::<Shared>()),
        event("tick", "Still there.", ser.subschema_for::<()>()),
    ];
    let errors = error::describe_error::<bank::FollowError>(ser);
    Shape { events: Some(events), errors, ..call::<Unit, ()>(de, ser) }
}

fn transfer(de: &mut SchemaGenerator, ser: &mut SchemaGenerator) -> Shape {
    let errors = error::describe_error::<bank::TransferError>(ser);
    Shape { errors, ..call::<bank::Transfer, Unit>(de, ser) }
}

/// No fields.
#[derive(JsonSchema)]
struct Unit {}

/// Used from two namespaces.
#[derive(JsonSchema, serde::Serialize)]
struct Shared {
    at: Time,
}

/// What the two modules call alike.
#[derive(JsonSchema)]
enum Status {
    Joined,
    Left,
}

mod chat {
    use super::*;

    /// Another form as an input.
    #[derive(JsonSchema)]
    pub(super) struct Message {
        /// Who wrote it.
        author: String,
        note: Option<String>,
    }

    #[derive(JsonSchema)]
    pub(super) struct Send {
        #[schemars(length(min = 1, max = 20))]
        username: String,
        quoted: Vec<Message>,
        status: Status,
    }

    /// Not the other one.
    #[derive(JsonSchema)]
    pub(super) struct Status {
        is_away: bool,
    }
}

mod mail {
    use super::*;

    /// The same name as in `chat`.
    #[derive(JsonSchema)]
    pub(super) struct Message {
        subject: String,
        shared: Shared,
    }

    #[derive(JsonSchema)]
    pub(super) struct Send {
        message: Message,
        /// A `*/` in a comment, and a `/*`.
        #[serde(default)]
        urgent: bool,
        #[serde(default = "three")]
        tries: u8,
    }

    #[derive(JsonSchema)]
    pub(super) struct Search {
        words: Vec<String>,
        page: Option<u32>,
    }

    /// A file that is required, one that may be missing, and any number of them.
    #[derive(JsonSchema)]
    pub(super) struct Attach {
        subject: String,
        letter: Upload,
        stamp: Option<Upload>,
        #[serde(default)]
        photos: Vec<Upload>,
    }

    /// The input of an action with a lower-case name that is a word of the language.
    #[derive(JsonSchema)]
    pub(super) struct Delete {
        id: Exact<u64>,
    }

    fn three() -> u8 {
        3
    }
}

/// Errors.
mod bank {
    use super::*;

    #[derive(JsonSchema)]
    pub(super) struct Transfer {
        cents: u32,
    }

    /// What stops a transfer.
    #[derive(crate::ActionError)]
    pub(super) enum TransferError {
        /// The account has less than that.
        #[error(status = 409)]
        InsufficientFunds { missing: u32, shared: Option<Shared> },
        #[error(status = 409, code = "account.frozen")]
        Frozen,
        #[error(status = 402)]
        Fee(Shared),
        #[error(transparent)]
        Other(#[from] crate::Error),
    }

    #[derive(crate::ActionError)]
    pub(super) enum FollowError {
        #[error(status = 404)]
        NotFound,
    }
}

/// Keys of topics.
mod boards {
    use super::*;

    /// The name of a board.
    #[derive(JsonSchema)]
    pub(super) struct BoardName(String);

    /// The number of a card.
    #[derive(JsonSchema)]
    pub(super) struct CardNumber(u32);

    /// The id of an account, which uses all 64 bits.
    #[derive(JsonSchema)]
    pub(super) struct AccountId(Exact<u64>);

    #[derive(JsonSchema)]
    pub(super) struct ListId(uuid::Uuid);

    #[derive(JsonSchema)]
    pub(super) struct Watch {
        board: BoardName,
        card: CardNumber,
        account: AccountId,
        list: ListId,
        id: uuid::Uuid,
        more: Vec<BoardName>,
    }
}

mod call {
    use super::*;

    #[derive(JsonSchema)]
    pub(super) struct Call {
        number: u32,
    }
}

/// `2026-11-23T19:00:00Z`
#[derive(serde::Serialize)]
struct Time(String);

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[derive(JsonSchema)]
struct Newtype(u32);

#[derive(JsonSchema)]
#[serde(transparent)]
struct Transparent {
    inner: Vec<Newtype>,
}

#[derive(JsonSchema)]
struct Pair(String, Option<u8>);

#[derive(JsonSchema)]
struct UnitStruct;

/// A page of anything.
#[derive(JsonSchema)]
#[schemars(rename = "Page_{T}")]
struct Page<T> {
    items: Vec<T>,
    next: Option<Exact<i64>>,
}

/// No rename, so schemars calls all of them the same.
#[derive(JsonSchema)]
struct Unnamed<T> {
    value: T,
}

#[derive(JsonSchema)]
struct Flat {
    x: i32,
    y: Option<i32>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
struct Strict {
    only: bool,
}

/// Structs and what fields can be.
#[derive(JsonSchema)]
struct Structs {
    plain: String,
    optional: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
    /// Left out as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out_flat: Option<Flat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out_word: Option<Words>,
    #[serde(default)]
    defaulted: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<String>,
    twice: Option<Option<bool>>,
    #[serde(skip)]
    skipped: u8,
    #[serde(skip_serializing, default)]
    written_only_by_clients: u8,
    #[serde(rename = "content-type")]
    content_type: String,
    #[serde(rename = "with \"quotes\" and \\")]
    quoted: bool,
    r#type: String,
    class: String,
    #[serde(rename(serialize = "out", deserialize = "in"))]
    both_ways: bool,
    newtype: Newtype,
    transparent: Transparent,
    pair: Pair,
    nothing: (),
    unit: UnitStruct,
    strict: Strict,
    page: Page<Newtype>,
    pages: Page<Vec<String>>,
    unnamed: Unnamed<String>,
    unnamed_too: Unnamed<bool>,
    boxed: Box<Flat>,
    #[deprecated = "use `boxed`"]
    old: Option<Flat>,
    any: Value,
    maybe_any: Option<Value>,
    #[serde(flatten)]
    flat: Flat,
}

#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Words {
    First,
    SecondWord,
}

/// Documented words.
#[derive(JsonSchema)]
enum Documented {
    /// The first.
    First,
    /// The second.
    #[serde(rename = "2nd")]
    Second,
}

/// serde's default.
#[derive(JsonSchema)]
enum External {
    Unit,
    Newtype(String),
    Tuple(u8, u8),
    /// With fields.
    Struct {
        /// One field.
        field: Option<u8>,
    },
}

#[derive(JsonSchema)]
#[serde(tag = "type")]
enum Internal {
    Unit,
    Newtype(Flat),
    Struct { field: u8 },
}

#[derive(JsonSchema)]
#[serde(tag = "kind", content = "content")]
enum Adjacent {
    Unit,
    Newtype(String),
    Tuple(u8, String),
    Struct { field: u8 },
}

#[derive(JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Null,
    Number(i64),
    Text(String),
    Struct { field: u8 },
}

#[derive(JsonSchema)]
enum Never {}

/// Enums of every tagging.
#[derive(JsonSchema)]
struct Enums {
    words: Words,
    documented: Documented,
    maybe_word: Option<Words>,
    external: External,
    internal: Internal,
    adjacent: Adjacent,
    untagged: Untagged,
    result: Result<u8, String>,
    never: Option<Never>,
    by_word: HashMap<Words, u8>,
    flattened: FlatEnum,
    flattened_maybe: FlatMaybe,
    flattened_both: FlatBoth,
}

#[derive(JsonSchema)]
struct FlatEnum {
    id: u8,
    #[serde(flatten)]
    kind: Internal,
}

#[derive(JsonSchema)]
struct FlatMaybe {
    id: u8,
    #[serde(flatten)]
    kind: Option<Internal>,
}

#[derive(JsonSchema)]
struct FlatBoth {
    #[serde(flatten)]
    kind: Internal,
    #[serde(flatten)]
    content: Adjacent,
}

/// Numbers and what the standard library brings.
#[derive(JsonSchema)]
struct Numbers {
    int: i64,
    unsigned: u64,
    big: u128,
    size: usize,
    float: f32,
    exact: Exact<i64>,
    exacts: Vec<Exact<u64>>,
    maybe_exact: Option<Exact<i128>>,
    bytes: Vec<u8>,
    hash: [u8; 32],
    color: [u8; 3],
    letter: char,
    non_zero: std::num::NonZeroU8,
    duration: std::time::Duration,
    address: std::net::IpAddr,
    path: std::path::PathBuf,
    range: std::ops::Range<u8>,
    bound: std::ops::Bound<u8>,
    time: Time,
}

/// Lists, maps and recursion.
#[derive(JsonSchema)]
struct Nested {
    tree: Tree,
    json: Json,
    itself: Option<Box<Itself>>,
    even: Even,
    list: Vec<Option<Words>>,
    set: BTreeSet<String>,
    map: BTreeMap<String, Flat>,
    by_number: HashMap<u64, Vec<bool>>,
    by_exact: BTreeMap<Exact<i64>, bool>,
    object: serde_json::Map<String, Value>,
    tuple: (String, u8, (bool,)),
    tuples: Vec<(String, Option<u8>)>,
    rest: Rest,
    typed_rest: TypedRest,
}

/// Through a list.
#[derive(JsonSchema)]
struct Tree {
    name: String,
    parent: Option<Box<Self>>,
    children: Vec<Self>,
    by_name: HashMap<String, Self>,
}

/// Through a type without fields.
#[derive(JsonSchema)]
#[serde(untagged)]
enum Json {
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

/// A type that TypeScript could not resolve as it stands.
#[derive(JsonSchema)]
#[serde(untagged)]
enum Itself {
    Text(String),
    Again(Box<Self>),
}

#[derive(JsonSchema)]
#[serde(untagged)]
enum Even {
    Zero(u8),
    Next(Box<Odd>),
}

#[derive(JsonSchema)]
#[serde(untagged)]
enum Odd {
    One(bool),
    Next(Box<Even>),
}

/// And whatever else there is.
#[derive(JsonSchema)]
struct Rest {
    id: u8,
    #[serde(flatten)]
    rest: HashMap<String, Value>,
}

#[derive(JsonSchema)]
struct TypedRest {
    id: u8,
    name: Option<String>,
    #[serde(flatten)]
    rest: HashMap<String, bool>,
}
