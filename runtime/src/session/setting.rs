//! Which setting of an app adds a state.

use std::any::TypeId;

use crate::session::{secret::CookieSecret, sessions::Sessions};

/// Returns the method of [`App`](crate::App) that adds the state of a type, for a diagnostic.
pub(crate) fn setting_of(state: TypeId) -> &'static str {
    match state {
        state if state == TypeId::of::<Sessions>() => ".sessions(Sessions::new())",
        state if state == TypeId::of::<CookieSecret>() => ".cookie_secret()",
        _ => ".state(…)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_the_secret_of_cookies_have_settings_of_their_own() {
        assert_eq!(setting_of(TypeId::of::<Sessions>()), ".sessions(Sessions::new())");
        assert_eq!(setting_of(TypeId::of::<CookieSecret>()), ".cookie_secret()");
        assert_eq!(setting_of(TypeId::of::<u8>()), ".state(…)");
    }
}
