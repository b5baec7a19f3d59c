//! The templates as they are written.

use std::collections::BTreeMap;

/// The text of each template by its name, such as `blog/[slug].html`.
pub(crate) type Sources = BTreeMap<String, String>;
