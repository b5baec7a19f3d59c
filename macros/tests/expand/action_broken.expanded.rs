::core::compile_error! {
    "unknown argument `nmae` of `#[action]`: did you mean `name`?"
}
::core::compile_error! {
    "an action has no generic parameters: the browser calls it as `Send`, with types that are known"
}
/// Two mistakes: both are told, and the item is there for the rest of the program.
pub struct Send<T> {
    text: T,
}
impl<T> ::kipo::__private::Input for Send<T>
where
    Self: ::core::marker::Send + 'static,
{
    type Body = Self;
    type Values = ();
    const FIELDS: &'static [::kipo::__private::Field] = &[];
    fn decode<'__de, __D: ::kipo::__private::serde::Deserializer<'__de>>(
        _: __D,
    ) -> ::core::result::Result<Self, __D::Error> {
        ::core::unreachable!()
    }
    fn assemble(body: Self, (): ()) -> Self {
        body
    }
    fn describe(
        _: &mut ::kipo::__private::schemars::SchemaGenerator,
    ) -> ::kipo::__private::schemars::Schema {
        ::core::unreachable!()
    }
}
