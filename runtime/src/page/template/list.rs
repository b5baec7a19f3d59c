//! All pages of a set, as the development panel lists them.

use std::collections::BTreeSet;

use crate::page::{
    route::Role,
    template::{page::Page, store::Set, uses},
};

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The template.
    pub(crate) template: String,
    /// The address with its parameters in braces; the address of the folder for an error page.
    pub(crate) path: String,
    /// The statuses of an error page: `404`, `5xx`.
    pub(crate) status: Option<String>,
    /// The other templates that it uses.
    pub(crate) uses: BTreeSet<String>,
    /// The file and the line of its data function.
    pub(crate) data: Option<(&'static str, u32)>,
}

/// Lists the pages by address, error pages last.
pub(crate) fn of(set: &Set) -> Vec<Listed> {
    let mut listed: Vec<Listed> = set.pages().map(|page| of_page(set, page)).collect();
    listed.sort_by(|a, b| (&a.status, &a.path).cmp(&(&b.status, &b.path)));
    listed
}

fn of_page(set: &Set, page: &Page) -> Listed {
    let stem = page.file.strip_suffix(".html").unwrap_or(&page.file);
    let name = stem.rsplit('/').next().unwrap_or(stem);
    let (path, status) = match Role::of(&page.file) {
        Ok(Role::Page(route)) => (route.to_string(), None),
        Ok(Role::ErrorPage(folder, _)) => (folder.to_string(), Some(name.to_owned())),
        // Not a page.
        Ok(Role::Part) | Err(_) => (String::new(), None),
    };
    let is_made_of = |part: &&String| {
        **part != page.file
            && uses::dependents(set.sources(), &BTreeSet::from([(*part).clone()]))
                .contains(&page.file)
    };
    let uses = set.sources().keys().filter(is_made_of).cloned().collect();
    let data = page.data.map(|registration| (registration.file, registration.line));
    Listed { template: page.file.clone(), path, status, uses, data }
}

#[cfg(test)]
mod tests {
    use crate::{
        action::States,
        files::TestDir,
        page::{pages::Pages, settings::Settings},
    };

    #[test]
    fn pages_are_listed_with_the_templates_that_they_use() {
        let dir = TestDir::new(&[
            ("pages/_layout.html", "<body>{% block main %}{% endblock %}</body>"),
            ("pages/404.html", "gone"),
            ("pages/blog/5xx.html", "{% extends \"_layout.html\" %}"),
            ("pages/index.html", "{% extends \"_layout.html\" %}"),
            ("pages/blog/[slug].html", "{% extends \"_layout.html\" %}"),
        ]);
        let pages = Pages::new(dir.files(), Settings::test(), &States::default()).unwrap();
        let listed: Vec<_> = pages
            .list()
            .into_iter()
            .map(|page| {
                format!("{} {:?} {} {:?}", page.path, page.status, page.template, page.uses)
            })
            .collect();
        assert_eq!(
            listed,
            [
                r#"/ None index.html {"_layout.html"}"#,
                r#"/blog/{slug} None blog/[slug].html {"_layout.html"}"#,
                r#"/ Some("404") 404.html {}"#,
                r#"/blog Some("5xx") blog/5xx.html {"_layout.html"}"#,
            ]
        );
    }
}
