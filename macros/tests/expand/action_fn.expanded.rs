#[derive(::kipo::__private::serde::Deserialize)]
#[serde(
    crate = "::kipo::__private::serde",
    bound(
        deserialize = "i64: ::kipo::__private::serde::Deserialize<'de>, Option < String >: ::kipo::__private::serde::Deserialize<'de>"
    )
)]
/// Takes an entry off the list.
pub struct DeleteEntry {
    /// Which one.
    id: i64,
    #[serde(default)]
    reason: Option<String>,
}
const _: () = {
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "DeleteEntry",
        bound = "for<'__b> i64: ::kipo::__private::schemars::JsonSchema, for<'__b> Option < String >: ::kipo::__private::schemars::JsonSchema"
    )]
    /// Takes an entry off the list.
    struct __Described<'__a> {
        /// Which one.
        #[validate(range(min = 1))]
        id: i64,
        #[serde(default)]
        reason: Option<String>,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    impl ::kipo::__private::Input for DeleteEntry {
        type Body = Self;
        type Values = ();
        const FIELDS: &'static [::kipo::__private::Field] = &[
            ::kipo::__private::Field::new::<i64>("id"),
            ::kipo::__private::Field::new::<Option<String>>("reason").defaulted(),
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
        fn validate(&self, errors: &mut ::kipo::__private::FieldErrors) {
            errors
                .check(
                    "id",
                    ::kipo::__private::rules::range(
                        &self.id,
                        ::core::option::Option::Some(1),
                        ::core::option::Option::None,
                    ),
                );
        }
    }
};
/// Takes an entry off the list.
pub async fn delete_entry(
    cx: Context,
    db: State<Database>,
    id: i64,
    mut reason: Option<String>,
) -> Result<()> {
    reason.get_or_insert_default();
    db.delete(cx, id, reason).await
}
impl ::kipo::Action<<Result<()> as ::kipo::__private::IntoOutput>::Error>
for DeleteEntry {
    type Output = ();
    async fn call(
        self,
        cx: ::kipo::Context,
    ) -> ::kipo::Result<(), <Result<()> as ::kipo::__private::IntoOutput>::Error> {
        let state_1 = match ::kipo::__private::argument(cx.state::<Database>()) {
            ::core::result::Result::Ok(state_1) => state_1,
            ::core::result::Result::Err(error) => {
                return ::core::result::Result::Err(error);
            }
        };
        ::kipo::__private::IntoOutput::result(
            delete_entry(cx, state_1, self.id, self.reason).await,
        )
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "DeleteEntry", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "Takes an entry off the list.", states
    : & [::kipo::__private::StateNeed::of:: < Database > ()], public : false, guard :
    ::core::option::Option::None, values : & [], endpoint : ::kipo::__private::endpoint::
    < DeleteEntry, _ >, }
}
#[derive(::kipo::__private::serde::Deserialize, ::kipo::__private::schemars::JsonSchema)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
///The input of `ping`.
#[schemars(description = "")]
struct Ping {}
impl ::kipo::__private::Input for Ping {
    type Body = Self;
    type Values = ();
    const FIELDS: &'static [::kipo::__private::Field] = &[];
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
        ::kipo::__private::Way::<Self>::OF.describe(generator)
    }
}
async fn ping() -> Result<u8> {
    Ok(1)
}
impl ::kipo::Action<<Result<u8> as ::kipo::__private::IntoOutput>::Error> for Ping {
    type Output = u8;
    async fn call(
        self,
        _cx: ::kipo::Context,
    ) -> ::kipo::Result<u8, <Result<u8> as ::kipo::__private::IntoOutput>::Error> {
        ::kipo::__private::IntoOutput::result(ping().await)
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Ping", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : false,
    guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Ping, _ >, }
}
