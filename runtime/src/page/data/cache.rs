//! How long copies of a page may be used without asking.

use std::{fmt::Write as _, time::Duration};

use http::{HeaderMap, HeaderValue, header};

/// Who may keep copies of a page, and for how long they are good without a question.
///
/// Unless set, only the visitor's browser keeps one, and asks each time whether it is still
/// right: `private, no-cache`. That costs a 304.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use kipo::{Cache, Context, PageContext};
///
/// # let cx = PageContext::from(Context::test());
/// // The same for everyone who speaks the same language, for five minutes.
/// cx.cache(Cache::public(Duration::from_secs(300)).vary("accept-language"));
///
/// assert_eq!(Cache::default(), Cache::private(Duration::ZERO));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    keep: Keep,
    stale: Duration,
    vary: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Everyone on the way.
    Public(Duration),
    /// The visitor's browser.
    Private(Duration),
    Nobody,
}

impl Cache {
    /// Lets everyone on the way keep copies, such as a proxy or a CDN: the page is the same for
    /// all who ask, but for the header fields in [`vary`](Self::vary).
    #[must_use]
    pub const fn public(good_for: Duration) -> Self {
        Self::of(Keep::Public(good_for))
    }

    /// Lets the visitor's browser keep a copy, and nobody else.
    #[must_use]
    pub const fn private(good_for: Duration) -> Self {
        Self::of(Keep::Private(good_for))
    }

    /// Lets nobody keep a copy, on disk or elsewhere.
    #[must_use]
    pub const fn never() -> Self {
        Self::of(Keep::Nobody)
    }

    const fn of(keep: Keep) -> Self {
        Self { keep, stale: Duration::ZERO, vary: None }
    }

    /// Lets a copy that is too old serve for this much longer while a new one is fetched.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, time: Duration) -> Self {
        self.stale = time;
        self
    }

    /// Names the header fields of the request that the page depends on, split by commas.
    #[must_use]
    pub const fn vary(mut self, fields: &'static str) -> Self {
        self.vary = Some(fields);
        self
    }

    /// Returns the same policy for a page that is not the same for everyone.
    pub(crate) fn of_one_visitor(self) -> Self {
        match self.keep {
            Keep::Public(good_for) => Self { keep: Keep::Private(good_for), ..self },
            Keep::Private(_) | Keep::Nobody => self,
        }
    }

    /// The field of the default policy.
    pub(crate) const DEFAULT: HeaderValue = HeaderValue::from_static("private, no-cache");

    /// Writes the policy into a response's head.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        if self == Self::default() {
            headers.insert(header::CACHE_CONTROL, Self::DEFAULT);
            return;
        }
        let (who, good_for) = match self.keep {
            Keep::Public(good_for) => ("public, ", good_for),
            Keep::Private(good_for) => ("private, ", good_for),
            Keep::Nobody => ("no-store", Duration::ZERO),
        };
        let mut text = who.to_owned();
        if self.keep != Keep::Nobody {
            match good_for.as_secs() {
                0 => text.push_str("no-cache"),
                seconds => _ = write!(text, "max-age={seconds}"),
            }
            if !self.stale.is_zero() {
                let _ = write!(text, ", stale-while-revalidate={}", self.stale.as_secs());
            }
        }
        let value = HeaderValue::from_str(&text).expect("words and digits are a header value");
        headers.insert(header::CACHE_CONTROL, value);
        if let Some(vary) = self.vary.and_then(|fields| HeaderValue::from_str(fields).ok()) {
            headers.append(header::VARY, vary);
        }
    }
}

/// `private, no-cache`.
impl Default for Cache {
    fn default() -> Self {
        Self::private(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_one_line() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        for (cache, expected) in [
            (Cache::default(), "private, no-cache"),
            (Cache::public(Duration::ZERO), "public, no-cache"),
            (Cache::public(minutes(5)), "public, max-age=300"),
            (Cache::private(minutes(1)), "private, max-age=60"),
            (Cache::never(), "no-store"),
            (Cache::never().stale_while_revalidate(minutes(1)), "no-store"),
            (
                Cache::public(minutes(1)).stale_while_revalidate(minutes(10)),
                "public, max-age=60, stale-while-revalidate=600",
            ),
            (Cache::public(minutes(5)).of_one_visitor(), "private, max-age=300"),
            (Cache::never().of_one_visitor(), "no-store"),
        ] {
            let mut headers = HeaderMap::new();
            cache.write(&mut headers);
            assert_eq!(headers[header::CACHE_CONTROL], expected);
            assert!(!headers.contains_key(header::VARY));
        }
    }

    #[test]
    fn what_a_page_depends_on_is_named() {
        let mut headers = HeaderMap::new();
        Cache::default().vary("accept-language, cookie").write(&mut headers);
        assert_eq!(headers[header::VARY], "accept-language, cookie");
    }
}
