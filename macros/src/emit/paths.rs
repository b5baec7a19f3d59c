//! Every path that generated code names. The list is the contract with the runtime.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// An absolute path, which `quote!` writes unchanged.
#[derive(Clone, Copy)]
pub(crate) struct Absolute(&'static str);

impl Absolute {
    /// Returns the path as the text that attributes of serde and schemars take.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns the path as written at `span`, so that the compiler reports errors there and not at
    /// the macro.
    pub(crate) fn at(self, span: Span) -> TokenStream {
        let tokens = self.to_token_stream().into_iter();
        tokens
            .map(|mut token| {
                token.set_span(span);
                token
            })
            .collect()
    }
}

impl ToTokens for Absolute {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.0.parse::<TokenStream>().expect("a path is tokens"));
    }
}

macro_rules! paths {
    ($($name:ident = $path:literal;)*) => {
        $(pub(crate) const $name: Absolute = Absolute($path);)*
    };
}

// The public API.
paths! {
    ACTION = "::kipo::Action";
    ACTION_ERROR = "::kipo::ActionError";
    CACHE = "::kipo::Cache";
    CONTEXT = "::kipo::Context";
    DECODE_EVENT = "::kipo::DecodeEvent";
    ERROR = "::kipo::Error";
    EVENT = "::kipo::Event";
    EVENT_STREAM = "::kipo::EventStream";
    FILES = "::kipo::Files";
    INTO_ERROR = "::kipo::ActionError::into_error";
    LIMITS = "::kipo::Limits";
    OUTPUT_CACHE = "::kipo::OutputCache";
    QUERY = "::kipo::Query";
    RAW_BODY = "::kipo::RawBody";
    RESULT = "::kipo::Result";
    STREAM_ACTION = "::kipo::StreamAction";
    VALIDATE = "::kipo::Validate";
}

// For generated code only.
paths! {
    ARGUMENT = "::kipo::__private::argument";
    BODY_FORM = "::kipo::__private::BodyForm";
    DECODABLE = "::kipo::__private::Decodable";
    ENDPOINT = "::kipo::__private::endpoint";
    ERROR_VARIANT = "::kipo::__private::ErrorVariant";
    EVENT_TYPE = "::kipo::__private::EventType";
    FIELD = "::kipo::__private::Field";
    FIELD_ERRORS = "::kipo::__private::FieldErrors";
    GUARD_NAME = "::kipo::__private::guard_name";
    GUARD_TYPE = "::kipo::__private::GuardType";
    GUARD_VALUE = "::kipo::__private::GuardValue";
    INPUT = "::kipo::__private::Input";
    INPUT_METHOD = "::kipo::__private::InputMethod";
    INCOMING = "::kipo::__private::incoming";
    NO_WAY = "::kipo::__private::NoWay";
    OUTGOING = "::kipo::__private::outgoing";
    PAGE_DATA = "::kipo::__private::PageData";
    PAGE_REGISTRATION = "::kipo::__private::PageRegistration";
    PUBLIC = "::kipo::__private::public";
    REGISTRATION = "::kipo::__private::Registration";
    INTO_OUTPUT = "::kipo::__private::IntoOutput";
    REQUIREMENT = "::kipo::__private::Requirement";
    RULES = "::kipo::__private::rules";
    STATE_NEED = "::kipo::__private::StateNeed";
    SUBMIT = "::kipo::__private::inventory::submit";
    TOPIC_REGISTRATION = "::kipo::__private::TopicRegistration";
    TYPED_ERROR = "::kipo::__private::typed_error";
    VALUES = "::kipo::__private::Values";
    VARIANTS = "::kipo::__private::variants";
    WAY = "::kipo::__private::Way";

    SCHEMARS = "::kipo::__private::schemars";
    JSON_SCHEMA = "::kipo::__private::schemars::JsonSchema";
    SCHEMA = "::kipo::__private::schemars::Schema";
    SCHEMA_GENERATOR = "::kipo::__private::schemars::SchemaGenerator";
    SERDE = "::kipo::__private::serde";
    DESERIALIZE = "::kipo::__private::serde::Deserialize";
    DESERIALIZER = "::kipo::__private::serde::Deserializer";
    SERIALIZE = "::kipo::__private::serde::Serialize";
    SERIALIZER = "::kipo::__private::serde::Serializer";
    SERDE_JSON = "::kipo::__private::serde_json";
}

// The standard library. A user's own `Result` or `Send` does not shadow an absolute path.
paths! {
    BOX = "::std::boxed::Box";
    CLONE = "::core::clone::Clone";
    COW = "::std::borrow::Cow";
    CORE_RESULT = "::core::result::Result";
    DEFAULT = "::core::default::Default";
    DISPLAY = "::core::fmt::Display";
    DURATION = "::core::time::Duration";
    ERR = "::core::result::Result::Err";
    FMT_RESULT = "::core::fmt::Result";
    FORMATTER = "::core::fmt::Formatter";
    FROM = "::core::convert::From";
    NONE = "::core::option::Option::None";
    OK = "::core::result::Result::Ok";
    OPTION = "::core::option::Option";
    PHANTOM = "::core::marker::PhantomData";
    SEND = "::core::marker::Send";
    SOME = "::core::option::Option::Some";
    TO_STRING = "::std::string::ToString::to_string";
    VEC = "::std::vec::Vec";
}
