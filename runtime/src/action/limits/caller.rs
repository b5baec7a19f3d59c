//! Who counts as one caller.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
};

use crate::action::{context::Context, limits::rate::Key, value::ClientIp};

/// Finds the session and the user of a request in the sessions of the app. The room `session` has this
/// function.
pub(crate) type Identify = for<'c> fn(&'c Context) -> Identified<'c>;

/// The future of [`Identify`]. It returns nobody if the request has no session that the store has.
pub(crate) type Identified<'c> = Pin<Box<dyn Future<Output = RateIdentity> + Send + 'c>>;

/// Who sends a request, for rates by [`Key::Session`] and [`Key::User`].
///
/// An app with [sessions](crate::App::sessions) does not need it. An app that signs its users in by
/// itself sets it as an extension of the request, in a [layer](crate::App::layer), after it has
/// checked who they are. What it sets wins over the session. Without both, such a rate counts by the
/// address.
///
/// # Examples
///
/// ```
/// use kipo::{Context, RateIdentity};
///
/// let ann = RateIdentity::new().user("ann").session("7f3a");
/// // It does not show who that is.
/// assert_eq!(format!("{ann:?}"), "RateIdentity { session: true, user: true }");
/// let _cx = Context::test().with_extension(ann);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RateIdentity {
    session: Option<String>,
    user: Option<String>,
}

impl RateIdentity {
    /// Returns nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the session.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Returns the caller by a key, if the identity has it.
    fn caller(&self, key: Key) -> Option<Caller> {
        match key {
            Key::Session => self.session.clone().map(Caller::Session),
            Key::User => self.user.clone().map(Caller::User),
            Key::Address | Key::Of(_) => None,
        }
    }
}

/// Shows what is there, and never an id: the id of a session must not appear in a log.
impl fmt::Debug for RateIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateIdentity")
            .field("session", &self.session.is_some())
            .field("user", &self.user.is_some())
            .finish()
    }
}

/// One caller. Two kinds of callers with the same text are two callers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    Address(IpAddr),
    Session(String),
    User(String),
    Key(String),
}

impl Caller {
    /// Returns the caller of a request. Only a rate by a session or a user that no layer has set calls
    /// `identify`.
    pub(crate) async fn of(key: Key, cx: &Context, identify: Option<Identify>) -> Self {
        let caller = match key {
            Key::Address => None,
            Key::Of(key) => key.0(cx).map(Self::Key),
            Key::Session | Key::User => {
                let set = cx.extensions().get::<RateIdentity>();
                match (set.and_then(|identity| identity.caller(key)), identify) {
                    (None, Some(identify)) => identify(cx).await.caller(key),
                    (set, _) => set,
                }
            }
        };
        caller.unwrap_or_else(|| Self::Address(network(ClientIp::of(cx).0)))
    }

    /// Returns the kind of the caller and its bytes, the same on every node.
    pub(crate) fn bytes(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Address(IpAddr::V4(ip)) => (b'4', ip.octets().to_vec()),
            Self::Address(IpAddr::V6(ip)) => (b'6', ip.octets().to_vec()),
            Self::Session(id) => (b's', id.clone().into_bytes()),
            Self::User(id) => (b'u', id.clone().into_bytes()),
            Self::Key(key) => (b'k', key.clone().into_bytes()),
        }
    }
}

/// Returns what an address counts as. In IPv6 a customer has a network of 64 bits, so all of its
/// addresses count as one.
pub(crate) fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_HEADER: Key = Key::of(|cx| cx.header("x-api-key").map(str::to_owned));

    fn ann() -> Context {
        let ann = RateIdentity::new().user("ann").session("1");
        Context::test().with_extension(ann).with_header("x-api-key", "ann")
    }

    /// Of Piko: "Burst, user and session keys do nothing."
    #[tokio::test]
    async fn each_key_counts_another_caller() {
        let of = async |key, cx| Caller::of(key, &cx, None).await;
        assert_eq!(of(Key::Session, ann()).await, Caller::Session("1".into()));
        assert_eq!(of(Key::User, ann()).await, Caller::User("ann".into()));
        assert_eq!(of(BY_HEADER, ann()).await, Caller::Key("ann".into()));
        let localhost = Caller::Address([127, 0, 0, 1].into());
        assert_eq!(of(Key::Address, ann()).await, localhost);
        for key in [Key::Session, Key::User, BY_HEADER] {
            assert_eq!(of(key, Context::test()).await, localhost, "{key:?}");
        }
    }

    #[tokio::test]
    async fn what_a_layer_sets_wins_over_the_session() {
        let identify: Identify = |_| Box::pin(async { RateIdentity::new().user("bob") });
        let of = async |key, cx| Caller::of(key, &cx, Some(identify)).await;
        assert_eq!(of(Key::User, ann()).await, Caller::User("ann".into()));
        assert_eq!(of(Key::User, Context::test()).await, Caller::User("bob".into()));
        let by_session = of(Key::Session, Context::test()).await;
        assert_eq!(by_session, Caller::Address([127, 0, 0, 1].into()));
    }

    #[tokio::test]
    async fn other_keys_do_not_ask_for_the_session() {
        let identify: Identify = |_| unreachable!("the rate does not need it");
        for key in [Key::Address, BY_HEADER] {
            Caller::of(key, &ann(), Some(identify)).await;
        }
        Caller::of(Key::User, &ann(), Some(identify)).await;
    }

    #[test]
    fn a_user_and_a_key_of_the_same_text_are_two_callers() {
        let (user, key) = (Caller::User("ann".into()), Caller::Key("ann".into()));
        assert_ne!(user, key);
        assert_ne!(user.bytes(), key.bytes());
    }
}
