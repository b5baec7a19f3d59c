//! Effects on elements of the page, which the page marks with `p-ref="name"`.

use serde_json::json;

use crate::{action::context::Context, error::Result};

impl Context {
    /// Asks the browser to reset the form that runs this action.
    ///
    /// A form with `p-action` is reset after a success anyway, unless it has `p-keep`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part).
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.reset_form().unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"resetForm"}"#]);
    /// ```
    pub fn reset_form(&self) -> Result<()> {
        self.effect("resetForm", json!({}))
    }

    /// Asks the browser to reset the form with `p-ref="name"`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part).
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.reset_form_named("search").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"resetForm","name":"search"}"#]);
    /// ```
    pub fn reset_form_named(&self, name: &str) -> Result<()> {
        self.effect("resetForm", json!({ "name": name }))
    }

    /// Asks the browser to set the focus to the element with `p-ref="name"`. The text of a field is
    /// selected.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part).
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.focus("title_input").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"focus","name":"title_input"}"#]);
    /// ```
    pub fn focus(&self, name: &str) -> Result<()> {
        self.effect("focus", json!({ "name": name }))
    }

    /// Asks the browser to open the `<dialog>` with `p-ref="name"` as a modal one.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part).
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.open_modal("confirm").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"openModal","name":"confirm"}"#]);
    /// ```
    pub fn open_modal(&self, name: &str) -> Result<()> {
        self.effect("openModal", json!({ "name": name }))
    }

    /// Asks the browser to close the `<dialog>` around the form that runs this action.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part).
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.close_modal().unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"closeModal"}"#]);
    /// ```
    pub fn close_modal(&self) -> Result<()> {
        self.effect("closeModal", json!({}))
    }

    /// Asks the browser to close the `<dialog>` with `p-ref="name"`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part).
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.close_modal_named("confirm").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"closeModal","name":"confirm"}"#]);
    /// ```
    pub fn close_modal_named(&self, name: &str) -> Result<()> {
        self.effect("closeModal", json!({ "name": name }))
    }
}
