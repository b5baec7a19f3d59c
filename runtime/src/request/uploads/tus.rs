//! The requests of the protocol: begin an upload, ask for its offset, append to it, remove it.
//!
//! An upload belongs to a field of an action. So what the action asks of a call is asked before the first
//! byte: the guards, its requirements, its rates, the limits and the rule of the field, and the quotas.

use std::{collections::HashMap, sync::Arc};

use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    append::append,
    fields::{
        CONTENT_TYPE, METHOD_OVERRIDE, Metadata, TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION,
        TUS_RESUMABLE, TUS_VERSION, UPLOAD_CHECKSUM, UPLOAD_EXPIRES, UPLOAD_LENGTH,
        UPLOAD_METADATA, UPLOAD_OFFSET, VERSION, check_version, number, of_number, of_time, one,
    },
};
use crate::{
    action::{
        BodyForm, Bounds, Checksum, Context, Found, Sender, Unfinished, UploadId, UploadRecord,
        Uploads, size_in_words,
    },
    error::{Code, Error, Result, catch_panic, typed_error},
    header::REQUEST_ID,
    request::{dispatch, encode, route::Route, shield::Shield},
    server::Shared,
};

const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,termination,checksum,expiration");

/// The methods of the address where uploads begin, and of an upload.
const ALLOWED: (&str, &str) = ("OPTIONS, POST", "DELETE, HEAD, OPTIONS, PATCH");

/// The uploads of the actions that take files.
#[derive(Debug)]
pub(crate) struct ResumableUploads {
    shared: Arc<Shared>,
    /// The path where uploads begin.
    path: String,
    routes: HashMap<Arc<str>, Arc<Route>>,
}

impl ResumableUploads {
    /// Adds the addresses of uploads, if an action takes files.
    pub(crate) fn mount(
        router: Router,
        base: &str,
        shared: &Arc<Shared>,
        routes: &[Arc<Route>],
    ) -> Router {
        let takes_files = routes.iter().filter(|route| route.endpoint.form == BodyForm::Multipart);
        let routes: HashMap<_, _> =
            takes_files.map(|route| (Arc::clone(&route.name), Arc::clone(route))).collect();
        if routes.is_empty() {
            return router;
        }
        let path = format!("{base}/uploads");
        let uploads = Arc::new(Self { shared: Arc::clone(shared), path, routes });
        let one = Arc::clone(&uploads);
        let path = uploads.path.clone();
        let begin = any(move |request: Request| async move { uploads.respond(request).await });
        let one = any(move |request: Request| async move { one.respond(request).await });
        router.route(&path, begin).route(&format!("{path}/{{id}}"), one)
    }

    /// Answers a request. Every error becomes a response, so this function returns none.
    async fn respond(&self, request: Request) -> Response {
        let id = request.uri().path().strip_prefix(&self.path).unwrap_or_default();
        let id = id.strip_prefix('/').map(str::to_owned);
        let (cx, body) = dispatch::receive(&self.shared, request);
        let outcome = catch_panic(self.answer(&cx, body, id)).await;
        let mut response = outcome.unwrap_or_else(|error| {
            let mut response = encode::problem(&error, cx.request_id());
            if response.status() == StatusCode::PRECONDITION_FAILED {
                response.headers_mut().insert(TUS_VERSION, VERSION);
            }
            response
        });
        let headers = response.headers_mut();
        headers.insert(TUS_RESUMABLE, VERSION);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REQUEST_ID, cx.request_id().header());
        cx.take_headers(headers);
        response
    }

    async fn answer(&self, cx: &Context, body: Body, id: Option<String>) -> Result<Response> {
        let method = match one(cx.headers(), &METHOD_OVERRIDE)? {
            Some(name) if *cx.method() == Method::POST => name
                .parse()
                .map_err(|_| Error::bad_request("X-HTTP-Method-Override is a method"))?,
            _ => cx.method().clone(),
        };
        if method == Method::OPTIONS {
            return Ok(options());
        }
        check_version(cx.headers())?;
        self.shared.guards.admit(cx, method == Method::HEAD).await?;
        match (id, method) {
            (None, Method::POST) => self.begin(cx, body).await,
            (None, _) => Err(Error::method_not_allowed(ALLOWED.0)),
            (Some(id), Method::HEAD) => self.offset(cx, &id).await,
            (Some(id), Method::PATCH) => self.append(cx, body, &id).await,
            (Some(id), Method::DELETE) => self.remove(cx, &id).await,
            (Some(_), _) => Err(Error::method_not_allowed(ALLOWED.1)),
        }
    }

    /// Begins an upload, and takes its first bytes if the request has some.
    async fn begin(&self, cx: &Context, body: Body) -> Result<Response> {
        dispatch::not_draining(&self.shared)?;
        let headers = cx.headers();
        let text = one(headers, &UPLOAD_METADATA)?.unwrap_or_default().to_owned();
        let metadata = Metadata::parse(&text)?;
        let (action, field) = (metadata.action.as_deref(), metadata.field.as_deref());
        let (Some(action), Some(field)) = (action, field) else {
            return Err(Error::bad_request("Upload-Metadata must have an action and a field"));
        };
        let unknown =
            || Error::not_found(format!("there is no action `{action}` that takes files"));
        let route = self.routes.get(action).ok_or_else(unknown)?;
        admit(route, cx, true).await?;
        let field = route.endpoint.fields.iter().find(|own| own.name() == field);
        let field = field.filter(|field| field.file().is_some());
        let field =
            field.ok_or_else(|| Error::bad_request("the action has no such field of files"))?;
        let length = number(headers, &UPLOAD_LENGTH)?;
        let length = length.ok_or_else(|| Error::bad_request("send Upload-Length"))?;
        let bounds = route.endpoint.limits.within(self.shared.limits);
        // First what a form can show beside the field.
        if let Some(fault) = field.fault_of_file(length, metadata.content_type.as_deref()) {
            return Err(Error::invalid(field.name(), fault));
        }
        check_length(length, &bounds)?;
        let checksum = checksum(headers)?;
        let has_body = headers.contains_key(header::CONTENT_TYPE);
        if has_body {
            check_content_type(headers)?;
        }
        let uploads = cx.state::<Uploads>()?;
        let Sender { owner, caller } = uploads.sender(cx).await;
        let record = UploadRecord {
            action: action.to_owned(),
            field: field.name().to_owned(),
            name: metadata.name.unwrap_or_default(),
            content_type: metadata.content_type,
            length,
            metadata: text,
            owner,
            caller,
        };
        let upload = uploads.resumable().begin(record).await?;
        let (id, expires) = (upload.id.clone(), upload.expires);
        let mut response = with_status(StatusCode::CREATED);
        if has_body {
            let appended = self.run_append(cx, upload.clone(), 0, checksum, body).await;
            match appended {
                Ok(offset) => {
                    response.headers_mut().insert(UPLOAD_OFFSET, of_number(offset));
                }
                Err(error) => {
                    // Its sender does not know its address.
                    if let Err(error) = upload.remove().await {
                        tracing::debug!(%error, "an upload stays until it expires");
                    }
                    return Err(error);
                }
            }
        }
        let location = format!("{}/{id}", self.path);
        response.headers_mut().insert(header::LOCATION, HeaderValue::try_from(location)?);
        expire(&mut response, expires);
        Ok(response)
    }

    /// Responds with the offset of an upload.
    async fn offset(&self, cx: &Context, id: &str) -> Result<Response> {
        let upload = find(cx, id).await?;
        let mut response = with_status(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(UPLOAD_OFFSET, of_number(upload.offset));
        headers.insert(UPLOAD_LENGTH, of_number(upload.record.length));
        if let Ok(metadata) = HeaderValue::from_str(&upload.record.metadata) {
            headers.insert(UPLOAD_METADATA, metadata);
        }
        expire(&mut response, upload.expires);
        Ok(response)
    }

    /// Appends the body to an upload.
    async fn append(&self, cx: &Context, body: Body, id: &str) -> Result<Response> {
        dispatch::not_draining(&self.shared)?;
        let upload = find(cx, id).await?;
        let unknown = || Error::not_found("there is no such upload");
        let route = self.routes.get(&*upload.record.action).ok_or_else(unknown)?;
        admit(route, cx, false).await?;
        check_content_type(cx.headers())?;
        let offset = number(cx.headers(), &UPLOAD_OFFSET)?;
        let offset = offset.ok_or_else(|| Error::bad_request("send Upload-Offset"))?;
        let checksum = checksum(cx.headers())?;
        let renewed = upload.renewed();
        let offset = self.run_append(cx, upload, offset, checksum, body).await?;
        let mut response = with_status(StatusCode::NO_CONTENT);
        response.headers_mut().insert(UPLOAD_OFFSET, of_number(offset));
        expire(&mut response, renewed);
        Ok(response)
    }

    /// Appends a body, to the end of what arrives also if the client has left.
    async fn run_append(
        &self,
        cx: &Context,
        upload: Unfinished,
        offset: u64,
        checksum: Option<Checksum>,
        body: Body,
    ) -> Result<u64> {
        let appending = append(upload, offset, checksum, body, self.shared.drain.watch());
        Shield::new(appending, cx.clone(), self.shared.calls.clone()).await
    }

    async fn remove(&self, cx: &Context, id: &str) -> Result<Response> {
        let upload = find(cx, id).await?;
        upload.remove().await?;
        Ok(with_status(StatusCode::NO_CONTENT))
    }
}

/// Asks what the action asks of a call. `is_first` asks its rates as well.
async fn admit(route: &Route, cx: &Context, is_first: bool) -> Result<()> {
    if is_first {
        route.limits.admit(cx).await?;
    }
    route.admit(cx).await?;
    for value in route.values {
        value.admit(cx).await?;
    }
    if is_first { route.limits.admit_visitor(cx).await } else { Ok(()) }
}

/// Finds an upload of the sender.
async fn find(cx: &Context, id: &str) -> Result<Unfinished> {
    let unknown = || Error::not_found("there is no such upload");
    let id = id.parse::<UploadId>().map_err(|_| unknown())?;
    let uploads = cx.state::<Uploads>()?;
    let sender = uploads.sender(cx).await;
    match uploads.resumable().find(id, &sender).await? {
        Found::Unfinished(upload) => Ok(upload),
        Found::Used(_) => {
            Err(typed_error(410, "upload_used", "an action has used this upload", None))
        }
    }
}

/// Refuses a file that the limits of the action will refuse.
fn check_length(length: u64, bounds: &Bounds) -> Result<()> {
    let max = bounds.file_bytes_max.min(bounds.upload_bytes_max);
    match length > max {
        true => Err(Error::new(
            Code::PayloadTooLarge,
            format!("a file is larger than {}", size_in_words(max)),
        )),
        false => Ok(()),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<()> {
    match one(headers, &header::CONTENT_TYPE)? == Some(CONTENT_TYPE) {
        true => Ok(()),
        false => Err(Error::new(
            Code::UnsupportedMediaType,
            "send the bytes as application/offset+octet-stream",
        )),
    }
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>> {
    let Some(text) = one(headers, &UPLOAD_CHECKSUM)? else { return Ok(None) };
    let wrong = || Error::bad_request("Upload-Checksum is sha1 or sha256, and a digest in Base64");
    Checksum::parse(text).map(Some).ok_or_else(wrong)
}

fn options() -> Response {
    let mut response = with_status(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(TUS_VERSION, VERSION);
    headers.insert(TUS_EXTENSION, EXTENSIONS);
    let algorithms = HeaderValue::from_static(Checksum::ALGORITHMS);
    headers.insert(TUS_CHECKSUM_ALGORITHM, algorithms);
    response
}

fn with_status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn expire(response: &mut Response, expires: std::time::SystemTime) {
    if let Some(expires) = of_time(expires) {
        response.headers_mut().insert(UPLOAD_EXPIRES, expires);
    }
}
