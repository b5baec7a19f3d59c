//! The registered actions as a table of names, which is checked once at start.

use std::{
    any::TypeId,
    collections::BTreeMap,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use axum::{extract::Request, response::Response};
use tower_service::Service;

use crate::{
    action::{
        BodyForm, CacheOverview, Context, Field, InputMethod, Limits, Requirement, StateNeed,
        States,
    },
    error::{Result, StartDiagnostic},
    metrics::{ActionMeter, CacheMeter},
    request::limits::{AppLimits, RunLimits},
    schema::Describe,
    server::{Peer, Shared},
    session::missing_states,
};

/// One action that `#[action]` registers at link time.
#[derive(Debug)]
pub struct Registration {
    /// The name of the struct.
    pub ident: &'static str,
    /// The name from `#[action(name = "…")]`.
    pub name: Option<&'static str>,
    /// The path of its module.
    pub module: &'static str,
    /// Its source file.
    pub file: &'static str,
    /// Its line in that file.
    pub line: u32,
    /// Its doc comment.
    pub doc: &'static str,
    /// The application state that it needs.
    pub states: &'static [StateNeed],
    /// Whether it takes no part in what the app requires of all actions.
    pub public: bool,
    /// Returns the guard from `#[action(guard = …)]`.
    pub guard: Option<fn() -> Requirement>,
    /// The values of its `#[context]` fields.
    pub values: &'static [Requirement],
    /// Returns its endpoint.
    pub endpoint: fn() -> Endpoint,
}

inventory::collect!(Registration);

/// The future of a response, boxed so that a function pointer can return it.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The functions that serve and describe one action. They hide its types.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The type of the action.
    pub(crate) action: fn() -> TypeId,
    /// Its limits, where they differ from those of the app.
    pub(crate) limits: Limits,
    /// Whether it answers with events.
    pub(crate) is_stream: bool,
    /// Serves a request of a peer, if that is known.
    pub(crate) serve: fn(Arc<Shared>, Arc<Route>, Request, Option<Peer>) -> Answer,
    pub(crate) describe: Describe,
    /// Returns the codes of the errors that only this action has.
    pub(crate) error_codes: fn() -> Vec<&'static str>,
    pub(crate) method: InputMethod,
    pub(crate) form: BodyForm,
    pub(crate) fields: &'static [Field],
    /// Whether it answers with a file.
    pub(crate) returns_file: bool,
    /// Why the action cannot be as it is declared, if it cannot.
    pub(crate) fault: Option<&'static str>,
    /// The cache of its outputs, if they are cached.
    pub(crate) cache: Option<CacheOverview>,
    /// Whether the key of its cache has nothing of its `#[context]` values, and nothing says that this
    /// is right.
    pub(crate) ignores_values: bool,
}

/// One action with its name.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) doc: &'static str,
    /// Its source file and its line there.
    pub(crate) location: (&'static str, u32),
    /// What it asks of a request before its own values: what the app requires, then its guard.
    pub(crate) requirements: Vec<Requirement>,
    /// The values of its `#[context]` fields.
    pub(crate) values: &'static [Requirement],
    /// Whether the app's requirements apply although the action says nothing about them.
    pub(crate) is_undecided: bool,
    pub(crate) limits: RunLimits,
    pub(crate) endpoint: Endpoint,
    /// Counts the calls and streams, if the app counts.
    pub(crate) meter: ActionMeter,
    /// Counts where the outputs of a cached action come from, if the app counts.
    pub(crate) cache_meter: CacheMeter,
}

impl Route {
    fn new(
        name: String,
        registration: &Registration,
        required: &[Requirement],
        limits: &AppLimits,
    ) -> Self {
        let Registration { doc, file, line, public, guard, values, .. } = *registration;
        // A value of the type is the proof already.
        let proven = |required: &&Requirement| values.iter().any(|value| value.is_same(required));
        let applies = |required: &&Requirement| !public && !proven(required);
        let mut requirements: Vec<Requirement> = required.iter().filter(applies).copied().collect();
        let is_undecided = guard.is_none() && !requirements.is_empty();
        requirements.extend(guard.map(|guard| guard()));
        let endpoint = (registration.endpoint)();
        let limits = RunLimits::new(&name, endpoint.limits, limits);
        Self {
            name: name.into(),
            doc,
            location: (file, line),
            requirements,
            values,
            is_undecided,
            limits,
            endpoint,
            meter: ActionMeter::default(),
            cache_meter: CacheMeter::default(),
        }
    }

    /// Asks what the action requires besides its values.
    pub(crate) async fn admit(&self, cx: &Context) -> Result<()> {
        for requirement in &self.requirements {
            requirement.admit(cx).await?;
        }
        Ok(())
    }

    /// Returns the name and the method of an action that is not sent by POST.
    pub(crate) fn unusual_method(&self) -> Option<(String, &'static str)> {
        let method = self.endpoint.method;
        (method != InputMethod::Post).then(|| (self.name.to_string(), method.as_str()))
    }

    /// Returns the names of the types that the action takes from the request and that no caller has to
    /// prove: sessions, cookies.
    pub(crate) fn uses(&self) -> Vec<String> {
        self.values.iter().filter(|value| !value.is_proof()).map(Requirement::name).collect()
    }

    /// Returns the names of the types that a caller has to prove, each once.
    pub(crate) fn needs(&self) -> Vec<String> {
        self.proofs(Requirement::name)
    }

    /// Returns the keys of the types that a caller has to prove, for `openapi.json`.
    pub(crate) fn need_keys(&self) -> Vec<String> {
        self.proofs(Requirement::key)
    }

    fn proofs(&self, text: fn(&Requirement) -> String) -> Vec<String> {
        let all = self.requirements.iter().chain(self.values);
        let mut texts: Vec<String> = all.filter(|needed| needed.is_proof()).map(text).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}

/// An action as a service of the router.
#[derive(Clone, Debug)]
pub(crate) struct Mounted {
    pub(crate) shared: Arc<Shared>,
    pub(crate) route: Arc<Route>,
}

impl Mounted {
    /// Serves a request of a peer, if that is known.
    pub(crate) fn serve(&self, request: Request, peer: Option<Peer>) -> Answered {
        let serve = self.route.endpoint.serve;
        Answered(serve(Arc::clone(&self.shared), Arc::clone(&self.route), request, peer))
    }
}

impl Service<Request> for Mounted {
    type Response = Response;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Answered {
        let peer = request.extensions_mut().remove();
        self.serve(request, peer)
    }
}

/// The future of [`Mounted`]. It has no error: an action turns every error into a response.
pub(crate) struct Answered(Answer);

impl Future for Answered {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(task).map(Ok)
    }
}

/// Returns all registered actions sorted by name, or a diagnostic for each error. `required` is what
/// the app requires of every action that is not public, and `limits` what it sets for all of them.
pub(crate) fn collect(
    states: &States,
    required: &[Requirement],
    limits: &AppLimits,
) -> Result<Vec<Arc<Route>>, Vec<StartDiagnostic>> {
    table(inventory::iter::<Registration>.into_iter(), states, required, limits)
}

fn table<'r>(
    registrations: impl Iterator<Item = &'r Registration>,
    states: &States,
    required: &[Requirement],
    limits: &AppLimits,
) -> Result<Vec<Arc<Route>>, Vec<StartDiagnostic>> {
    let missing = required
        .iter()
        .flat_map(|one| missing_states(&format!("`{}`", one.name()), &[], [*one], states));
    let mut errors: Vec<StartDiagnostic> =
        missing.map(|message| StartDiagnostic::new("App::require", message)).collect();
    // `inventory` promises no order, so the result must not depend on it.
    let mut by_name = BTreeMap::<String, Vec<&Registration>>::new();
    for registration in registrations {
        by_name.entry(name(registration)).or_default().push(registration);
        let Registration { ident, file, line, states: own, guard, values, .. } = *registration;
        let requirements = guard.map(|guard| guard()).into_iter().chain(values.iter().copied());
        let missing = missing_states(&format!("`{ident}`"), own, requirements, states);
        errors.extend(missing.into_iter().map(|message| StartDiagnostic::at(file, line, message)));
    }
    for (name, same) in &mut by_name {
        same.sort_by_key(|registration| (registration.file, registration.line));
        if let [first, others @ ..] = same.as_slice() {
            for other in others {
                let message = format!(
                    "`{name}` is already the name of the action at {}:{}; rename one of them, or \
                     name it with `#[action(name = \"…\")]`",
                    first.file, first.line
                );
                errors.push(StartDiagnostic::at(other.file, other.line, message));
            }
        }
    }
    for registration in by_name.values().flatten().filter(|action| !action.values.is_empty()) {
        if (registration.endpoint)().ignores_values {
            let values: Vec<String> = registration.values.iter().map(Requirement::name).collect();
            let message = format!(
                "`{}` has a cache, and takes from the request: {}. An output for one caller could reach \
                 another: say by `OutputCache::by(…)` which calls are the same, or by `.public()` that \
                 the output is for everybody",
                registration.ident,
                values.join(", ")
            );
            errors.push(StartDiagnostic::at(registration.file, registration.line, message));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for registration in by_name.values().flatten() {
        if let Some(fault) = (registration.endpoint)().fault {
            let message = format!("`{}`: {fault}", registration.ident);
            errors.push(StartDiagnostic::at(registration.file, registration.line, message));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let route = |(name, same): (String, Vec<&Registration>)| {
        Arc::new(Route::new(name, same[0], required, limits))
    };
    Ok(by_name.into_iter().map(route).collect())
}

/// Returns the name of each registered action with its source file and line.
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) fn locations() -> impl Iterator<Item = (String, &'static str, u32)> {
    let all = inventory::iter::<Registration>.into_iter();
    all.map(|registration| (name(registration), registration.file, registration.line))
}

/// Returns the name of an action: the modules below `actions` and the struct. A last module that
/// has the name of the struct is left out.
fn name(registration: &Registration) -> String {
    if let Some(name) = registration.name {
        return name.to_owned();
    }
    let ident = registration.ident;
    let mut modules: Vec<&str> = registration
        .module
        .split("::")
        .map(|module| module.strip_prefix("r#").unwrap_or(module))
        .collect();
    match modules.iter().position(|module| *module == "actions") {
        Some(at) => _ = modules.drain(..=at),
        // Outside of `actions`, only the name of the crate is left out.
        None => _ = modules.remove(0),
    }
    if modules.last().is_some_and(|last| *last == snake_case(ident)) {
        modules.pop();
    }
    modules.push(ident);
    modules.join(".")
}

fn snake_case(ident: &str) -> String {
    let chars: Vec<char> = ident.chars().collect();
    let mut snake = String::with_capacity(ident.len() + 4);
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1);
        // A word begins at a capital, or at the last of several capitals (`HTTPGet` is `http_get`).
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() && before != '_'
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if begins {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(module: &'static str, ident: &'static str) -> Registration {
        Registration {
            ident,
            name: None,
            module,
            file: "a.rs",
            line: 1,
            doc: "",
            states: &[],
            public: false,
            guard: None,
            values: &[],
            endpoint: || unreachable!("these tests serve no action"),
        }
    }

    struct User;

    impl crate::action::FromContext for User {
        async fn from_context(_: &Context) -> Result<Self> {
            Ok(Self)
        }
    }

    #[crate::action]
    async fn says_nothing() -> Result<()> {
        Ok(())
    }

    #[crate::action(guard = User)]
    async fn has_a_guard() -> Result<()> {
        Ok(())
    }

    #[crate::action]
    async fn has_the_value(#[context] _user: User) -> Result<()> {
        Ok(())
    }

    #[crate::action(public)]
    async fn is_public(#[context] _user: Option<User>) -> Result<()> {
        Ok(())
    }

    #[test]
    fn an_action_that_says_nothing_is_undecided_where_the_app_requires_a_value() {
        let required = [Requirement::of::<User>()];
        for (ident, required, is_undecided, needs) in [
            ("SaysNothing", &required[..], true, &["User"][..]),
            ("SaysNothing", &[], false, &[]),
            ("HasAGuard", &required, false, &["User"]),
            ("HasTheValue", &required, false, &["User"]),
            ("IsPublic", &required, false, &[]),
        ] {
            // Another action of these tests takes a session.
            let mut states = States::default();
            states.insert(crate::session::Sessions::in_memory());
            let routes = collect(&states, required, &AppLimits::default()).unwrap();
            let name = format!("request.route.tests.{ident}");
            let route = routes.iter().find(|route| *route.name == *name).unwrap();
            assert_eq!(route.is_undecided, is_undecided, "{ident}");
            assert_eq!(route.needs(), needs, "{ident}");
        }
    }

    #[track_caller]
    fn check(module: &'static str, ident: &'static str, expected: &str) {
        assert_eq!(name(&registration(module, ident)), expected);
    }

    #[test]
    fn names_come_from_the_path_below_actions() {
        check("app::actions::chat::send", "Send", "chat.Send");
        check("app::actions::chat", "Send", "chat.Send");
        check("app::actions::admin::users", "Purge", "admin.users.Purge");
        check("app::actions::todo::r#move", "Move", "todo.Move");
        check("app::actions::files::http_get", "HTTPGet", "files.HTTPGet");
        check("app::actions", "Ping", "Ping");
        check("app", "Ping", "Ping");
        check("it::topic", "Follow", "topic.Follow");
    }

    #[test]
    fn a_cache_whose_key_ignores_the_values_of_its_action_is_reported() {
        let endpoint = || Endpoint {
            action: TypeId::of::<()>,
            limits: Limits::new(),
            is_stream: false,
            serve: |_, _, _, _| unreachable!("this test serves no action"),
            describe: |_, _| unreachable!("this test describes no action"),
            error_codes: Vec::new,
            method: InputMethod::Post,
            form: BodyForm::Fields,
            fields: &[],
            returns_file: false,
            fault: None,
            cache: None,
            ignores_values: true,
        };
        let plain = Registration { endpoint, ..registration("app::actions", "Plain") };
        let values = const { &[Requirement::of::<User>()] };
        let personal = Registration { endpoint, values, ..registration("app::actions", "Mine") };
        let errors =
            table([plain, personal].iter(), &States::default(), &[], &AppLimits::default())
                .unwrap_err();
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(text.len(), 1, "{text:?}");
        assert!(text[0].starts_with("a.rs:1: `Mine` has a cache"), "{text:?}");
        assert!(text[0].contains("from the request: User."), "{text:?}");
    }

    #[test]
    fn duplicates_and_missing_state_are_reported_together() {
        let second = Registration { line: 9, ..registration("app::actions::chat::send", "Send") };
        let mut needy = registration("app::actions", "Needy");
        needy.states = const { &[StateNeed::of::<String>()] };
        let all = [second, registration("app::actions::chat", "Send"), needy];
        let errors = table(all.iter(), &States::default(), &[], &AppLimits::default()).unwrap_err();
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(text.len(), 2);
        assert!(text[0].contains("needs the state `alloc::string::String`"), "{text:?}");
        assert!(text[1].starts_with("a.rs:9: `chat.Send` is already"), "{text:?}");
        assert!(text[1].contains("a.rs:1"), "{text:?}");
    }
}
