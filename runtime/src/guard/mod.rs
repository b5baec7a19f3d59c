//! Who may go on to the action: asked in order, before anything of the body is read.

mod origin;

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{context::Context, error::Result};

pub(crate) use self::origin::Origin;

/// Something that admits a request or refuses it. Calls and streams pass the same guards.
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
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    /// Admits the request, or says why not.
    ///
    /// # Errors
    ///
    /// What the caller is answered instead of the action's output.
    async fn admit(&self, cx: &Context) -> Result<()>;
}

/// The guards of an app, in their order: the origin first, then the app's own.
#[derive(Clone, Default)]
pub(crate) struct Guards {
    pub(crate) origin: Origin,
    own: Vec<Arc<dyn Guard>>,
}

impl Guards {
    pub(crate) fn push(&mut self, guard: impl Guard) {
        self.own.push(Arc::new(guard));
    }

    /// Asks each guard until one refuses.
    pub(crate) async fn admit(&self, cx: &Context) -> Result<()> {
        self.origin.admit(cx)?;
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
