//! What the forms of a page show while it is rendered: the page's address, and the values and errors of
//! a post that failed.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::page::form::{
    address::Address,
    inputs::{Input, Kind},
};

/// The actions that the forms of one page name.
#[derive(Debug, Default)]
pub(crate) struct PageForms(pub(super) BTreeMap<String, OfAction>);

/// What the templates of a page say about one action.
#[derive(Clone, Debug, Default)]
pub(super) struct OfAction {
    pub(super) input: Arc<Input>,
    /// Whether the page has a form of it, and not only what belongs to one.
    pub(super) has_form: bool,
    /// The fields whose errors the page shows by `field_error`; `None` if it shows any.
    pub(super) shown: Option<BTreeSet<String>>,
    /// The fields of controls that are for passwords.
    pub(super) passwords: BTreeSet<String>,
}

impl PageForms {
    /// Returns whether the page has a form that posts to this action.
    pub(crate) fn has(&self, action: &str) -> bool {
        self.0.get(action).is_some_and(|of_action| of_action.has_form)
    }

    pub(crate) fn has_any(&self) -> bool {
        self.0.values().any(|of_action| of_action.has_form)
    }

    /// Returns the variable `form` of the page's template.
    pub(crate) fn variable(&self, state: &State) -> Value {
        let mut root = Map::new();
        for (action, of_action) in &self.0 {
            let failed = state.failed.as_ref().filter(|failed| failed.action == *action);
            let about = of_action.about(failed);
            root.insert(action.clone(), about.clone().into());
            put(&mut root, action, about);
        }
        root.into()
    }
}

/// Puts what is known of an action where `form.contact.Submit` finds it.
fn put(map: &mut Map<String, Value>, action: &str, about: Map<String, Value>) {
    let (segment, rest) = action.split_once('.').map_or((action, None), |(s, r)| (s, Some(r)));
    if let Value::Object(inner) = map.entry(segment).or_insert_with(|| json!({})) {
        match rest {
            Some(rest) => put(inner, rest, about),
            None => inner.extend(about),
        }
    }
}

impl OfAction {
    /// Returns whether the value of a field is never sent back.
    pub(super) fn is_secret(&self, field: &str) -> bool {
        let declared = self.input.field(field);
        self.passwords.contains(field)
            || declared.is_some_and(|field| field.is_secret || field.kind == Kind::File)
    }

    /// Returns whether the page shows the errors of a field beside its control.
    pub(super) fn shows(&self, field: &str) -> bool {
        self.shown.as_ref().is_none_or(|shown| shown.contains(field))
    }

    /// Returns the value of `form.contact.Submit`.
    fn about(&self, failed: Option<&Failed>) -> Map<String, Value> {
        let mut values = Map::new();
        for (name, field) in self.input.fields.iter().flatten() {
            values.insert(name.clone(), if field.is_list { json!([]) } else { Value::Null });
        }
        let is_secret = |name: &str| self.is_secret(name);
        for (name, value) in failed.iter().flat_map(|failed| &failed.values) {
            if is_secret(name) {
                continue;
            }
            match values.get_mut(name) {
                Some(Value::Array(list)) => list.push(value.as_str().into()),
                Some(Value::String(_)) => {}
                _ => _ = values.insert(name.clone(), value.as_str().into()),
            }
        }
        let errors = failed.map(|failed| &failed.errors);
        let about = json!({
            "values": values,
            "errors": errors,
            "error": failed.map(|failed| &failed.message),
            "key": failed.and_then(|failed| failed.key.as_ref()),
        });
        match about {
            Value::Object(about) => about,
            _ => Map::new(),
        }
    }
}

/// What a page is rendered for.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) address: Address,
    pub(crate) failed: Option<Failed>,
}

impl State {
    /// Returns what the forms show of a page that was not posted to.
    pub(crate) fn at(uri: &Uri) -> Self {
        Self { address: Address::of(uri.query()), failed: None }
    }
}

/// A form whose action refused what was posted.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) status: StatusCode,
    pub(super) action: String,
    pub(super) key: Option<String>,
    /// As they were typed, in order.
    pub(super) values: Vec<(String, String)>,
    /// The sentences for each field.
    pub(super) errors: BTreeMap<String, Vec<String>>,
    /// The error as a whole.
    pub(super) message: String,
}

impl Failed {
    /// Returns the sentences that belong to no field which the page shows beside a control.
    pub(super) fn of_form(&self, of_action: &OfAction) -> Vec<String> {
        if self.errors.is_empty() {
            return vec![self.message.clone()];
        }
        let others = self.errors.iter().filter(|(field, _)| !of_action.shows(field));
        let sentence = |(field, messages): (&String, &Vec<String>)| match field.as_str() {
            "" => messages.join(", "),
            field => format!("{field}: {}", messages.join(", ")),
        };
        others.map(sentence).collect()
    }
}

/// What the page that this thread renders shows.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) forms: Arc<PageForms>,
    pub(super) state: Arc<State>,
}

thread_local! {
    /// The engine gives a function no variable of the page if a component calls it.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
    /// Whether a control of the page has the focus already.
    static IS_FOCUSED: Cell<bool> = const { Cell::new(false) };
}

/// Renders a page that has forms.
pub(crate) fn during<T>(
    forms: &Arc<PageForms>,
    state: &Arc<State>,
    render: impl FnOnce() -> T,
) -> T {
    /// Sets nothing again, also after a panic.
    struct Reset;

    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }

    let _reset = Reset;
    IS_FOCUSED.set(false);
    CURRENT.set(Some(Current { forms: Arc::clone(forms), state: Arc::clone(state) }));
    render()
}

/// Returns whether a control is the first of the page that asks for the focus.
pub(super) fn takes_focus() -> bool {
    !IS_FOCUSED.replace(true)
}

/// Returns what the page that this thread renders shows, if it has forms.
pub(super) fn current() -> Option<Current> {
    CURRENT.with_borrow(Clone::clone)
}
