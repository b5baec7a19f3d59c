/// One page of a list.
#[data]
#[derive(Debug, Clone)]
pub struct Page<T> {
    #[validate(nested)]
    pub items: Vec<T>,
    pub next: Option<u64>,
}

#[data]
pub struct Name(#[validate(length(min = 1, max = 20))] String);
