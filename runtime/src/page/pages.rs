//! Pages: templates below `pages/`, their data, and the files beside them.
//!
//! A path is answered by, in this order: a file below `public/`, a page, the error page. A page
//! is rendered by Tera with what its `#[page]` function returned; what every page carries
//! besides ([`head`]) is put before the end of its head.

mod post;
pub(super) mod service;

#[cfg(all(feature = "dev", debug_assertions))]
use std::collections::BTreeSet;
use std::{
    borrow::Cow,
    fmt,
    path::Path,
    pin::pin,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};

#[cfg(all(feature = "dev", debug_assertions))]
use crate::page::template::{Listed, list, uses};
use crate::{
    action::{Context, Requirement, States, TakenPosition},
    error::{Code, Error, Result, StartDiagnostic, catch_panic},
    files::{Files, Hash},
    header::{Prefix, REQUEST_ID},
    page::{
        answer::{self, Audience, Keep, finish, respond, with_head},
        check::Diagnostic,
        data::{Cache, PageContext, PageData, PageRegistration, Reply, not_found},
        form::State,
        html::inject,
        route::Target,
        settings::Settings,
        template::{Constant, Failure, Head, Page, PageFailure, PerPrefix, Set, page_data},
    },
    request::{encode, within},
    session::missing_states,
};

/// All pages and public files of an app.
pub(crate) struct Pages {
    files: Files,
    registrations: Vec<&'static PageRegistration>,
    /// Without a prefix.
    head: Head,
    heads: PerPrefix<Head>,
    settings: Settings,
    /// Swapped whole: a request sees one set from its start to its end.
    serving: ArcSwap<Set>,
    /// Hears of pages that failed while they were served.
    hearing: OnceLock<Box<Hear>>,
}

/// A page and who may see it.
#[derive(Clone, Debug)]
pub(crate) struct PageOverview {
    /// The address, with its parameters in braces.
    pub(crate) path: String,
    pub(crate) file: String,
    /// What a request has to prove or to pass.
    pub(crate) needs: Vec<String>,
    /// What its function takes from the request and no visitor has to prove: sessions, cookies.
    pub(crate) uses: Vec<String>,
    /// Whether only the app's requirements say who may see it.
    pub(crate) is_undecided: bool,
}

type Hear = dyn Fn(PageFailure<'_>) + Send + Sync;

impl Pages {
    /// Reads all pages, or returns everything that is wrong with them.
    pub(crate) fn new(
        files: Files,
        settings: Settings,
        states: &States,
    ) -> Result<Self, Vec<StartDiagnostic>> {
        let registrations = inventory::iter::<PageRegistration>.into_iter().collect();
        Self::of(files, settings, states, registrations)
    }

    fn of(
        files: Files,
        settings: Settings,
        states: &States,
        mut registrations: Vec<&'static PageRegistration>,
    ) -> Result<Self, Vec<StartDiagnostic>> {
        // The order of registration is not promised, so it decides nothing.
        registrations.sort_by_key(|registration| (registration.file, registration.line));
        let mut errors = lacking(&registrations, states);
        let head = Head::new(&settings, &Prefix::NONE);
        let loaded = Set::load(&files, &head, &settings, &registrations);
        match &loaded {
            Ok(set) => {
                let files: Vec<&str> = set.addressed().map(|page| page.file.as_str()).collect();
                errors.extend(settings.guards.errors(&files));
            }
            Err(diagnostics) => {
                errors.extend(diagnostics.iter().map(Diagnostic::to_start_diagnostic));
            }
        }
        match loaded {
            Ok(set) if errors.is_empty() => {
                let serving = ArcSwap::from_pointee(set);
                let (heads, hearing) = (PerPrefix::default(), OnceLock::new());
                Ok(Self { files, registrations, head, heads, settings, serving, hearing })
            }
            _ => Err(errors),
        }
    }

    /// Reads the pages again, after an edit. The new set serves from here on if it is right;
    /// otherwise the old one goes on.
    ///
    /// # Errors
    ///
    /// All that is wrong with the new set.
    #[cfg_attr(
        not(any(test, all(feature = "dev", debug_assertions))),
        expect(dead_code, reason = "a release never reads its pages again")
    )]
    pub(crate) fn reload(&self) -> Result<(), Vec<Diagnostic>> {
        let set = Set::load(&self.files, &self.head, &self.settings, &self.registrations)?;
        self.serving.store(Arc::new(set));
        Ok(())
    }

    /// Tells `hear` of each page that fails from here on while it is served, because of its
    /// template, its data or its guard. Only the first who asks is told.
    #[cfg_attr(
        not(any(test, all(feature = "dev", debug_assertions))),
        expect(
            dead_code,
            reason = "only the development loop hears of it, and only where it runs"
        )
    )]
    pub(crate) fn on_failure(&self, hear: impl Fn(PageFailure<'_>) + Send + Sync + 'static) {
        let _ = self.hearing.set(Box::new(hear));
    }

    /// Returns the templates that show something else once those named have changed.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn dependents(&self, changed: &BTreeSet<String>) -> BTreeSet<String> {
        uses::dependents(self.serving.load().sources(), changed)
    }

    /// Returns the name of the process, as pages carry it.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn generation(&self) -> &str {
        &self.settings.generation
    }

    /// Returns the edition of the set that serves, as its pages carry it.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn edition(&self) -> u64 {
        self.serving.load().edition()
    }

    /// Returns whether there is a template of that name.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn has_template(&self, template: &str) -> bool {
        self.serving.load().sources().contains_key(template)
    }

    /// Returns all pages as they are now, for the development panel.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn list(&self) -> Vec<Listed> {
        list::of(&self.serving.load())
    }

    /// Returns the pages for which only the app's requirements say who may see them.
    pub(crate) fn undecided(&self) -> Vec<String> {
        let set = self.serving.load();
        let guards = &self.settings.guards;
        let undecided = set.addressed().filter(|page| guards.is_undecided(&page.file, page.data));
        undecided.map(Page::path).collect()
    }

    /// Returns who may see each page, by address.
    pub(crate) fn overview(&self) -> Vec<PageOverview> {
        let (set, guards) = (self.serving.load(), &self.settings.guards);
        let mut pages: Vec<_> = set
            .addressed()
            .map(|page| PageOverview {
                path: page.route().unwrap_or_default(),
                file: page.path(),
                needs: guards.needs(&page.file, page.data),
                uses: values_without_proof(page.data),
                is_undecided: guards.is_undecided(&page.file, page.data),
            })
            .collect();
        pages.sort_by(|a, b| (&a.path, &a.file).cmp(&(&b.path, &b.file)));
        pages
    }

    /// Returns a path of each page, and the page's file.
    pub(crate) fn addresses(&self) -> Vec<(String, String)> {
        self.serving.load().addresses()
    }

    /// Returns the names in `p-ref` attributes with the tags that carry them.
    pub(crate) fn refs(&self) -> Vec<(String, Vec<String>)> {
        let refs = self.serving.load().refs();
        refs.into_iter().map(|(name, tags)| (name, tags.into_iter().collect())).collect()
    }

    /// Returns the names in `p-part` attributes, by what stands between their expressions.
    pub(crate) fn parts(&self) -> Vec<Vec<String>> {
        self.serving.load().parts().into_iter().collect()
    }

    /// Returns the folder of the app, if its files are on disk.
    #[cfg_attr(
        not(all(feature = "dev", debug_assertions)),
        expect(dead_code, reason = "only the development loop looks at the folder itself")
    )]
    pub(crate) fn root(&self) -> Option<&Path> {
        self.files.root()
    }

    /// Answers a request for a script or a style below `pages/`.
    pub(crate) async fn asset(&self, cx: &Context) -> Response {
        let set = self.serving.load_full();
        let found = || {
            let path = cx.uri().path().strip_prefix(&self.settings.base)?.strip_prefix("/pages")?;
            let target = Target::of(path).filter(|target| !target.trailing_slash)?;
            let (hash, path) = target.segments.split_first()?;
            let asset = set.asset(&path.join("/"))?;
            Some((asset, Keep::by_hash(hash == set.hash().as_str())))
        };
        let found = found().ok_or_else(not_found).and_then(|found| get_only(cx).map(|()| found));
        let response = match found {
            Ok((asset, keep)) => respond::file(cx, asset, keep).await,
            Err(error) => encode::problem(&error, cx.request_id()),
        };
        finish(cx, response)
    }

    /// Answers any other request: with a public file, a page, or what is shown instead.
    pub(crate) async fn handle(&self, cx: Context) -> Response {
        let set = self.serving.load_full();
        let head = &*self.head(&cx);
        let answer = self.answer(&set, head, &cx).await;
        self.finish(&cx, &set, head, answer)
    }

    /// Answers with a response, or with what is shown in its place.
    fn finish(
        &self,
        cx: &Context,
        set: &Set,
        head: &Head,
        answer: Result<Response, Failure>,
    ) -> Response {
        let response = match answer {
            Ok(response) => response,
            Err(failure) => {
                if let (Failure::Fault(fault), Some(hear)) = (&failure, self.hearing.get()) {
                    hear(fault.report(cx));
                }
                answer::answer(cx, set, head, failure, self.audience())
            }
        };
        let mut response = finish(cx, response);
        cx.take_headers(response.headers_mut());
        response.headers_mut().insert(REQUEST_ID, cx.request_id().header());
        response
    }

    /// Returns what a page has besides its own text, below the prefix of the request.
    fn head(&self, cx: &Context) -> Cow<'_, Head> {
        let prefix = cx.path_prefix();
        if prefix.is_none() {
            return Cow::Borrowed(&self.head);
        }
        if self.heads.get(prefix).is_none() {
            self.heads.set(prefix, Head::new(&self.settings, prefix));
        }
        match self.heads.get(prefix) {
            Some(head) => Cow::Borrowed(head),
            None => Cow::Owned(Head::new(&self.settings, prefix)),
        }
    }

    fn audience(&self) -> Audience {
        if self.settings.reload { Audience::Author } else { Audience::Stranger }
    }

    async fn answer(&self, set: &Set, head: &Head, cx: &Context) -> Result<Response, Failure> {
        let path = cx.uri().path();
        let target = Target::of(path).ok_or_else(not_found)?;
        let page = set.find(&target.segments);
        let is_page = page.as_ref().is_some_and(|(page, _)| self.hides_no_file(page, &target));
        if !is_page
            && let Some(name) = target.file_name()
            && let Some(found) = self.files.find(&name)
        {
            get_only(cx)?;
            return Ok(Box::pin(respond::found(cx, found)).await?);
        }
        let (page, params) = page.ok_or_else(not_found)?;
        get_only(cx)?;
        if target.trailing_slash {
            return Ok(without_slash(cx)?);
        }
        let state = page.forms.as_ref().map(|_| Arc::new(State::at(cx.uri())));
        if let Some(state) = state.as_ref().filter(|state| state.address.action.is_some()) {
            // The address of a form that was posted: somebody asks for the page again.
            return Err(Error::redirect(state.address.below(path)).into());
        }
        if self.is_constant(page, &params) && (state.is_none() || cx.uri().query().is_none()) {
            let Constant { html, hash, .. } = set.render_constant(page, head, path)?;
            return Ok(self.page(cx, head, page, &Reply::default(), html, &hash));
        }
        // In a box of its own: what the connection holds for a page stays small, as allocators like it.
        let html = Box::pin(self.html(set, head, cx, page, params, state.as_ref()));
        let (html, reply) = html.await?;
        let status = reply.status().map_err(|error| Failure::of_data(page, error))?;
        if status != StatusCode::OK {
            return Ok(with_head(head, status, html, Keep::Never));
        }
        let hash = Hash::quick(html.as_bytes());
        Ok(self.page(cx, head, page, &reply, html.into(), &hash))
    }

    /// Lets the page's guards decide, asks for its data, and renders it. `state` is what its forms show.
    async fn html(
        &self,
        set: &Set,
        head: &Head,
        cx: &Context,
        page: &Page,
        params: Vec<(String, String)>,
        state: Option<&Arc<State>>,
    ) -> Result<(String, Reply), Failure> {
        let page_cx = PageContext::new(cx.clone(), params.clone());
        let data = pin!(self.data(page, &page_cx));
        let data = within(self.settings.timeout, catch_panic(data))
            .await
            .unwrap_or_else(|_| Err(Error::new(Code::Timeout, "this took longer than it may")))
            .map_err(|error| Failure::of_data(page, error))?;
        let data = page_data(data, &params, cx.uri().path());
        let data = data.and_then(|data| page.with_forms(data, state));
        let data = data.map_err(|error| Failure::of_data(page, error))?;
        let html = set
            .render(page, head, &data, state)
            .map_err(|diagnostic| Failure::of_template(page, *diagnostic))?;
        let reply = page_cx.take_reply();
        let mut html = reply.meta.put_into(html, self.settings.site.as_deref(), cx.prefix());
        if let Some(position) = cx.taken_position().only() {
            inject(&mut html, &format!("<meta name=\"kipo-position\" content=\"{position}\">\n"));
        }
        Ok((html, reply))
    }

    /// Returns whether no public file can have the address of a page: the start refuses two with the same
    /// one, and then files in the binary do not change. Only a name with a dot may have a hash in it.
    fn hides_no_file(&self, page: &Page, target: &Target<'_>) -> bool {
        page.has_fixed_path()
            && self.files.are_embedded()
            && !target.segments.last().is_some_and(|name| name.contains('.'))
    }

    /// Tells whether a page says the same to everybody and always: nothing is asked, nobody
    /// decides, and the files that it may name are part of the binary.
    fn is_constant(&self, page: &Page, params: &[(String, String)]) -> bool {
        page.data.is_none()
            && params.is_empty()
            && !self.settings.guards.cover(&page.file, None)
            && self.files.are_embedded()
    }

    /// Lets the page's guards decide, and then asks for its data.
    async fn data(&self, page: &Page, cx: &PageContext) -> Result<Option<PageData>> {
        self.settings.guards.admit(&page.file, page.data, cx).await?;
        let Some(registration) = page.data else { return Ok(None) };
        (registration.data)(cx.clone()).await.map(Some)
    }

    /// Answers with a page's HTML.
    fn page(
        &self,
        cx: &Context,
        head: &Head,
        page: &Page,
        reply: &Reply,
        html: Bytes,
        hash: &Hash,
    ) -> Response {
        let cache = reply.cache.or(page.data.and_then(|data| data.cache)).unwrap_or_default();
        let guarded = self.settings.guards.cover(&page.file, page.data);
        // A guard, a value from the request, a session or a cookie is about one visitor, even if the author
        // made the page public for caches. A position is of one moment: all readers of a shared copy
        // would resume from it.
        let of_one = guarded
            || cx.has_attachment()
            || cx.adds_header(&header::SET_COOKIE)
            || cx.taken_position() != TakenPosition::None;
        let cache = match (self.settings.reload, of_one) {
            // A copy that is good for a while would hide an edit for as long.
            (true, _) => Cache::default(),
            (false, true) => cache.of_one_visitor(),
            (false, false) => cache,
        };
        let mut response = answer::page(cx, html, hash, head.fields());
        if cache != Cache::default() {
            cache.write(response.headers_mut());
        }
        response
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn values_without_proof(data: Option<&PageRegistration>) -> Vec<String> {
    let values = data.map_or(&[][..], |data| data.values);
    values.iter().filter(|value| !value.is_proof()).map(Requirement::name).collect()
}

fn lacking(registrations: &[&PageRegistration], states: &States) -> Vec<StartDiagnostic> {
    let mut errors = Vec::new();
    for registration in registrations {
        let PageRegistration { page, file, line, states: own, guard, values, .. } = **registration;
        let requirements = guard.map(|guard| guard()).into_iter().chain(values.iter().copied());
        let missing = missing_states(&format!("the page `{page}`"), own, requirements, states);
        errors.extend(missing.into_iter().map(|message| StartDiagnostic::at(file, line, message)));
    }
    errors
}

fn get_only(cx: &Context) -> Result<()> {
    if matches!(*cx.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    Err(Error::method_not_allowed("GET, HEAD"))
}

/// Answers with the address that the page really has.
fn without_slash(cx: &Context) -> Result<Response> {
    let path = cx.uri().path().trim_end_matches('/');
    let query = cx.uri().query().map_or(String::new(), |query| format!("?{query}"));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let location = HeaderValue::from_str(&format!("{path}{query}"))?;
    response.headers_mut().insert(header::LOCATION, location);
    // Without a word on it a browser keeps it for good, and the page may move once more.
    response.headers_mut().insert(header::CACHE_CONTROL, Keep::Revalidate.header());
    Ok(response)
}

#[cfg(test)]
mod tests;
