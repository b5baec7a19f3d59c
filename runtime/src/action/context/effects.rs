//! What an action asks of the browser, beside its output.

use std::sync::{MutexGuard, PoisonError};

use http::HeaderMap;
use serde::Serialize;
use serde_json::json;

use crate::action::context::Context;
use crate::{
    action::effects::Effects,
    error::{Error, Result},
};

impl Context {
    /// Asks the browser to fetch a part of the page anew: the element with `p-part="name"`.
    ///
    /// Effects travel beside the output, and the browser client runs them in order once the answer
    /// is there; also those that were asked for before an action failed. Only the answer of a call
    /// carries them: not a stream, whose head is written before its action runs, nor a page.
    ///
    /// # Errors
    ///
    /// A 500 in a stream or a page, or if all effects together get too long for a header field
    /// (2 KiB).
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Result, action};
    ///
    /// #[action]
    /// async fn add_to_cart(cx: Context, item: u32) -> Result<()> {
    ///     cx.reload_part("cart")
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use kipo::Action;
    /// let cx = Context::test();
    /// AddToCart { item: 7 }.call(cx.clone()).await.unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"reloadPart","name":"cart"}"#]);
    /// # });
    /// ```
    pub fn reload_part(&self, name: &str) -> Result<()> {
        self.effect("reloadPart", json!({ "name": name }))
    }

    /// Asks the browser to go to another address of this app, a path with or without a query.
    ///
    /// # Errors
    ///
    /// As for [`reload_part`](Self::reload_part), and a 400 if it is no path from a single slash on:
    /// whoever gave it, nobody is sent away from the app.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.redirect("/orders?new=7").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"redirect","path":"/orders?new=7"}"#]);
    /// assert!(cx.redirect("//evil.example").is_err());
    /// ```
    pub fn redirect(&self, path: &str) -> Result<()> {
        self.effect("redirect", json!({ "path": own_path(path)? }))
    }

    /// Does what [`redirect`](Self::redirect) does, in place of the page that is shown: the way back
    /// leads to the one before it.
    ///
    /// # Errors
    ///
    /// As for `redirect`.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.redirect_in_place("/").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"redirect","path":"/","replace":true}"#]);
    /// ```
    pub fn redirect_in_place(&self, path: &str) -> Result<()> {
        self.effect("redirect", json!({ "path": own_path(path)?, "replace": true }))
    }

    /// Asks the browser to fire an event of this name on the document, for the page's script.
    ///
    /// # Errors
    ///
    /// As for [`reload_part`](Self::reload_part), and if `detail` has no form in JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.dispatch_event("cart:changed", 3).unwrap();
    /// assert_eq!(
    ///     cx.effects(),
    ///     [r#"{"effect":"dispatchEvent","name":"cart:changed","detail":3}"#],
    /// );
    /// ```
    pub fn dispatch_event(&self, name: &str, detail: impl Serialize) -> Result<()> {
        let detail = serde_json::to_value(&detail).map_err(Error::internal)?;
        self.effect("dispatchEvent", json!({ "name": name, "detail": detail }))
    }

    /// Asks the browser for an effect of the app's own, which a script of the page has given this
    /// name by `effect(name, run)`.
    ///
    /// # Errors
    ///
    /// As for [`reload_part`](Self::reload_part), and if `fields` is no struct or map, or has a
    /// field `effect`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[derive(serde::Serialize)]
    /// struct Toast<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// let cx = kipo::Context::test();
    /// cx.effect("toast", Toast { text: "Saved" }).unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"toast","text":"Saved"}"#]);
    /// ```
    pub fn effect(&self, name: &str, fields: impl Serialize) -> Result<()> {
        self.effects_list().ask(name, &fields)
    }

    /// Returns what was asked of the browser so far, each effect as the JSON that it travels as;
    /// for tests.
    #[must_use]
    pub fn effects(&self) -> Vec<String> {
        self.effects_list().asked().to_vec()
    }

    /// Returns the same context as one of a page, which asks for nothing but is shown.
    pub(crate) fn without_effects(self) -> Self {
        *self.effects_list() = Effects::refused(
            "a page is shown as it is; return `Error::redirect` to show another one",
        );
        self
    }

    /// Moves what the action asked of the browser into the head of its response.
    pub(crate) fn take_effects(&self, headers: &mut HeaderMap) {
        self.effects_list().take(headers);
    }

    fn effects_list(&self) -> MutexGuard<'_, Effects> {
        // A panic while asking leaves a list that is as good as before.
        self.0.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a path that leads nowhere but into this app.
fn own_path(path: &str) -> Result<String> {
    let redirect = Error::redirect(path);
    redirect.location().map(str::to_owned).ok_or(redirect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_within_the_app() {
        let cx = Context::test();
        for path in ["", "a", "//evil.example", "https://a.b"] {
            assert!(cx.redirect(path).is_err() && cx.redirect_in_place(path).is_err(), "{path:?}");
        }
        assert!(cx.effects().is_empty());
        cx.redirect("/\\evil.example?c=//d#e").unwrap();
        assert_eq!(cx.effects(), [r#"{"effect":"redirect","path":"/%5Cevil.example?c=//d#e"}"#]);
    }

    #[test]
    fn neither_a_stream_nor_a_page_asks_for_effects() {
        assert!(Context::test().detached().reload_part("a").is_err());
        assert!(Context::test().without_effects().redirect("/").is_err());
    }
}
