//! Types that are their own members, which TypeScript could not resolve.
//!
//! An untagged enum may hold itself in a box: `type Value = string | Value`. To serde that is
//! a union that holds nothing more; to TypeScript it is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::ty::Type;

/// Takes the circular members out of all types.
pub(super) fn open(named: &mut BTreeMap<&str, Type>) {
    let keys: Vec<&str> = named.keys().copied().collect();
    for key in keys {
        let circular: BTreeSet<String> =
            members(&named[key]).filter(|member| leads_to(named, member, key)).collect();
        if !circular.is_empty()
            && let Some(ty) = named.get_mut(key)
        {
            let closed = std::mem::replace(ty, Type::word("unknown"));
            *ty = cut(closed, key, &circular);
        }
    }
}

/// Returns the definitions that a type is made of without a level in between.
fn members(ty: &Type) -> Box<dyn Iterator<Item = String> + '_> {
    match ty {
        Type::Named(key) => Box::new(std::iter::once(key.clone())),
        Type::Union(union) => Box::new(union.iter().flat_map(|(_, member)| members(member))),
        Type::All(parts) => Box::new(parts.iter().flat_map(members)),
        Type::Word(_) | Type::Array(_) | Type::Tuple { .. } | Type::Object(_) => {
            Box::new(std::iter::empty())
        }
    }
}

/// Tells whether one definition is made of another.
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

/// Takes the circular members out of a type: a union that holds itself holds nothing more for it,
/// anything else is unknown.
fn cut(ty: Type, own: &str, circular: &BTreeSet<String>) -> Type {
    match ty {
        Type::Named(key) if key == own => Type::word("never"),
        Type::Named(key) if circular.contains(&key) => Type::word("unknown"),
        Type::Union(members) => {
            Type::any_of(members.into_iter().map(|(doc, member)| (doc, cut(member, own, circular))))
        }
        Type::All(parts) => Type::all_of(parts.into_iter().map(|part| {
            let names_circular = matches!(&part, Type::Named(key) if circular.contains(key));
            if names_circular { Type::word("unknown") } else { cut(part, own, circular) }
        })),
        ty => ty,
    }
}
