//! Where the parts of a page come from.

use std::time::Duration;

use crate::page::{data::PageGuards, form::Inputs};

/// Where the parts of a page come from.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The base path, `/_kipo`.
    pub(crate) base: String,
    /// The path of the client's modules, with their hash.
    pub(crate) client: String,
    /// The modules that the client's entry imports.
    pub(crate) preload: Vec<String>,
    /// Whether pages follow edits. If so, who looks at them writes them.
    pub(crate) reload: bool,
    /// Names the process that a page is from, where pages follow edits.
    pub(crate) generation: String,
    /// The names of the actions that forms may call; nothing if those themselves are wrong.
    pub(crate) actions: Option<Vec<String>>,
    /// What the actions take, for the forms that post to them.
    pub(crate) inputs: Inputs,
    /// The methods of the actions that are not sent by POST, by name.
    pub(crate) methods: Vec<(String, &'static str)>,
    /// The app's own address, `https://example.org`.
    pub(crate) site: Option<String>,
    pub(crate) guards: PageGuards,
    /// How long a page's guards and its data may take.
    pub(crate) timeout: Duration,
}

#[cfg(test)]
impl Settings {
    pub(crate) fn test() -> Self {
        Self {
            base: "/_kipo".to_owned(),
            client: "/_kipo/c0".to_owned(),
            preload: Vec::new(),
            reload: false,
            generation: "l0".to_owned(),
            actions: None,
            inputs: Inputs::default(),
            methods: Vec::new(),
            site: None,
            guards: PageGuards::default(),
            timeout: Duration::from_secs(30),
        }
    }
}
