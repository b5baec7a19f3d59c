//! The request as a cached action sees it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock},
};

use http::{Extensions, HeaderMap, HeaderName, Method, Uri};

use super::{Context, Inner, fields::Fields};

impl Context {
    /// Returns a request of which only the path prefix and these header fields are left, for an output
    /// that many callers read. It has no peer and nothing of layers, and only a GET has a query, which is
    /// its input.
    ///
    /// It is never cancelled: other callers may wait for the output.
    pub(crate) fn reduced_for_cache(&self, fields: impl Iterator<Item = HeaderName>) -> Self {
        let mut headers = HeaderMap::new();
        for name in fields {
            if headers.contains_key(&name) {
                continue;
            }
            for value in self.headers().get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        let uri = match *self.method() {
            Method::GET | Method::HEAD => self.uri().clone(),
            _ => Uri::try_from(self.uri().path()).unwrap_or_default(),
        };
        let mut extensions = Extensions::new();
        let prefix = self.path_prefix();
        if !prefix.is_none() {
            extensions.insert(prefix.clone());
        }
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.copy(uri, headers, extensions, unknown)
    }

    /// Returns the whole request, for an output whose key its author chose. It is never cancelled.
    pub(crate) fn whole_for_cache(&self) -> Self {
        let (uri, headers) = (self.uri().clone(), self.headers().clone());
        self.copy(uri, headers, self.0.extensions.clone(), self.0.peer)
    }

    fn copy(&self, uri: Uri, headers: HeaderMap, extensions: Extensions, peer: SocketAddr) -> Self {
        Self(Arc::new(Inner {
            method: self.method().clone(),
            uri,
            headers: Fields::Parsed(headers),
            extensions,
            peer,
            request_id: self.request_id().clone(),
            states: self.0.states.clone(),
            cancellation: OnceLock::new(),
            response_headers: Mutex::default(),
            effects: Mutex::default(),
            position: Mutex::default(),
            attachment: OnceLock::new(),
        }))
    }

    /// Moves what the action added to its response into the response of another context, and returns
    /// whether there was anything.
    pub(crate) fn move_additions(&self, to: &Self) -> bool {
        let mut headers = std::mem::take(&mut *self.response_headers());
        if let Some(attached) = self.0.attachment.get() {
            let mut cookies = HeaderMap::new();
            attached.write_head(&mut cookies);
            headers.extend(cookies.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let mut effects = std::mem::take(&mut *self.effects_list());
        let any = !headers.is_empty() || !effects.as_slice().is_empty();
        if any {
            to.response_headers().append(&mut headers);
            to.effects_list().append(&mut effects);
        }
        any
    }
}
