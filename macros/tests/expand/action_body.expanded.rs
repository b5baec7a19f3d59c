/// Takes the report of a payment.
struct Paid {
    user: User,
    body: RawBody,
}
const _: () = {
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    /// Takes the report of a payment.
    pub struct __Body {
        body: RawBody,
    }
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __Values {
        user: User,
    }
    impl ::kipo::__private::Values for __Values {
        async fn take(cx: &::kipo::Context) -> ::kipo::Result<Self> {
            use ::kipo::__private::NoWay as _;
            ::core::result::Result::Ok(Self {
                user: ::kipo::__private::Way::<User>::OF.take(cx).await?,
            })
        }
    }
    impl ::kipo::__private::Input for Paid {
        type Body = __Body;
        type Values = __Values;
        const METHOD: ::kipo::__private::InputMethod = ::kipo::__private::InputMethod::Put;
        const FORM: ::kipo::__private::BodyForm = ::kipo::__private::BodyForm::Raw;
        fn take_raw(raw: ::kipo::RawBody) -> ::core::option::Option<__Body> {
            ::core::option::Option::Some(__Body { body: raw })
        }
        const FIELDS: &'static [::kipo::__private::Field] = &[];
        fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
            deserializer: __D,
        ) -> ::core::result::Result<__Body, __D::Error> {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<RawBody>::OF
                .read(deserializer)
                .map(|value| __Body { body: value })
        }
        #[allow(deprecated)]
        fn assemble(body: __Body, values: __Values) -> Self {
            Self {
                body: body.body,
                user: values.user,
            }
        }
        fn describe(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::kipo::__private::schemars::Schema {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<RawBody>::OF.describe(generator)
        }
    }
};
/// Takes the report of a payment.
async fn paid(user: User, body: RawBody) -> Result<()> {
    check(user, body)
}
impl ::kipo::Action<<Result<()> as ::kipo::__private::IntoOutput>::Error> for Paid {
    type Output = ();
    async fn call(
        self,
        _cx: ::kipo::Context,
    ) -> ::kipo::Result<(), <Result<()> as ::kipo::__private::IntoOutput>::Error> {
        ::kipo::__private::IntoOutput::result(paid(self.user, self.body).await)
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Paid", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "Takes the report of a payment.",
    states : & [], public : false, guard : ::core::option::Option::None, values : &
    [::kipo::__private::Requirement::of:: < User > ()], endpoint :
    ::kipo::__private::endpoint:: < Paid, _ >, }
}
struct Sort {
    /// The names.
    names: Json<Vec<Name>>,
}
impl ::kipo::__private::Input for Sort {
    type Body = Self;
    type Values = ();
    const METHOD: ::kipo::__private::InputMethod = ::kipo::__private::InputMethod::Patch;
    const FORM: ::kipo::__private::BodyForm = ::kipo::__private::BodyForm::Json;
    const FIELDS: &'static [::kipo::__private::Field] = &[];
    fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
        deserializer: __D,
    ) -> ::core::result::Result<Self, __D::Error> {
        use ::kipo::__private::NoWay as _;
        ::kipo::__private::Way::<Json<Vec<Name>>>::OF
            .read(deserializer)
            .map(|value| Self { names: value })
    }
    fn assemble(body: Self, (): ()) -> Self {
        body
    }
    fn describe(
        generator: &mut ::kipo::__private::schemars::SchemaGenerator,
    ) -> ::kipo::__private::schemars::Schema {
        use ::kipo::__private::NoWay as _;
        ::kipo::__private::Way::<Json<Vec<Name>>>::OF.describe(generator)
    }
    fn validate(&self, errors: &mut ::kipo::__private::FieldErrors) {
        ::kipo::Validate::validate(&self.names, errors);
    }
}
const _: () = ::kipo::__private::incoming::<Json<Vec<Name>>>();
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Sort", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : false,
    guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Sort, _ >, }
}
#[derive(::kipo::__private::serde::Deserialize)]
#[serde(
    crate = "::kipo::__private::serde",
    bound(deserialize = "String: ::kipo::__private::serde::Deserialize<'de>")
)]
struct Find {
    word: String,
}
const _: () = {
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "Find",
        bound = "for<'__b> String: ::kipo::__private::schemars::JsonSchema"
    )]
    struct __Described<'__a> {
        word: String,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    impl ::kipo::__private::Input for Find {
        type Body = Self;
        type Values = ();
        const METHOD: ::kipo::__private::InputMethod = ::kipo::__private::InputMethod::Get;
        const FIELDS: &'static [::kipo::__private::Field] = &[
            ::kipo::__private::Field::new::<String>("word"),
        ];
        fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
            deserializer: __D,
        ) -> ::core::result::Result<Self, __D::Error> {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<Self>::OF.read(deserializer)
        }
        fn assemble(body: Self, (): ()) -> Self {
            body
        }
        fn describe(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::kipo::__private::schemars::Schema {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Described<'static>>::OF.describe(generator)
        }
    }
};
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Find", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : false,
    guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Find, _ >, }
}
