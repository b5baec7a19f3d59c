//! Unions that are their own members, which TypeScript rejects.
//!
//! An untagged enum may contain itself in a box: `type Value = string | Value`. For serde, the
//! inner `Value` adds nothing; TypeScript reports a circular type.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::ty::Type;

/// Removes the circular members of all types.
pub(super) fn open(named: &mut BTreeMap<&str, Type>) {
    let keys: Vec<&str> = named.keys().copied().collect();
    for key in keys {
        let mut circular = members(&named[key]);
        circular.retain(|member| leads_to(named, member, key));
        if !circular.is_empty()
            && let Some(ty) = named.get_mut(key)
        {
            let closed = std::mem::replace(ty, Type::word("unknown"));
            *ty = cut(closed, key, &circular, Depth::Top);
        }
    }
}

/// Whether TypeScript resolves the elements of a list together with the list.
///
/// TypeScript resolves the fields of an object and the elements of a plain list later. It resolves
/// the elements of a tuple at once if the tuple has optional elements or a rest.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Top,
    Tuple,
}

impl Depth {
    /// Returns the depth of a list's elements; `None` if TypeScript resolves them later.
    fn of_elements(self, ty: &Type) -> Option<Self> {
        let is_plain = match ty {
            Type::Tuple { elements, required, rest } => {
                *required == elements.len() && rest.is_none()
            }
            _ => true,
        };
        (self == Self::Tuple || !is_plain).then_some(Self::Tuple)
    }
}

/// Returns the definitions that TypeScript resolves together with a type.
fn members(ty: &Type) -> BTreeSet<String> {
    fn add(ty: &Type, depth: Depth, all: &mut BTreeSet<String>) {
        match ty {
            Type::Named(key) => {
                all.insert(key.clone());
            }
            Type::Union(members) => members.iter().for_each(|(_, member)| add(member, depth, all)),
            Type::All(parts) => parts.iter().for_each(|part| add(part, depth, all)),
            Type::Array(_) | Type::Tuple { .. } => {
                if let Some(depth) = depth.of_elements(ty) {
                    elements(ty).for_each(|element| add(element, depth, all));
                }
            }
            Type::Word(_) | Type::Object(_) => {}
        }
    }
    let mut all = BTreeSet::new();
    add(ty, Depth::Top, &mut all);
    all
}

fn elements(ty: &Type) -> Box<dyn Iterator<Item = &Type> + '_> {
    match ty {
        Type::Array(element) => Box::new(std::iter::once(&**element)),
        Type::Tuple { elements, rest, .. } => Box::new(elements.iter().chain(rest.as_deref())),
        _ => Box::new(std::iter::empty()),
    }
}

/// Returns whether resolving one definition leads to another.
fn leads_to(named: &BTreeMap<&str, Type>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(key) = open.pop() {
        if key == to {
            return true;
        }
        if let Some((key, ty)) = named.get_key_value(key.as_str())
            && seen.insert(*key)
        {
            open.extend(members(ty));
        }
    }
    false
}

/// Removes the circular members of a type. A union loses itself as a member; any other circular
/// type becomes `unknown`.
fn cut(ty: Type, own: &str, circular: &BTreeSet<String>, depth: Depth) -> Type {
    let within = depth.of_elements(&ty);
    match (ty, within) {
        (Type::Named(key), _) if circular.contains(&key) => Type::word("unknown"),
        (Type::Union(members), _) => {
            let is_itself = |member: &Type| {
                depth == Depth::Top && matches!(member, Type::Named(key) if key == own)
            };
            let others = members.into_iter().filter(|(_, member)| !is_itself(member));
            Type::any_of(others.map(|(doc, member)| (doc, cut(member, own, circular, depth))))
        }
        (Type::All(parts), _) => {
            // Below the top: a part that is the union itself is not one of its members.
            Type::all_of(parts.into_iter().map(|part| cut(part, own, circular, Depth::Tuple)))
        }
        (Type::Array(element), Some(depth)) => {
            Type::Array(Box::new(cut(*element, own, circular, depth)))
        }
        (Type::Tuple { elements, required, rest }, Some(depth)) => Type::Tuple {
            elements: elements.into_iter().map(|ty| cut(ty, own, circular, depth)).collect(),
            required,
            rest: rest.map(|rest| Box::new(cut(*rest, own, circular, depth))),
        },
        (ty, _) => ty,
    }
}
