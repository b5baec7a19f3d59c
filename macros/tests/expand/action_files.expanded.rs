#[derive(::kipo::__private::serde::Deserialize)]
#[serde(
    crate = "::kipo::__private::serde",
    bound(
        deserialize = "String: ::kipo::__private::serde::Deserialize<'de>, Upload: ::kipo::__private::serde::Deserialize<'de>, Option < UploadTo < Bucket > >: ::kipo::__private::serde::Deserialize<'de>, Vec < Upload >: ::kipo::__private::serde::Deserialize<'de>"
    )
)]
/// Stores files.
struct Store {
    title: String,
    letter: Upload,
    stamp: Option<UploadTo<Bucket>>,
    #[serde(default)]
    photos: Vec<Upload>,
}
const _: () = {
    #[allow(dead_code)]
    #[derive(::kipo::__private::schemars::JsonSchema)]
    #[schemars(
        crate = "::kipo::__private::schemars",
        rename = "Store",
        bound = "for<'__b> String: ::kipo::__private::schemars::JsonSchema, for<'__b> Upload: ::kipo::__private::schemars::JsonSchema, for<'__b> Option < UploadTo < Bucket > >: ::kipo::__private::schemars::JsonSchema, for<'__b> Vec < Upload >: ::kipo::__private::schemars::JsonSchema"
    )]
    /// Stores files.
    struct __Described<'__a> {
        title: String,
        #[validate(file(bytes_max = 5<<20, types("image/*", "application/pdf")))]
        #[schemars(extend("x-kipo-types" = ["image/*", "application/pdf"]))]
        letter: Upload,
        stamp: Option<UploadTo<Bucket>>,
        #[validate(length(max = 3), file(bytes_min = 1))]
        #[serde(default)]
        photos: Vec<Upload>,
        #[schemars(skip)]
        __a: ::core::marker::PhantomData<&'__a ()>,
    }
    impl ::kipo::__private::Input for Store {
        type Body = Self;
        type Values = ();
        const FIELDS: &'static [::kipo::__private::Field] = {
            use ::kipo::__private::NoWay as _;
            &[
                ::kipo::__private::Field::new::<String>("title"),
                ::kipo::__private::Field::new::<Upload>("letter")
                    .with_file(
                        ::kipo::__private::Way::<Upload>::FILE,
                        ::core::option::Option::Some(5 << 20),
                    )
                    .with_file_types(&["image/*", "application/pdf"]),
                ::kipo::__private::Field::new::<Option<UploadTo<Bucket>>>("stamp")
                    .with_file(
                        ::kipo::__private::Way::<Option<UploadTo<Bucket>>>::FILE,
                        ::core::option::Option::None,
                    ),
                ::kipo::__private::Field::new::<Vec<Upload>>("photos")
                    .defaulted()
                    .with_file(
                        ::kipo::__private::Way::<Vec<Upload>>::FILE,
                        ::core::option::Option::None,
                    ),
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
                    "letter",
                    ::kipo::__private::rules::file(
                        &self.letter,
                        ::core::option::Option::None,
                        ::core::option::Option::Some(5 << 20),
                        &["image/*", "application/pdf"],
                    ),
                );
            errors
                .check(
                    "photos",
                    ::kipo::__private::rules::length(
                        &self.photos,
                        ::core::option::Option::None,
                        ::core::option::Option::Some(3),
                    ),
                );
            errors
                .check(
                    "photos",
                    ::kipo::__private::rules::file(
                        &self.photos,
                        ::core::option::Option::Some(1),
                        ::core::option::Option::None,
                        &[],
                    ),
                );
        }
    }
};
/// Stores files.
async fn store(
    title: String,
    letter: Upload,
    stamp: Option<UploadTo<Bucket>>,
    photos: Vec<Upload>,
) -> Result<()> {
    Ok(())
}
impl ::kipo::Action<<Result<()> as ::kipo::__private::IntoOutput>::Error> for Store {
    type Output = ();
    async fn call(
        self,
        _cx: ::kipo::Context,
    ) -> ::kipo::Result<(), <Result<()> as ::kipo::__private::IntoOutput>::Error> {
        ::kipo::__private::IntoOutput::result(
            store(self.title, self.letter, self.stamp, self.photos).await,
        )
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Store", name :
    ::core::option::Option::None, module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "Stores files.", states : & [], public
    : false, guard : ::core::option::Option::None, values : & [], endpoint :
    ::kipo::__private::endpoint:: < Store, _ >, }
}
