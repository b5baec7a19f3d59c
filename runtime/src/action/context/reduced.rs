//! The request as a cached action sees it.

use std::net::{Ipv4Addr, SocketAddr};

use http::{Extensions, HeaderMap, HeaderName, Method, Uri};

use super::{Common, Context, Request, additions::Answer, head::Parsed, lock};

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
        let (request_id, states) = (self.request_id().clone(), self.0.states.clone());
        let common = Common::new(extensions, peer, request_id, states, Answer::Call);
        Self(Request::parsed(common, Parsed { method: self.method().clone(), uri, headers }))
    }

    /// Moves what the action added to its response into the response of another context, and returns
    /// whether there was anything.
    pub(crate) fn move_additions(&self, to: &Self) -> bool {
        let (mut headers, mut effects) = match self.0.additions.get() {
            Some(added) => (
                std::mem::take(&mut *lock(&added.headers)),
                std::mem::take(&mut *lock(&added.effects)),
            ),
            None => Default::default(),
        };
        if let Some(attached) = self.0.attachment.get() {
            let mut cookies = HeaderMap::new();
            attached.write_head(&mut cookies);
            headers.extend(cookies.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let any = !headers.is_empty() || !effects.as_slice().is_empty();
        if any {
            to.response_headers().append(&mut headers);
            to.effects_list().append(&mut effects);
        }
        any
    }
}
