//! What a page's data function takes and gives, and how it is registered.

use std::{
    fmt,
    ops::Deref,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    action::{Context, Requirement, StateNeed},
    error::{Error, Result},
    page::{
        check::Diagnostic,
        data::{cache::Cache, meta::Meta, query::FromQuery, reply::Reply},
        route::param,
    },
    request::decode,
};

/// The request for a page: a [`Context`] that knows the parameters in the path as well, and takes
/// what the page says of its answer besides the data.
///
/// # Examples
///
/// ```
/// use kipo::{Context, PageContext};
///
/// let cx = PageContext::from(Context::test()).with_param("id", "7");
/// assert_eq!(cx.param::<u32>("id")?, 7);
///
/// // A parameter that does not parse is a page that is not there.
/// let cx = PageContext::from(Context::test()).with_param("id", "seven");
/// assert_eq!(cx.param::<u32>("id").unwrap_err().code(), kipo::Code::NotFound);
/// # kipo::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct PageContext {
    cx: Context,
    params: Vec<(String, String)>,
    /// A std lock: held for a copy, never over an `.await`.
    reply: Arc<Mutex<Reply>>,
}

impl PageContext {
    pub(crate) fn new(cx: Context, params: Vec<(String, String)>) -> Self {
        Self { cx, params, reply: Arc::default() }
    }

    /// Returns the same context with a parameter more, for tests.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the parameter `name` of the path, decoded: for `pages/blog/[slug].html` that is
    /// `slug`.
    ///
    /// Text, numbers, booleans, `char`, enums of plain names and newtypes of these parse; `[...rest]`
    /// is text with its slashes or a list of its segments.
    ///
    /// # Errors
    ///
    /// A 404 if the text is no `T`, so that `/blog/first` is not there where a number is asked
    /// for; a 500 if the page has no such parameter.
    pub fn param<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let Some((_, text)) = self.params.iter().find(|(param, _)| param == name) else {
            return Err(Error::internal(format!("the page has no parameter `{name}`")));
        };
        param::parse(text).ok_or_else(not_found)
    }

    /// Returns the query of the address, decoded and checked; as an argument of the function it
    /// is a [`Query`](crate::Query).
    ///
    /// # Errors
    ///
    /// A 422 that names the field if the query is no `T`, or breaks one of its rules.
    pub fn query<T: FromQuery>(&self) -> Result<T> {
        decode::query_of(self.cx.uri().query())
    }

    /// Sets the status that the page is shown with, such as 202 or 404; 200 unless set. Only a
    /// 200 is cached.
    ///
    /// For another address return [`Error::redirect`]; for an error page return an error.
    ///
    /// ```
    /// use kipo::{PageContext, Result, data, page};
    ///
    /// #[data]
    /// pub struct Shop {
    ///     closed: bool,
    /// }
    ///
    /// /// The page itself says that the shop is closed, and a 503 says so to search engines.
    /// #[page("shop")]
    /// async fn shop(cx: PageContext) -> Result<Shop> {
    ///     cx.status(503);
    ///     Ok(Shop { closed: true })
    /// }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # assert!(shop(kipo::Context::test().into()).await.unwrap().closed);
    /// # });
    /// ```
    pub fn status(&self, status: u16) {
        self.reply().status = Some(status);
    }

    /// Sets how long copies of the page are good; wins over `#[page("…", cache = "…")]`.
    pub fn cache(&self, cache: Cache) {
        self.reply().cache = Some(cache);
    }

    /// Sets the page's title, its description, and what else stands in its head for others to
    /// read.
    pub fn meta(&self, meta: Meta) {
        self.reply().meta = meta;
    }

    pub(crate) fn take_reply(&self) -> Reply {
        std::mem::take(&mut *self.reply())
    }

    fn reply(&self) -> MutexGuard<'_, Reply> {
        // A panic while one of them is set leaves them as good as before.
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for PageContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.cx
    }
}

impl From<Context> for PageContext {
    fn from(cx: Context) -> Self {
        Self::new(cx, Vec::new())
    }
}

/// The same words whatever is missing: whether it is the page or the thing it shows.
pub(crate) fn not_found() -> Error {
    Error::not_found("there is nothing at this address")
}

/// What a template is given: one variable for each field of what the page's function returned.
#[derive(Clone)]
pub struct PageData(tera::Context);

impl PageData {
    /// Returns the variables in `data`: a struct, a map, or `()` for none.
    ///
    /// # Errors
    ///
    /// A 500 if it is anything else, since nothing would have a name.
    pub fn of(data: &impl Serialize) -> Result<Self> {
        match tera::Context::from_serialize(data) {
            Ok(variables) => Ok(Self(variables)),
            Err(_) if tera::Value::try_from_serializable(data)?.is_none() => {
                Ok(Self(tera::Context::new()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the variables with one of ours more.
    ///
    /// # Errors
    ///
    /// A 500 if the page's own data has that name.
    pub(crate) fn with(self, name: &'static str, value: &impl Serialize) -> Result<Self> {
        self.with_value(name, tera::Value::try_from_serializable(value)?)
    }

    /// The same for a value of the engine.
    ///
    /// # Errors
    ///
    /// A 500 if the page's own data has that name.
    pub(crate) fn with_value(mut self, name: &'static str, value: tera::Value) -> Result<Self> {
        if self.0.contains_key(name) {
            return Err(Error::internal(format!(
                "the page's data has a field `{name}`, which is a variable of every page: rename it"
            )));
        }
        self.0.insert_value(name, value);
        Ok(self)
    }

    pub(crate) fn variables(&self) -> &tera::Context {
        &self.0
    }
}

impl fmt::Debug for PageData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageData")
    }
}

/// A page's data function, as `#[page]` registers it.
pub struct PageRegistration {
    /// The page's file below `pages/`, without its suffix.
    pub page: &'static str,
    /// Where the function is.
    pub module: &'static str,
    /// Where the function is.
    pub file: &'static str,
    /// Where the function is.
    pub line: u32,
    /// The parameters of the path that it takes.
    pub params: &'static [&'static str],
    /// What it needs of the application.
    pub states: &'static [StateNeed],
    /// Whether the page takes no part in what the app requires of all pages.
    pub public: bool,
    /// Returns the guard of the page.
    pub guard: Option<fn() -> Requirement>,
    /// The values that the function takes from the request.
    pub values: &'static [Requirement],
    /// How long copies are good, unless the function says so.
    pub cache: Option<Cache>,
    /// The function itself.
    pub data: DataFn,
}

impl PageRegistration {
    /// Returns something wrong with the function, at its place.
    pub(crate) fn diagnostic(&self, message: impl Into<String>) -> Diagnostic {
        let line = usize::try_from(self.line).ok();
        Diagnostic { line, ..Diagnostic::of_file(self.file, message) }
    }
}

impl fmt::Debug for PageRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageRegistration({:?}, {}:{})", self.page, self.file, self.line)
    }
}

/// Boxed, so that functions of all types fit into one list.
type DataFn = fn(PageContext) -> Pin<Box<dyn Future<Output = Result<PageData>> + Send>>;

inventory::collect!(PageRegistration);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn data_has_to_have_names() {
        #[derive(Serialize)]
        struct Post {
            title: &'static str,
        }

        let data = PageData::of(&Post { title: "Hi" }).unwrap();
        assert!(data.variables().contains_key("title"));
        assert!(!PageData::of(&()).unwrap().variables().contains_key("title"));
        assert_eq!(PageData::of(&7).unwrap_err().code(), Code::Internal);
        assert_eq!(PageData::of(&vec!["a"]).unwrap_err().code(), Code::Internal);
    }

    #[test]
    fn a_field_may_not_hide_a_variable_of_ours() {
        let data = PageData::of(&serde_json::json!({ "path": "x" })).unwrap();
        assert!(data.with("path", &"/").unwrap_err().chain().contains("`path`"));
    }

    #[test]
    fn a_parameter_that_the_page_does_not_have_is_a_fault_of_ours() {
        let cx = PageContext::from(Context::test());
        assert_eq!(cx.param::<String>("slug").unwrap_err().code(), Code::Internal);
    }
}
