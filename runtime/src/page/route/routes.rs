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

use std::{collections::HashMap, fmt};

/// What a template is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It answers a path.
    Page(Route),
    /// It is shown instead of an answer with such a status, at the folder's path and below.
    ErrorPage(Route, Statuses),
    /// Other templates use it.
    Part,
}

impl Role {
    /// Returns what the template `file`, such as `blog/[slug].html`, is for, or what is wrong
    /// with its name.
    pub(crate) fn of(file: &str) -> Result<Self, String> {
        let stem = file.strip_suffix(".html").unwrap_or(file);
        let mut names: Vec<_> = stem.split('/').collect();
        if names.iter().any(|name| name.starts_with('_')) {
            return Ok(Self::Part);
        }
        if let Some(statuses) = names.last().and_then(|name| Statuses::of(name)) {
            names.pop();
            let folder = Route::of(&names)?;
            return match folder.segments.last() {
                Some(Segment::Rest(name)) => Err(format!(
                    "`[...{name}]` takes the rest of the path: no error page lies within it"
                )),
                _ => Ok(Self::ErrorPage(folder, statuses)),
            };
        }
        if names.last() == Some(&"index") {
            names.pop();
        }
        Route::of(&names).map(Self::Page)
    }
}

/// The statuses that an error page is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statuses {
    /// `404.html`.
    One(u16),
    /// `4xx.html`, by its first digit.
    Hundred(u16),
}

impl Statuses {
    fn of(name: &str) -> Option<Self> {
        match name {
            "4xx" => return Some(Self::Hundred(4)),
            "5xx" => return Some(Self::Hundred(5)),
            _ => {}
        }
        let three_digits = name.len() == 3 && name.bytes().all(|b| b.is_ascii_digit());
        let status = name.parse().ok().filter(|status| (400..600).contains(status));
        status.filter(|_| three_digits).map(Self::One)
    }

    /// Returns whether a page of these is shown for `status`: the lower, the better it fits.
    pub(crate) fn rank(self, status: u16) -> Option<u8> {
        match self {
            Self::One(one) if one == status => Some(0),
            Self::Hundred(digit) if digit == status / 100 => Some(1),
            // Most apps have one page for all their faults.
            Self::One(500) if status > 500 => Some(2),
            Self::One(_) | Self::Hundred(_) => None,
        }
    }

    /// Returns one of them.
    pub(crate) fn example(self) -> u16 {
        match self {
            Self::One(status) => status,
            Self::Hundred(digit) => digit * 100,
        }
    }
}

/// The paths that one page answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// [`Segment::Rest`] stands only at the end.
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Name(String),
    Param(String),
    Rest(String),
}

impl Route {
    fn of(names: &[&str]) -> Result<Self, String> {
        let mut segments: Vec<Segment> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let segment = Segment::of(name)?;
            if matches!(segment, Segment::Rest(_)) && index + 1 < names.len() {
                return Err(format!("`{name}` takes the rest of the path: nothing may follow it"));
            }
            if segment.param().is_some_and(|new| segments.iter().any(|s| s.param() == Some(new))) {
                return Err(format!("the parameter `{name}` is there twice"));
            }
            segments.push(segment);
        }
        Ok(Self { segments })
    }

    /// Returns the names of the parameters, in order.
    pub(crate) fn params(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::param)
    }

    /// Returns the path if it is always the same.
    pub(crate) fn fixed(&self) -> Option<String> {
        let names = self.segments.iter().map(|segment| match segment {
            Segment::Name(name) => Some(name.as_str()),
            Segment::Param(_) | Segment::Rest(_) => None,
        });
        names.collect::<Option<Vec<_>>>().map(|names| names.join("/"))
    }

    /// Returns whether both have the same paths; what their parameters are called does not count.
    pub(crate) fn same_paths(&self, other: &Self) -> bool {
        let shape = |route: &Self| {
            let names = route.segments.iter().map(|segment| match segment {
                Segment::Name(name) => Some(name.clone()),
                Segment::Param(_) | Segment::Rest(_) => None,
            });
            names.collect::<Vec<_>>()
        };
        shape(self) == shape(other)
    }

    /// Returns, if a path is one of this route's or goes on from one, for each segment whether it
    /// is a parameter: of two such routes, the one whose list is less goes first.
    pub(crate) fn prefix_rank(&self, path: &[String]) -> Option<Vec<bool>> {
        let path = path.get(..self.segments.len())?;
        let ranks = self.segments.iter().zip(path).map(|(segment, text)| match segment {
            Segment::Name(name) => (name == text).then_some(false),
            Segment::Param(_) | Segment::Rest(_) => Some(true),
        });
        ranks.collect()
    }

    /// Returns the values that a path of this route gives the parameters.
    fn values(&self, path: &[String]) -> Vec<(String, String)> {
        let mut values = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Name(_) => {}
                Segment::Param(name) => values.push((name.clone(), path[index].clone())),
                Segment::Rest(name) => values.push((name.clone(), path[index..].join("/"))),
            }
        }
        values
    }
}

/// The path with its parameters in braces: `/blog/{slug}`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Name(name) => write!(f, "/{name}"),
            Segment::Param(name) => write!(f, "/{{{name}}}"),
            Segment::Rest(name) => write!(f, "/{{{name}…}}"),
        })
    }
}

impl Segment {
    fn of(name: &str) -> Result<Self, String> {
        let Some(inner) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) else {
            if name.contains(['[', ']']) {
                return Err(format!(
                    "in `{name}` the parameter has to be the whole segment: `[id]`"
                ));
            }
            return Ok(Self::Name(name.to_owned()));
        };
        let (rest, param) = match inner.strip_prefix("...") {
            Some(param) => (true, param),
            None => (false, inner),
        };
        let starts_well = param.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !param.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(format!("`{name}` is no parameter: write `[slug]` or `[...path]`"));
        }
        Ok(if rest { Self::Rest(param.to_owned()) } else { Self::Param(param.to_owned()) })
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Name(_) => None,
            Self::Param(name) | Self::Rest(name) => Some(name),
        }
    }
}

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
    names: HashMap<String, Self>,
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
    pub(crate) fn find(&self, segments: &[String]) -> Option<Match> {
        let page = self.root.find(segments)?;
        Some(Match { page, params: self.routes[page].values(segments) })
    }
}

impl Node {
    /// Visits each node at most once: the way to it is the only one.
    fn find(&self, segments: &[String]) -> Option<usize> {
        let Some((first, others)) = segments.split_first() else { return self.page };
        let by_name = || self.names.get(first)?.find(others);
        let by_param = || self.param.as_ref()?.find(others);
        // An encoded slash would make two different paths the same rest.
        let by_rest = || self.rest.filter(|_| !segments.iter().any(|s| s.contains('/')));
        by_name().or_else(by_param).or_else(by_rest)
    }
}

/// A request's path, split and then decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) segments: Vec<String>,
    /// Whether the path ended in a slash that is not the whole of it.
    pub(crate) trailing_slash: bool,
}

impl Target {
    /// Returns a path's segments, or nothing if no page can be at such a path: it has an empty
    /// segment, is not percent-encoded UTF-8, holds a control character, or goes up.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() {
            return Some(Self { segments: Vec::new(), trailing_slash: false });
        }
        let (path, trailing_slash) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, false),
        };
        let segments = path.split('/').map(decode).collect::<Option<_>>()?;
        Some(Self { segments, trailing_slash })
    }

    /// Returns the name of the file that would be at this path. An encoded slash is part of a
    /// name, and no file has such a name.
    pub(crate) fn file_name(&self) -> Option<String> {
        let plain = !self.trailing_slash && !self.segments.iter().any(|s| s.contains('/'));
        plain.then(|| self.segments.join("/"))
    }
}

fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                bytes.push(u8::try_from(value).ok()?);
            }
            // Browsers take it for a slash.
            b'\\' => return None,
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    let goes_up = text.split(['/', '\\']).any(|part| matches!(part, "." | ".."));
    (!text.is_empty() && !goes_up && !text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, expected: &str) {
        let role = match Role::of(file) {
            Ok(Role::Page(route)) => route.to_string(),
            Ok(Role::ErrorPage(folder, Statuses::One(status))) => {
                format!("error {status} below {folder}")
            }
            Ok(Role::ErrorPage(folder, Statuses::Hundred(digit))) => {
                format!("errors {digit}xx below {folder}")
            }
            Ok(Role::Part) => "part".to_owned(),
            Err(message) => format!("wrong: {message}"),
        };
        assert_eq!(role, expected, "{file}");
    }

    #[test]
    fn file_names_are_paths() {
        for (file, expected) in [
            ("index.html", "/"),
            ("about.html", "/about"),
            ("blog/index.html", "/blog"),
            ("blog/[slug].html", "/blog/{slug}"),
            ("[org]/[repo]/index.html", "/{org}/{repo}"),
            ("docs/[...path].html", "/docs/{path…}"),
            ("[...path]/index.html", "/{path…}"),
            ("index/index.html", "/index"),
            ("two words.html", "/two words"),
            ("4040.html", "/4040"),
            ("200.html", "/200"),
            ("_layout.html", "part"),
            ("_parts/card.html", "part"),
            ("blog/_row.html", "part"),
            ("_parts/[odd.html", "part"),
            ("404.html", "error 404 below /"),
            ("500.html", "error 500 below /"),
            ("4xx.html", "errors 4xx below /"),
            ("blog/404.html", "error 404 below /blog"),
            ("[org]/team/5xx.html", "errors 5xx below /{org}/team"),
            ("3xx.html", "/3xx"),
            ("_x/404.html", "part"),
        ] {
            check(file, expected);
        }
    }

    #[test]
    fn bad_file_names_say_what_would_be_right() {
        for (file, expected) in [
            (
                "post-[id].html",
                "wrong: in `post-[id]` the parameter has to be the whole segment: `[id]`",
            ),
            ("[].html", "wrong: `[]` is no parameter: write `[slug]` or `[...path]`"),
            ("[a-b].html", "wrong: `[a-b]` is no parameter: write `[slug]` or `[...path]`"),
            ("[1].html", "wrong: `[1]` is no parameter: write `[slug]` or `[...path]`"),
            ("[[a]].html", "wrong: `[[a]]` is no parameter: write `[slug]` or `[...path]`"),
            ("[...].html", "wrong: `[...]` is no parameter: write `[slug]` or `[...path]`"),
            ("[...a]/b.html", "wrong: `[...a]` takes the rest of the path: nothing may follow it"),
            ("[a]/[a].html", "wrong: the parameter `[a]` is there twice"),
            (
                "docs/[...path]/404.html",
                "wrong: `[...path]` takes the rest of the path: no error page lies within it",
            ),
        ] {
            check(file, expected);
        }
    }

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

    #[test]
    fn a_path_that_is_none_names_nothing() {
        for path in [
            "",
            "*",
            "a",
            "//",
            "//evil.example/",
            "/a//b",
            "/a//",
            "/..",
            "/a/../b",
            "/%2e%2e/b",
            "/.%2E",
            "/./a",
            "/a%00",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/%ff",
            "/%C3",
            "/a\\b",
            "/a%0d%0aset-cookie:x",
            "/..%2f..%2fetc%2fpasswd",
            "/..%5cx",
            "/%7f",
        ] {
            assert_eq!(Target::of(path), None, "{path}");
        }
    }

    #[test]
    fn a_trailing_slash_is_noticed() {
        let target = Target::of("/about/").unwrap();
        assert!(target.trailing_slash && target.segments == ["about"]);
        assert!(!Target::of("/").unwrap().trailing_slash);
    }
}
