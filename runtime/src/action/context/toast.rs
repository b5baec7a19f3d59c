//! Short messages that an action asks the browser to show.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::{
    action::context::Context,
    error::{Error, Result},
};

/// A short message at the edge of the page, for [`Context::toast`].
///
/// A screen reader announces it. It goes after a few seconds, but not while the pointer or the focus
/// is in it. An app restyles it by the class `kipo-toast`, or replaces it by `effect("toast", …)` in
/// a script.
///
/// # Examples
///
/// ```
/// use kipo::{Context, Result, Toast, action};
/// use serde_json::json;
///
/// #[action]
/// async fn delete(cx: Context, id: u32) -> Result<()> {
///     cx.toast(Toast::new("Card deleted").undo("cards.Restore", json!({ "id": id })))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use kipo::Action;
/// let cx = Context::test();
/// Delete { id: 7 }.call(cx.clone()).await.unwrap();
/// assert_eq!(
///     cx.effects(),
///     [r#"{"effect":"toast","text":"Card deleted","undo":{"action":"cards.Restore","input":{"id":7}}}"#],
/// );
/// # });
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Toast {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<Undo>,
    /// Why it cannot be sent, if it cannot.
    #[serde(skip)]
    refused: Option<String>,
}

/// The button of a toast that runs an action.
#[derive(Clone, Debug, Serialize)]
struct Undo {
    action: String,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

impl Toast {
    /// Returns a toast with this text, which is shown as plain text.
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.toast(kipo::Toast::new("Saved")).unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"toast","text":"Saved"}"#]);
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), level: None, ms: None, undo: None, refused: None }
    }

    /// Returns a toast that reports a failure.
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.toast(kipo::Toast::error("The mail server is away")).unwrap();
    /// assert_eq!(
    ///     cx.effects(),
    ///     [r#"{"effect":"toast","text":"The mail server is away","level":"error"}"#],
    /// );
    /// ```
    pub fn error(text: impl Into<String>) -> Self {
        Self { level: Some("error"), ..Self::new(text) }
    }

    /// Sets how long the toast is shown. Without it, the browser shows a toast for 6 s, and one
    /// with an undo for 12 s.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let cx = kipo::Context::test();
    /// cx.toast(kipo::Toast::new("Saved").shown_for(Duration::from_secs(3))).unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"toast","text":"Saved","ms":3000}"#]);
    /// ```
    #[must_use]
    pub fn shown_for(mut self, time: Duration) -> Self {
        self.ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Adds a button that runs another action with this input.
    ///
    /// The input comes back from the browser: the action checks who calls it, as any other does.
    /// [`Context::toast`] returns a 500 if JSON cannot represent the input.
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.toast(kipo::Toast::new("Left").undo("rooms.Enter", ("attic", 7))).unwrap();
    /// assert_eq!(
    ///     cx.effects(),
    ///     [r#"{"effect":"toast","text":"Left","undo":{"action":"rooms.Enter","input":["attic",7]}}"#],
    /// );
    /// ```
    #[must_use]
    pub fn undo(mut self, action: impl Into<String>, input: impl Serialize) -> Self {
        match serde_json::to_value(&input) {
            Ok(input) => self.undo = Some(Undo { action: action.into(), input, label: None }),
            Err(error) => self.refused = Some(format!("the input of its undo: {error}")),
        }
        self
    }

    /// Sets the text of the button that [`undo`](Self::undo) adds, by default "Undo".
    ///
    /// ```
    /// let toast = kipo::Toast::new("Gelöscht").undo("cards.Restore", ()).undo_label("Rückgängig");
    /// let cx = kipo::Context::test();
    /// cx.toast(toast).unwrap();
    /// assert!(cx.effects()[0].contains(r#""label":"R\u00fcckg\u00e4ngig""#));
    /// ```
    #[must_use]
    pub fn undo_label(mut self, label: impl Into<String>) -> Self {
        if let Some(undo) = &mut self.undo {
            undo.label = Some(label.into());
        }
        self
    }
}

impl From<&str> for Toast {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Toast {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Context {
    /// Asks the browser to show a short message: a text, or a [`Toast`] with more.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`reload_part`](Self::reload_part), and a 500 if JSON cannot represent
    /// the input of the undo.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// cx.toast("Saved").unwrap();
    /// assert_eq!(cx.effects(), [r#"{"effect":"toast","text":"Saved"}"#]);
    /// ```
    pub fn toast(&self, toast: impl Into<Toast>) -> Result<()> {
        let toast = toast.into();
        match &toast.refused {
            Some(reason) => Err(Error::internal(format!("the toast cannot be sent: {reason}"))),
            None => self.effect("toast", toast),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_undo_whose_input_is_no_json_is_refused() {
        let input = BTreeMap::from([((1, 2), 3)]);
        let cx = Context::test();
        let error = cx.toast(Toast::new("Left").undo("rooms.Enter", input)).unwrap_err();
        assert!(format!("{error:?}").contains("the input of its undo"), "{error:?}");
        assert!(cx.effects().is_empty());
    }

    #[test]
    fn a_label_without_an_undo_changes_nothing() {
        let cx = Context::test();
        cx.toast(Toast::new("Saved").undo_label("Back")).unwrap();
        assert_eq!(cx.effects(), [r#"{"effect":"toast","text":"Saved"}"#]);
    }
}
