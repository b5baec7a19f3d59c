#[derive(::kipo::__private::serde::Deserialize)]
#[serde(
    crate = "::kipo::__private::serde",
    bound(
        deserialize = "String: ::kipo::__private::serde::Deserialize<'de>, Option < Reference >: ::kipo::__private::serde::Deserialize<'de>, f64: ::kipo::__private::serde::Deserialize<'de>, Author: ::kipo::__private::serde::Deserialize<'de>"
    )
)]
/// Posts one message to the room.
///
/// Everyone in it reads the message.
#[serde(rename_all = "camelCase")]
pub struct Send {
    /// Who says it.
    user_name: String,
    message: String,
    #[serde(rename = "re")]
    reply_to: Option<Reference>,
    #[serde(default)]
    r#type: f64,
    #[serde(flatten)]
    author: Author,
}
const _: () = {
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "Send",
        bound = "for<'__b> String: ::kipo::__private::schemars::JsonSchema, for<'__b> Option < Reference >: ::kipo::__private::schemars::JsonSchema, for<'__b> f64: ::kipo::__private::schemars::JsonSchema, for<'__b> Author: ::kipo::__private::schemars::JsonSchema"
    )]
    /// Posts one message to the room.
    ///
    /// Everyone in it reads the message.
    #[serde(rename_all = "camelCase")]
    #[validate(custom(function = not_a_robot))]
    #[schemars(extend("x-kipo-rule" = "not_a_robot"))]
    struct __Described<'__a> {
        /// Who says it.
        #[validate(length(min = 1, max = 20))]
        user_name: String,
        #[validate(length(max = 500), contains(pattern = "."))]
        message: String,
        #[serde(rename = "re")]
        #[validate(nested)]
        reply_to: Option<Reference>,
        #[serde(default)]
        #[validate(range(min = 0.5))]
        r#type: f64,
        #[serde(flatten)]
        #[validate(nested)]
        author: Author,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    impl ::kipo::__private::Input for Send {
        type Body = Self;
        type Values = ();
        const FIELDS: &'static [::kipo::__private::Field] = {
            use ::kipo::__private::NoWay as _;
            &[
                ::kipo::__private::Field::new::<String>("userName"),
                ::kipo::__private::Field::new::<String>("message"),
                ::kipo::__private::Field::new::<Option<Reference>>("re")
                    .with_file(
                        ::kipo::__private::Way::<Option<Reference>>::FILE,
                        ::core::option::Option::None,
                    ),
                ::kipo::__private::Field::new::<f64>("type").defaulted(),
            ]
        };
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
                    "userName",
                    ::kipo::__private::rules::length(
                        &self.user_name,
                        ::core::option::Option::Some(1),
                        ::core::option::Option::Some(20),
                    ),
                );
            errors
                .check(
                    "message",
                    ::kipo::__private::rules::length(
                        &self.message,
                        ::core::option::Option::None,
                        ::core::option::Option::Some(500),
                    ),
                );
            errors
                .check(
                    "message",
                    ::kipo::__private::rules::contains(&self.message, "."),
                );
            errors
                .within(
                    "re",
                    |errors| {
                        ::kipo::Validate::validate(&self.reply_to, errors);
                    },
                );
            errors
                .check(
                    "type",
                    ::kipo::__private::rules::range(
                        &self.r#type,
                        ::core::option::Option::Some(0.5),
                        ::core::option::Option::None,
                    ),
                );
            ::kipo::Validate::validate(&self.author, errors);
            errors.check("", ::kipo::__private::rules::custom(self, not_a_robot));
        }
    }
};
const _: () = ::kipo::__private::incoming::<Author>();
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Send", name :
    ::core::option::Option::Some("chat.Post"), module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc :
    "Posts one message to the room.\n\nEveryone in it reads the message.", states : &
    [::kipo::__private::StateNeed::of:: < Database > ()], public : false, guard :
    ::core::option::Option::None, values : & [], endpoint : ::kipo::__private::endpoint::
    < Send, _ >, }
}
