//! Invalidation from an action, by [`Context::invalidate`].

use crate::action::{cache::outputs::Outputs, context::Context, state::States};

impl Context {
    /// Makes every cached output with this tag stale, on this node. See
    /// [`OutputCache`](crate::OutputCache).
    ///
    /// An output whose computation has begun is stale as well. Call it after the change has been
    /// written: the next call then computes with the change.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Result, action};
    ///
    /// #[action]
    /// async fn rename_board(cx: Context, board: u32, name: String) -> Result<()> {
    ///     // … write the name …
    ///     cx.invalidate(&format!("board:{board}"));
    ///     Ok(())
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use kipo::Action;
    /// // Without a cache, as in this test, there is nothing to do.
    /// let renamed = RenameBoard { board: 7, name: "Plans".into() }.call(Context::test()).await;
    /// assert!(renamed.is_ok());
    /// # });
    /// ```
    pub fn invalidate(&self, tag: &str) {
        self.states().invalidate(tag);
    }
}

impl States {
    /// Makes every cached output with this tag stale. An app without cached actions has no cache.
    pub(crate) fn invalidate(&self, tag: &str) {
        if let Ok(outputs) = self.get::<Outputs>() {
            outputs.invalidate(tag);
        }
    }
}
