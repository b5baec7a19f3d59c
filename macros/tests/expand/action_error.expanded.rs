/// What stops a transfer.
enum TransferError {
    /// The account has less than that.
    #[error(status = 409, message = "{missing} more is needed")]
    InsufficientFunds { missing: u32, accounts: Vec<String> },
    #[error(status = 403, code = "account.frozen")]
    Frozen,
    #[error(status = 402, message = "the fee is {0}")]
    Fee(Money),
    #[error(status = 503)]
    Bank { name: String, #[source] cause: BankFailure },
    #[error(status = 500)]
    Store(#[from] StoreFailure),
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error(transparent)]
    Other(#[from] kipo::Error),
}
const _: () = {
    use ::kipo::__private::NoWay as _;
    #[derive(
        ::kipo::__private::serde::Serialize,
        ::kipo::__private::schemars::JsonSchema
    )]
    #[serde(
        crate = "::kipo::__private::serde",
        bound(
            serialize = "for<'__b> u32: ::kipo::__private::serde::Serialize, for<'__b> Vec < String >: ::kipo::__private::serde::Serialize"
        )
    )]
    #[schemars(
        crate = "::kipo::__private::schemars",
        inline,
        bound = "for<'__b> u32: ::kipo::__private::schemars::JsonSchema, for<'__b> Vec < String >: ::kipo::__private::schemars::JsonSchema"
    )]
    struct __InsufficientFunds<'__event> {
        missing: &'__event u32,
        accounts: &'__event Vec<String>,
    }
    #[derive(
        ::kipo::__private::serde::Serialize,
        ::kipo::__private::schemars::JsonSchema
    )]
    #[serde(
        crate = "::kipo::__private::serde",
        bound(serialize = "for<'__b> String: ::kipo::__private::serde::Serialize")
    )]
    #[schemars(
        crate = "::kipo::__private::schemars",
        inline,
        bound = "for<'__b> String: ::kipo::__private::schemars::JsonSchema"
    )]
    struct __Bank<'__event> {
        name: &'__event String,
    }
    const _: () = ::kipo::__private::outgoing::<u32>();
    const _: () = ::kipo::__private::outgoing::<Vec<String>>();
    const _: () = ::kipo::__private::outgoing::<Money>();
    const _: () = ::kipo::__private::outgoing::<String>();
    impl ::kipo::ActionError for TransferError {
        const NAME: &'static str = "TransferError";
        const DOC: &'static str = "What stops a transfer.";
        fn into_error(self) -> ::kipo::Error {
            let message = ::std::string::ToString::to_string(&self);
            let mut out = ::std::vec::Vec::new();
            let written = {
                let out = &mut out;
                match &self {
                    Self::InsufficientFunds { missing: field_0, accounts: field_1 } => {
                        ::kipo::__private::Way::<__InsufficientFunds>::OF
                            .write(
                                &__InsufficientFunds {
                                    missing: field_0,
                                    accounts: field_1,
                                },
                                out,
                            )
                    }
                    Self::Fee(data) => {
                        ::kipo::__private::Way::<Money>::OF.write(data, out)
                    }
                    Self::Bank { name: field_0, .. } => {
                        ::kipo::__private::Way::<__Bank>::OF
                            .write(&__Bank { name: field_0 }, out)
                    }
                    _ => ::core::result::Result::Ok(()),
                }
            };
            match self {
                Self::InsufficientFunds { .. } => {
                    ::kipo::__private::typed_error(
                        409u16,
                        "insufficient_funds",
                        message,
                        ::core::option::Option::Some(written.map(|()| out)),
                    )
                }
                Self::Frozen { .. } => {
                    ::kipo::__private::typed_error(
                        403u16,
                        "account.frozen",
                        message,
                        ::core::option::Option::None,
                    )
                }
                Self::Fee { .. } => {
                    ::kipo::__private::typed_error(
                        402u16,
                        "fee",
                        message,
                        ::core::option::Option::Some(written.map(|()| out)),
                    )
                }
                Self::Bank { cause: source, .. } => {
                    ::kipo::__private::typed_error(
                            503u16,
                            "bank",
                            message,
                            ::core::option::Option::Some(written.map(|()| out)),
                        )
                        .with_source(source)
                }
                Self::Store { 0: source, .. } => {
                    ::kipo::__private::typed_error(
                            500u16,
                            "store",
                            message,
                            ::core::option::Option::None,
                        )
                        .with_source(source)
                }
                Self::Limit(error) => ::kipo::ActionError::into_error(error),
                Self::Other(error) => ::kipo::ActionError::into_error(error),
            }
        }
        fn from_error(error: ::kipo::Error) -> Self {
            Self::Other(error)
        }
        fn variants(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::std::vec::Vec<::kipo::__private::ErrorVariant> {
            let _ = &generator;
            let mut all = ::std::vec::Vec::new();
            all.push(::kipo::__private::ErrorVariant {
                status: 409u16,
                code: "insufficient_funds",
                doc: "The account has less than that.",
                data: ::core::option::Option::Some(
                    ::kipo::__private::Way::<__InsufficientFunds<'static>>::OF
                        .describe(generator),
                ),
            });
            all.push(::kipo::__private::ErrorVariant {
                status: 403u16,
                code: "account.frozen",
                doc: "",
                data: ::core::option::Option::None,
            });
            all.push(::kipo::__private::ErrorVariant {
                status: 402u16,
                code: "fee",
                doc: "",
                data: ::core::option::Option::Some(
                    ::kipo::__private::Way::<Money>::OF.describe(generator),
                ),
            });
            all.push(::kipo::__private::ErrorVariant {
                status: 503u16,
                code: "bank",
                doc: "",
                data: ::core::option::Option::Some(
                    ::kipo::__private::Way::<__Bank<'static>>::OF.describe(generator),
                ),
            });
            all.push(::kipo::__private::ErrorVariant {
                status: 500u16,
                code: "store",
                doc: "",
                data: ::core::option::Option::None,
            });
            all.extend(::kipo::__private::variants::<LimitError>(generator));
            all.extend(::kipo::__private::variants::<kipo::Error>(generator));
            all
        }
    }
};
impl ::core::fmt::Display for TransferError {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match self {
            Self::InsufficientFunds { missing, .. } => {
                ::core::write!(f, "{missing} more is needed")
            }
            Self::Frozen { .. } => f.write_str("account frozen"),
            Self::Fee(data) => ::core::write!(f, "the fee is {0}", data),
            Self::Bank { .. } => f.write_str("bank"),
            Self::Store { .. } => f.write_str("store"),
            Self::Limit(error) => ::core::fmt::Display::fmt(error, f),
            Self::Other(error) => ::core::fmt::Display::fmt(error, f),
        }
    }
}
impl ::core::convert::From<StoreFailure> for TransferError {
    fn from(error: StoreFailure) -> Self {
        Self::Store { 0: error }
    }
}
impl ::core::convert::From<LimitError> for TransferError {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}
impl<__E> ::core::convert::From<__E> for TransferError
where
    ::kipo::Error: ::core::convert::From<__E>,
{
    fn from(error: __E) -> Self {
        Self::Other(::core::convert::From::from(error))
    }
}
enum Never {}
const _: () = {
    use ::kipo::__private::NoWay as _;
    impl ::kipo::ActionError for Never {
        const NAME: &'static str = "Never";
        const DOC: &'static str = "";
        fn into_error(self) -> ::kipo::Error {
            match self {}
        }
        fn variants(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::std::vec::Vec<::kipo::__private::ErrorVariant> {
            let _ = &generator;
            let mut all = ::std::vec::Vec::new();
            all
        }
    }
};
impl ::core::fmt::Display for Never {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match *self {}
    }
}
