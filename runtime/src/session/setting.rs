//! What an app lacks that its actions and pages need, and which setting adds it.

use std::any::TypeId;

use crate::{
    action::{Requirement, StateNeed, States},
    session::{secret::CookieSecret, sessions::Sessions},
};

/// Returns a sentence for each state that something of this name needs and the app lacks. It needs
/// `own` states, and those of its requirements.
pub(crate) fn missing_states(
    name: &str,
    own: &[StateNeed],
    requirements: impl IntoIterator<Item = Requirement>,
    states: &States,
) -> Vec<String> {
    let all = own.iter().chain(requirements.into_iter().flat_map(|one| one.states()));
    let mut missing: Vec<&StateNeed> = Vec::new();
    for need in all.filter(|need| !states.has((need.id)())) {
        if !missing.iter().any(|other| (other.id)() == (need.id)()) {
            missing.push(need);
        }
    }
    let sentence = |need: &StateNeed| {
        let (what, setting) = lack(need);
        format!("{name} needs {what}: add `{setting}` to the App")
    };
    missing.into_iter().map(sentence).collect()
}

/// Returns what a missing state is, and the method of [`App`](crate::App) that adds it.
fn lack(need: &StateNeed) -> (String, &'static str) {
    match (need.id)() {
        state if state == TypeId::of::<Sessions>() => {
            ("sessions".to_owned(), ".sessions(Sessions::new())")
        }
        state if state == TypeId::of::<CookieSecret>() => {
            ("a secret for cookies".to_owned(), ".cookie_secret()")
        }
        _ => (format!("the state `{}`", (need.name)()), ".state(…)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Session, SignedCookies};

    #[test]
    fn each_missing_state_is_one_sentence_with_its_setting() {
        let own = [StateNeed::of::<u8>(), StateNeed::of::<u16>()];
        let requirements = [
            Requirement::of::<Session<u32>>(),
            Requirement::of::<Option<Session<String>>>(),
            Requirement::of::<SignedCookies>(),
        ];
        let mut states = States::default();
        states.insert(7_u8);
        assert_eq!(
            missing_states("`Buy`", &own, requirements, &states),
            [
                "`Buy` needs the state `u16`: add `.state(…)` to the App",
                "`Buy` needs sessions: add `.sessions(Sessions::new())` to the App",
                "`Buy` needs a secret for cookies: add `.cookie_secret()` to the App",
            ],
        );
    }
}
