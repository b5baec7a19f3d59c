//! The cookies of a visitor: plain, signed and private ones.

use std::{fmt, sync::Arc};

use cookie::{Cookie, CookieJar, Key};

use crate::{
    action::{Context, FromContext, StateNeed},
    error::{Error, Result},
    session::{carried::Carried, secret::CookieSecret},
};

/// How long the signature in a signed cookie is, in base64.
const SIGNATURE_LEN: usize = 44;

/// The cookies of the request and of its response.
///
/// A cookie that the app sets is `HttpOnly`, `SameSite=Lax`, has `Path=/`, and is `Secure` unless the
/// request came to loopback; a [`Cookie`] that says otherwise wins. Without a `Max-Age` it lasts until
/// the browser is closed. Values are percent-encoded, so any text is one.
///
/// A clone refers to the same cookies. [`get`](Self::get) reads what was set before.
///
/// # Examples
///
/// ```
/// use kipo::{Context, Cookies, Result, action, cookie::{Cookie, time::Duration}};
///
/// #[action]
/// async fn choose_theme(name: String, #[context] cookies: Cookies) -> Result<()> {
///     cookies.set(Cookie::build(("theme", name)).max_age(Duration::days(365)))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use kipo::{Action, FromContext};
/// let cx = Context::test().with_header("cookie", "theme=light");
/// let cookies = Cookies::from_context(&cx).await?;
/// assert_eq!(cookies.get("theme").as_deref(), Some("light"));
///
/// let call = ChooseTheme { name: "dark".to_owned(), cookies: cookies.clone() };
/// call.call(cx).await?;
/// assert_eq!(cookies.get("theme").as_deref(), Some("dark"));
/// # Result::<()>::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Cookies {
    carried: Arc<Carried>,
    secret: Option<CookieSecret>,
}

impl Cookies {
    /// Returns the value of a cookie, decoded. If there are several of the name, it is the first: that
    /// with the longest path.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.carried.get(name)
    }

    /// Sets a cookie.
    ///
    /// # Errors
    ///
    /// Returns a 500 if the head of the response is sent, as it is while a stream runs; if the name has
    /// other characters than letters, digits, `-`, `_` and `.`; or if name and value are longer than
    /// 4 KiB, which browsers ignore.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo::{Context, Cookies, FromContext};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let cookies = Cookies::from_context(&Context::test()).await?;
    /// cookies.set(("city", "Zürich; Kreis 4"))?;
    /// assert_eq!(cookies.get("city").as_deref(), Some("Zürich; Kreis 4"));
    /// assert!(cookies.set(("the city", "Bern")).is_err());
    /// # kipo::Result::<()>::Ok(()) }).unwrap();
    /// ```
    pub fn set(&self, cookie: impl Into<Cookie<'static>>) -> Result<()> {
        self.carried.set(cookie.into())
    }

    /// Removes a cookie that was set with the default path and no domain.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo::{Context, Cookies, FromContext};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let cx = Context::test().with_header("cookie", "theme=light");
    /// let cookies = Cookies::from_context(&cx).await?;
    /// cookies.remove("theme")?;
    /// assert_eq!(cookies.get("theme"), None);
    /// # kipo::Result::<()>::Ok(()) }).unwrap();
    /// ```
    pub fn remove(&self, name: &str) -> Result<()> {
        self.carried.remove(name)
    }

    /// Returns the cookies that carry a signature: a visitor can read them, and cannot change them.
    ///
    /// # Errors
    ///
    /// Returns a 500 if the app has no secret: see [`App::cookie_secret`](crate::App::cookie_secret).
    ///
    /// # Examples
    ///
    /// See [`SignedCookies`].
    pub fn signed(&self) -> Result<SignedCookies> {
        Ok(SignedCookies { carried: Arc::clone(&self.carried), secret: self.secret()? })
    }

    /// Returns the cookies that are encrypted: a visitor can neither read nor change them.
    ///
    /// # Errors
    ///
    /// As [`signed`](Self::signed).
    ///
    /// # Examples
    ///
    /// See [`PrivateCookies`].
    pub fn private(&self) -> Result<PrivateCookies> {
        Ok(PrivateCookies { carried: Arc::clone(&self.carried), secret: self.secret()? })
    }

    fn secret(&self) -> Result<CookieSecret> {
        let missing = "the app has no secret for cookies: add `.cookie_secret()` to the App";
        self.secret.clone().ok_or_else(|| Error::internal(missing))
    }
}

impl FromContext for Cookies {
    const IS_PROOF: bool = false;

    async fn from_context(cx: &Context) -> Result<Self> {
        let secret = cx.state::<CookieSecret>().ok().map(|secret| CookieSecret::clone(&secret));
        Ok(Self { carried: Carried::of(cx), secret })
    }
}

/// It shows no value.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies")
    }
}

/// Cookies with a signature over their names and values (HMAC-SHA256).
///
/// A signed cookie has no time of its own: a visitor can send an old one again. What has to end is
/// data of a [`Session`](crate::Session).
///
/// # Examples
///
/// ```
/// use kipo::{Context, CookieSecret, Cookies, FromContext};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let secret = CookieSecret::new("b7e0a1f0c58a4d1cbb0bd1bb6b0f24a9")?;
/// let cookies = Cookies::from_context(&Context::test().with_state(secret)).await?;
/// cookies.signed()?.set(("invited_by", "ann"))?;
/// assert_eq!(cookies.signed()?.get("invited_by").as_deref(), Some("ann"));
///
/// // A value without a signature, or with that of another cookie, is none.
/// let value = cookies.get("invited_by").unwrap();
/// cookies.set(("admin", value))?;
/// assert_eq!(cookies.signed()?.get("admin"), None);
/// # kipo::Result::<()>::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct SignedCookies {
    carried: Arc<Carried>,
    secret: CookieSecret,
}

impl SignedCookies {
    /// Returns the value of a cookie, if its signature is right.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let value = self.carried.get(name)?;
        let (signature, value) = value.split_at_checked(SIGNATURE_LEN)?;
        let signed = Cookie::new(name.to_owned(), format!("{signature}{name}={value}"));
        let verified = CookieJar::new().signed(self.key()).verify(signed)?;
        Some(verified.value().get(name.len() + 1..)?.to_owned())
    }

    /// Signs a cookie and sets it.
    ///
    /// # Errors
    ///
    /// As [`Cookies::set`].
    pub fn set(&self, cookie: impl Into<Cookie<'static>>) -> Result<()> {
        let mut cookie = cookie.into();
        // The crate signs the value alone. With the name in it, it is of no use under another name.
        let (name, value) = cookie.name_value();
        let mut jar = CookieJar::new();
        jar.signed_mut(self.key()).add((name.to_owned(), format!("{name}={value}")));
        let signed = jar.get(name).map(Cookie::value).unwrap_or_default();
        let signature = signed.get(..SIGNATURE_LEN).unwrap_or_default();
        let signed = format!("{signature}{value}");
        cookie.set_value(signed);
        self.carried.set(cookie)
    }

    fn key(&self) -> &Key {
        self.secret.key()
    }
}

impl FromContext for SignedCookies {
    const IS_PROOF: bool = false;
    const NEEDS: &'static [StateNeed] = &[StateNeed::of::<CookieSecret>()];

    async fn from_context(cx: &Context) -> Result<Self> {
        Cookies::from_context(cx).await?.signed()
    }
}

impl fmt::Debug for SignedCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedCookies")
    }
}

/// Encrypted cookies (AES-256-GCM), each bound to its name.
///
/// As a [signed](SignedCookies) one, a private cookie has no time of its own.
///
/// As a `#[context]` value it needs [`App::cookie_secret`](crate::App::cookie_secret): the app checks
/// at start that the secret is there.
///
/// # Examples
///
/// ```
/// use kipo::{Context, CookieSecret, Cookies, FromContext};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let secret = CookieSecret::new("b7e0a1f0c58a4d1cbb0bd1bb6b0f24a9")?;
/// let cookies = Cookies::from_context(&Context::test().with_state(secret)).await?;
/// cookies.private()?.set(("salary", "1234"))?;
/// assert_eq!(cookies.private()?.get("salary").as_deref(), Some("1234"));
/// assert!(!cookies.get("salary").unwrap().contains("1234"));
/// # kipo::Result::<()>::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct PrivateCookies {
    carried: Arc<Carried>,
    secret: CookieSecret,
}

impl PrivateCookies {
    /// Returns the value of a cookie, if the app has encrypted it under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let cookie = Cookie::new(name.to_owned(), self.carried.get(name)?);
        let decrypted = CookieJar::new().private(self.secret.key()).decrypt(cookie)?;
        Some(decrypted.value().to_owned())
    }

    /// Encrypts a cookie and sets it.
    ///
    /// # Errors
    ///
    /// As [`Cookies::set`].
    pub fn set(&self, cookie: impl Into<Cookie<'static>>) -> Result<()> {
        let mut cookie = cookie.into();
        let mut jar = CookieJar::new();
        jar.private_mut(self.secret.key())
            .add((cookie.name().to_owned(), cookie.value().to_owned()));
        let encrypted = jar.get(cookie.name()).map(Cookie::value).unwrap_or_default().to_owned();
        cookie.set_value(encrypted);
        self.carried.set(cookie)
    }
}

impl FromContext for PrivateCookies {
    const IS_PROOF: bool = false;
    const NEEDS: &'static [StateNeed] = &[StateNeed::of::<CookieSecret>()];

    async fn from_context(cx: &Context) -> Result<Self> {
        Cookies::from_context(cx).await?.private()
    }
}

impl fmt::Debug for PrivateCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateCookies")
    }
}
