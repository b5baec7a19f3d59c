//! Body or query → typed input.
//!
//! The right input is decoded in one pass. Only a wrong one is looked at again, field by field,
//! for an answer that names each fault.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::Body as _;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, error::Category};

use crate::{
    action::{Input, Validate, sentence},
    error::{Code, Error, FieldErrors, Result},
    request::within::within,
};

/// The deepest nesting of a JSON body. Inputs are a few levels deep; a parser that follows a
/// stranger deeper spends its stack.
const JSON_DEPTH_MAX: usize = 64;

/// How long a body may make no progress. A slow upload is fine as long as something arrives.
const BODY_PROGRESS: Duration = Duration::from_secs(15);

/// How much of a body that is too large is read and thrown away, so that its sender reads the
/// answer rather than a reset connection.
const DISCARD_BYTES_MAX: usize = 16 << 20;

/// Reads the body and decodes it by its type.
pub(crate) async fn body<A: Input>(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<A> {
    let form = Form::of(headers)?;
    let bytes = read(body, bytes_max).await?;
    let input = match form {
        Form::Json => json(&bytes)?,
        Form::UrlEncoded => pairs(&bytes)?,
        Form::Multipart(boundary) => pairs(&multipart(bytes, boundary).await?)?,
        // A call without arguments needs no body.
        Form::None if bytes.is_empty() => pairs(b"")?,
        Form::None => return Err(unsupported()),
    };
    valid(input)
}

/// Decodes a query, as GET streams have it.
pub(crate) fn query<A: Input>(query: Option<&str>) -> Result<A> {
    valid(pairs(query.unwrap_or_default().as_bytes())?)
}

/// Decodes the query of a page. The first field that is wrong is named, and all rules that are
/// broken.
pub(crate) fn query_of<T: DeserializeOwned + Validate>(query: Option<&str>) -> Result<T> {
    let pairs = serde_html_form::Deserializer::from_bytes(query.unwrap_or_default().as_bytes());
    let mut errors = FieldErrors::default();
    match serde_path_to_error::deserialize::<_, T>(pairs) {
        Ok(query) => {
            query.validate(&mut errors);
            if errors.is_empty() {
                return Ok(query);
            }
        }
        Err(error) => add_path_error(&mut errors, &error),
    }
    Err(Error::from(errors))
}

/// An input as serde reads it.
struct Decoded<A>(A);

impl<'de, A: Input> Deserialize<'de> for Decoded<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        A::decode(deserializer).map(Self)
    }
}

/// How the arguments are written.
enum Form {
    Json,
    UrlEncoded,
    Multipart(String),
    None,
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Self::None) };
        if value == "application/json" {
            return Ok(Self::Json);
        }
        let value = value.to_str().map_err(|_| unsupported())?;
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::UrlEncoded),
            "multipart/form-data" => {
                let boundary = multer::parse_boundary(value)
                    .map_err(|_| Error::bad_request("the multipart body has no boundary"))?;
                Ok(Self::Multipart(boundary))
            }
            other if other.starts_with("application/") && other.ends_with("+json") => {
                Ok(Self::Json)
            }
            _ => Err(unsupported()),
        }
    }
}

fn unsupported() -> Error {
    Error::new(
        Code::UnsupportedMediaType,
        "send the arguments as application/json, application/x-www-form-urlencoded or multipart/form-data",
    )
}

/// Reads a body of at most `bytes_max` bytes.
async fn read(mut body: Body, bytes_max: usize) -> Result<Bytes> {
    let too_large =
        || Error::new(Code::PayloadTooLarge, format!("the body is larger than {bytes_max} bytes"));
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max.saturating_add(DISCARD_BYTES_MAX) {
        return Err(too_large());
    }
    // Most bodies are one frame, which is taken as it is.
    let Some(first) = frame(&mut body).await? else { return Ok(Bytes::new()) };
    let mut length = first.len();
    if length <= bytes_max && body.is_end_stream() {
        return Ok(first);
    }
    let mut bytes = BytesMut::from(first);
    while let Some(frame) = frame(&mut body).await? {
        length += frame.len();
        if length <= bytes_max {
            bytes.extend_from_slice(&frame);
        } else if length > bytes_max + DISCARD_BYTES_MAX {
            break;
        }
    }
    if length > bytes_max { Err(too_large()) } else { Ok(bytes.freeze()) }
}

/// Waits for the next piece of the body; `None` at its end.
async fn frame(body: &mut Body) -> Result<Option<Bytes>> {
    loop {
        let next = poll_fn(|task| Pin::new(&mut *body).poll_frame(task));
        let next = within(BODY_PROGRESS, next)
            .await
            .map_err(|_| Error::new(Code::RequestTimeout, "the rest of the body did not come"))?;
        match next {
            None => return Ok(None),
            Some(Err(error)) => {
                return Err(Error::bad_request("the body ended too early").with_source(error));
            }
            Some(Ok(frame)) => {
                // Trailers say nothing to an action.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn json<A: Input>(bytes: &[u8]) -> Result<A> {
    if json_depth(bytes) > JSON_DEPTH_MAX {
        return Err(Error::bad_request(format!(
            "the JSON is nested deeper than {JSON_DEPTH_MAX} levels"
        )));
    }
    // serde takes a list for a struct; a caller who sends one means something else.
    let is_object = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let error = match serde_json::from_slice::<Decoded<A>>(bytes) {
        Ok(Decoded(input)) if is_object => return Ok(input),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    if let Some(error) = &error
        && error.classify() != Category::Data
    {
        let (line, column) = (error.line(), error.column());
        return Err(Error::bad_request(format!(
            "the body is not JSON (line {line}, column {column})"
        )));
    }
    Err(faults::<A>(bytes))
}

/// Returns how deep the brackets of a JSON text go, without parsing it.
fn json_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = bytes.iter();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' if in_string => _ = bytes.next(),
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Names what is wrong with a JSON text that is no `A`.
#[cold]
fn faults<A: Input>(bytes: &[u8]) -> Error {
    let mut errors = FieldErrors::default();
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(map)) => {
            for field in A::FIELDS {
                if let Some(fault) = field.fault_in_json(map.get(field.name())) {
                    errors.within(field.name(), |errors| errors.add(fault.path, fault.message));
                }
            }
        }
        Ok(_) => errors.add("", "must be an object"),
        Err(_) => return Error::bad_request("the body is not JSON"),
    }
    if errors.is_empty() {
        // Each field by itself is right: the fault lies between them, such as one given twice.
        let mut json = serde_json::Deserializer::from_slice(bytes);
        if let Err(error) = serde_path_to_error::deserialize::<_, Decoded<A>>(&mut json) {
            add_path_error(&mut errors, &error);
        }
    }
    Error::from(errors)
}

fn add_path_error<E: std::fmt::Display>(
    errors: &mut FieldErrors,
    error: &serde_path_to_error::Error<E>,
) {
    let (path, text) = (error.path().to_string(), error.inner().to_string());
    let path = if path == "." { "" } else { path.as_str() };
    // A field given twice is told of the object that it stands in.
    let twice = text.strip_prefix("duplicate field `").and_then(|text| text.split('`').next());
    let field = match (path, twice) {
        ("", Some(name)) => name.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
        (path, None) => path.to_owned(),
    };
    errors.add(field, sentence(&text));
}

/// Decodes the pairs of a form or a query.
fn pairs<A: Input>(bytes: &[u8]) -> Result<A> {
    let error =
        match serde_path_to_error::deserialize(serde_html_form::Deserializer::from_bytes(bytes)) {
            Ok(Decoded(input)) => return Ok(input),
            Err(error) => error,
        };
    let sent: Vec<(String, String)> = serde_html_form::from_bytes(bytes)
        .map_err(|_| Error::bad_request("the form is not made of pairs"))?;
    let mut errors = FieldErrors::default();
    for field in A::FIELDS {
        let mine = sent.iter().filter(|(name, _)| name == field.name());
        let mine: Vec<(&str, &str)> = mine.map(|(_, value)| ("v", value.as_str())).collect();
        let mine =
            (!mine.is_empty()).then(|| serde_html_form::to_string(&mine).unwrap_or_default());
        if let Some(fault) = field.fault_in_form(mine.as_deref()) {
            errors.within(field.name(), |errors| errors.add(fault.path, fault.message));
        }
    }
    if errors.is_empty() {
        add_path_error(&mut errors, &error);
    }
    Err(Error::from(errors))
}

/// Turns the text fields of a multipart body into the pairs of a form.
async fn multipart(bytes: Bytes, boundary: String) -> Result<Vec<u8>> {
    let broken = |error| Error::bad_request("the multipart body is broken").with_source(error);
    let body = Body::from(bytes).into_data_stream();
    let mut multipart = multer::Multipart::new(body, boundary);
    let mut pairs = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_some() {
            return Err(Error::invalid(name, "must not be a file"));
        }
        pairs.push((name, field.text().await.map_err(broken)?));
    }
    Ok(serde_html_form::to_string(&pairs)?.into_bytes())
}

fn valid<A: Input>(input: A) -> Result<A> {
    let mut errors = FieldErrors::default();
    input.validate(&mut errors);
    if errors.is_empty() { Ok(input) } else { Err(Error::from(errors)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemars::{JsonSchema, Schema, SchemaGenerator};

    use super::*;
    use crate::action::Field;

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    struct Post {
        name: String,
        age: u8,
        tags: Option<Vec<String>>,
    }

    impl Input for Post {
        const FIELDS: &'static [Field] = &[
            Field::new::<String>("name"),
            Field::new::<u8>("age"),
            Field::new::<Option<Vec<String>>>("tags"),
        ];

        fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Self::deserialize(deserializer)
        }

        fn describe(generator: &mut SchemaGenerator) -> Schema {
            generator.subschema_for::<Self>()
        }
    }

    #[track_caller]
    fn check(body: &[u8], code: Code, errors: &[(&str, &str)]) {
        let error = json::<Post>(body).unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        let found: Vec<_> =
            error.fields().iter().map(|(path, all)| (path, all[0].as_str())).collect();
        assert_eq!(found, errors);
    }

    #[test]
    fn a_right_body_and_unknown_fields_are_taken() {
        let post = json::<Post>(br#" {"name":"a","age":1,"other":[[1]]}"#).unwrap();
        assert_eq!(post, Post { name: "a".into(), age: 1, tags: None });
    }

    #[test]
    fn what_is_not_json_is_a_bad_request() {
        let deep = "[".repeat(10_000);
        let hidden = format!(r#"{{"name":"a","age":1,"x":{deep}{}}}"#, "]".repeat(10_000));
        let bad: [&[u8]; 7] =
            [b"", b"{", b"not", b"{\"name\":\"\xff\"}", deep.as_bytes(), hidden.as_bytes(), b"{}x"];
        for body in bad {
            check(body, Code::BadRequest, &[]);
        }
    }

    #[test]
    fn brackets_in_strings_are_no_depth() {
        assert_eq!(json_depth(br#"{"a":"[[[\"[[","b":[1]}"#), 2);
    }

    #[test]
    fn every_wrong_field_is_named() {
        check(
            br#"{"name":7,"age":"secret","tags":["a",1]}"#,
            Code::ValidationFailed,
            &[
                ("age", "must be a whole number from 0 to 255"),
                ("name", "must be text"),
                ("tags[1]", "must be text"),
            ],
        );
        check(b"{}", Code::ValidationFailed, &[("age", "is required"), ("name", "is required")]);
        check(br#"["a",1]"#, Code::ValidationFailed, &[("", "must be an object")]);
        check(b"null", Code::ValidationFailed, &[("", "must be an object")]);
        check(
            br#"{"name":"a","name":"b","age":1}"#,
            Code::ValidationFailed,
            &[("name", "is given twice")],
        );
    }

    #[test]
    fn a_form_decodes_into_the_same_struct() {
        let post = pairs::<Post>(b"name=a+b&age=3&tags=x&tags=y").unwrap();
        assert_eq!(
            post,
            Post { name: "a b".into(), age: 3, tags: Some(vec!["x".into(), "y".into()]) }
        );
        let error = pairs::<Post>(b"age=x").unwrap_err();
        let found: Vec<_> = error.fields().iter().map(|(path, _)| path).collect();
        assert_eq!(found, ["age", "name"]);
    }

    #[tokio::test]
    async fn a_multipart_body_decodes_into_the_same_struct() {
        let body = "--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\na&b\r\n\
                    --b\r\ncontent-disposition: form-data; name=\"age\"\r\n\r\n3\r\n--b--\r\n";
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
        let post = super::body::<Post>(&headers, Body::from(body), 1000).await.unwrap();
        assert_eq!(post, Post { name: "a&b".into(), age: 3, tags: None });
    }

    #[tokio::test]
    async fn a_body_beyond_its_bound_is_refused() {
        let error = read(Body::from("12345"), 4).await.unwrap_err();
        assert_eq!(error.code(), Code::PayloadTooLarge);
        assert_eq!(read(Body::from("1234"), 4).await.unwrap(), "1234");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = json::<Post>(&bytes);
            let _ = pairs::<Post>(&bytes);
        }

        #[test]
        fn no_json_panics_and_no_value_comes_back(secret in "[a-z]{12}") {
            let body = serde_json::json!({ "name": [&secret], "age": &secret, "tags": &secret });
            let error = json::<Post>(body.to_string().as_bytes()).unwrap_err();
            let answered = format!("{:?}", error.fields());
            prop_assert!(!answered.contains(&secret));
        }
    }
}
