//! The paths that one page answers.

use std::{borrow::Cow, fmt};

/// The paths that one page answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// [`Segment::Rest`] stands only at the end.
    pub(super) segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Name(String),
    Param(String),
    Rest(String),
}

impl Route {
    pub(super) fn of(names: &[&str]) -> Result<Self, String> {
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

    /// Returns one of the paths, with `~` for the value of a parameter.
    pub(crate) fn example(&self) -> String {
        let text = |segment: &Segment| match segment {
            Segment::Name(name) => format!("/{name}"),
            Segment::Param(_) => "/~".to_owned(),
            Segment::Rest(_) => "/~/~".to_owned(),
        };
        match self.segments.as_slice() {
            [] => "/".to_owned(),
            segments => segments.iter().map(text).collect(),
        }
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
    pub(crate) fn prefix_rank(&self, path: &[Cow<'_, str>]) -> Option<Vec<bool>> {
        let path = path.get(..self.segments.len())?;
        let ranks = self.segments.iter().zip(path).map(|(segment, text)| match segment {
            Segment::Name(name) => (name == text).then_some(false),
            Segment::Param(_) | Segment::Rest(_) => Some(true),
        });
        ranks.collect()
    }

    /// Returns the values that a path of this route gives the parameters.
    pub(super) fn values(&self, path: &[Cow<'_, str>]) -> Vec<(String, String)> {
        let mut values = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Name(_) => {}
                Segment::Param(name) => values.push((name.clone(), path[index].to_string())),
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
