//! One call of a batch, as the request that it would be alone.

use axum::{body::Body, extract::Request};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Uri, header, uri::PathAndQuery};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::{
    action::{BodyForm, InputMethod},
    error::{Code, Error, Result},
    header::{OF_BODY, OF_RESPONSE, REQUEST_ID, RequestId},
    request::{query, route::Route},
    server::Peer,
};

/// One call of a batch, as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// The name of the action.
    pub(super) action: String,
    /// Its input; an action without arguments needs none. `null` is an input as well.
    #[serde(default, deserialize_with = "given")]
    input: Option<Value>,
    /// The call's `Idempotency-Key`.
    idempotency_key: Option<String>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What the calls of a batch have in common: the head of its request.
pub(super) struct Head {
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
}

impl Head {
    pub(super) fn of(request: &Request) -> Self {
        let mut headers = request.headers().clone();
        // They are about the batch or its own response. A condition is one of them: no part is a 304.
        for name in OF_BODY.into_iter().chain(OF_RESPONSE).chain([IDEMPOTENCY_KEY]) {
            headers.remove(name);
        }
        let mut extensions = request.extensions().clone();
        // A part does not stream. What takes a stream refers to the connection, which must not be held
        // by a request that it holds.
        if let Some(peer) = extensions.get_mut::<Peer>() {
            peer.detached_stream = None;
        }
        Self { uri: request.uri().clone(), headers, extensions }
    }

    /// Returns the fields of the part with an index, with an id of its own.
    pub(super) fn headers(&self, call: &Call, index: usize, id: &RequestId) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(header::ACCEPT, JSON);
        if let Ok(id) = HeaderValue::from_str(&format!("{}.{index}", id.as_str())) {
            headers.insert(REQUEST_ID, id);
        }
        let key = call.idempotency_key.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(key)) = key {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        headers
    }

    /// Returns the request of a part: it has the method, the path and the input that the call has when
    /// it is sent alone. `actions` is the path above the actions.
    pub(super) fn request(
        &self,
        call: Call,
        route: &Route,
        actions: &str,
        mut headers: HeaderMap,
    ) -> Result<Request> {
        let mut path = format!("{actions}{}", route.name);
        let body = match (route.endpoint.method, route.endpoint.form, call.input) {
            (_, BodyForm::Raw, _) => return Err(raw(route)),
            (InputMethod::Get, _, input) => {
                if let Some(input) = input {
                    path.push('?');
                    path.push_str(&query::of_input(&input)?);
                }
                Body::empty()
            }
            (_, form, input) => {
                headers.insert(header::CONTENT_TYPE, JSON);
                match (form, input) {
                    (_, Some(input)) => Body::from(input.to_string()),
                    (BodyForm::Fields | BodyForm::Multipart, None) => {
                        Body::from(json!({}).to_string())
                    }
                    (_, None) => Body::empty(),
                }
            }
        };
        let mut uri = self.uri.clone().into_parts();
        uri.path_and_query = Some(PathAndQuery::try_from(path).map_err(|_| too_long(route))?);
        let mut request = Request::new(body);
        *request.method_mut() = route.endpoint.method.method();
        *request.uri_mut() = Uri::from_parts(uri)?;
        *request.headers_mut() = headers;
        *request.extensions_mut() = self.extensions.clone();
        Ok(request)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Returns the error of a part that takes bytes.
fn raw(route: &Route) -> Error {
    let message = format!("`{}` takes any bytes, which no part of a batch carries", route.name);
    Error::new(Code::UnsupportedMediaType, message)
}

fn too_long(route: &Route) -> Error {
    let message = format!("the input of `{}` is too long for a query", route.name);
    Error::new(Code::PayloadTooLarge, message)
}
