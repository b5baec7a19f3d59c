/// Moves a card to another column.
#[derive(Debug)]
pub struct MoveCard {
    /// Who asks.
    user: User,
    /// Which one.
    card_id: CardId,
    db: State<Database>,
    column: u8,
}
const _: () = {
    #[derive(::kipo::__private::serde::Deserialize)]
    #[serde(
        crate = "::kipo::__private::serde",
        bound(
            deserialize = "CardId: ::kipo::__private::serde::Deserialize<'de>, u8: ::kipo::__private::serde::Deserialize<'de>"
        )
    )]
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    /// Moves a card to another column.
    #[serde(rename_all = "camelCase")]
    pub struct __Body {
        /// Which one.
        card_id: CardId,
        column: u8,
    }
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "MoveCard",
        bound = "for<'__b> CardId: ::kipo::__private::schemars::JsonSchema, for<'__b> u8: ::kipo::__private::schemars::JsonSchema"
    )]
    #[doc(hidden)]
    /// Moves a card to another column.
    #[serde(rename_all = "camelCase")]
    struct __Described<'__a> {
        /// Which one.
        card_id: CardId,
        #[validate(range(min = 1))]
        column: u8,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __Values {
        user: User,
        db: State<Database>,
    }
    impl ::kipo::__private::Values for __Values {
        async fn take(cx: &::kipo::Context) -> ::kipo::Result<Self> {
            use ::kipo::__private::NoWay as _;
            ::core::result::Result::Ok(Self {
                user: ::kipo::__private::Way::<User>::OF.take(cx).await?,
                db: ::kipo::__private::Way::<State<Database>>::OF.take(cx).await?,
            })
        }
    }
    impl ::kipo::__private::Input for MoveCard {
        type Body = __Body;
        type Values = __Values;
        const FIELDS: &'static [::kipo::__private::Field] = {
            use ::kipo::__private::NoWay as _;
            &[
                ::kipo::__private::Field::new::<CardId>("cardId")
                    .with_file(
                        ::kipo::__private::Way::<CardId>::FILE,
                        ::core::option::Option::None,
                    ),
                ::kipo::__private::Field::new::<u8>("column"),
            ]
        };
        fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
            deserializer: __D,
        ) -> ::core::result::Result<__Body, __D::Error> {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Body>::OF.read(deserializer)
        }
        #[allow(deprecated)]
        fn assemble(body: __Body, values: __Values) -> Self {
            Self {
                card_id: body.card_id,
                column: body.column,
                user: values.user,
                db: values.db,
            }
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
                    "column",
                    ::kipo::__private::rules::range(
                        &self.column,
                        ::core::option::Option::Some(1),
                        ::core::option::Option::None,
                    ),
                );
        }
    }
};
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "MoveCard", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "Moves a card to another column.",
    states : & [], public : false, guard : ::core::option::Option::Some(|| {
    #[allow(unused_imports)] use ::kipo::__private::GuardValue as _;
    #[allow(unused_imports)] use ::kipo::__private::guard_name:: *; use Member as
    __Guard; ::kipo::__private::GuardType:: < __Guard > ::OF.requirement(const { &
    __Guard }) }), values : & [::kipo::__private::Requirement::of:: < User > (),
    ::kipo::__private::Requirement::of:: < State < Database > > ()], endpoint :
    ::kipo::__private::endpoint:: < MoveCard, _ >, }
}
struct Purge {
    admin: auth::Admin,
}
const _: () = {
    #[derive(
        ::kipo::__private::serde::Deserialize,
        ::kipo::__private::schemars::JsonSchema
    )]
    #[serde(crate = "::kipo::__private::serde")]
    #[schemars(crate = "::kipo::__private::schemars", rename = "Purge")]
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __Body {}
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __Values {
        admin: auth::Admin,
    }
    impl ::kipo::__private::Values for __Values {
        async fn take(cx: &::kipo::Context) -> ::kipo::Result<Self> {
            use ::kipo::__private::NoWay as _;
            ::core::result::Result::Ok(Self {
                admin: ::kipo::__private::Way::<auth::Admin>::OF.take(cx).await?,
            })
        }
    }
    impl ::kipo::__private::Input for Purge {
        type Body = __Body;
        type Values = __Values;
        const FIELDS: &'static [::kipo::__private::Field] = &[];
        fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
            deserializer: __D,
        ) -> ::core::result::Result<__Body, __D::Error> {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Body>::OF.read(deserializer)
        }
        #[allow(deprecated)]
        fn assemble(body: __Body, values: __Values) -> Self {
            Self { admin: values.admin }
        }
        fn describe(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::kipo::__private::schemars::Schema {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Body>::OF.describe(generator)
        }
    }
};
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Purge", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : false,
    guard : ::core::option::Option::Some(||
    ::kipo::__private::Requirement::admitted_by(const { & Role("admin") })), values : &
    [::kipo::__private::Requirement::of:: < auth::Admin > ()], endpoint :
    ::kipo::__private::endpoint:: < Purge, _ >, }
}
///The input of `greet`.
struct Greet {
    user: Option<User>,
    name: String,
}
const _: () = {
    #[derive(::kipo::__private::serde::Deserialize)]
    #[serde(
        crate = "::kipo::__private::serde",
        bound(deserialize = "String: ::kipo::__private::serde::Deserialize<'de>")
    )]
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    ///The input of `greet`.
    pub struct __Body {
        name: String,
    }
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "Greet",
        bound = "for<'__b> String: ::kipo::__private::schemars::JsonSchema"
    )]
    #[doc(hidden)]
    ///The input of `greet`.
    #[schemars(description = "")]
    struct __Described<'__a> {
        name: String,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    #[doc(hidden)]
    #[allow(missing_debug_implementations, unreachable_pub)]
    pub struct __Values {
        user: Option<User>,
    }
    impl ::kipo::__private::Values for __Values {
        async fn take(cx: &::kipo::Context) -> ::kipo::Result<Self> {
            use ::kipo::__private::NoWay as _;
            ::core::result::Result::Ok(Self {
                user: ::kipo::__private::Way::<Option<User>>::OF.take(cx).await?,
            })
        }
    }
    impl ::kipo::__private::Input for Greet {
        type Body = __Body;
        type Values = __Values;
        const FIELDS: &'static [::kipo::__private::Field] = &[
            ::kipo::__private::Field::new::<String>("name"),
        ];
        fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
            deserializer: __D,
        ) -> ::core::result::Result<__Body, __D::Error> {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Body>::OF.read(deserializer)
        }
        #[allow(deprecated)]
        fn assemble(body: __Body, values: __Values) -> Self {
            Self {
                name: body.name,
                user: values.user,
            }
        }
        fn describe(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::kipo::__private::schemars::Schema {
            use ::kipo::__private::NoWay as _;
            ::kipo::__private::Way::<__Described<'static>>::OF.describe(generator)
        }
    }
};
const _: () = {
    #[allow(unused_imports)]
    use ::kipo::__private::NoWay as _;
    ::kipo::__private::public(::kipo::__private::Way::<Option<User>>::IS_PROOF)
};
async fn greet(user: Option<User>, name: String) -> Result<String> {
    Ok(hello(user, name))
}
impl ::kipo::Action<<Result<String> as ::kipo::__private::IntoOutput>::Error> for Greet {
    type Output = String;
    async fn call(
        self,
        _cx: ::kipo::Context,
    ) -> ::kipo::Result<
        String,
        <Result<String> as ::kipo::__private::IntoOutput>::Error,
    > {
        ::kipo::__private::IntoOutput::result(greet(self.user, self.name).await)
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Greet", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], public : true,
    guard : ::core::option::Option::None, values : &
    [::kipo::__private::Requirement::of:: < Option < User > > ()], endpoint :
    ::kipo::__private::endpoint:: < Greet, _ >, }
}
