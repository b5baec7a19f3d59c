//! File names → routes, and a request's path → the page that answers it.
//!
//! | file | path |
//! |---|---|
//! | `index.html`, `blog/index.html` | `/`, `/blog` |
//! | `about.html` | `/about` |
//! | `blog/[slug].html` | `/blog/…`, one segment |
//! | `docs/[...path].html` | `/docs/…`, one segment or more |
//! | `_layout.html`, `_parts/card.html` | none: a part of other pages |
//! | `404.html`, `blog/404.html`, `5xx.html` | none: shown with that status, below that folder |
//!
//! At each segment, left to right, a name goes before a parameter, and a parameter before the
//! rest; a branch that leads nowhere is left again. This is the tree of segments itself and not
//! a router of others, because it has to go back (`/a/[x]/c` beside `/a/b`), because two pages may
//! give a parameter at one place different names, and because a segment is split off before it is
//! decoded, so that an encoded slash stays within its parameter.

use std::{borrow::Cow, collections::BTreeMap};

use crate::page::route::pattern::{Route, Segment};

/// All routes, as a tree of segments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    root: Node,
}

/// The numbers are those that [`Routes::add`] was given an order by.
#[derive(Clone, Debug, Default)]
struct Node {
    page: Option<usize>,
    names: BTreeMap<String, Self>,
    param: Option<Box<Self>>,
    rest: Option<usize>,
}

/// The page that answers a path, and what the path says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// The place of the page among those that were added.
    pub(crate) page: usize,
    pub(crate) params: Vec<(String, String)>,
}

impl Routes {
    /// Adds a route; its number is how many were added before it.
    ///
    /// # Errors
    ///
    /// The number of the route that has the same paths already.
    pub(crate) fn add(&mut self, route: Route) -> Result<(), usize> {
        let number = self.routes.len();
        let mut node = &mut self.root;
        let mut rest = false;
        for segment in &route.segments {
            match segment {
                Segment::Name(name) => node = node.names.entry(name.clone()).or_default(),
                Segment::Param(_) => node = node.param.get_or_insert_default(),
                Segment::Rest(_) => rest = true,
            }
        }
        let place = if rest { &mut node.rest } else { &mut node.page };
        let taken = place.replace(number);
        self.routes.push(route);
        taken.map_or(Ok(()), Err)
    }

    /// Returns the page for a path's segments.
    pub(crate) fn find(&self, segments: &[Cow<'_, str>]) -> Option<Match> {
        let page = self.root.find(segments)?;
        Some(Match { page, params: self.routes[page].values(segments) })
    }
}

impl Node {
    /// Visits each node at most once: the way to it is the only one.
    fn find(&self, segments: &[Cow<'_, str>]) -> Option<usize> {
        let Some((first, others)) = segments.split_first() else { return self.page };
        let by_name = || self.names.get(&**first)?.find(others);
        let by_param = || self.param.as_ref()?.find(others);
        // An encoded slash would make two different paths the same rest.
        let by_rest = || self.rest.filter(|_| !segments.iter().any(|s| s.contains('/')));
        by_name().or_else(by_param).or_else(by_rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::route::{role::Role, target::Target};

    fn routes(files: &[&str]) -> Routes {
        let mut routes = Routes::default();
        for file in files {
            let Ok(Role::Page(route)) = Role::of(file) else { panic!("{file} is no page") };
            routes.add(route).unwrap();
        }
        routes
    }

    #[test]
    fn names_go_before_parameters_and_parameters_before_the_rest() {
        let files = [
            "index.html",
            "[...all].html",
            "[page].html",
            "about.html",
            "blog/[slug].html",
            "blog/new.html",
            "blog/new/[step]/done.html",
            "blog/[id]/edit.html",
            "docs/[...path].html",
        ];
        let routes = routes(&files);
        for (path, expected) in [
            ("/", "index.html"),
            ("/about", "about.html"),
            ("/other", "[page].html page=other"),
            ("/blog/new", "blog/new.html"),
            ("/blog/old", "blog/[slug].html slug=old"),
            ("/blog/new/edit", "blog/[id]/edit.html id=new"),
            ("/blog/new/2/done", "blog/new/[step]/done.html step=2"),
            ("/blog/new/2/gone", "[...all].html all=blog/new/2/gone"),
            ("/docs/a/b/c", "docs/[...path].html path=a/b/c"),
            ("/docs", "[page].html page=docs"),
            ("/x/y", "[...all].html all=x/y"),
            ("/blog/a%20b", "blog/[slug].html slug=a b"),
            ("/blog/%C3%A9", "blog/[slug].html slug=é"),
            ("/blog/a%2Fb", "blog/[slug].html slug=a/b"),
            ("/blog/a+b", "blog/[slug].html slug=a+b"),
            ("/blog/%2525", "blog/[slug].html slug=%25"),
            ("/%61bout", "about.html"),
            ("/docs/a%2Fb/c", "none"),
        ] {
            let target = Target::of(path).unwrap();
            let found = routes.find(&target.segments).map(|found| {
                let params = found.params.iter().map(|(name, value)| format!(" {name}={value}"));
                format!("{}{}", files[found.page], params.collect::<String>())
            });
            assert_eq!(found.as_deref().unwrap_or("none"), expected, "{path}");
        }
    }

    #[test]
    fn two_pages_of_one_route_are_noticed() {
        for (a, b) in [
            ("blog.html", "blog/index.html"),
            ("[a].html", "[b].html"),
            ("[...a].html", "[...b].html"),
        ] {
            let mut routes = routes(&[a]);
            let Ok(Role::Page(route)) = Role::of(b) else { panic!("{b} is no page") };
            assert_eq!(routes.add(route), Err(0), "{a} and {b}");
        }
    }
}
