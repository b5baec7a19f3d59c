/// Takes the report of a payment.
#[action(method = "PUT")]
async fn paid(#[context] user: User, body: RawBody) -> Result<()> {
    check(user, body)
}

#[action(method = "PATCH")]
struct Sort {
    /// The names.
    #[validate(nested)]
    names: Json<Vec<Name>>,
}

#[action(method = "GET")]
struct Find {
    word: String,
}
