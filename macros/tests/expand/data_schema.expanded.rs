#[derive(
    ::kipo::__private::serde::Serialize,
    ::kipo::__private::serde::Deserialize,
    ::kipo::__private::schemars::JsonSchema
)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
#[validate(custom(function = rules::in_order))]
#[schemars(extend("x-kipo-rule" = "in_order"))]
pub struct Rules {
    #[validate(url)]
    #[schemars(regex(pattern = ::kipo::__private::rules::URL))]
    home: Option<String>,
    #[validate(email, contains(pattern = "@example.org"))]
    work: String,
    #[validate(
        length(min = 1, max = ENTRIES_MAX),
        custom(function = rules::no_blank_key)
    )]
    #[schemars(
        extend("minProperties" = 1),
        extend("maxProperties" = ENTRIES_MAX),
        extend("x-kipo-rule" = "no_blank_key")
    )]
    by_name: Option<BTreeMap<String, u8>>,
    #[validate(custom(function = |text:&str|rules::even(text)))]
    closure: String,
}
impl ::kipo::Validate for Rules {
    fn validate(&self, errors: &mut ::kipo::__private::FieldErrors) {
        errors.check("home", ::kipo::__private::rules::url(&self.home));
        errors.check("work", ::kipo::__private::rules::email(&self.work));
        errors
            .check(
                "work",
                ::kipo::__private::rules::contains(&self.work, "@example.org"),
            );
        errors
            .check(
                "by_name",
                ::kipo::__private::rules::length(
                    &self.by_name,
                    ::core::option::Option::Some(1),
                    ::core::option::Option::Some(ENTRIES_MAX),
                ),
            );
        errors
            .check(
                "by_name",
                ::kipo::__private::rules::custom(&self.by_name, rules::no_blank_key),
            );
        errors
            .check(
                "closure",
                ::kipo::__private::rules::custom(
                    &self.closure,
                    |text: &str| rules::even(text),
                ),
            );
        errors.check("", ::kipo::__private::rules::custom(self, rules::in_order));
    }
}
#[derive(
    ::kipo::__private::serde::Serialize,
    ::kipo::__private::serde::Deserialize,
    ::kipo::__private::schemars::JsonSchema
)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
#[schemars(extend("x-kipo-null" = true))]
pub enum Nulls {
    Never { #[serde(skip_serializing_if = "Option::is_none")] once: Option<u8> },
    Twice {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        twice: Option<Option<u8>>,
    },
}
impl ::kipo::Validate for Nulls {
    fn validate(&self, _errors: &mut ::kipo::__private::FieldErrors) {}
}
#[derive(
    ::kipo::__private::serde::Serialize,
    ::kipo::__private::serde::Deserialize,
    ::kipo::__private::schemars::JsonSchema
)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
#[schemars(extend("x-kipo-null" = true))]
pub struct Part {
    #[serde(flatten)]
    rest: Option<Rest>,
}
impl ::kipo::Validate for Part {
    fn validate(&self, _errors: &mut ::kipo::__private::FieldErrors) {}
}
