//! What an action says about the cache of its outputs.

use std::{fmt, time::Duration};

use http::{HeaderName, header};

use crate::action::{
    cache::{
        flight::Lead,
        key::{CALLER, Digest, Writer},
        outputs::{Outputs, Pending},
        tags::Tag,
    },
    context::Context,
};

/// For how long the server may answer a call with the output of an earlier one, and which calls are
/// the same.
///
/// The key of an output is the input, the request's `Host`, and who asks: the fields `Cookie` and
/// `Authorization`. [`public`](Self::public) leaves out who asks, [`vary`](Self::vary) adds header
/// fields, and [`by`](Self::by) names who asks by a function.
///
/// # What an output may depend on
///
/// The action gets a [`Context`] that shows only what is part of the key: of the header fields `Host`,
/// those of `vary`, and without `public` also `Cookie` and `Authorization`. The address of the client,
/// the query of a POST and what layers have set are not there. So an output cannot contain anything of
/// a caller that the key leaves out. With `by`, the action gets the whole request, since the function
/// decides.
///
/// An action with `#[context]` values says `by` or `public`; otherwise the app does not start. Such a
/// value may depend on more than a cookie: on what a session holds now.
///
/// # What is stored
///
/// Only outputs. Errors, panics and timeouts are not stored. If the action adds a header field, such
/// as a cookie, or asks for an effect, the response belongs to its caller: it is neither stored nor
/// shared.
///
/// Guards and `#[context]` values run for each call, before the cache.
///
/// # Callers that come together
///
/// One of them computes, and the others wait for its output. If it fails, the next one computes. If its
/// client disconnects, the computation goes on. The time that a call waits counts for its
/// [`timeout`](crate::Limits::timeout).
///
/// # Bounds
///
/// All outputs of an app together take at most
/// [`App::output_cache_bytes_max`](crate::App::output_cache_bytes_max), 32 MiB by default. Each node of
/// a cluster has a cache of its own, and an invalidation reaches the node that it runs on.
///
/// The field `Cache-Status` (RFC 9211) of a response says `kipo; hit; ttl=42`, `kipo; fwd=miss`, or
/// `kipo; fwd=miss; collapsed` for a call that waited.
///
/// # Examples
///
/// ```
/// use kipo::{Action, Context, OutputCache, Result, action};
///
/// /// Counts the cards of a board.
/// #[action]
/// pub struct Count {
///     board: u32,
/// }
///
/// impl Action for Count {
///     type Output = u32;
///     const CACHE: OutputCache<Self> = OutputCache::for_secs(60)
///         .public()
///         .tags(&["boards"])
///         .tags_by(|call: &Self| vec![format!("board:{}", call.board)]);
///
///     async fn call(self, _cx: Context) -> Result<u32> {
///         Ok(self.board + 1)
///     }
/// }
///
/// assert!(Count::CACHE.is_on());
/// ```
pub struct OutputCache<A> {
    /// `None` if nothing is stored.
    lifetime: Option<Duration>,
    caller: Caller<A>,
    /// Names of header fields, split by commas.
    vary: &'static str,
    tags: &'static [&'static str],
    tags_by: Option<fn(&A) -> Vec<String>>,
}

/// Which part of the key says who asks.
enum Caller<A> {
    /// The fields in [`CALLER`].
    Fields,
    /// None: the outputs are for everybody.
    Everybody,
    /// What a function returns.
    By(fn(&A, &Context) -> String),
}

impl<A> OutputCache<A> {
    /// Returns a cache that stores nothing, as every action has it by default.
    #[must_use]
    pub const fn off() -> Self {
        Self { lifetime: None, caller: Caller::Fields, vary: "", tags: &[], tags_by: None }
    }

    /// Returns a cache whose outputs are fresh for so many seconds.
    ///
    /// # Panics
    ///
    /// Panics if `seconds` is 0, which is an error of the compiler in a `const`.
    #[must_use]
    pub const fn for_secs(seconds: u64) -> Self {
        assert!(seconds > 0, "an output is fresh for at least one second");
        let lifetime = Some(Duration::from_secs(seconds));
        Self { lifetime, caller: Caller::Fields, vary: "", tags: &[], tags_by: None }
    }

    /// Shares outputs among all callers. The action cannot see who asks, except by its `#[context]`
    /// values: it must not put anything of them into its output.
    ///
    /// ```
    /// use kipo::{Action, Context, OutputCache, Result, action};
    ///
    /// #[action]
    /// pub struct Weather;
    ///
    /// impl Action for Weather {
    ///     type Output = String;
    ///     const CACHE: OutputCache<Self> = OutputCache::for_secs(600).public();
    ///
    ///     async fn call(self, cx: Context) -> Result<String> {
    ///         Ok("sunny".to_owned())
    ///     }
    /// }
    /// # assert!(Weather::CACHE.is_on());
    /// ```
    #[must_use]
    pub const fn public(mut self) -> Self {
        self.caller = Caller::Everybody;
        self
    }

    /// Says who asks by a function of the call and its request. Calls with the same text are the same
    /// if their inputs are. The action sees the whole request.
    ///
    /// ```
    /// use kipo::{Action, Context, Error, FromContext, OutputCache, Result, action};
    ///
    /// struct User {
    ///     id: u64,
    /// }
    ///
    /// impl FromContext for User {
    ///     async fn from_context(cx: &Context) -> Result<Self> {
    ///         let id = cx.cookie("user").and_then(|id| id.parse().ok());
    ///         id.map(|id| Self { id }).ok_or_else(|| Error::unauthorized("sign in first"))
    ///     }
    /// }
    ///
    /// #[action]
    /// pub struct MyBoards {
    ///     #[context]
    ///     user: User,
    /// }
    ///
    /// impl Action for MyBoards {
    ///     type Output = Vec<u64>;
    ///     const CACHE: OutputCache<Self> =
    ///         OutputCache::for_secs(60).by(|call: &Self, _cx| call.user.id.to_string());
    ///
    ///     async fn call(self, _cx: Context) -> Result<Vec<u64>> {
    ///         Ok(vec![self.user.id])
    ///     }
    /// }
    /// # assert!(MyBoards::CACHE.is_on());
    /// ```
    #[must_use]
    pub const fn by(mut self, caller: fn(&A, &Context) -> String) -> Self {
        self.caller = Caller::By(caller);
        self
    }

    /// Names the header fields of the request that the output depends on, split by commas. They become
    /// part of the key, and the action can read them.
    ///
    /// ```
    /// use kipo::OutputCache;
    ///
    /// let cache = OutputCache::<()>::for_secs(60).public().vary("accept-language");
    /// assert!(cache.is_on());
    /// ```
    #[must_use]
    pub const fn vary(mut self, fields: &'static str) -> Self {
        self.vary = fields;
        self
    }

    /// Names the tags of all outputs, for [`Context::invalidate`].
    #[must_use]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// Names the tags of an output by its call, for [`Context::invalidate`].
    #[must_use]
    pub const fn tags_by(mut self, tags: fn(&A) -> Vec<String>) -> Self {
        self.tags_by = Some(tags);
        self
    }

    /// Returns whether outputs are stored.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.lifetime.is_some()
    }

    /// Returns whether the key has nothing of the `#[context]` values, although nobody has said that
    /// the output does not depend on them.
    pub(crate) const fn ignores_values(&self) -> bool {
        self.is_on() && matches!(self.caller, Caller::Fields)
    }

    /// Returns the key of a call.
    pub(crate) fn key(&self, name: &str, call: &A, input: &Digest, cx: &Context) -> Digest {
        let headers = cx.headers();
        let key = Writer::default().part(name.as_bytes()).digest(input);
        // An output may contain addresses of the app.
        let mut key = key.part(cx.prefix().as_bytes()).field(headers, &header::HOST);
        key = self.vary_fields().fold(key, |key, name| key.field(headers, &name));
        match self.caller {
            Caller::Fields => CALLER.iter().fold(key, |key, name| key.field(headers, name)),
            Caller::Everybody => key,
            Caller::By(caller) => key.part(caller(call, cx).as_bytes()),
        }
        .finish()
    }

    /// Returns the request as the action may see it: what is part of the key.
    pub(crate) fn context(&self, cx: &Context) -> Context {
        match self.caller {
            Caller::By(_) => cx.whole_for_cache(),
            Caller::Everybody => cx.reduced_for_cache(self.vary_fields().chain([header::HOST])),
            Caller::Fields => {
                cx.reduced_for_cache(self.vary_fields().chain([header::HOST]).chain(CALLER))
            }
        }
    }

    /// Returns a computation that may be shared.
    pub(crate) fn pending(&self, outputs: &Outputs, lead: Lead, call: &A) -> Pending {
        let mut tags: Vec<Tag> = self.tags.iter().map(|tag| Tag::of(tag)).collect();
        if let Some(tags_by) = self.tags_by {
            tags.extend(tags_by(call).iter().map(|tag| Tag::of(tag)));
        }
        let lifetime = self.lifetime.unwrap_or_default();
        Pending { lead, began: outputs.now(), lifetime, tags: tags.into() }
    }

    fn vary_fields(&self) -> impl Iterator<Item = HeaderName> {
        let names = self.vary.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.filter_map(|name| name.parse().ok())
    }
}

impl<A> fmt::Debug for OutputCache<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let caller = match self.caller {
            Caller::Fields => "fields",
            Caller::Everybody => "public",
            Caller::By(_) => "by",
        };
        f.debug_struct("OutputCache")
            .field("lifetime", &self.lifetime)
            .field("caller", &caller)
            .field("vary", &self.vary)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&'static str, &str)]) -> Context {
        fields.iter().fold(Context::test(), |cx, (name, value)| cx.with_header(name, value))
    }

    #[track_caller]
    fn check(cache: &OutputCache<()>, field: &'static str, is_part: bool) {
        let key =
            |value| cache.key("a", &(), &Digest::of_input("", b""), &request(&[(field, value)]));
        assert_eq!(key("1") != key("2"), is_part, "{cache:?} {field}");
        let seen = cache.context(&request(&[(field, "1")]));
        let sees = is_part || matches!(cache.caller, Caller::By(_));
        assert_eq!(seen.header(field).is_some(), sees, "{cache:?} {field}");
    }

    #[test]
    fn an_action_sees_of_a_request_what_is_part_of_the_key() {
        let cache = OutputCache::<()>::for_secs(1);
        check(&cache, "cookie", true);
        check(&cache, "authorization", true);
        check(&cache, "host", true);
        check(&cache, "accept-language", false);
        let cache = OutputCache::<()>::for_secs(1).public();
        check(&cache, "cookie", false);
        check(&cache, "authorization", false);
        check(&cache, "host", true);
        check(&cache.vary("accept-language, x-tenant"), "x-tenant", true);
        let cache = OutputCache::<()>::for_secs(1)
            .by(|(), cx| cx.header("x-key").unwrap_or_default().into());
        check(&cache, "x-key", true);
        check(&cache, "cookie", false);
    }

    #[test]
    fn the_name_and_the_input_are_part_of_the_key() {
        let cache = OutputCache::<()>::for_secs(1).public();
        let key =
            |name, input| cache.key(name, &(), &Digest::of_input("json", input), &Context::test());
        assert_ne!(key("a", b"{}"), key("b", b"{}"));
        assert_ne!(key("a", b"{}"), key("a", b"{ }"));
        assert_eq!(key("a", b"{}"), key("a", b"{}"));
    }
}
