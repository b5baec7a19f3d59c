#[data]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Shape {
    Circle {
        #[validate(range(min = 0.0))]
        outer_radius: f64,
        errors: u8,
    },
    Polygon(#[validate(length(min = 3), nested)] Vec<Point>),
    Line(#[validate(nested)] Point, #[validate(nested)] Point),
    Nothing,
}

#[data]
#[serde(tag = "kind", content = "of")]
pub enum Tagged {
    Text {
        #[validate(email)]
        out: String,
    },
}
