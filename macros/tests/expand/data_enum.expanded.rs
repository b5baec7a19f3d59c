#[derive(
    ::kipo::__private::serde::Serialize,
    ::kipo::__private::serde::Deserialize,
    ::kipo::__private::schemars::JsonSchema
)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Shape {
    Circle { #[validate(range(min = 0.0))] outer_radius: f64, errors: u8 },
    Polygon(#[validate(length(min = 3), nested)] Vec<Point>),
    Line(#[validate(nested)] Point, #[validate(nested)] Point),
    Nothing,
}
impl ::kipo::Validate for Shape {
    fn validate(&self, errors: &mut ::kipo::__private::FieldErrors) {
        match self {
            Self::Circle { outer_radius: field_0, .. } => {
                errors
                    .within(
                        "circle",
                        |errors| {
                            errors
                                .check(
                                    "outerRadius",
                                    ::kipo::__private::rules::range(
                                        field_0,
                                        ::core::option::Option::Some(0.0),
                                        ::core::option::Option::None,
                                    ),
                                );
                        },
                    );
            }
            Self::Polygon { 0: field_0, .. } => {
                errors
                    .within(
                        "polygon",
                        |errors| {
                            errors
                                .check(
                                    "",
                                    ::kipo::__private::rules::length(
                                        field_0,
                                        ::core::option::Option::Some(3),
                                        ::core::option::Option::None,
                                    ),
                                );
                            ::kipo::Validate::validate(field_0, errors);
                        },
                    );
            }
            Self::Line { 0: field_0, 1: field_1, .. } => {
                errors
                    .within(
                        "line",
                        |errors| {
                            errors
                                .at(
                                    0usize,
                                    |errors| {
                                        ::kipo::Validate::validate(field_0, errors);
                                    },
                                );
                            errors
                                .at(
                                    1usize,
                                    |errors| {
                                        ::kipo::Validate::validate(field_1, errors);
                                    },
                                );
                        },
                    );
            }
            _ => {}
        }
    }
}
#[derive(
    ::kipo::__private::serde::Serialize,
    ::kipo::__private::serde::Deserialize,
    ::kipo::__private::schemars::JsonSchema
)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
#[serde(tag = "kind", content = "of")]
pub enum Tagged {
    Text {
        #[validate(email)]
        #[schemars(regex(pattern = ::kipo::__private::rules::EMAIL))]
        out: String,
    },
}
impl ::kipo::Validate for Tagged {
    fn validate(&self, errors: &mut ::kipo::__private::FieldErrors) {
        match self {
            Self::Text { out: field_0, .. } => {
                errors
                    .within(
                        "of",
                        |errors| {
                            errors
                                .check("out", ::kipo::__private::rules::email(field_0));
                        },
                    );
            }
        }
    }
}
