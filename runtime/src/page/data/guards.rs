//! Who may see the pages of a folder.

use std::{fmt, sync::Arc};

use crate::{
    action::{Context, Guard},
    error::{Result, StartDiagnostic},
};

/// The guards of an app's pages, in the order in which they were added.
#[derive(Clone, Default)]
pub(crate) struct PageGuards(Vec<FolderGuard>);

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
        self.0.push(FolderGuard { folder, guard: Arc::new(guard) });
    }

    /// Returns the guards of one page, by its file.
    fn of<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a FolderGuard> {
        self.0.iter().filter(move |guard| guard.covers(file))
    }

    /// Tells whether a page has any guard.
    pub(crate) fn cover(&self, file: &str) -> bool {
        self.of(file).next().is_some()
    }

    /// Asks each guard of a page until one refuses.
    pub(crate) async fn admit(&self, file: &str, cx: &Context) -> Result<()> {
        for guard in self.of(file) {
            guard.guard.admit(cx).await?;
        }
        Ok(())
    }

    /// Returns a error for each guard without a page: a folder that is misspelt is not guarded.
    pub(crate) fn errors(&self, files: &[&str]) -> Vec<StartDiagnostic> {
        let idle = self.0.iter().filter(|guard| !files.iter().any(|file| guard.covers(file)));
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
        f.debug_list().entries(self.0.iter().map(|guard| &guard.folder)).finish()
    }
}
