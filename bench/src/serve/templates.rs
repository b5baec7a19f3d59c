//! The pages that both sides serve: those of the chat, and one with data.

use serde::Serialize;

/// By their paths below `pages/`.
pub(crate) const TEMPLATES: [(&str, &str); 4] = [
    ("index.html", include_str!("../../../app/pages/index.html")),
    ("_chat/parts.html", include_str!("../../../app/pages/_chat/parts.html")),
    ("_layout.html", include_str!("../../../app/pages/_layout.html")),
    ("list.html", include_str!("list.html")),
];

/// What they name of `public/`.
pub(crate) const PUBLIC: [(&str, &str); 3] = [
    ("app.css", include_str!("../../../app/public/app.css")),
    ("conversation.css", include_str!("../../../app/public/conversation.css")),
    ("favicon.svg", include_str!("../../../app/public/favicon.svg")),
];

/// What `list.html` shows.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct List {
    pub(crate) title: &'static str,
    pub(crate) entries: Vec<Entry>,
}

/// One line of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// Returns what a handler would have read from somewhere.
pub(crate) fn list() -> List {
    let entry = |id| Entry { id, name: "Ann & Bob", text: "said <hello> to everybody here" };
    List { title: "What was said", entries: (1..=20).map(entry).collect() }
}
