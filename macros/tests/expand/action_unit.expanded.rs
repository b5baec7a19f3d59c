/// Streams the room, from where this client left off.
pub struct Listen;
const _: () = {
    #[derive(
        ::kipo::__private::serde::Deserialize,
        ::kipo::__private::schemars::JsonSchema
    )]
    #[serde(crate = "::kipo::__private::serde", rename = "Listen")]
    #[schemars(
        crate = "::kipo::__private::schemars",
        description = "Streams the room, from where this client left off."
    )]
    struct __Empty {}
    impl ::kipo::__private::Input for Listen {
        type Body = Self;
        type Values = ();
        const FIELDS: &'static [::kipo::__private::Field] = &[];
        fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
            deserializer: __D,
        ) -> ::core::result::Result<Self, __D::Error> {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Empty>::OF
                .read(deserializer)
                .map(|__Empty {}| Self {})
        }
        fn assemble(body: Self, (): ()) -> Self {
            body
        }
        fn describe(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::kipo::__private::schemars::Schema {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Empty>::OF.describe(generator)
        }
    }
};
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Listen", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc :
    "Streams the room, from where this client left off.", states : & [], public : false,
    guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Listen, _ >, }
}
