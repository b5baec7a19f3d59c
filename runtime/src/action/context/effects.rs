//! The effects that an action asks the browser for, besides its output.

use std::sync::MutexGuard;

use http::HeaderMap;
use serde::Serialize;
use serde_json::json;

use crate::{
    action::{
        context::{Context, additions::Answer, lock},
        effects::Effects,
    },
    error::{Error, Result},
};

impl Context {
    /// Asks the browser to reload a part of the page: the element with `p-part="name"`.
    ///
    /// A header field of the response carries the effects. The browser client runs them in order
    /// when the response arrives, and also if the action failed after it asked for them. Only a
    /// call has effects. A stream has none, because its head is written before its action runs. A
    /// page has none either.
    ///
    /// # Errors
    ///
    /// Returns a 500 in a stream or a page, and if all effects together are longer than 2 KiB.
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

    /// Asks the browser to navigate to another path of this app, with or without a query.
    ///
    /// The path may come from the caller: the browser never leaves the app.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part), and a 400 if the path does not
    /// begin with exactly one slash.
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
        self.effect("redirect", json!({ "path": self.own_path(path)? }))
    }

    /// Asks the browser to navigate to another path of this app and to replace the current entry
    /// of its session history. The back button then leads to the page before the current one.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`redirect`](Self::redirect).
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.redirect_in_place("/").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"redirect","path":"/","replace":true}"#]);
    /// ```
    pub fn redirect_in_place(&self, path: &str) -> Result<()> {
        self.effect("redirect", json!({ "path": self.own_path(path)?, "replace": true }))
    }

    /// Asks the browser to dispatch an event with this name on the document, for scripts of the
    /// page.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part), and a 500 if JSON cannot represent
    /// `detail`.
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

    /// Asks the browser for an effect of the app. A script of the page defines it with
    /// `effect(name, run)`; it may replace an effect of the client, such as `toast`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part), and a 500 if `fields` is not a
    /// struct or a map, or has a field `effect`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[derive(serde::Serialize)]
    /// struct Confetti {
    ///     pieces: u32,
    /// }
    ///
    /// let cx = kipo::Context::test();
    /// cx.effect("confetti", Confetti { pieces: 50 }).unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"confetti","pieces":50}"#]);
    /// ```
    pub fn effect(&self, name: &str, fields: impl Serialize) -> Result<()> {
        self.effects_list().add(name, &fields)
    }

    /// Returns the effects so far, each as the JSON of the response, for tests.
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.reload_part("cart").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"reloadPart","name":"cart"}"#]);
    /// ```
    #[must_use]
    pub fn effects(&self) -> Vec<String> {
        let additions = self.0.additions.get();
        additions.map_or_else(Vec::new, |additions| lock(&additions.effects).as_slice().to_vec())
    }

    /// Returns the same context for a page, whose response has no effects. Nobody else has it yet.
    pub(crate) fn of_page(mut self) -> Self {
        self.unshared().0.answer = Answer::Page;
        self
    }

    /// Moves the effects of the action into the head of its response.
    pub(crate) fn take_effects(&self, headers: &mut HeaderMap) {
        if let Some(additions) = self.0.additions.get() {
            lock(&additions.effects).move_into(headers);
        }
    }

    /// Returns the path, encoded and below the prefix, if it is a path of this app.
    fn own_path(&self, path: &str) -> Result<String> {
        let redirect = Error::redirect(path);
        let below = redirect.location().map(|location| format!("{}{location}", self.prefix()));
        below.ok_or(redirect)
    }

    pub(super) fn effects_list(&self) -> MutexGuard<'_, Effects> {
        lock(&self.additions().effects)
    }
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
    fn a_stream_and_a_page_refuse_effects() {
        assert!(Context::test().detached().reload_part("a").is_err());
        assert!(Context::test().of_page().redirect("/").is_err());
    }
}
