//! The checks of a stream's events beyond their syntax.

use super::model::Events;
use crate::{diagnostics::Errors, fields::Payload, syntax::attrs::is_helper};

/// Checks the events of a stream.
pub(crate) fn events(events: &Events, errors: &mut Errors) {
    if !events.generics.params.is_empty() {
        let message = "events have no generic parameters: the browser knows each by its name \
                       and its type";
        errors.under(&events.generics.params, message);
    }
    for (index, event) in events.events.iter().enumerate() {
        let name = &event.name;
        if events.events[..index].iter().any(|other| other.name.text == name.text) {
            errors.at(name.span, format!("two events are named `{}`", name.text));
        }
        if let Payload::Value { attrs, .. } = &event.payload {
            for attr in attrs.iter().filter(|attr| is_helper(attr)) {
                let message = "this has no effect on the whole payload: put it on its type";
                errors.under(attr, message);
            }
        }
    }
}
