//! Which page is shown for the status of an error.

use std::{borrow::Cow, cmp::Reverse};

use crate::page::{
    route::{Route, Statuses},
    template::page::Page,
};

/// All error pages, each with the folder that it lies in.
#[derive(Default)]
pub(crate) struct ErrorPages(Vec<ErrorPage>);

struct ErrorPage {
    folder: Route,
    statuses: Statuses,
    page: Page,
}

impl ErrorPages {
    /// Adds a page for errors below a folder.
    ///
    /// # Errors
    ///
    /// When another page is already shown for the same errors: its file.
    pub(crate) fn add(
        &mut self,
        folder: Route,
        statuses: Statuses,
        page: Page,
    ) -> Result<(), String> {
        let same =
            |other: &&ErrorPage| other.statuses == statuses && other.folder.same_paths(&folder);
        let taken = self.0.iter().find(same).map(|other| other.page.path());
        self.0.push(ErrorPage { folder, statuses, page });
        taken.map_or(Ok(()), Err)
    }

    /// Returns the page for a status at a path: in the nearest folder with such a page, the one for
    /// the fewest statuses.
    pub(crate) fn find(&self, status: u16, path: &[Cow<'_, str>]) -> Option<&Page> {
        let fitting = self.0.iter().filter_map(|error_page| {
            let fewest = error_page.statuses.rank(status)?;
            let names_first = error_page.folder.prefix_rank(path)?;
            Some(((Reverse(names_first.len()), names_first, fewest), &error_page.page))
        });
        fitting.min_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, page)| page)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Page> {
        self.0.iter_mut().map(|error_page| &mut error_page.page)
    }

    /// Returns each page with a status that it is shown for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Page)> {
        self.0.iter().map(|error_page| (error_page.statuses.example(), &error_page.page))
    }
}
