#[derive(::kipo::__private::serde::Deserialize)]
#[serde(
    crate = "::kipo::__private::serde",
    bound(deserialize = "u32: ::kipo::__private::serde::Deserialize<'de>")
)]
///The input of `countdown`.
struct Countdown {
    from: u32,
}
const _: () = {
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "Countdown",
        bound = "for<'__b> u32: ::kipo::__private::schemars::JsonSchema"
    )]
    ///The input of `countdown`.
    #[schemars(description = "")]
    struct __Described<'__a> {
        from: u32,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    impl ::kipo::__private::Input for Countdown {
        type Body = Self;
        type Values = ();
        const FIELDS: &'static [::kipo::__private::Field] = &[
            ::kipo::__private::Field::new::<u32>("from"),
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
async fn countdown(from: u32, out: EventStream<Tick>) -> Result<()> {
    for n in 0..from {
        out.send(Tick::Count(n)).await?;
    }
    Ok(())
}
impl ::kipo::StreamAction<<Result<()> as ::kipo::__private::IntoOutput>::Error>
for Countdown {
    type Event = Tick;
    type Output = ();
    async fn stream(
        self,
        _cx: ::kipo::Context,
        out: ::kipo::EventStream<Tick>,
    ) -> ::kipo::Result<(), <Result<()> as ::kipo::__private::IntoOutput>::Error> {
        ::kipo::__private::IntoOutput::result(countdown(self.from, out).await)
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Countdown", name :
    ::core::option::Option::Some("count.Down"), module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : false,
    guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Countdown, _ >, }
}
