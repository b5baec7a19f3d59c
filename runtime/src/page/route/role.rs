//! The name of a template → what it is for.

use crate::page::route::pattern::{Route, Segment};

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
}
