//! The pages that both sides serve: those of the chat, and one with data.

use kipo::data;

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
#[data]
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) title: &'static str,
    pub(crate) entries: Vec<Entry>,
}

/// One line of it.
#[data]
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// How long a list stays in a cache.
pub(crate) const CACHED_SECONDS: u64 = 3600;

/// Returns a list that depends on a number.
pub(crate) fn list_of(number: u32) -> List {
    let mut list = list();
    list.entries.iter_mut().for_each(|entry| entry.id += number);
    list
}

/// Returns what a handler would have read from somewhere.
pub(crate) fn list() -> List {
    let entry = |id| Entry { id, name: "Ann & Bob", text: "said <hello> to everybody here" };
    List { title: "What was said", entries: (1..=20).map(entry).collect() }
}
