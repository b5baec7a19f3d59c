#[data]
#[validate(custom(function = rules::in_order))]
pub struct Rules {
    #[validate(url)]
    home: Option<String>,
    #[validate(email, contains(pattern = "@example.org"))]
    work: String,
    #[validate(length(min = 1, max = ENTRIES_MAX), custom(function = rules::no_blank_key))]
    by_name: Option<BTreeMap<String, u8>>,
    #[validate(custom(function = |text: &str| rules::even(text)))]
    closure: String,
}

#[data]
pub enum Nulls {
    Never {
        #[serde(skip_serializing_if = "Option::is_none")]
        once: Option<u8>,
    },
    Twice {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        twice: Option<Option<u8>>,
    },
}

#[data]
pub struct Part {
    #[serde(flatten)]
    rest: Option<Rest>,
}
