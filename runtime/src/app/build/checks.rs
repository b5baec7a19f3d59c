//! Checks the settings of an app, and parses those that are text.

use crate::{
    app::builder::App,
    error::StartDiagnostic,
    header::TupleOrigin,
    request::AllowedHost,
    session::{CookieSecret, Sessions},
};

impl App {
    /// Returns the hosts that were named, without those that are malformed: a version of the app
    /// reports these.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn allowed_hosts_set(&mut self) -> Vec<AllowedHost> {
        self.take_hosts(&mut Vec::new())
    }

    /// Reads the secret of cookies, and checks the settings of sessions.
    pub(super) fn take_sessions(&mut self) -> Vec<StartDiagnostic> {
        let mut errors = Vec::new();
        let wrong = self.storage.sessions.as_ref().and_then(Sessions::error);
        errors.extend(wrong.map(|message| StartDiagnostic::new("App::sessions", message)));
        if self.needs_cookie_secret {
            match CookieSecret::of_environment(&self.storage.data_dir) {
                Ok(secret) => self.states.insert(secret),
                Err(message) => {
                    // One error, and not one more for each action that needs the secret.
                    self.states.declare::<CookieSecret>();
                    errors.push(StartDiagnostic::new("App::cookie_secret", message));
                }
            }
        }
        errors
    }

    /// Parses the hosts that the app serves.
    pub(super) fn take_hosts(&mut self, errors: &mut Vec<StartDiagnostic>) -> Vec<AllowedHost> {
        let mut hosts = Vec::new();
        for text in std::mem::take(&mut self.allowed_hosts) {
            match AllowedHost::parse(&text) {
                Some(host) => hosts.push(host),
                None => errors.push(wrong_setting("allow_host", &text, AllowedHost::EXPECTED)),
            }
        }
        if let Some(site) = &self.site {
            let address = site.strip_suffix('/').unwrap_or(site);
            match TupleOrigin::parse(address).filter(TupleOrigin::is_web) {
                Some(origin) => hosts.push(AllowedHost::of(origin.authority())),
                None => errors.push(wrong_setting("site", site, SITE_EXPECTED)),
            }
        }
        hosts
    }

    /// Parses the origins whose pages may call actions.
    pub(super) fn take_trusted_origins(
        &mut self,
        errors: &mut Vec<StartDiagnostic>,
    ) -> Vec<TupleOrigin<'static>> {
        let mut origins = Vec::new();
        for text in std::mem::take(&mut self.trusted_origins) {
            match TupleOrigin::parse(&text) {
                Some(origin) => origins.push(origin.into_owned()),
                None => errors.push(wrong_setting("trusted_origin", &text, ORIGIN_EXPECTED)),
            }
        }
        origins
    }
}

pub(super) fn base_error(base: &str) -> Option<StartDiagnostic> {
    let segment = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let is_valid = base.strip_prefix('/').is_some_and(|path| path.split('/').all(segment));
    let expected = "a base path looks like `/_kipo`: it begins with a slash, and ends without one";
    (!is_valid).then(|| wrong_setting("base", base, expected))
}

const SITE_EXPECTED: &str = "a site's address looks like `https://example.org`: a scheme, a host, and \
                             a port if it is not the default one";

const ORIGIN_EXPECTED: &str = "an origin looks like `https://admin.example.org`: a scheme, a host, and \
                               a port if it is not the default one";

/// Returns the error of a setting that was given to a method of [`App`].
pub(super) fn wrong_setting(method: &str, value: &str, expected: &str) -> StartDiagnostic {
    StartDiagnostic::new(format!("App::{method}({value:?})"), expected)
}
