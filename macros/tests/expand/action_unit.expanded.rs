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
    impl<'__de> ::kipo::__private::serde::Deserialize<'__de> for Listen {
        fn deserialize<__D: ::kipo::__private::serde::Deserializer<'__de>>(
            deserializer: __D,
        ) -> ::core::result::Result<Self, __D::Error> {
            let __Empty {} = ::kipo::__private::serde::Deserialize::deserialize(
                deserializer,
            )?;
            ::core::result::Result::Ok(Self {})
        }
    }
    impl ::kipo::__private::schemars::JsonSchema for Listen {
        fn schema_name() -> ::std::borrow::Cow<'static, str> {
            ::std::borrow::Cow::Borrowed("Listen")
        }
        fn schema_id() -> ::std::borrow::Cow<'static, str> {
            ::std::borrow::Cow::Borrowed(
                ::core::concat!(::core::module_path!(), "::", "Listen"),
            )
        }
        fn json_schema(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::kipo::__private::schemars::Schema {
            <__Empty as ::kipo::__private::schemars::JsonSchema>::json_schema(generator)
        }
    }
};
impl ::kipo::__private::Input for Listen {
    const FIELDS: &'static [::kipo::__private::Field] = &[];
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Listen", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc :
    "Streams the room, from where this client left off.", states : & [], endpoint :
    ::kipo::__private::endpoint:: < Listen, _ >, }
}
