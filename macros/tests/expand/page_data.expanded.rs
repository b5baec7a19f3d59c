async fn post(
    pages: PageContext,
    db: State<Database>,
    cx: String,
    slug: String,
) -> Result<Post> {
    db.post(pages, slug, cx).await
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::PageRegistration { page : "blog/[slug]/[...cx]", module :
    ::core::module_path!(), file : ::core::file!(), line : ::core::line!(), params : &
    ["slug", "cx"], states : & [::kipo::__private::StateNeed::of:: < Database > ()],
    public : false, guard : ::core::option::Option::None, values : & [], cache :
    ::core::option::Option::None, data : | cx | ::std::boxed::Box::pin(async move { let
    argument_1 = cx.state:: < Database > () ?; let argument_2 = cx.param:: < String >
    ("cx") ?; let argument_3 = cx.param:: < String > ("slug") ?;
    ::kipo::__private::PageData::of(& post(cx, argument_1, argument_2, argument_3). await
    ?) }), }
}
async fn first() -> Result<First> {
    Ok(First)
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::PageRegistration { page : "index", module :
    ::core::module_path!(), file : ::core::file!(), line : ::core::line!(), params : &
    [], states : & [], public : false, guard : ::core::option::Option::None, values : &
    [], cache : ::core::option::Option::None, data : | _cx | ::std::boxed::Box::pin(async
    move { ::kipo::__private::PageData::of(& first(). await ?) }), }
}
async fn orders(query: Query<Filter>) -> Result<Orders> {
    Ok(Orders::of(&query).await)
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::PageRegistration { page : "account/orders", module :
    ::core::module_path!(), file : ::core::file!(), line : ::core::line!(), params : &
    [], states : & [], public : false, guard : ::core::option::Option::Some(|| {
    #[allow(unused_imports)] use ::kipo::__private::GuardValue as _;
    #[allow(unused_imports)] use ::kipo::__private::guard_name:: *; use MembersOnly as
    __Guard; ::kipo::__private::GuardType:: < __Guard > ::OF.requirement(const { &
    __Guard }) }), values : & [], cache :
    ::core::option::Option::Some(::kipo::Cache::private(::core::time::Duration::from_secs(300u64))),
    data : | cx | ::std::boxed::Box::pin(async move { let argument_0 = cx.query:: <
    Filter > () ?; ::kipo::__private::PageData::of(& orders(::kipo::Query(argument_0)).
    await ?) }), }
}
