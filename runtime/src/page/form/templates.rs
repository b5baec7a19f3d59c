//! The forms of a set of templates: what the engine reads in place of each template, and which forms each
//! page has.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::page::{
    check::{Diagnostic, Sources, scan::without_raw},
    form::{
        inputs::{Input, Inputs},
        render::{OfAction, PageForms},
        rewrite::Rewritten,
        written::{Call, Written, is},
    },
};

/// The forms of a set of templates. A set without forms has none of it.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    rewritten: BTreeMap<String, Rewritten>,
    /// What each template says about each action.
    actions: BTreeMap<String, BTreeMap<String, OfAction>>,
}

impl Templates {
    pub(crate) fn of(sources: &Sources, inputs: &Inputs) -> Self {
        let mut templates = Self::default();
        let mut described = BTreeMap::new();
        for (name, source) in sources {
            let plain = without_raw(source);
            let written = Written::of(&plain);
            if let Some(rewritten) = Rewritten::of(source, &written) {
                templates.rewritten.insert(name.clone(), rewritten);
                let actions = actions(&written, inputs, &mut described);
                templates.actions.insert(name.clone(), actions);
            }
        }
        templates
    }

    /// Returns the templates as the engine reads them.
    pub(crate) fn compiled<'s>(&self, sources: &'s Sources) -> Cow<'s, Sources> {
        if self.rewritten.is_empty() {
            return Cow::Borrowed(sources);
        }
        let mut sources = sources.clone();
        let texts = self.rewritten.iter().map(|(name, new)| (name.clone(), new.text.clone()));
        sources.extend(texts);
        Cow::Owned(sources)
    }

    /// Moves a diagnostic of the engine to the location in what the author wrote.
    pub(crate) fn restored(&self, sources: &Sources, diagnostic: Diagnostic) -> Diagnostic {
        let template = diagnostic.file.split_once('/').map_or("", |(_, name)| name);
        let original = || {
            let rewritten = self.rewritten.get(template)?;
            rewritten.original(diagnostic.line?, diagnostic.column?)
        };
        let Some(at) = original() else { return diagnostic };
        let known = diagnostic.known;
        Diagnostic { known, ..Diagnostic::at_byte(sources, template, at, &diagnostic.message) }
    }

    /// Returns the forms of a page that is made of these templates, if it has any.
    pub(crate) fn of_page<'t>(
        &self,
        templates: impl IntoIterator<Item = &'t str>,
    ) -> Option<Arc<PageForms>> {
        let mut actions = BTreeMap::<String, OfAction>::new();
        for (name, found) in
            templates.into_iter().filter_map(|name| self.actions.get(name)).flatten()
        {
            match actions.get_mut(name) {
                Some(known) => known.add(found),
                None => _ = actions.insert(name.clone(), found.clone()),
            }
        }
        (!actions.is_empty()).then(|| Arc::new(PageForms(actions)))
    }
}

impl OfAction {
    /// Adds what another template says about the same action.
    fn add(&mut self, other: &Self) {
        self.has_form |= other.has_form;
        self.passwords.extend(other.passwords.iter().cloned());
        self.shown = match (self.shown.take(), &other.shown) {
            (Some(mut shown), Some(more)) => {
                shown.extend(more.iter().cloned());
                Some(shown)
            }
            _ => None,
        };
    }
}

/// Returns what a template says about each action. `described` has the inputs that are known already.
fn actions(
    written: &Written<'_>,
    inputs: &Inputs,
    described: &mut BTreeMap<String, Arc<Input>>,
) -> BTreeMap<String, OfAction> {
    let of_calls = written.calls.iter().filter_map(|call| call.action()?.text);
    let named: BTreeSet<&str> =
        written.forms.iter().map(|form| form.action).chain(of_calls).collect();
    let mut about = |name: &str| {
        let input = described
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(inputs.input(name).unwrap_or_default()));
        let of_this = |call: &&Call<'_>| match call.action().and_then(|action| action.text) {
            Some(action) => action == name,
            // The action is an expression, which may have this value.
            None => true,
        };
        let calls = || written.calls.iter().filter(of_this);
        let errors = calls().filter(|call| call.function == "field_error");
        let shown = errors.map(|call| Some(call.field()?.text?.to_owned()));
        let passwords_of_calls = calls().filter_map(|call| {
            let control = call.control.as_ref()?;
            is(control.kind, "password").then_some(call.field()?.text?)
        });
        let passwords = written.controls.iter().filter(|control| {
            let form = written.form_at(control.at);
            is(control.kind, "password") && form.is_some_and(|form| form.action == name)
        });
        OfAction {
            input: Arc::clone(input),
            has_form: written.forms.iter().any(|form| form.action == name),
            shown: shown.collect(),
            passwords: passwords
                .map(|control| control.name)
                .chain(passwords_of_calls)
                .map(str::to_owned)
                .collect(),
        }
    };
    named.into_iter().map(|name| (name.to_owned(), about(name))).collect()
}
