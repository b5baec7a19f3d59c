//! Actions whose types cover every form that serde supports. No test calls them.

/// A chat room.
mod chat {
    use kipo::{Action, Context, Event, EventStream, Result, StreamAction, action, data};

    /// A message of the room.
    #[data]
    pub struct Message {
        /// Counts from 1.
        pub id: u64,
        pub username: String,
        pub text: String,
        /// The message that this one answers.
        pub answers: Option<u64>,
    }

    #[data]
    #[serde(rename_all = "snake_case")]
    pub enum Status {
        /// Came in.
        Joined,
        Left,
    }

    #[derive(Event)]
    pub enum RoomEvent {
        /// Someone wrote.
        Chat(Message),
        /// Someone came or went.
        Presence {
            status: Status,
            username: String,
            away_since: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        },
        Many(Vec<Message>),
        Tick,
    }

    /// Posts one message to the room.
    #[action]
    pub struct Send {
        /// Who writes.
        #[validate(length(min = 1, max = 20))]
        username: String,
        #[validate(length(min = 1, max = 500))]
        message: String,
        answers: Option<u64>,
        #[serde(default)]
        silent: bool,
    }

    /// Where the message went.
    #[data]
    pub struct Sent {
        pub id: u64,
    }

    impl Action for Send {
        type Output = Sent;

        async fn call(self, _cx: Context) -> Result<Sent> {
            Ok(Sent { id: 1 })
        }
    }

    /// Streams the room.
    #[action]
    pub struct Listen;

    impl StreamAction for Listen {
        type Event = RoomEvent;
        type Output = ();

        async fn stream(self, _cx: Context, _out: EventStream<RoomEvent>) -> Result<()> {
            Ok(())
        }
    }
}

/// Dates, times and ids of other crates.
mod dates {
    use chrono::{DateTime, NaiveDate, Utc};
    use kipo::{Context, Result, action, data};
    use uuid::Uuid;

    #[data]
    pub struct Entry {
        pub id: Uuid,
        pub day: NaiveDate,
        pub at: DateTime<Utc>,
        pub until: Option<DateTime<Utc>>,
    }

    #[action]
    pub async fn keep(_cx: Context, entry: Entry) -> Result<Vec<Entry>> {
        Ok(vec![entry])
    }
}

/// Topics by keys of every kind: each action takes the key of its family.
mod boards {
    use std::borrow::Cow;

    use kipo::{
        Context, Event, EventStream, Exact, Result, StreamAction, TopicKey, Topics, action, data,
    };
    use uuid::Uuid;

    #[derive(Event)]
    pub enum BoardEvent {
        Card(String),
    }

    /// The name of a board.
    #[data]
    pub struct BoardName(String);

    /// The number of a card.
    #[data]
    pub struct CardNumber(u32);

    /// The id of an account, which uses all 64 bits.
    #[data]
    pub struct AccountId(Exact<u64>);

    #[data]
    pub struct ListId(Uuid);

    macro_rules! keys {
        ($($key:ident($inner:ty)),*) => {$(
            impl TopicKey for $key {
                fn to_key(&self) -> Cow<'_, str> {
                    self.0.to_key()
                }

                fn from_key(key: &str) -> Option<Self> {
                    <$inner>::from_key(key).map(Self)
                }
            }
        )*};
    }

    keys!(BoardName(String), CardNumber(u32), AccountId(Exact<u64>), ListId(Uuid));

    static BOARDS: Topics<BoardName, BoardEvent> = Topics::new("board");
    static CARDS: Topics<CardNumber, BoardEvent> = Topics::new("card");
    static ACCOUNTS: Topics<AccountId, BoardEvent> = Topics::new("account");
    static LISTS: Topics<ListId, BoardEvent> = Topics::new("list");
    static UUIDS: Topics<Uuid, BoardEvent> = Topics::new("uuid");

    /// Follows one topic of each family.
    #[action]
    pub struct Watch {
        board: BoardName,
        card: CardNumber,
        account: AccountId,
        list: ListId,
        id: Uuid,
    }

    impl StreamAction for Watch {
        type Event = BoardEvent;
        type Output = ();

        async fn stream(self, _cx: Context, out: EventStream<BoardEvent>) -> Result<()> {
            let board = BOARDS.of(&self.board);
            let (card, account) = (CARDS.of(&self.card), ACCOUNTS.of(&self.account));
            let (list, id) = (LISTS.of(&self.list), UUIDS.of(&self.id));
            out.follow_all(&[board, card, account, list, id]).await
        }
    }
}

/// The same type names as in `chat`, for other types.
mod mail {
    use kipo::{Action, Context, Result, action, data};

    #[data]
    pub struct Message {
        pub subject: String,
        pub to: Vec<String>,
    }

    #[action]
    pub struct Send {
        message: Message,
    }

    impl Action for Send {
        type Output = Message;

        async fn call(self, _cx: Context) -> Result<Message> {
            Ok(self.message)
        }
    }

    /// Deletes a message.
    #[action]
    pub async fn delete(_cx: Context, id: kipo::Exact<i64>) -> Result<()> {
        let _ = id;
        Ok(())
    }
}

/// Modules whose names are keywords of TypeScript, one inside the other.
mod new {
    pub(crate) mod default {
        use kipo::{Context, Result, action};

        #[action]
        pub async fn ping(_cx: Context) -> Result<String> {
            Ok(String::new())
        }
    }
}

/// Each action returns its input, which has one of the types below.
mod shapes {
    use std::collections::{BTreeMap, BTreeSet, HashMap};

    use kipo::{Context, Exact, Result, action, data};
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    macro_rules! echo {
        ($($name:ident: $type:ty),* $(,)?) => {$(
            #[action]
            pub async fn $name(_cx: Context, value: $type) -> Result<$type> {
                Ok(value)
            }
        )*};
    }

    echo! {
        take_external: External, take_internal: Internal, take_adjacent: Adjacent, take_untagged: Untagged,
        take_words: Words, take_newtype: UserId, take_pair: Pair, take_unit: (), take_list: Vec<String>, take_set: BTreeSet<u8>,
        take_map: HashMap<String, Point>, take_by_number: BTreeMap<u64, String>, take_by_word: BTreeMap<Words, u8>,
        take_tuple: (String, u8), take_array: [f64; 3], take_maybe: Option<String>, take_maybe_point: Option<Point>,
        take_big: i64, take_exact: Exact<u64>, take_bytes: Vec<u8>, take_any: serde_json::Value, take_tree: Tree,
        take_json: Json, take_users: Page<UserId>, take_points: Page<Point>, take_flat: Flat, take_renamed: Renamed,
        take_duration: std::time::Duration, take_defaults: Defaults, take_strict: Strict, take_left_out: LeftOut,
        take_nulls: Nulls,
    }

    #[data]
    pub enum External {
        Nothing,
        Text(String),
        Pair(u8, u8),
        Named { x: u8 },
    }

    #[data]
    #[serde(tag = "type", rename_all = "snake_case")]
    pub enum Internal {
        Nothing,
        Point(Point),
        Named { label: String },
    }

    #[data]
    #[serde(tag = "kind", content = "content")]
    pub enum Adjacent {
        Nothing,
        Text(String),
        Named { x: u8 },
    }

    #[data]
    #[serde(untagged)]
    pub enum Untagged {
        Number(i64),
        Text(String),
        Named { x: u8 },
    }

    #[data]
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    #[serde(rename_all = "kebab-case")]
    pub enum Words {
        First,
        SecondWord,
    }

    #[data]
    pub struct UserId(u32);

    #[data]
    pub struct Pair(String, bool);

    #[data]
    pub struct Point {
        x: f64,
        y: f64,
    }

    #[data]
    pub struct Page<T> {
        items: Vec<T>,
        next: Option<u32>,
    }

    #[data]
    pub struct Tree {
        name: String,
        parent: Option<Box<Self>>,
        children: Vec<Self>,
    }

    #[data]
    #[serde(untagged)]
    pub enum Json {
        Text(String),
        List(Vec<Self>),
        Map(BTreeMap<String, Self>),
    }

    #[data]
    pub struct Flat {
        id: u8,
        #[serde(flatten)]
        point: Point,
        #[serde(flatten)]
        kind: Internal,
        #[serde(flatten)]
        rest: BTreeMap<String, serde_json::Value>,
    }

    /// Names that need quotes, a `*/` in a comment.
    #[data]
    pub struct Renamed {
        #[serde(rename = "content-type")]
        content_type: String,
        #[serde(rename = "2nd \"name\"")]
        second: bool,
        r#type: String,
        class: u8,
    }

    #[data]
    #[serde(default)]
    #[derive(Default)]
    pub struct Defaults {
        size: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(skip)]
        secret: String,
    }

    #[data]
    #[serde(deny_unknown_fields)]
    pub struct Strict {
        only: bool,
    }

    /// An `Option` that is not written at all is never null.
    #[data]
    pub struct LeftOut {
        #[serde(skip_serializing_if = "Option::is_none")]
        maybe: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        point: Option<Point>,
        #[serde(skip_serializing_if = "Option::is_none")]
        word: Option<Words>,
        #[serde(skip_serializing_if = "Option::is_none")]
        own: Option<Own>,
        variant: LeftOutOfVariant,
    }

    /// Derives what `#[data]` would.
    #[derive(Serialize, Deserialize, JsonSchema)]
    pub struct Own {
        #[serde(skip_serializing_if = "Option::is_none")]
        maybe: Option<u8>,
    }

    #[data]
    #[serde(tag = "type")]
    pub enum LeftOutOfVariant {
        Named {
            #[serde(skip_serializing_if = "Option::is_none")]
            maybe: Option<u8>,
        },
    }

    /// Here a field may be left out and may be null: `Some(None)`, a function that leaves out
    /// something else, and the fields of a part that is not there.
    #[data]
    pub struct Nulls {
        twice: Twice,
        other: Other,
        flat: FlatMaybe,
    }

    #[data]
    pub struct Twice {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Option<u8>>,
    }

    #[data]
    pub struct Other {
        #[serde(skip_serializing_if = "is_zero")]
        value: Option<u8>,
    }

    #[data]
    pub struct FlatMaybe {
        #[serde(flatten)]
        part: Option<Part>,
    }

    #[data]
    pub struct Part {
        id: u8,
        value: Option<u8>,
    }

    fn is_zero(value: &Option<u8>) -> bool {
        *value == Some(0)
    }
}

/// Every rule of `#[validate]`.
mod rules {
    use std::collections::BTreeMap;

    use kipo::{Context, Result, action, data};

    const ENTRIES_MAX: u64 = 3;

    #[data]
    #[validate(custom(function = Self::in_order))]
    pub struct Span {
        from: u32,
        to: u32,
    }

    impl Span {
        fn in_order(&self) -> std::result::Result<(), &'static str> {
            if self.from <= self.to { Ok(()) } else { Err("must be in order") }
        }
    }

    #[action]
    #[expect(clippy::too_many_arguments, reason = "one for each rule")]
    pub async fn check(
        _cx: Context,
        #[validate(length(min = 2, max = 3))] text: String,
        #[validate(length(equal = 2))] list: Vec<u8>,
        #[validate(length(min = 1, max = ENTRIES_MAX))] map: Option<BTreeMap<String, u8>>,
        #[validate(range(min = 1, max = 9))] number: Option<i32>,
        #[validate(email)] email: Option<String>,
        #[validate(url)] url: String,
        #[validate(email, contains(pattern = "@example.org"))] work: String,
        #[validate(required)] needed: Option<u8>,
        /// A text.
        #[validate(custom(function = not_blank))]
        custom: String,
        #[validate(nested)] span: Span,
    ) -> Result<()> {
        let _ = (text, list, map, number, email, url, work, needed, custom, span);
        Ok(())
    }

    fn not_blank(text: &str) -> std::result::Result<(), &'static str> {
        if text.trim().is_empty() { Err("must not be blank") } else { Ok(()) }
    }
}

/// Errors of an action's own.
mod bank {
    use kipo::{ActionError, Event, EventStream, Result, action};

    #[derive(Debug, ActionError)]
    pub enum TransferError {
        #[error(status = 409)]
        InsufficientFunds { missing: u32 },
        #[error(status = 403)]
        Frozen,
        #[error(status = 402)]
        Fee(String),
        #[error(transparent)]
        Other(#[from] kipo::Error),
    }

    #[action]
    pub async fn transfer(cents: u32) -> Result<u32, TransferError> {
        Ok(cents)
    }

    #[derive(Event)]
    pub enum Step {
        Began,
    }

    #[action]
    pub async fn watch(out: EventStream<Step>) -> Result<(), TransferError> {
        Ok(out.send(Step::Began).await?)
    }
}
