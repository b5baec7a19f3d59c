//! What an app serves out of its binary: the browser client, and texts that were made at start.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::Response,
    routing::{MethodRouter, any},
};
use bytes::Bytes;
use http::{HeaderValue, Method};

use crate::{
    action::States,
    error::Error,
    files::{File, client},
    header::RequestId,
    page::answer::{Keep, respond},
    request::{dispatch, encode},
};

/// Serves the modules of the client.
pub(crate) fn client_router(base: &str) -> Router {
    let mut router = Router::new();
    for module in client::modules() {
        router = router
            .route(&client_path(base, module.name), embedded(script(module), Keep::by_hash(true)));
    }
    router
}

/// Returns the path of a module of the client.
pub(crate) fn client_path(base: &str, module: &str) -> String {
    format!("{base}/{}/{module}", client::hash())
}

/// Answers for modules of the client under the hash of another version, as a tab asks for them
/// that was opened before this server started, and for nothing else.
pub(crate) fn other_client(base: &str) -> MethodRouter {
    let base = format!("{base}/");
    let modules: BTreeMap<_, _> =
        client::modules().map(|module| (module.name, Arc::new(script(module)))).collect();
    any(move |request: Request| {
        let path = request.uri().path().strip_prefix(&base).and_then(|path| path.split_once('/'));
        let found = path.filter(|(hash, _)| client::is_hash(hash));
        let found = found.and_then(|(_, module)| modules.get(module).cloned());
        async move {
            match found {
                Some(module) => serve_file(request, &module, Keep::by_hash(false)).await,
                None => nothing(request).await,
            }
        }
    })
}

fn script(module: &client::Module) -> File {
    in_memory(&module.served(), "text/javascript; charset=utf-8")
}

/// Returns a text of ours as a file. To compress it would make a debug build wait at each start.
pub(crate) fn in_memory(text: &str, content_type: &'static str) -> File {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let file = if cfg!(debug_assertions) {
        File::changing("text.txt", bytes)
    } else {
        File::lasting("text.txt", bytes)
    };
    file.with_type(HeaderValue::from_static(content_type))
}

/// Returns a route for a file that lies in memory.
pub(crate) fn embedded(file: File, keep: Keep) -> MethodRouter {
    let file = Arc::new(file);
    any(move |request: Request| {
        let file = Arc::clone(&file);
        async move { serve_file(request, &file, keep).await }
    })
}

/// Answers with a file that lies in memory.
pub(crate) async fn serve_file(request: Request, file: &File, keep: Keep) -> Response {
    let cx = dispatch::context(request, States::default());
    if !matches!(*cx.method(), Method::GET | Method::HEAD) {
        return encode::problem(&Error::method_not_allowed("GET, HEAD"), cx.request_id());
    }
    respond::finish(&cx, respond::file(&cx, file, keep).await)
}

pub(crate) async fn nothing(request: Request) -> Response {
    let id = RequestId::of(request.headers());
    let path = request.uri().path();
    let message = match path.rsplit_once("/actions/") {
        Some(_) => "there is no action of that name",
        None => "there is nothing at this address",
    };
    encode::problem(&Error::not_found(message), &id)
}
