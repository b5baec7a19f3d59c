//! The set of templates, scripts and styles: it is loaded as a whole, and only without errors.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tera::Tera;

use crate::{
    error::{Error, Result as Outcome},
    files::{File, Files, Folder, Hash, Listing, Refusal},
    page::{
        check::{Diagnostic, Known, Sources, Uses, lint, lint_script},
        data::{PageData, PageRegistration},
        form::{self, Inputs, State},
        html::{encode_path, inject, links},
        route::{Match, Role, Route, Routes},
        settings::Settings,
        template::{
            asset,
            error_pages::ErrorPages,
            escape::escape,
            failure::Failure,
            head::Head,
            json,
            page::{Constant, Page, stem},
            per_prefix::PerPrefix,
            refs::{self, PartNames, Refs},
            url,
        },
    },
};

/// The edition of the set that was read last.
static EDITION: AtomicU64 = AtomicU64::new(0);

/// All pages at one point in time.
pub(crate) struct Set {
    /// A set that is read later has a higher one. None has 0.
    edition: u64,
    tera: Tera,
    sources: Sources,
    forms: form::Templates,
    /// In the order of `routes`.
    pages: Vec<Page>,
    routes: Routes,
    error_pages: ErrorPages,
    /// By path below `pages/`.
    assets: HashMap<String, File>,
    /// Of all assets together.
    hash: Hash,
}

/// The files of a set, before they are checked.
#[derive(Default)]
struct Parts {
    sources: Sources,
    assets: HashMap<String, File>,
    hash: Option<Hash>,
}

impl Set {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// When a file is wrong: the diagnostics of all files.
    pub(crate) fn load(
        files: &Files,
        head: &Head,
        settings: &Settings,
        registrations: &[&'static PageRegistration],
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut diagnostics = Vec::new();
        let Parts { sources, assets, hash } = read(files, &mut diagnostics);
        let hash = hash.unwrap_or_else(|| Hash::of(&[]));
        let mut set = Self {
            edition: EDITION.fetch_add(1, Ordering::Relaxed) + 1,
            tera: Tera::new(),
            pages: Vec::new(),
            routes: Routes::default(),
            error_pages: ErrorPages::default(),
            forms: form::Templates::of(&sources, &settings.inputs),
            sources,
            assets,
            hash,
        };
        let public = list(files, Folder::Public, &mut diagnostics);
        set.assign_roles(head, &settings.base, &mut diagnostics);
        set.assign_data(registrations, &mut diagnostics);
        set.check_public(&public, &mut diagnostics);
        set.assign_forms();
        match parse(&set.sources, &set.forms, files) {
            Ok(tera) => set.tera = tera,
            Err(wrong) => diagnostics.extend(wrong),
        }
        let known = Known { actions: settings.actions.as_deref(), public: &public };
        set.lint(known, &settings.inputs, &mut diagnostics);
        if diagnostics.is_empty() {
            set.render_samples(head, &mut diagnostics);
        }
        if diagnostics.is_empty() { Ok(set) } else { Err(diagnostics) }
    }

    /// Returns the page for the segments of a path, and its parameters.
    pub(crate) fn find(&self, segments: &[Cow<'_, str>]) -> Option<(&Page, Vec<(String, String)>)> {
        let Match { page, params } = self.routes.find(segments)?;
        Some((&self.pages[page], params))
    }

    /// Returns the page for an error with this status at the segments of a path.
    pub(crate) fn error_page(&self, status: u16, path: &[Cow<'_, str>]) -> Option<&Page> {
        self.error_pages.find(status, path)
    }

    pub(crate) fn asset(&self, path: &str) -> Option<&File> {
        self.assets.get(path)
    }

    /// Returns the hash in the paths of all assets.
    pub(crate) fn hash(&self) -> &Hash {
        &self.hash
    }

    /// Returns the pages with an address.
    pub(crate) fn addressed(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter()
    }

    /// Returns a path of each page, and the page's file.
    pub(crate) fn addresses(&self) -> Vec<(String, String)> {
        let address = |page: &Page| match Role::of(&page.file) {
            Ok(Role::Page(route)) => Some((encode_path(&route.example()), page.path())),
            Ok(Role::ErrorPage(..) | Role::Part) | Err(_) => None,
        };
        self.pages.iter().filter_map(address).collect()
    }

    /// Returns all pages, error pages last.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter().chain(self.error_pages.iter().map(|(_, page)| page))
    }

    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn edition(&self) -> u64 {
        self.edition
    }

    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(crate) fn refs(&self) -> Refs {
        refs::scan(self.sources.values().map(String::as_str))
    }

    pub(crate) fn parts(&self) -> PartNames {
        refs::parts(self.sources.values().map(String::as_str))
    }

    /// Returns the HTML of a page without data and parameters.
    ///
    /// # Errors
    ///
    /// When the template uses a variable that is not defined.
    pub(crate) fn render_constant(
        &self,
        page: &Page,
        head: &Head,
        path: &str,
    ) -> Result<Constant, Failure> {
        if let Some(known) = page.constants.get(&head.prefix).filter(|known| known.path == path) {
            return Ok(known.clone());
        }
        let data = page_data(None, &[], path).and_then(|data| page.with_forms(data, None));
        let data = data.map_err(|error| Failure::of_data(page, error))?;
        let html = self
            .render(page, head, &data, None)
            .map_err(|diagnostic| Failure::of_template(page, *diagnostic))?;
        let hash = Hash::of(html.as_bytes());
        let made = Constant { path: path.to_owned(), html: html.into(), hash };
        page.constants.set(&head.prefix, made.clone());
        Ok(made)
    }

    /// Returns the HTML of a page with the links in its head. `state` is what its forms show.
    ///
    /// # Errors
    ///
    /// When the template does not fit the data.
    pub(crate) fn render(
        &self,
        page: &Page,
        head: &Head,
        data: &PageData,
        state: Option<&Arc<State>>,
    ) -> Result<String, Box<Diagnostic>> {
        // A panic of the template engine fails this page alone.
        let render = || {
            let mut html = Vec::with_capacity(page.expected_bytes());
            self.tera.render_to(&page.file, data.variables(), &mut html)?;
            Ok::<_, tera::Error>(String::from_utf8(html)?)
        };
        let run = || asset::below(&head.prefix, render);
        let run = || match &page.forms {
            Some(forms) => form::during(forms, &state.cloned().unwrap_or_default(), run),
            None => run(),
        };
        let rendered = catch_unwind(AssertUnwindSafe(run));
        let panicked =
            || Diagnostic::of_file(page.path(), "the template engine panicked at this page");
        match rendered.map_err(|_| panicked())? {
            Ok(mut html) if head.prefix.is_none() => {
                inject(&mut html, &page.block);
                page.expect_bytes(html.len());
                Ok(html)
            }
            Ok(html) => {
                let mut html = links::below(&html, &head.prefix);
                let (style, script) = (page.style.as_deref(), page.script.as_deref());
                inject(&mut html, &head.block(&page.file, self.edition, style, script));
                Ok(html)
            }
            Err(error) => {
                let diagnostics = Diagnostic::of_error(&self.sources, &error);
                let diagnostic = diagnostics.into_iter().next().unwrap_or_else(panicked);
                Err(self.forms.restored(&self.sources, diagnostic).into())
            }
        }
    }

    /// Assigns each template its role.
    fn assign_roles(&mut self, head: &Head, base: &str, diagnostics: &mut Vec<Diagnostic>) {
        for file in self.sources.keys() {
            let role = match Role::of(file) {
                Ok(role) => role,
                Err(message) => {
                    diagnostics
                        .push(Diagnostic::of_file(format!("{}/{file}", Folder::Pages), message));
                    continue;
                }
            };
            match role {
                Role::Part => {}
                Role::ErrorPage(folder, statuses) => {
                    let page = self.page(file, head, base, None);
                    let path = page.path();
                    if let Err(other) = self.error_pages.add(folder, statuses, page) {
                        let message = format!("{other} is shown there already: keep one of them");
                        diagnostics.push(Diagnostic::of_file(path, message));
                    }
                }
                Role::Page(route) => {
                    let page = self.page(file, head, base, Some(&route));
                    let path = route.to_string();
                    if let Err(other) = self.routes.add(route) {
                        let other = self.pages[other].path();
                        let message = format!("{other} answers {path} already: keep one of them");
                        diagnostics.push(Diagnostic::of_file(page.path(), message));
                    }
                    self.pages.push(page);
                }
            }
        }
    }

    fn page(&self, file: &str, head: &Head, base: &str, route: Option<&Route>) -> Page {
        let stem = stem(file);
        let url = |suffix: &str| {
            let path = format!("{stem}{suffix}");
            let path = self.assets.contains_key(&path).then(|| encode_path(&path))?;
            Some(format!("{base}/pages/{}/{path}", self.hash.as_str()))
        };
        let (style, script) = (url(".css"), url(".js"));
        Page {
            file: file.to_owned(),
            block: head.block(file, self.edition, style.as_deref(), script.as_deref()),
            style,
            script,
            data: None,
            forms: None,
            params: route.into_iter().flat_map(Route::params).map(str::to_owned).collect(),
            constants: PerPrefix::default(),
            last_bytes: AtomicUsize::new(0),
        }
    }

    /// Assigns each page its data function.
    fn assign_data(
        &mut self,
        registrations: &[&'static PageRegistration],
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        for registration in registrations {
            let mut wrong = |message: String| diagnostics.push(registration.diagnostic(message));
            let Some(page) =
                self.pages.iter_mut().find(|page| stem(&page.file) == registration.page)
            else {
                wrong(self.no_such_page(registration.page));
                continue;
            };
            let unknown = registration.params.iter().find(|p| !page.params.iter().any(|q| q == *p));
            if let Some(param) = unknown {
                wrong(format!("{} has no parameter `{param}`", page.path()));
            }
            if let Some(first) = page.data.replace(registration) {
                wrong(format!(
                    "{} has its data already, from {}:{}",
                    page.path(),
                    first.file,
                    first.line
                ));
            }
        }
    }

    /// Assigns each page its forms.
    fn assign_forms(&mut self) {
        let uses = Uses::of(&self.sources);
        for page in self.pages.iter_mut().chain(self.error_pages.iter_mut()) {
            page.forms = self.forms.of_page(uses.of_page(page.file.as_str()));
        }
    }

    fn no_such_page(&self, name: &str) -> String {
        let file = format!("{name}.html");
        let missing = format!("there is no page {}/{file}", Folder::Pages);
        let role = Role::of(&file);
        match role {
            Ok(Role::ErrorPage(..)) => format!("{missing}: an error page takes no data"),
            Ok(Role::Part) if self.sources.contains_key(&file) => {
                format!("{}/{file} is a part of other pages: only a page takes data", Folder::Pages)
            }
            Ok(Role::Page(route)) => {
                let (mut routes, number) = (self.routes.clone(), self.pages.len());
                match routes.add(route) {
                    Err(other) if other < number => {
                        let other = stem(&self.pages[other].file);
                        format!("{missing}; did you mean `#[page(\"{other}\")]`?")
                    }
                    _ => missing,
                }
            }
            Ok(Role::Part) | Err(_) => missing,
        }
    }

    /// Reports public files at the path of a page, which would hide the page.
    fn check_public(&self, public: &[String], diagnostics: &mut Vec<Diagnostic>) {
        for page in &self.pages {
            let Ok(Role::Page(route)) = Role::of(&page.file) else { continue };
            if route.fixed().is_some_and(|path| public.contains(&path)) {
                let message = format!("{}{route} has the same address", Folder::Public);
                diagnostics.push(Diagnostic::of_file(page.path(), message));
            }
        }
    }

    /// Checks templates and scripts that parse. The checks would misread a file that does not parse.
    fn lint(&self, known: Known<'_>, inputs: &Inputs, diagnostics: &mut Vec<Diagnostic>) {
        let broken: Vec<String> =
            diagnostics.iter().map(|diagnostic| diagnostic.file.clone()).collect();
        let file = |name: &str| format!("{}/{name}", Folder::Pages);
        for name in self.sources.keys().filter(|name| !broken.contains(&file(name))) {
            diagnostics.extend(lint(&self.sources, name, known));
            diagnostics.extend(form::lint(&self.sources, name, inputs));
        }
        let uses = Uses::of(&self.sources);
        let pages = self.pages.iter().map(|page| page.file.as_str());
        diagnostics.extend(form::lint_pages(&self.sources, &uses, pages));
        for page in &self.pages {
            let path = format!("{}.js", stem(&page.file));
            let script = self.assets.get(&path).and_then(|file| str::from_utf8(&file.bytes).ok());
            if let Some(script) = script {
                let path = file(&path);
                diagnostics.extend(lint_script(&self.sources, &uses, &page.file, &path, script));
            }
        }
    }

    /// Renders each page without a data function once: this finds a variable that is not defined
    /// before the first visitor does.
    fn render_samples(&self, head: &Head, diagnostics: &mut Vec<Diagnostic>) {
        let pages = self.pages.iter().filter(|page| page.data.is_none()).map(|page| {
            let params = page.params.iter().map(|name| (name.clone(), "x".to_owned()));
            (page, page_data(None, params.collect::<Vec<_>>().as_slice(), "/"))
        });
        let nothing = Error::not_found("");
        let error_pages = self
            .error_pages
            .iter()
            .map(|(status, page)| (page, error_data(status, &nothing, "/", "x")));
        for (page, data) in pages.chain(error_pages) {
            let Ok(data) = data else { continue };
            let Ok(data) = page.with_forms(data, None) else { continue };
            let Err(mut diagnostic) = self.render(page, head, &data, None) else { continue };
            // Other errors may come from the made-up values.
            let undefined = is_undefined(&diagnostic.message);
            if !undefined && !is_misused_component(&diagnostic.message) {
                continue;
            }
            if undefined && Role::of(&page.file).is_ok_and(|role| matches!(role, Role::Page(_))) {
                let name = stem(&page.file);
                diagnostic.message +=
                    &format!("; no `#[page(\"{name}\")]` gives {} its data", page.path());
            }
            diagnostics.push(*diagnostic);
        }
    }
}

/// Returns the variables of a page: its data and the variables of every page.
pub(crate) fn page_data(
    data: Option<PageData>,
    params: &[(String, String)],
    path: &str,
) -> Outcome<PageData> {
    /// The parameters of a page that has none.
    static NO_PARAMS: LazyLock<tera::Value> = LazyLock::new(|| tera::Map::new().into());

    let params = if params.is_empty() {
        NO_PARAMS.clone()
    } else {
        let params = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        tera::Value::try_from_serializable(&params.collect::<BTreeMap<_, _>>())?
    };
    let data = data.map_or_else(|| PageData::of(&()), Ok)?;
    data.with_value("params", params)?.with_value("path", path.into())
}

/// Returns the variables of an error page.
pub(crate) fn error_data(
    status: u16,
    error: &Error,
    path: &str,
    request_id: &str,
) -> Outcome<PageData> {
    let errors: BTreeMap<&str, &[String]> = error.fields().iter().collect();
    page_data(None, &[], path)?
        .with("status", &status)?
        .with("message", &error.message())?
        .with("errors", &errors)?
        .with("request_id", &request_id)
}

/// Returns whether an error of the engine is about a variable that is not defined.
fn is_undefined(message: &str) -> bool {
    message.starts_with("variable `") && message.contains("is not defined")
}

/// Returns whether an error of the engine is about the arguments of a component.
fn is_misused_component(message: &str) -> bool {
    message.starts_with("unknown argument(s) `")
        || (message.starts_with("argument `") && message.ends_with("missing"))
}

/// Returns the paths below a folder, and adds a diagnostic for each that cannot be read.
fn list(files: &Files, folder: Folder, diagnostics: &mut Vec<Diagnostic>) -> Vec<String> {
    match files.list(folder) {
        Ok(Listing { paths, refused, .. }) => {
            let diagnostic = |(path, refusal): (String, Refusal)| {
                Diagnostic::of_file(format!("{folder}/{path}"), refusal.to_string())
            };
            diagnostics.extend(refused.into_iter().map(diagnostic));
            paths
        }
        Err(error) => {
            let message = format!("cannot be read: {error}");
            diagnostics.push(Diagnostic::of_file(folder.as_str(), message));
            Vec::new()
        }
    }
}

/// Reads all files below `pages/`.
fn read(files: &Files, diagnostics: &mut Vec<Diagnostic>) -> Parts {
    let mut parts = Parts::default();
    let mut assets = Vec::new();
    for path in list(files, Folder::Pages, diagnostics) {
        let mut wrong = |message: &str| {
            diagnostics.push(Diagnostic::of_file(format!("{}/{path}", Folder::Pages), message));
        };
        let kind = Kind::of(&path);
        if kind == Kind::Ignored {
            continue;
        }
        let Some(file) = files.read(Folder::Pages, &path) else {
            // One that was removed while its folder was read is no error, as in the list.
            if !files.is_gone(Folder::Pages, &path) {
                wrong("cannot be read");
            }
            continue;
        };
        match kind {
            Kind::Template => match String::from_utf8(file.bytes.into()) {
                Ok(source) => _ = parts.sources.insert(path, source),
                Err(_) => wrong("is not UTF-8"),
            },
            Kind::Asset => assets.push((path, file)),
            Kind::Stray => wrong(
                "only .html pages with their .js and .css go here: move it to public/, \
                 where files are served as they stand",
            ),
            Kind::Ignored => {}
        }
    }
    let contents = assets.iter().map(|(path, asset)| (path.as_str(), asset.bytes.as_ref()));
    parts.hash = Some(Hash::of_all(contents));
    parts.assets = assets.into_iter().collect();
    parts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Template,
    Asset,
    /// Type declarations for editors, and files without a suffix.
    Ignored,
    Stray,
}

impl Kind {
    fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.') {
            None => Self::Ignored,
            Some((stem, "ts")) if stem.ends_with(".d") => Self::Ignored,
            Some((_, "html")) => Self::Template,
            Some((_, "js" | "mjs" | "css")) => Self::Asset,
            Some(_) => Self::Stray,
        }
    }
}

/// Parses all templates, with the filters and functions that they may use.
fn parse(
    sources: &Sources,
    forms: &form::Templates,
    files: &Files,
) -> Result<Tera, Vec<Diagnostic>> {
    let mut tera = blank(files);
    let compiled = forms.compiled(sources);
    let Err(error) = tera.add_raw_templates(&*compiled) else { return Ok(tera) };
    // The engine reports one error. Parsing each template alone finds the first error of each.
    let mut diagnostics = Vec::new();
    for (name, source) in &*compiled {
        let Err(error) = blank(files).add_raw_template(name, source) else { continue };
        match error.kind() {
            tera::ErrorKind::SyntaxError(_) => {
                diagnostics.extend(Diagnostic::of_error(sources, &error));
            }
            tera::ErrorKind::MissingParent { parent, .. } if !sources.contains_key(parent) => {
                diagnostics.extend(Diagnostic::of_error(sources, &error));
            }
            // The template only misses the other templates.
            _ => {}
        }
    }
    if diagnostics.is_empty() {
        diagnostics = Diagnostic::of_error(sources, &error);
    }
    let restored = diagnostics.into_iter().map(|diagnostic| forms.restored(sources, diagnostic));
    Err(restored.collect())
}

/// Returns an engine without templates.
pub(crate) fn blank(files: &Files) -> Tera {
    let mut tera = Tera::new();
    // Every name ends with an empty text, so that all templates are escaped.
    tera.autoescape_on([""]);
    tera.set_escape_fn(escape);
    tera.register_filter("json", json::filter);
    tera.register_filter("url", url::filter);
    tera.register_function("asset", asset::function(files.clone()));
    form::register(&mut tera);
    tera
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{files::TestDir, header::Prefix};

    fn head() -> Head {
        Head::new(&Settings::test(), &Prefix::NONE)
    }

    fn load(files: &Files) -> Result<Set, Vec<Diagnostic>> {
        let settings = Settings::test();
        Set::load(files, &head(), &settings, &[])
    }

    #[test]
    fn a_byte_order_mark_is_skipped_in_templates_scripts_and_styles() {
        const FILES: [(&str, &str); 5] = [
            ("pages/_layout.html", "\u{feff}<main>{% block main %}{% endblock %}</main>"),
            ("pages/_part.html", "\u{feff}part"),
            (
                "pages/index.html",
                "\u{feff}{% extends \"_layout.html\" %}\
                 {% block main %}{% include \"_part.html\" %}{% endblock %}",
            ),
            ("pages/index.js", "\u{feff}import { refs } from \"kipo\";"),
            ("pages/index.css", "\u{feff}p {}"),
        ];
        let dir = TestDir::new(&FILES);
        let embedded = Files::embedded(&FILES.map(|(path, text)| (path, text.as_bytes())));
        for files in [dir.files(), embedded] {
            let set = load(&files).unwrap();
            let (page, _) = set.find(&[]).unwrap();
            let html = set.render_constant(page, &head(), "/").unwrap().html;
            let html = str::from_utf8(&html).unwrap();
            assert!(html.ends_with("<main>part</main>"), "{html}");
            assert!(!html.contains('\u{feff}'), "{html}");
            assert_eq!(set.asset("index.js").unwrap().bytes, "import { refs } from \"kipo\";");
            assert_eq!(set.asset("index.css").unwrap().bytes, "p {}");
        }
    }

    #[test]
    fn a_byte_order_mark_moves_no_column() {
        let dir = TestDir::new(&[
            ("pages/index.html", "\u{feff}<p>{{ missing }}</p><b p-ref=\"list\">"),
            ("pages/index.js", "\u{feff}import { refs } from \"kipo\"; refs.lst;"),
            ("pages/other.html", "\u{feff}{{ }}"),
        ]);
        let diagnostics = load(&dir.files()).err().unwrap();
        let script = diagnostics.iter().find(|found| found.file == "pages/index.js").unwrap();
        assert_eq!(script.place(), "pages/index.js:1:35");
        assert!(script.excerpt.starts_with("1 | import { refs }"), "{}", script.excerpt);
        let template = diagnostics.iter().find(|found| found.file == "pages/other.html").unwrap();
        assert_eq!(template.place(), "pages/other.html:1:4");
        assert!(template.excerpt.starts_with("1 | {{ }}\n"), "{}", template.excerpt);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_inside_of_the_app_is_followed_and_any_other_is_a_diagnostic() {
        use std::os::unix::fs::symlink;

        let dir = TestDir::new(&[("app/pages/index.html", ""), ("app/public/a.txt", "")]);
        dir.write("app/shared/inside.html", "<p>inside</p>");
        dir.write("outside/outside.html", "");
        let link = |target: &str, link: &str| symlink(target, dir.path().join(link)).unwrap();
        link("../shared", "app/pages/linked");
        let files = Files::on_disk(dir.path().join("app"));
        let set = load(&files).unwrap();
        assert!(set.find(&["linked".into(), "inside".into()]).is_some());

        link("../../outside", "app/pages/outside");
        link("gone.txt", "app/public/dangling.txt");
        let diagnostics = load(&files).err().unwrap();
        let places: Vec<_> = diagnostics.iter().map(Diagnostic::place).collect();
        assert_eq!(places, ["pages/outside", "public/dangling.txt"]);
        assert!(diagnostics[0].message.contains("outside of the app's folder"), "{diagnostics:?}");
    }
}
