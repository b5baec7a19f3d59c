//! Guards: they run in order, before anything of a request's body is read.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    action::{context::Context, guard::origin::OriginCheck},
    error::Result,
};

/// Admits a request or refuses it.
///
/// [`App::guard`](crate::App::guard) adds guards of calls and streams. Pages have guards of their own:
/// [`App::guard_pages`](crate::App::guard_pages) and `#[page("admin", guard = MembersOnly)]`.
///
/// # Examples
///
/// ```
/// use kipo::{Context, Error, Guard, Result, async_trait};
///
/// struct MembersOnly;
///
/// #[async_trait]
/// impl Guard for MembersOnly {
///     async fn admit(&self, cx: &Context) -> Result<()> {
///         match cx.cookie("member") {
///             Some(_) => Ok(()),
///             None => Err(Error::unauthorized("log in first")),
///         }
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert!(MembersOnly.admit(&Context::test()).await.is_err());
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "a guard is a type that implements `kipo::FromContext` or `kipo::Guard`",
    label = "neither a `kipo::FromContext` nor a `kipo::Guard`",
    note = "write `struct MembersOnly;` and `#[async_trait] impl kipo::Guard for MembersOnly`, or \
            `impl kipo::FromContext` for a value that proves who asks"
)]
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    /// Admits the request, or refuses it with an error.
    ///
    /// # Errors
    ///
    /// The error is the response, in place of the action's output or of the page.
    async fn admit(&self, cx: &Context) -> Result<()>;
}

/// The guards of an app, in their order: the check of the origin first, then the app's own.
#[derive(Clone, Default)]
pub(crate) struct Guards {
    pub(crate) origin: OriginCheck,
    own: Vec<Arc<dyn Guard>>,
}

impl Guards {
    pub(crate) fn push(&mut self, guard: impl Guard) {
        self.own.push(Arc::new(guard));
    }

    /// Returns how many guards there are besides the check of the origin.
    pub(crate) fn count(&self) -> usize {
        self.own.len()
    }

    /// Runs each guard until one refuses. The origin does not matter for a request that only reads:
    /// a page of another site cannot read the response.
    pub(crate) async fn admit(&self, cx: &Context, is_safe: bool) -> Result<()> {
        if !is_safe {
            self.origin.admit(cx)?;
        }
        for guard in &self.own {
            guard.admit(cx).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards")
            .field("origin", &self.origin)
            .field("own", &self.own.len())
            .finish()
    }
}
