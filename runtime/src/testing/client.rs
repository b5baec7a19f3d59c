//! One client of an app: its cookies, its header fields and what it sends.

use std::{
    any::{TypeId, type_name},
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Body, extract::Request};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::BodyExt as _;
use serde::Serialize;
use tower_service::Service as _;

use crate::{
    action::{FromContext, Input, InputMethod, Provided},
    error::Error,
    request::query,
    server::Peer,
    testing::{
        answer::Answer,
        data_dir::DataDir,
        form::{self, Form},
        jar::Jar,
        response::Response,
        stream::Stream,
    },
};

/// One client of an [`App`](crate::testing::App), like one browser: it retains the cookies that
/// responses set, and sends them again.
///
/// Its requests come from a page of the app itself: they have its `Host`, and calls and streams its
/// `Origin`. The methods that begin with `with_` return the client with something more in each
/// request. A clone shares the cookies.
///
/// # Examples
///
/// ```standalone_crate
/// use kipo::{Context, Error, FromContext, Result, action, http, testing};
///
/// #[derive(Clone)]
/// pub struct User(String);
///
/// impl FromContext for User {
///     async fn from_context(cx: &Context) -> Result<Self> {
///         let name = cx.cookie("user").ok_or_else(|| Error::unauthorized("sign in first"))?;
///         Ok(Self(name.to_owned()))
///     }
/// }
///
/// #[action]
/// async fn sign_in(cx: Context, name: String) -> Result<()> {
///     let cookie = http::HeaderValue::try_from(format!("user={name}; Path=/; HttpOnly"))?;
///     cx.append_header(http::header::SET_COOKIE, cookie);
///     Ok(())
/// }
///
/// #[action]
/// async fn who_am_i(#[context] user: User) -> Result<String> {
///     Ok(user.0)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let app = testing::App::start(kipo::App::new()).await;
///
/// // The client retains the cookie.
/// let ann = app.client();
/// assert_eq!(ann.call::<WhoAmI>(testing::json!({})).await.error().code, "unauthorized");
/// let signed_in = ann.call::<SignIn>(testing::json!({ "name": "Ann" })).await;
/// assert_eq!(signed_in.cookie("user"), Some("Ann"));
/// assert_eq!(ann.call::<WhoAmI>(testing::json!({})).await.output(), "Ann");
///
/// // Another client has its own cookies, or needs none: the test says who it is.
/// let bob = app.client().with_value(User("Bob".into()));
/// assert_eq!(bob.call::<WhoAmI>(testing::json!({})).await.output(), "Bob");
/// # });
/// ```
#[derive(Clone)]
pub struct Client {
    app: Arc<Served>,
    /// A std lock, never held across an `.await`.
    jar: Arc<Mutex<Jar>>,
    headers: HeaderMap,
    values: Vec<Provide>,
}

/// Adds a value to a request.
type Provide = Arc<dyn Fn(&mut Extensions) + Send + Sync>;

/// The app that clients share.
pub(super) struct Served {
    pub(super) router: Router,
    /// The path of each action by its type.
    pub(super) paths: BTreeMap<TypeId, String>,
    /// Removed when the app and its clients are gone.
    pub(super) data_dir: DataDir,
}

/// The host of every request.
const HOST: HeaderValue = HeaderValue::from_static("localhost");

/// The origin of calls and streams.
const ORIGIN: HeaderValue = HeaderValue::from_static("http://localhost");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Client {
    pub(super) fn new(app: Arc<Served>) -> Self {
        Self { app, jar: Arc::default(), headers: HeaderMap::new(), values: Vec::new() }
    }

    pub(super) fn served(&self) -> &Arc<Served> {
        &self.app
    }

    /// Adds a header field to each request, in place of the client's own field of that name.
    ///
    /// # Panics
    ///
    /// Panics if HTTP does not allow the name or the value.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{ClientIp, Result, action, testing};
    ///
    /// #[action]
    /// async fn where_am_i(#[context] ip: ClientIp) -> Result<String> {
    ///     Ok(ip.0.to_string())
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = kipo::App::new().trusted_proxy([127, 0, 0, 1]);
    /// let app = testing::App::start(app).await;
    /// let client = app.client().with_header("x-forwarded-for", "192.0.2.7");
    /// assert_eq!(client.call::<WhereAmI>(testing::json!({})).await.output(), "192.0.2.7");
    /// # });
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("the name of a header field");
        self.headers.append(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// Sets a cookie, as a response would.
    #[must_use]
    pub fn with_cookie(self, name: &str, value: &str) -> Self {
        self.jar().set(name, value);
        self
    }

    /// Puts a value in place of the one that [`FromContext`] makes: the requests of this client come
    /// from this user, this tenant.
    ///
    /// It holds for `#[context]` fields and arguments of the type `T`, and of `Option<T>`, and for
    /// [`App::require`](crate::App::require) and `guard = T`. An implementation of [`FromContext`] that
    /// calls another one itself gets no such value.
    ///
    /// # Examples
    ///
    /// See [`Client`].
    #[must_use]
    pub fn with_value<T: FromContext + Clone + Sync>(mut self, value: T) -> Self {
        self.values.push(Arc::new(Provided::adding(value)));
        self
    }

    /// Returns a cookie that the client has.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().get(name).map(str::to_owned)
    }

    /// Calls an action, by its method. The input is what the browser sends: an object with the fields of
    /// the action, without its `#[context]` fields. A GET has it as its query. The body of an action with
    /// a [`RawBody`](crate::RawBody) is the JSON of the input; [`send`](Self::send) sends any other.
    ///
    /// # Panics
    ///
    /// Panics if the input is no JSON, or if the action is a GET and a query cannot carry the input.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future disconnects the client. An admitted call runs to its end.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{Action, Context, Error, Result, action, testing::{self, json}};
    ///
    /// #[action]
    /// pub struct Withdraw {
    ///     #[validate(range(min = 1))]
    ///     amount: u32,
    /// }
    ///
    /// impl Action for Withdraw {
    ///     type Output = u32;
    ///
    ///     async fn call(self, cx: Context) -> Result<u32> {
    ///         let left = 100_u32.checked_sub(self.amount);
    ///         let left = left.ok_or_else(|| Error::conflict("there is not enough on the account"))?;
    ///         cx.reload_part("balance")?;
    ///         Ok(left)
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = testing::App::start(kipo::App::new()).await;
    ///
    /// let withdrawn = app.call::<Withdraw>(json!({ "amount": 30 })).await;
    /// assert_eq!(withdrawn.output(), 70);
    /// assert_eq!(withdrawn.effects(), [json!({ "effect": "reloadPart", "name": "balance" })]);
    ///
    /// let error = app.call::<Withdraw>(json!({ "amount": 101 })).await.error();
    /// assert_eq!((error.code.as_str(), error.status), ("conflict", 409));
    ///
    /// let error = app.call::<Withdraw>(json!({ "amount": 0 })).await.error();
    /// assert_eq!(error.fields.get("amount"), ["must be at least 1"]);
    /// # });
    /// ```
    pub async fn call<A: Input>(&self, input: impl Serialize) -> Answer<A> {
        let (request, text) = self.request::<A>(&input, "application/json");
        Answer::new(self.exchange(request, text).await)
    }

    /// Calls an action with a form that has files, by its method.
    ///
    /// # Panics
    ///
    /// Panics if the app has no such action.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future disconnects the client. An admitted call runs to its end.
    ///
    /// # Examples
    ///
    /// See [`Form`].
    pub async fn call_form<A: Input>(&self, form: Form) -> Answer<A> {
        let target = self.path_of::<A>();
        let text = format!("{} {target}\n{form:?}", A::METHOD.method());
        let mut request = Self::request_to(&target, A::METHOD.method(), "application/json");
        let content_type = HeaderValue::from_static(form::CONTENT_TYPE);
        request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        *request.body_mut() = form.into_body();
        Answer::new(self.exchange(request, text).await)
    }

    /// Opens a stream. The input is as in [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// Panics if the input is no JSON.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future disconnects the client.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{Context, Event, EventStream, Result, StreamAction, action, testing::{self, json}};
    ///
    /// #[derive(Debug, PartialEq, Event)]
    /// pub enum Tick {
    ///     Count(u32),
    /// }
    ///
    /// #[action]
    /// pub struct Countdown {
    ///     #[validate(range(max = 10))]
    ///     from: u32,
    /// }
    ///
    /// impl StreamAction for Countdown {
    ///     type Event = Tick;
    ///     type Output = String;
    ///
    ///     async fn stream(self, _cx: Context, out: EventStream<Tick>) -> Result<String> {
    ///         for n in (1..=self.from).rev() {
    ///             out.send(Tick::Count(n)).await?;
    ///         }
    ///         Ok("lift-off".to_owned())
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = testing::App::start(kipo::App::new()).await;
    ///
    /// let mut countdown = app.stream::<Countdown>(json!({ "from": 2 })).await;
    /// assert_eq!(countdown.next().await, Some(Tick::Count(2)));
    /// assert_eq!(countdown.next().await, Some(Tick::Count(1)));
    /// assert_eq!(countdown.output().await, "lift-off");
    ///
    /// let refused = app.stream::<Countdown>(json!({ "from": 11 })).await.refusal();
    /// assert_eq!(refused.fields.get("from"), ["must be at most 10"]);
    /// # });
    /// ```
    pub async fn stream<A: Input>(&self, input: impl Serialize) -> Stream<A> {
        let (request, text) = self.request::<A>(&input, "text/event-stream");
        let response = self.respond(request).await;
        Stream::open(text, response).await
    }

    /// Fetches a page, a file or a route of the app's author, by GET.
    ///
    /// It follows no redirect: [`Response::location`] returns where one leads.
    ///
    /// # Panics
    ///
    /// Panics if the path is no path, such as `/blog?page=2`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future disconnects the client.
    ///
    /// # Examples
    ///
    /// See [`Response`].
    pub async fn get(&self, path: &str) -> Response {
        let request = http::Request::get(path).header(header::ACCEPT, "text/html, */*;q=0.8");
        let request = request.body(Body::empty()).expect("a path such as `/blog?page=2`");
        self.exchange(request, format!("GET {path}")).await
    }

    /// Posts a form of a page, as a browser without JavaScript does. `fields` are the controls of the form:
    /// a struct, or pairs where a name has several values.
    ///
    /// It follows no redirect: [`Response::location`] returns where one leads. The key of a form that the
    /// page has several times stands in the query, as in `/board?kipo-key=7`.
    ///
    /// # Panics
    ///
    /// Panics if the path is no path, or if the fields are no pairs of text.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future disconnects the client. An admitted call runs to its end.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{Files, Result, action, testing};
    ///
    /// #[action]
    /// async fn subscribe(#[validate(email)] address: String) -> Result<()> {
    ///     Ok(())
    /// }
    ///
    /// const PAGE: &[u8] = br#"<form p-action="Subscribe">
    ///   <input {{ field("Subscribe", "address") }}>{{ field_error("Subscribe", "address") }}
    /// </form>"#;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = kipo::App::new().files(Files::embedded(&[("pages/news.html", PAGE)]));
    /// let app = testing::App::start(app).await;
    ///
    /// let refused = app.post_form("/news", "Subscribe", [("address", "ann")]).await;
    /// assert_eq!(refused.status().as_u16(), 422);
    /// assert!(refused.text().contains("must be an email address</p>"));
    ///
    /// let done = app.post_form("/news", "Subscribe", [("address", "ann@example.org")]).await;
    /// assert_eq!((done.status().as_u16(), done.location()), (303, Some("/news")));
    /// # });
    /// ```
    pub async fn post_form(&self, path: &str, action: &str, fields: impl Serialize) -> Response {
        let pairs = serde_html_form::to_string(fields);
        let body = pairs.unwrap_or_else(|error| panic!("the fields are no form: {error}"));
        let start = if path.contains('?') { '&' } else { '?' };
        let target = format!("{path}{start}kipo-form={action}");
        let request = http::Request::post(&target)
            .header(header::ACCEPT, "text/html, */*;q=0.8")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, ORIGIN)
            .header("sec-fetch-site", "same-origin");
        let text = format!("POST {target}\n{body}");
        let request = request.body(Body::from(body)).expect("a path such as `/contact`");
        self.exchange(request, text).await
    }

    /// Sends any request, with the cookies, the header fields and the values of this client.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future disconnects the client.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use axum::{Router, routing::post};
    /// use kipo::{http, testing};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let webhooks = Router::new().route("/webhooks/pay", post(async |body: String| body));
    /// let app = testing::App::start(kipo::App::new().routes_cross_site(webhooks)).await;
    ///
    /// let request = http::Request::post("/webhooks/pay").header("x-signature", "7f3a");
    /// let paid = app.send(request.body("amount=5").unwrap()).await;
    /// assert_eq!((paid.status().as_u16(), paid.text()), (200, "amount=5"));
    /// # });
    /// ```
    pub async fn send(&self, request: http::Request<impl Into<Body>>) -> Response {
        let text = format!("{} {}", request.method(), request.uri());
        self.exchange(request.map(Into::into), text).await
    }

    /// Returns the request of an action, and the text that failures show.
    fn request<A: Input>(&self, input: &impl Serialize, accept: &'static str) -> (Request, String) {
        let name = type_name::<A>();
        let path = self.path_of::<A>();
        let json = serde_json::to_string(input);
        let json = json.unwrap_or_else(|error| panic!("the input of `{name}` is no JSON: {error}"));
        let method = A::METHOD.method();
        let (target, body) = match A::METHOD {
            InputMethod::Get => {
                let input = serde_json::from_str(&json).map_err(Error::from);
                let query = input.and_then(|input| query::of_input(&input));
                let query = query.unwrap_or_else(|error| {
                    panic!("no query carries the input of `{name}`: {:?}\n{json}", error.fields())
                });
                (format!("{path}?{query}"), None)
            }
            _ => (path, Some(json)),
        };
        let text = match &body {
            Some(json) => format!("{method} {target}\n{json}"),
            None => format!("{method} {target}"),
        };
        let has_body = body.is_some();
        let mut request = Self::request_to(&target, method, accept);
        *request.body_mut() = body.map_or_else(Body::empty, Body::from);
        if has_body {
            request.headers_mut().insert(header::CONTENT_TYPE, JSON);
        }
        (request, text)
    }

    /// Returns the path of an action.
    fn path_of<A: Input>(&self) -> String {
        let path = self.app.paths.get(&TypeId::of::<A>());
        path.unwrap_or_else(|| panic!("the app has no action `{}`", type_name::<A>())).clone()
    }

    /// Returns a request of a page of the app, without a body.
    fn request_to(target: &str, method: Method, accept: &'static str) -> Request {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = target.parse().expect("the path of an action");
        *request.method_mut() = method;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers.insert(header::ORIGIN, ORIGIN);
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        request
    }

    async fn exchange(&self, request: Request, text: String) -> Response {
        let (head, body) = self.respond(request).await.into_parts();
        // A body of the app does not fail; that of an author's route may break off.
        let body = body.collect().await.map(|all| all.to_bytes()).unwrap_or_default();
        Response::new(text, head, body)
    }

    /// Sends a request with what each request of this client has, and takes the cookies of the
    /// response.
    async fn respond(&self, mut request: Request) -> axum::response::Response {
        let path = request.uri().path().to_owned();
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert(HOST);
        for name in self.headers.keys() {
            headers.remove(name);
        }
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some(cookies) = self.jar().field(&path) {
            headers.append(header::COOKIE, cookies);
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        request.extensions_mut().insert(Peer { address, detached_stream: None });
        for provide in &self.values {
            provide(request.extensions_mut());
        }
        let response: Result<_, Infallible> = self.app.router.clone().call(request).await;
        let response = match response {
            Ok(response) => response,
            Err(never) => match never {},
        };
        self.jar().take(response.headers());
        response
    }

    fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("headers", &self.headers).finish_non_exhaustive()
    }
}
