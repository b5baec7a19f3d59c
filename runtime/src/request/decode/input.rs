//! Decodes a body or a query into the typed input of an action.
//!
//! A valid input is decoded in one pass. Only an input that is not valid is decoded again, field by
//! field, for a response that names every error.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, error::Category};

use crate::{
    action::{BodyForm, Bounds, Context, Digest, Input, Parts, RawBody, Validate},
    error::{Code, Error, FieldErrors, Result},
    header::essence,
    request::decode::{
        body::read,
        fault::{Decoded, add_path_error},
        form_data::{self, FormData},
        form_encoding::FormEncoding,
        pairs::{self, Controls},
        references::{self, Referenced},
    },
};

/// The deepest nesting of a JSON body. Inputs are a few levels deep, and a deeper body could use up
/// the stack of the parser.
const JSON_DEPTH_MAX: usize = 64;

/// The body of a request, read and not yet decoded.
pub(crate) struct Received {
    encoding: Encoding,
    /// Those of a multipart body are its fields as pairs.
    bytes: Bytes,
    files: Option<Parts>,
    /// What it has of uploads that have arrived before. In a box: few requests have any.
    pub(crate) referenced: Option<Box<Referenced>>,
}

/// Reads the body of a call of the action with a name. The files of a multipart body are stored as they
/// arrive.
pub(crate) async fn receive<A: Input>(
    cx: &Context,
    action: &str,
    body: Body,
    bounds: &Bounds,
) -> Result<Received> {
    let headers = cx.headers();
    let encoding = match A::FORM {
        BodyForm::Raw => Encoding::Raw(headers.get(header::CONTENT_TYPE).cloned()),
        BodyForm::Fields | BodyForm::Multipart => Encoding::of(headers)?,
        BodyForm::Json => match Encoding::of(headers) {
            Ok(Encoding::Json) => Encoding::Json,
            _ => return Err(not_json()),
        },
    };
    if let Encoding::Form(FormEncoding::Multipart(boundary)) = &encoding {
        // In a box of its own: other calls need no space for it.
        let FormData { pairs, files, referenced } =
            Box::pin(form_data::read(cx, action, A::FIELDS, body, boundary, bounds)).await?;
        let referenced = files.is_some().then(|| Box::new(referenced));
        return Ok(Received { encoding, bytes: pairs.into(), files, referenced });
    }
    let bytes = read(body, bounds.body_bytes_max).await?;
    let references = match encoding {
        _ if !const { takes_files::<A>() } => Vec::new(),
        Encoding::Json => {
            check_depth(&bytes)?;
            references::in_json(A::FIELDS, &bytes)
        }
        Encoding::Form(_) => references::in_pairs(A::FIELDS, &bytes),
        Encoding::Raw(_) | Encoding::None => Vec::new(),
    };
    if references.is_empty() {
        return Ok(Received { encoding, bytes, files: None, referenced: None });
    }
    let (files, referenced) =
        Box::pin(references::claim_all(cx, action, references, bounds)).await?;
    let referenced = Some(Box::new(referenced));
    Ok(Received { encoding, bytes, files: Some(files), referenced })
}

/// Returns whether a field of the input is a file.
const fn takes_files<A: Input>() -> bool {
    let mut index = 0;
    while index < A::FIELDS.len() {
        if A::FIELDS[index].file().is_some() {
            return true;
        }
        index += 1;
    }
    false
}

impl Received {
    /// Returns the digest of the body and its content type. It reads the files.
    pub(crate) async fn digest(&self) -> Result<Digest> {
        if let Some(files) = &self.files {
            let mut all = files.sha256s().await?;
            all.extend_from_slice(&self.bytes);
            return Ok(Digest::of_input("multipart", &all));
        }
        let encoding = match &self.encoding {
            Encoding::Json => "json",
            Encoding::Form(FormEncoding::UrlEncoded) => "urlencoded",
            Encoding::Form(FormEncoding::Multipart(_)) => "pairs",
            Encoding::Raw(content_type) => {
                content_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default()
            }
            Encoding::None => "",
        };
        Ok(Digest::of_input(encoding, &self.bytes))
    }

    /// Decodes the body by its content type. `values` are those of the `#[context]` fields.
    pub(crate) fn input<A: Input>(self, values: A::Values) -> Result<A> {
        let Self { encoding, bytes, files, .. } = self;
        let form = || pairs::decode::<A>(&bytes, Controls::Sent);
        let body = match encoding {
            Encoding::Json => match files {
                Some(files) => files.decode(|| json::<A>(&bytes))?,
                None => json::<A>(&bytes)?,
            },
            Encoding::Form(_) => match files {
                Some(files) => files.decode(form)?,
                None => form()?,
            },
            Encoding::Raw(content_type) => {
                let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
                let raw = RawBody::new(bytes);
                let raw = match content_type {
                    Some(content_type) => raw.with_content_type(content_type),
                    None => raw,
                };
                A::take_raw(raw).ok_or_else(unsupported)?
            }
            // A call without arguments needs no body.
            Encoding::None if bytes.is_empty() => pairs::decode::<A>(b"", Controls::None)?,
            Encoding::None => return Err(unsupported()),
        };
        validated(A::assemble(body, values))
    }
}

/// Decodes the query of a GET request for a stream.
pub(crate) fn query<A: Input>(query: Option<&str>, values: A::Values) -> Result<A> {
    let body = pairs::decode::<A>(query.unwrap_or_default().as_bytes(), Controls::None)?;
    validated(A::assemble(body, values))
}

/// Decodes the query of a page. The error names the first field that cannot be decoded, or every
/// broken rule.
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

/// The encoding of a body.
enum Encoding {
    Json,
    Form(FormEncoding),
    /// Any bytes, with the `Content-Type`.
    Raw(Option<HeaderValue>),
    /// The request has no `Content-Type`.
    None,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Self::None) };
        // Nearly every client sends one of these two, as it stands here.
        match value.as_bytes() {
            b"application/json" => return Ok(Self::Json),
            b"application/x-www-form-urlencoded" => {
                return Ok(Self::Form(FormEncoding::UrlEncoded));
            }
            _ => {}
        }
        let value = value.to_str().map_err(|_| unsupported())?;
        if let Some(form) = FormEncoding::of(value)? {
            return Ok(Self::Form(form));
        }
        match essence(value).as_str() {
            "application/json" => Ok(Self::Json),
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

/// Reads a body that must be JSON, and refuses one that is nested too deep to be parsed.
pub(in crate::request) async fn json_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes> {
    let Encoding::Json = Encoding::of(headers)? else {
        return Err(not_json());
    };
    let bytes = read(body, bytes_max).await?;
    check_depth(&bytes)?;
    Ok(bytes)
}

fn not_json() -> Error {
    Error::new(Code::UnsupportedMediaType, "send the body as application/json")
}

fn json<A: Input>(bytes: &[u8]) -> Result<A::Body> {
    check_depth(bytes)?;
    // serde also decodes a struct from a list, but the fields of an input must be an object.
    let is_object =
        A::FORM == BodyForm::Json || bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let error = match serde_json::from_slice::<Decoded<A>>(bytes) {
        Ok(Decoded(body)) if is_object => return Ok(body),
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
    Err(field_errors::<A>(bytes))
}

fn check_depth(bytes: &[u8]) -> Result<()> {
    // Few texts have as many brackets as that, and counting them costs less than pairing them.
    let mut brackets = memchr::memchr2_iter(b'[', b'{', bytes);
    if brackets.nth(JSON_DEPTH_MAX).is_some() && json_depth(bytes) > JSON_DEPTH_MAX {
        return Err(Error::bad_request(format!(
            "the JSON is nested deeper than {JSON_DEPTH_MAX} levels"
        )));
    }
    Ok(())
}

/// Returns the depth of the brackets in a JSON text, without parsing it.
fn json_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut depth_max, mut in_string) = (0_usize, 0, false);
    let mut bytes = bytes.iter();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' if in_string => _ = bytes.next(),
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                depth_max = depth_max.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth_max
}

/// Returns an error that names every field of a JSON text that is not valid for an `A`.
#[cold]
fn field_errors<A: Input>(bytes: &[u8]) -> Error {
    let mut errors = FieldErrors::default();
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(map)) => {
            for field in A::FIELDS {
                if let Some(fault) = field.fault_in_json(map.get(field.name())) {
                    errors.within(field.name(), |errors| errors.add(fault.path, fault.message));
                }
            }
        }
        // The body is the value, so its path says where the fault is.
        Ok(_) if A::FORM == BodyForm::Json => {}
        Ok(_) => errors.add("", "must be an object"),
        Err(_) => return Error::bad_request("the body is not JSON"),
    }
    if errors.is_empty() {
        // Each field by itself is valid, so the error is elsewhere, such as a duplicate field.
        let mut json = serde_json::Deserializer::from_slice(bytes);
        if let Err(error) = serde_path_to_error::deserialize::<_, Decoded<A>>(&mut json) {
            add_path_error(&mut errors, &error);
        }
    }
    Error::from(errors)
}

/// Returns the input, if it breaks no validation rule.
fn validated<A: Input>(input: A) -> Result<A> {
    let mut errors = FieldErrors::default();
    input.validate(&mut errors);
    if errors.is_empty() { Ok(input) } else { Err(Error::from(errors)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemars::{JsonSchema, Schema, SchemaGenerator};
    use serde::{Deserialize, Deserializer};

    use super::*;
    use crate::action::{Field, Limits};

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    struct Post {
        name: String,
        age: u8,
        tags: Option<Vec<String>>,
    }

    impl Input for Post {
        type Body = Self;
        type Values = ();

        const FIELDS: &'static [Field] = &[
            Field::new::<String>("name"),
            Field::new::<u8>("age"),
            Field::new::<Option<Vec<String>>>("tags"),
        ];

        fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Self::deserialize(deserializer)
        }

        fn assemble(body: Self, (): ()) -> Self {
            body
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
    fn a_valid_body_with_unknown_fields_is_accepted() {
        let post = json::<Post>(br#" {"name":"a","age":1,"other":[[1]]}"#).unwrap();
        assert_eq!(post, Post { name: "a".into(), age: 1, tags: None });
    }

    #[test]
    fn a_body_that_is_not_json_is_a_bad_request() {
        let deep = "[".repeat(10_000);
        let hidden = format!(r#"{{"name":"a","age":1,"x":{deep}{}}}"#, "]".repeat(10_000));
        let bad: [&[u8]; 7] =
            [b"", b"{", b"not", b"{\"name\":\"\xff\"}", deep.as_bytes(), hidden.as_bytes(), b"{}x"];
        for body in bad {
            check(body, Code::BadRequest, &[]);
        }
    }

    #[test]
    fn brackets_in_strings_do_not_count_as_depth() {
        assert_eq!(json_depth(br#"{"a":"[[[\"[[","b":[1]}"#), 2);
    }

    #[test]
    fn the_error_names_every_field_that_is_not_valid() {
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
        let post = pairs::decode::<Post>(b"name=a+b&age=3&tags=x&tags=y", Controls::None).unwrap();
        assert_eq!(
            post,
            Post { name: "a b".into(), age: 3, tags: Some(vec!["x".into(), "y".into()]) }
        );
        let error = pairs::decode::<Post>(b"age=x", Controls::None).unwrap_err();
        let found: Vec<_> = error.fields().iter().map(|(path, _)| path).collect();
        assert_eq!(found, ["age", "name"]);
    }

    #[tokio::test]
    async fn a_line_break_of_a_form_is_one_character() {
        let multipart = "--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\na\r\nb\r\n\r\nc\r\n\
                         --b\r\ncontent-disposition: form-data; name=\"age\"\r\n\r\n3\r\n--b--\r\n";
        for (content_type, body) in [
            ("application/x-www-form-urlencoded", "name=a%0D%0Ab%0D%0A%0D%0Ac&age=3"),
            ("multipart/form-data; boundary=b", multipart),
        ] {
            let cx = Context::test().with_header("content-type", content_type);
            let bounds = Limits::new().within(Limits::new());
            let received = receive::<Post>(&cx, "post", Body::from(body), &bounds).await.unwrap();
            assert_eq!(received.input::<Post>(()).unwrap().name, "a\nb\n\nc");
        }
    }

    #[tokio::test]
    async fn a_multipart_body_decodes_into_the_same_struct() {
        let body = "--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\na&b\r\n\
                    --b\r\ncontent-disposition: form-data; name=\"age\"\r\n\r\n3\r\n--b--\r\n";
        let cx = Context::test().with_header("content-type", "multipart/form-data; boundary=b");
        let bounds = Limits::new().within(Limits::new());
        let received = receive::<Post>(&cx, "Post", Body::from(body), &bounds).await.unwrap();
        let post = received.input::<Post>(()).unwrap();
        assert_eq!(post, Post { name: "a&b".into(), age: 3, tags: None });
    }

    #[tokio::test]
    async fn a_body_above_its_limit_is_refused() {
        let error = read(Body::from("12345"), 4).await.unwrap_err();
        assert_eq!(error.code(), Code::PayloadTooLarge);
        assert_eq!(read(Body::from("1234"), 4).await.unwrap(), "1234");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = json::<Post>(&bytes);
            let _ = pairs::decode::<Post>(&bytes, Controls::Sent);
        }

        #[test]
        fn no_json_panics_and_no_value_is_sent_back(secret in "[a-z]{12}") {
            let body = serde_json::json!({ "name": [&secret], "age": &secret, "tags": &secret });
            let error = json::<Post>(body.to_string().as_bytes()).unwrap_err();
            let response = format!("{:?}", error.fields());
            prop_assert!(!response.contains(&secret));
        }
    }
}
