pub enum RoomEvent {
    /// Somebody said something.
    Chat(Message),
    /// The stream is up.
    #[serde(rename_all = "camelCase")]
    Connected {
        /// How it is.
        current_status: Status,
        #[serde(skip_serializing_if = "Option::is_none")]
        out: Option<u8>,
    },
    HTTPTick,
    #[event(name = "bye")]
    Closed {},
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
            serialize = "for<'__b> Status: ::kipo::__private::serde::Serialize, for<'__b> Option < u8 >: ::kipo::__private::serde::Serialize"
        )
    )]
    #[schemars(
        crate = "::kipo::__private::schemars",
        inline,
        bound = "for<'__b> Status: ::kipo::__private::schemars::JsonSchema, for<'__b> Option < u8 >: ::kipo::__private::schemars::JsonSchema"
    )]
    #[serde(rename_all = "camelCase")]
    struct __Connected<'__event> {
        /// How it is.
        current_status: &'__event Status,
        #[serde(skip_serializing_if = "Option::is_none")]
        out: &'__event Option<u8>,
    }
    #[derive(
        ::kipo::__private::serde::Serialize,
        ::kipo::__private::schemars::JsonSchema
    )]
    #[serde(crate = "::kipo::__private::serde")]
    #[schemars(crate = "::kipo::__private::schemars", inline)]
    struct __Closed {}
    const _: () = ::kipo::__private::outgoing::<Message>();
    const _: () = ::kipo::__private::outgoing::<Status>();
    const _: () = ::kipo::__private::outgoing::<Option<u8>>();
    impl ::kipo::Event for RoomEvent {
        fn name(&self) -> &'static str {
            match self {
                Self::Chat { .. } => "chat",
                Self::Connected { .. } => "connected",
                Self::HTTPTick { .. } => "http_tick",
                Self::Closed { .. } => "bye",
            }
        }
        fn write_data(
            &self,
            out: &mut ::std::vec::Vec<u8>,
        ) -> ::kipo::__private::serde_json::Result<()> {
            match self {
                Self::Chat(data) => {
                    ::kipo::__private::Way::<Message>::OF.write(data, out)
                }
                Self::Connected { current_status: field_0, out: field_1 } => {
                    ::kipo::__private::Way::<__Connected>::OF
                        .write(
                            &__Connected {
                                current_status: field_0,
                                out: field_1,
                            },
                            out,
                        )
                }
                Self::HTTPTick { .. } => ::kipo::__private::Way::<()>::OF.write(&(), out),
                Self::Closed {} => {
                    ::kipo::__private::Way::<__Closed>::OF.write(&__Closed {}, out)
                }
            }
        }
        fn describe(
            generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::std::vec::Vec<::kipo::__private::EventType> {
            ::std::vec![
                ::kipo::__private::EventType { name : "chat", doc :
                "Somebody said something.", data : ::kipo::__private::Way:: < Message >
                ::OF.describe(generator) }, ::kipo::__private::EventType { name :
                "connected", doc : "The stream is up.", data : ::kipo::__private::Way:: <
                __Connected < 'static > > ::OF.describe(generator) },
                ::kipo::__private::EventType { name : "http_tick", doc : "", data :
                ::kipo::__private::Way:: < () > ::OF.describe(generator) },
                ::kipo::__private::EventType { name : "bye", doc : "", data :
                ::kipo::__private::Way:: < __Closed > ::OF.describe(generator) }
            ]
        }
    }
};
const _: () = {
    #[derive(::kipo::__private::serde::Deserialize)]
    #[serde(
        crate = "::kipo::__private::serde",
        bound(
            deserialize = "Status: ::kipo::__private::serde::Deserialize<'de>, Option < u8 >: ::kipo::__private::serde::Deserialize<'de>"
        )
    )]
    #[serde(rename_all = "camelCase")]
    struct __Connected {
        /// How it is.
        current_status: Status,
        #[serde(skip_serializing_if = "Option::is_none")]
        out: Option<u8>,
    }
    #[derive(::kipo::__private::serde::Deserialize)]
    #[serde(crate = "::kipo::__private::serde", bound(deserialize = ""))]
    struct __Closed {}
    impl ::kipo::DecodeEvent for RoomEvent
    where
        for<'__b> Message: ::kipo::__private::Decodable,
        for<'__b> Status: ::kipo::__private::Decodable,
        for<'__b> Option<u8>: ::kipo::__private::Decodable,
    {
        fn decode(
            name: &str,
            data: &str,
        ) -> ::kipo::__private::serde_json::Result<Self> {
            match name {
                "chat" => {
                    ::kipo::__private::serde_json::from_str::<Message>(data)
                        .map(Self::Chat)
                }
                "connected" => {
                    ::kipo::__private::serde_json::from_str::<__Connected>(data)
                        .map(|__Connected { current_status: field_0, out: field_1 }| Self::Connected {
                            current_status: field_0,
                            out: field_1,
                        })
                }
                "http_tick" => ::core::result::Result::Ok(Self::HTTPTick {}),
                "bye" => {
                    ::kipo::__private::serde_json::from_str::<__Closed>(data)
                        .map(|__Closed {}| Self::Closed {})
                }
                _ => {
                    ::core::result::Result::Err(
                        <::kipo::__private::serde_json::Error as ::kipo::__private::serde::de::Error>::unknown_variant(
                            name,
                            &["chat", "connected", "http_tick", "bye"],
                        ),
                    )
                }
            }
        }
    }
};
pub enum Never {}
const _: () = {
    impl ::kipo::Event for Never {
        fn name(&self) -> &'static str {
            match *self {}
        }
        fn write_data(
            &self,
            _out: &mut ::std::vec::Vec<u8>,
        ) -> ::kipo::__private::serde_json::Result<()> {
            match *self {}
        }
        fn describe(
            _generator: &mut ::kipo::__private::schemars::SchemaGenerator,
        ) -> ::std::vec::Vec<::kipo::__private::EventType> {
            ::std::vec![]
        }
    }
};
const _: () = {
    impl ::kipo::DecodeEvent for Never {
        fn decode(
            name: &str,
            _data: &str,
        ) -> ::kipo::__private::serde_json::Result<Self> {
            match name {
                _ => {
                    ::core::result::Result::Err(
                        <::kipo::__private::serde_json::Error as ::kipo::__private::serde::de::Error>::unknown_variant(
                            name,
                            &[],
                        ),
                    )
                }
            }
        }
    }
};
