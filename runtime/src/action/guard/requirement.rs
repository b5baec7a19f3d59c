//! What a request has to pass before an action or a page: a guard with the name of its type.

use std::{
    any::{TypeId, type_name},
    fmt,
    marker::PhantomData,
};

use async_trait::async_trait;

use crate::{
    action::{
        context::Context,
        guard::guards::Guard,
        state::StateNeed,
        value::{self, FromContext},
    },
    error::Result,
};

/// A guard, or a value that a request has to yield.
#[derive(Clone, Copy)]
pub struct Requirement {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
    is_proof: bool,
    /// The state that the value needs.
    states: &'static [StateNeed],
    guard: &'static dyn Guard,
}

impl Requirement {
    /// Requires that the request yields a `T`.
    #[must_use]
    pub const fn of<T: FromContext>() -> Self {
        let (id, name) = (TypeId::of::<T>, type_name::<T>);
        let (is_proof, states) = (T::IS_PROOF, T::NEEDS);
        Self { id, name, is_proof, states, guard: Yields::<T>::GUARD }
    }

    /// Requires that a guard admits the request.
    #[must_use]
    pub const fn admitted_by<G: Guard>(guard: &'static G) -> Self {
        Self { id: TypeId::of::<G>, name: type_name::<G>, is_proof: true, states: &[], guard }
    }

    /// Returns the name of the type without its modules: `Session<User>` for an
    /// `auth::Session<auth::User>`.
    pub(crate) fn name(&self) -> String {
        let mut short = String::new();
        for word in (self.name)().split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            match word.strip_suffix(':') {
                // The words of a path: only the last one is part of the name.
                Some(_) => {}
                None => short.push_str(word),
            }
        }
        short
    }

    /// Returns the name with the characters that a key of `openapi.json` allows: `Session_User`.
    pub(crate) fn key(&self) -> String {
        let short = self.name();
        let words = short.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
    }

    /// Returns whether a caller needs something to fulfil the requirement.
    pub(crate) fn is_proof(&self) -> bool {
        self.is_proof
    }

    /// Returns the state that the value needs.
    pub(crate) fn states(&self) -> &'static [StateNeed] {
        self.states
    }

    /// Returns whether both require the same type.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.id)() == (other.id)()
    }

    /// Admits the request, or refuses it.
    pub(crate) async fn admit(&self, cx: &Context) -> Result<()> {
        self.guard.admit(cx).await
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Requirement").field(&(self.name)()).finish()
    }
}

/// The guard that asks for a `T`.
struct Yields<T>(PhantomData<fn() -> T>);

impl<T: FromContext> Yields<T> {
    const GUARD: &'static dyn Guard = &Self(PhantomData);
}

#[async_trait]
impl<T: FromContext> Guard for Yields<T> {
    async fn admit(&self, cx: &Context) -> Result<()> {
        value::take::<T>(cx).await.map(drop)
    }
}

/// Finds the requirement that `guard = A` of an attribute means: a value `A` from the request, or
/// the guard `A`.
///
/// Method resolution prefers an inherent method, so a type that is both is a value.
#[derive(Debug)]
pub struct GuardType<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> GuardType<T> {
    /// The only value.
    pub const OF: Self = Self(PhantomData);
}

impl<T: FromContext> GuardType<T> {
    /// Requires a `T`.
    #[must_use]
    pub fn requirement<V>(self, _: &'static V) -> Requirement {
        Requirement::of::<T>()
    }
}

/// The method of [`GuardType`] for a type that is no [`FromContext`].
pub trait GuardValue: Sized {
    /// Requires that `guard` admits the request.
    fn requirement<G: Guard>(self, guard: &'static G) -> Requirement {
        Requirement::admitted_by(guard)
    }
}

impl<T: ?Sized> GuardValue for GuardType<T> {}

/// The names that an attribute imports below those of the author: [`GuardName`](guard_name::__Guard)
/// stands for the value of a type that has none, such as a struct with named fields.
pub mod guard_name {
    /// No guard.
    #[derive(Debug)]
    pub struct __Guard;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct User;

    impl FromContext for User {
        async fn from_context(_: &Context) -> Result<Self> {
            Ok(Self)
        }
    }

    #[test]
    fn a_name_has_no_modules_and_a_key_only_words() {
        let names = |one: Requirement| (one.name(), one.key());
        assert_eq!(names(Requirement::of::<User>()), ("User".into(), "User".into()));
        let option = Requirement::of::<Option<User>>();
        assert_eq!(names(option), ("Option<User>".into(), "Option_User".into()));
        let nested = Requirement::of::<Option<crate::State<Vec<u8>>>>();
        assert_eq!(nested.name(), "Option<State<Vec<u8>>>");
    }

    #[test]
    fn two_types_are_two_requirements() {
        let user = Requirement::of::<User>();
        assert!(user.is_same(&Requirement::of::<User>()));
        assert!(!user.is_same(&Requirement::of::<Option<User>>()));
    }
}
