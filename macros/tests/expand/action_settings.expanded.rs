#[derive(::kipo::__private::serde::Deserialize)]
#[serde(
    crate = "::kipo::__private::serde",
    bound(deserialize = "u32: ::kipo::__private::serde::Deserialize<'de>")
)]
///The input of `count`.
struct Count {
    board: u32,
}
const _: () = {
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "Count",
        bound = "for<'__b> u32: ::kipo::__private::schemars::JsonSchema"
    )]
    ///The input of `count`.
    #[schemars(description = "")]
    struct __Described<'__a> {
        board: u32,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    impl ::kipo::__private::Input for Count {
        type Body = Self;
        type Values = ();
        const FIELDS: &'static [::kipo::__private::Field] = &[
            ::kipo::__private::Field::new::<u32>("board"),
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
async fn count(board: u32) -> Result<u32> {
    Ok(board)
}
impl ::kipo::Action<<Result<u32> as ::kipo::__private::IntoOutput>::Error> for Count {
    type Output = u32;
    const LIMITS: ::kipo::Limits = FEW;
    const CACHE: ::kipo::OutputCache<Self> = OutputCache::for_secs(60).public();
    async fn call(
        self,
        _cx: ::kipo::Context,
    ) -> ::kipo::Result<u32, <Result<u32> as ::kipo::__private::IntoOutput>::Error> {
        ::kipo::__private::IntoOutput::result(count(self.board).await)
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Count", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : false,
    guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Count, _ >, }
}
#[derive(::kipo::__private::serde::Deserialize, ::kipo::__private::schemars::JsonSchema)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
///The input of `watch`.
#[schemars(description = "")]
struct Watch {}
impl ::kipo::__private::Input for Watch {
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
async fn watch(out: EventStream<Tick>) -> Result<()> {
    out.send(Tick).await
}
impl ::kipo::StreamAction<<Result<()> as ::kipo::__private::IntoOutput>::Error>
for Watch {
    type Event = Tick;
    type Output = ();
    const LIMITS: ::kipo::Limits = FEW.concurrent_max(2);
    async fn stream(
        self,
        _cx: ::kipo::Context,
        out: ::kipo::EventStream<Tick>,
    ) -> ::kipo::Result<(), <Result<()> as ::kipo::__private::IntoOutput>::Error> {
        ::kipo::__private::IntoOutput::result(watch(out).await)
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Watch", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : false,
    guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Watch, _ >, }
}
