//! The type of each definition.

use std::collections::BTreeMap;

use crate::schema::{circle, ty::Type, types::Types};

/// The types of all definitions, by key. None is its own member.
pub(super) struct Named<'a>(BTreeMap<&'a str, Type>);

impl<'a> Named<'a> {
    pub(super) fn of(types: &'a Types) -> Self {
        let mut named: BTreeMap<&str, Type> = types
            .definitions
            .iter()
            .map(|(key, definition)| (key.as_str(), Type::read(&definition.schema)))
            .collect();
        circle::open(&mut named);
        Self(named)
    }

    /// Returns the type of a definition.
    pub(super) fn resolve(&self, key: &str) -> Type {
        self.0.get(key).cloned().unwrap_or_else(|| Type::word("unknown"))
    }

    /// Returns whether `{}` is a value of a definition, so that an input of it may be left out.
    pub(super) fn admits_empty(&self, key: &str) -> bool {
        Type::Named(key.to_owned()).admits_empty(&|key| self.resolve(key))
    }
}
