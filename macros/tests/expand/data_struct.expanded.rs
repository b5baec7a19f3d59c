#[derive(
    ::kipo::__private::serde::Serialize,
    ::kipo::__private::serde::Deserialize,
    ::kipo::__private::schemars::JsonSchema
)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars", rename = "Page_{T}")]
/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    #[validate(nested)]
    pub items: Vec<T>,
    pub next: Option<u64>,
}
impl<T> ::kipo::Validate for Page<T>
where
    Vec<T>: ::kipo::Validate,
{
    fn validate(&self, errors: &mut ::kipo::__private::FieldErrors) {
        errors
            .within(
                "items",
                |errors| {
                    ::kipo::Validate::validate(&self.items, errors);
                },
            );
    }
}
#[derive(
    ::kipo::__private::serde::Serialize,
    ::kipo::__private::serde::Deserialize,
    ::kipo::__private::schemars::JsonSchema
)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
pub struct Name(#[validate(length(min = 1, max = 20))] String);
impl ::kipo::Validate for Name {
    fn validate(&self, errors: &mut ::kipo::__private::FieldErrors) {
        errors
            .check(
                "",
                ::kipo::__private::rules::length(
                    &self.0,
                    ::core::option::Option::Some(1),
                    ::core::option::Option::Some(20),
                ),
            );
    }
}
