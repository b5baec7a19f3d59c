//! The path prefix of the app, as the client of this request writes it.

use crate::{action::context::Context, header::Prefix};

impl Context {
    /// Returns the path prefix of the app for this request, such as `/app`, or an empty text.
    ///
    /// It is what [`App::prefix`](crate::App::prefix) or `--prefix` sets, or what a
    /// [trusted proxy](crate::App::trusted_proxy) reports by `X-Forwarded-Prefix`. Paths inside of the
    /// app do not have it, and Kipo writes it into pages, redirects and effects. An action needs it for
    /// an address that leaves the app in another way, such as a link in a mail:
    /// [the guide](crate::guide::prefix) lists them.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test().with_prefix("/app");
    /// assert_eq!(format!("https://example.org{}/orders/7", cx.prefix()), "https://example.org/app/orders/7");
    /// assert_eq!(kipo::Context::test().prefix(), "");
    /// ```
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.path_prefix().as_str()
    }

    /// Returns the `Path` of a cookie that this app alone gets: the [`prefix`](Self::prefix), or `/`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Result, action, http};
    ///
    /// #[action]
    /// async fn dark(cx: Context) -> Result<()> {
    ///     let cookie = format!("theme=dark; Path={}", cx.cookie_path());
    ///     cx.append_header(http::header::SET_COOKIE, http::HeaderValue::try_from(cookie)?);
    ///     Ok(())
    /// }
    ///
    /// assert_eq!(Context::test().with_prefix("/app").cookie_path(), "/app");
    /// assert_eq!(Context::test().cookie_path(), "/");
    /// ```
    #[must_use]
    pub fn cookie_path(&self) -> &str {
        match self.prefix() {
            "" => "/",
            prefix => prefix,
        }
    }

    /// Sets the path prefix of the app, for tests.
    ///
    /// # Panics
    ///
    /// Panics if the text is no prefix, or if the context has been cloned.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test().with_prefix("/app");
    /// cx.redirect("/orders").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"redirect","path":"/app/orders"}"#]);
    /// ```
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> Self {
        let prefix = Prefix::parse(prefix).expect(Prefix::EXPECTED);
        self.with_extension(prefix)
    }

    /// Returns the prefix with its type. It is looked up at each use, so a call that makes no address
    /// pays nothing.
    pub(crate) fn path_prefix(&self) -> &Prefix {
        static NONE: Prefix = Prefix::NONE;
        self.extensions().get().unwrap_or(&NONE)
    }
}
