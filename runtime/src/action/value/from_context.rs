//! The trait of a value that comes from the request: [`FromContext`].

use crate::{
    action::{
        context::Context,
        state::{State, StateNeed},
        value::provided::Provided,
    },
    error::{Code, Result},
};

/// A value that is made from the request: who calls, a tenant, a feature flag.
///
/// `#[context]` marks a field of an [`#[action]`](macro@crate::action) struct, or an argument of an
/// `#[action]` or [`#[page]`](macro@crate::page) function, that takes such a value. Kipo makes the
/// value after the guards and before it reads the body, so the action runs only with the value in
/// its hands. The caller can neither send the field nor see it in TypeScript. See the
/// [guide](crate::guide::guards).
///
/// # Examples
///
/// ```
/// use kipo::{Action, Context, Error, FromContext, Result, action};
///
/// pub struct User {
///     name: String,
/// }
///
/// impl FromContext for User {
///     async fn from_context(cx: &Context) -> Result<Self> {
///         match cx.cookie("user") {
///             Some(name) => Ok(Self { name: name.to_owned() }),
///             None => Err(Error::unauthorized("sign in first")),
///         }
///     }
/// }
///
/// /// Renames the caller's board.
/// #[action]
/// pub struct Rename {
///     #[context]
///     user: User,
///     title: String,
/// }
///
/// impl Action for Rename {
///     type Output = String;
///
///     async fn call(self, _cx: Context) -> Result<String> {
///         Ok(format!("{} of {}", self.title, self.user.name))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // A test builds the struct.
/// let rename = Rename { user: User { name: "Ann".into() }, title: "Plans".into() };
/// assert_eq!(rename.call(Context::test()).await.unwrap(), "Plans of Ann");
///
/// assert!(User::from_context(&Context::test()).await.is_err());
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from the request",
    label = "not a `kipo::FromContext`",
    note = "write `impl kipo::FromContext for {Self}`, or remove `#[context]` if the caller sends the value"
)]
pub trait FromContext: Sized + Send + 'static {
    /// Whether the value proves something about the caller, so that a request may lack it.
    ///
    /// `openapi.json` lists such a type as a security requirement, and a `public` action takes none.
    /// Set it to `false` for a value that every request has.
    const IS_PROOF: bool = true;

    /// The state that making the value needs. The app does not start without it: the error names the
    /// action or the page, and the line that adds the state.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{App, Context, Error, FromContext, Result, Session, Sessions, StateNeed, action};
    ///
    /// pub struct User(String);
    ///
    /// impl FromContext for User {
    ///     /// A `Session` needs `App::sessions`.
    ///     const NEEDS: &[StateNeed] = &[StateNeed::of::<Sessions>()];
    ///
    ///     async fn from_context(cx: &Context) -> Result<Self> {
    ///         let session: Session = Session::from_context(cx).await?;
    ///         session.user().map(Self).ok_or_else(|| Error::unauthorized("sign in first"))
    ///     }
    /// }
    ///
    /// #[action]
    /// async fn who_am_i(#[context] user: User) -> Result<String> {
    ///     Ok(user.0)
    /// }
    ///
    /// let error = App::new().router().unwrap_err().to_string();
    /// assert!(error.contains("`WhoAmI` needs sessions: add `.sessions(Sessions::new())` to the App"));
    /// assert!(App::new().sessions(Sessions::in_memory()).router().is_ok());
    /// ```
    const NEEDS: &'static [StateNeed] = &[];

    /// Makes the value.
    ///
    /// # Errors
    ///
    /// The error is the response, in place of the action's output or of the page.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped if the client disconnects.
    fn from_context(cx: &Context) -> impl Future<Output = Result<Self>> + Send;
}

/// Takes a value from the request: the one that a test has provided, or the one that its type makes.
pub(crate) async fn take<T: FromContext>(cx: &Context) -> Result<T> {
    match Provided::of(cx) {
        Some(value) => Ok(value),
        None => T::from_context(cx).await,
    }
}

/// `None` if the request lacks the value: if `T` is refused with a 401 or a 404. Any other error is
/// the response.
impl<T: FromContext> FromContext for Option<T> {
    const IS_PROOF: bool = false;
    const NEEDS: &'static [StateNeed] = T::NEEDS;

    async fn from_context(cx: &Context) -> Result<Self> {
        match take::<T>(cx).await {
            Ok(value) => Ok(Some(value)),
            Err(error) => match error.code() {
                Code::Unauthorized | Code::NotFound => Ok(None),
                _ => Err(error),
            },
        }
    }
}

/// The state that [`App::state`](crate::App::state) added.
impl<T: Send + Sync + 'static> FromContext for State<T> {
    const IS_PROOF: bool = false;
    const NEEDS: &'static [StateNeed] = &[StateNeed::of::<T>()];

    async fn from_context(cx: &Context) -> Result<Self> {
        cx.state()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[derive(Debug, PartialEq)]
    struct User;

    impl FromContext for User {
        async fn from_context(cx: &Context) -> Result<Self> {
            match cx.cookie("user") {
                Some("missing") => Err(Error::not_found("no such user")),
                Some("blocked") => Err(Error::forbidden("this user is blocked")),
                Some("broken") => Err(Error::internal("the database is away")),
                Some(_) => Ok(Self),
                None => Err(Error::unauthorized("sign in first")),
            }
        }
    }

    async fn user(cookie: &str) -> Result<Option<User>, Code> {
        let cx = Context::test().with_header("cookie", cookie);
        Option::from_context(&cx).await.map_err(|error| error.code())
    }

    #[tokio::test]
    async fn an_option_is_none_if_the_request_lacks_the_value() {
        assert_eq!(user("user=ann").await, Ok(Some(User)));
        assert_eq!(user("other=1").await, Ok(None));
        assert_eq!(user("user=missing").await, Ok(None));
    }

    #[tokio::test]
    async fn an_option_passes_other_errors_on() {
        assert_eq!(user("user=blocked").await, Err(Code::Forbidden));
        assert_eq!(user("user=broken").await, Err(Code::Internal));
    }

    #[tokio::test]
    async fn state_is_a_value() {
        let cx = Context::test().with_state(7_u8);
        assert_eq!(*State::<u8>::from_context(&cx).await.unwrap(), 7);
        assert!(State::<u16>::from_context(&cx).await.is_err());
    }
}
