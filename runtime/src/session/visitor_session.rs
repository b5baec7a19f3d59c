//! The session of the visitor who sends a request.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use cookie::{Cookie, time::Duration};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    action::{Context, FromContext, StateNeed},
    error::{Error, Result},
    session::{
        carried::Carried,
        record::Record,
        sessions::{Sessions, ended},
        token::{Key, Token},
    },
};

/// The session of a visitor: data that the server keeps from one request to the next.
///
/// A visitor without a session has the default data, and gets neither a cookie nor a place in the
/// store before something is written. Each write is in the store when its future completes.
///
/// All values of one request are the same session. If two requests of a visitor
/// [`update`](Self::update) it at the same time, both changes are kept on one node; on two nodes the
/// last one wins.
///
/// `T` changes with the app. Data that is no `T` any more is the default, and the user stays signed in.
///
/// # Examples
///
/// ```
/// use kipo::{Context, FromContext, Result, Session, Sessions, action};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Deserialize, Serialize)]
/// struct Cart {
///     items: Vec<u32>,
/// }
///
/// #[action]
/// async fn add_to_cart(item: u32, #[context] session: Session<Cart>) -> Result<usize> {
///     session.update(|cart| cart.items.push(item)).await?;
///     Ok(session.data().items.len())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # use kipo::Action;
/// let cx = Context::test().with_state(Sessions::in_memory());
/// let session = Session::from_context(&cx).await?;
/// let call = AddToCart { item: 7, session };
/// assert_eq!(call.call(cx).await?, 1);
/// # Result::<()>::Ok(()) }).unwrap();
/// ```
pub struct Session<T = ()> {
    carried: Arc<Carried>,
    sessions: Sessions,
    /// The data, and the record that it was decoded from. A std lock: held for a copy, never across an
    /// `.await`.
    decoded: Mutex<Decoded<T>>,
}

struct Decoded<T> {
    record: Option<Arc<Record>>,
    data: Arc<T>,
}

impl<T> Session<T>
where
    T: Serialize + DeserializeOwned + Default + Send + Sync + 'static,
{
    /// Returns the data, as it was when the request came or when this request last wrote it.
    #[must_use]
    pub fn data(&self) -> Arc<T> {
        let record = self.active().map(|(_, record)| record);
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = match (&decoded.record, &record) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            *decoded = Decoded::of(record);
        }
        Arc::clone(&decoded.data)
    }

    /// Changes the data and writes it. A visitor without a session gets one.
    ///
    /// The change is made to what the store has: another request of the visitor may have changed it
    /// since this one came.
    ///
    /// # Errors
    ///
    /// Returns a 401 if the session has ended since the request came, a 503 if the store does not
    /// answer, and a 500 if the data is no JSON or larger than 64 KiB. In a stream a visitor without a
    /// session gets none, because the head of the response is sent: that is a 500.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has written the change or not.
    ///
    /// # Examples
    ///
    /// See [`Session`].
    pub async fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R> {
        let Some((key, _)) = self.active() else {
            let mut data = T::default();
            let result = change(&mut data);
            let record = Record::new(self.sessions.now_ms(), encode(&data)?);
            self.begin(record).await?;
            return Ok(result);
        };
        let mut result = None;
        let updated = self.sessions.update(&key, |record| {
            let mut data: T = decode(record);
            result = Some(change(&mut data));
            record.data = encode(&data)?;
            Ok(())
        });
        let record = updated.await?;
        self.carried.put_session(&self.sessions, Some((key, record)));
        result.ok_or_else(ended)
    }

    /// Names the user of the session, under a new token: at sign-in. The data stays.
    ///
    /// [`Sessions::end_all`] ends the sessions of a user by this name, such as an id from your
    /// database. The token of before has ended, and so have the streams that were opened with it: what
    /// they show is that of the visitor before.
    ///
    /// # Errors
    ///
    /// Returns a 503 if the store does not answer, and a 500 if the name is empty or longer than 256
    /// bytes. In a stream it is a 500, because the head of the response is sent.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the visitor with the session of before, or with none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo::{Context, FromContext, Session, Sessions};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let cx = Context::test().with_state(Sessions::in_memory());
    /// let session: Session = Session::from_context(&cx).await?;
    /// assert_eq!(session.user(), None);
    /// session.set_user("ann").await?;
    /// assert_eq!(session.user().as_deref(), Some("ann"));
    /// # kipo::Result::<()>::Ok(()) }).unwrap();
    /// ```
    pub async fn set_user(&self, user: impl Into<String>) -> Result<()> {
        self.check_head()?;
        let before = self.active();
        // The sign-in begins the absolute time of the session.
        let data = match &before {
            Some((key, read)) => {
                let stored = self.sessions.find(key).await?;
                stored.as_ref().unwrap_or(read).data.clone()
            }
            None => encode(&T::default())?,
        };
        let mut record = Record::new(self.sessions.now_ms(), data);
        self.sessions.set_user(&mut record, user.into()).await?;
        self.replace(before, record).await
    }

    /// Gives the session a new token: when what the visitor may do changes. The token of before, and
    /// the streams that were opened with it, end at once. A visitor without a session gets none.
    ///
    /// # Errors
    ///
    /// Returns a 401 if the session has ended since the request came, and the errors of
    /// [`set_user`](Self::set_user).
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the visitor with the session of before, or with none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo::{Context, FromContext, Session, Sessions};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let cx = Context::test().with_state(Sessions::in_memory());
    /// let session: Session<u32> = Session::from_context(&cx).await?;
    /// session.update(|visits| *visits += 1).await?;
    /// session.renew().await?;
    /// assert_eq!(*session.data(), 1);
    /// # kipo::Result::<()>::Ok(()) }).unwrap();
    /// ```
    pub async fn renew(&self) -> Result<()> {
        let Some((key, _)) = self.active() else { return Ok(()) };
        self.check_head()?;
        let record = self.sessions.find(&key).await?.ok_or_else(ended)?;
        self.replace(Some((key, Arc::clone(&record))), Record::clone(&record)).await
    }

    /// Ends the session and removes its cookie. Streams that were opened under it end within a second,
    /// with a 401, on all nodes.
    ///
    /// # Errors
    ///
    /// Returns a 503 if the store or the engine does not answer. Call it again then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has ended the session or not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo::{Context, FromContext, Session, Sessions};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let cx = Context::test().with_state(Sessions::in_memory());
    /// let session: Session = Session::from_context(&cx).await?;
    /// session.set_user("ann").await?;
    /// session.end().await?;
    /// assert_eq!(session.user(), None);
    /// # kipo::Result::<()>::Ok(()) }).unwrap();
    /// ```
    pub async fn end(&self) -> Result<()> {
        let Some((key, _)) = self.active() else { return Ok(()) };
        self.sessions.end(&key).await?;
        self.carried.put_session(&self.sessions, None);
        // After the head is sent, the cookie goes with the next response.
        match self.check_head() {
            Ok(()) => self.carried.remove(self.sessions.cookie_name()),
            Err(_) => Ok(()),
        }
    }

    /// Returns the user that [`set_user`](Self::set_user) named, unless [`Sessions::end_all`] has ended
    /// the user's sessions since the request came.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.carried.loaded()?.user().map(str::to_owned)
    }

    /// Asks the store whether the visitor has a session now. A visitor who never got one has none.
    ///
    /// # Errors
    ///
    /// Returns a 503 if the store does not answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// See [`Sessions`].
    pub async fn is_active(&self) -> Result<bool> {
        let Some((key, _)) = self.active() else { return Ok(false) };
        Ok(self.sessions.find(&key).await?.is_some())
    }

    pub(super) fn active(&self) -> Option<(Key, Arc<Record>)> {
        self.carried.loaded()?.active
    }

    fn check_head(&self) -> Result<()> {
        self.carried.check_head(self.sessions.cookie_name())
    }

    /// Writes a record under a new token, and ends the session of before.
    async fn replace(&self, before: Option<(Key, Arc<Record>)>, record: Record) -> Result<()> {
        self.begin(record).await?;
        match before {
            Some((key, _)) => self.sessions.end(&key).await,
            None => Ok(()),
        }
    }

    /// Begins a session with a new token.
    async fn begin(&self, record: Record) -> Result<()> {
        self.check_head()?;
        let (token, record) = self.sessions.create(record).await?;
        self.carried.set(self.cookie(&token, &record))?;
        self.carried.put_session(&self.sessions, Some((token.key(), record)));
        Ok(())
    }

    fn cookie(&self, token: &Token, record: &Record) -> Cookie<'static> {
        let mut cookie = Cookie::new(self.sessions.cookie_name().to_owned(), token.text());
        let age = self.sessions.cookie_age(record).as_millis().div_ceil(1000);
        cookie.set_max_age(Duration::seconds(i64::try_from(age).unwrap_or(i64::MAX)));
        cookie
    }
}

impl<T> FromContext for Session<T>
where
    T: Serialize + DeserializeOwned + Default + Send + Sync + 'static,
{
    const IS_PROOF: bool = false;
    const NEEDS: &'static [StateNeed] = &[StateNeed::of::<Sessions>()];

    async fn from_context(cx: &Context) -> Result<Self> {
        let missing = "the app has no sessions: add `.sessions(Sessions::new())` to the App";
        let sessions = cx.state::<Sessions>().map_err(|_| Error::internal(missing))?;
        let sessions = Sessions::clone(&sessions);
        let carried = Carried::of(cx);
        carried.load(&sessions).await?;
        carried.end_stream_with_session();
        let record = carried.loaded().and_then(|loaded| loaded.active).map(|(_, record)| record);
        Ok(Self { carried, sessions, decoded: Mutex::new(Decoded::of(record)) })
    }
}

/// It shows neither the token nor the data.
impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl<T: DeserializeOwned + Default> Decoded<T> {
    fn of(record: Option<Arc<Record>>) -> Self {
        let data = record.as_deref().map(decode).unwrap_or_default();
        Self { record, data: Arc::new(data) }
    }
}

fn decode<T: DeserializeOwned + Default>(record: &Record) -> T {
    serde_json::from_slice(&record.data).unwrap_or_else(|error| {
        // The error's text may hold a value of the visitor's.
        let (line, column) = (error.line(), error.column());
        tracing::warn!(line, column, "the data of a session is of another type, and is left out");
        T::default()
    })
}

fn encode<T: Serialize>(data: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(data).map_err(Error::internal)
}
