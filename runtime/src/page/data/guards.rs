//! Who may see the pages of a folder.

use std::{fmt, sync::Arc};

use crate::{
    action::{Context, Guard, Requirement},
    error::{Result, StartDiagnostic},
    page::data::registration::PageRegistration,
};

/// The guards of an app's pages, in the order in which they were added.
#[derive(Clone, Default)]
pub(crate) struct PageGuards {
    folders: Vec<FolderGuard>,
    /// What the app requires of every page that is not public.
    required: Vec<Requirement>,
}

#[derive(Clone)]
struct FolderGuard {
    /// Without a slash at either end; empty for all pages.
    folder: String,
    guard: Arc<dyn Guard>,
}

impl PageGuards {
    /// Adds a guard of the page `folder.html` and of all pages below `folder/`.
    pub(crate) fn push(&mut self, folder: &str, guard: impl Guard) {
        let folder = folder.trim_matches('/').to_owned();
        self.folders.push(FolderGuard { folder, guard: Arc::new(guard) });
    }

    /// Adds what every page requires that is not public.
    pub(crate) fn require(&mut self, requirement: Requirement) {
        self.required.push(requirement);
    }

    /// Returns the guards of the folders that a page is in.
    fn of_folders<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a FolderGuard> {
        self.folders.iter().filter(move |guard| guard.covers(file))
    }

    /// Returns what the app requires of a page. A value of the same type is the proof already.
    fn of_app(&self, data: Option<&PageRegistration>) -> impl Iterator<Item = &Requirement> {
        let (public, values) = data.map_or((false, &[][..]), |data| (data.public, data.values));
        self.required
            .iter()
            .filter(move |required| !public && !values.iter().any(|value| value.is_same(required)))
    }

    /// Returns whether the page depends on who asks: it has a guard, or takes a value from the
    /// request.
    pub(crate) fn cover(&self, file: &str, data: Option<&PageRegistration>) -> bool {
        self.of_folders(file).next().is_some()
            || self.of_app(data).next().is_some()
            || data.is_some_and(|data| data.guard.is_some() || !data.values.is_empty())
    }

    /// Returns whether the app's requirements apply although nothing else says who may see the page.
    pub(crate) fn is_undecided(&self, file: &str, data: Option<&PageRegistration>) -> bool {
        self.of_app(data).next().is_some()
            && self.of_folders(file).next().is_none()
            && data.is_none_or(|data| data.guard.is_none())
    }

    /// Returns what a request has to prove, or to pass, to see the page: the names of types, and the
    /// guards of folders.
    pub(crate) fn needs(&self, file: &str, data: Option<&PageRegistration>) -> Vec<String> {
        let folders = self.of_folders(file).map(|guard| match guard.folder.as_str() {
            "" => "the guard of all pages".to_owned(),
            folder => format!("the guard of {folder}"),
        });
        let own = data.and_then(|data| data.guard).map(|guard| guard());
        let values = data.map_or(&[][..], |data| data.values);
        let types = self.of_app(data).chain(&own).chain(values);
        let types = types.filter(|needed| needed.is_proof()).map(Requirement::name);
        let mut needs: Vec<String> = folders.chain(types).collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    }

    /// Asks the guards of a page until one refuses: those of its folders, then what the app requires,
    /// then its own guard.
    pub(crate) async fn admit(
        &self,
        file: &str,
        data: Option<&PageRegistration>,
        cx: &Context,
    ) -> Result<()> {
        for guard in self.of_folders(file) {
            guard.guard.admit(cx).await?;
        }
        for required in self.of_app(data) {
            required.admit(cx).await?;
        }
        match data.and_then(|data| data.guard) {
            Some(guard) => guard().admit(cx).await,
            None => Ok(()),
        }
    }

    /// Returns an error for each guard without a page: a folder that is misspelt is not guarded.
    pub(crate) fn errors(&self, files: &[&str]) -> Vec<StartDiagnostic> {
        let idle = self.folders.iter().filter(|guard| !files.iter().any(|file| guard.covers(file)));
        let start_error = |guard: &FolderGuard| {
            let folder = &guard.folder;
            let message =
                format!("there is no page pages/{folder}.html and none below pages/{folder}/");
            StartDiagnostic::new(format!("App::guard_pages({folder:?})"), message)
        };
        idle.map(start_error).collect()
    }
}

impl FolderGuard {
    fn covers(&self, file: &str) -> bool {
        let rest = file.strip_prefix(&self.folder);
        rest.is_some_and(|rest| self.folder.is_empty() || rest.starts_with('/') || rest == ".html")
    }
}

impl fmt::Debug for PageGuards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.folders.iter().map(|guard| &guard.folder)).finish()
    }
}
