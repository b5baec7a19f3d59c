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
    ["slug", "cx"], states : & [::kipo::__private::StateNeed::of:: < Database > ()], data
    : | cx | ::std::boxed::Box::pin(async move { let argument_1 = cx.state:: < Database >
    () ?; let argument_2 = cx.param:: < String > ("cx") ?; let argument_3 = cx.param:: <
    String > ("slug") ?; ::kipo::__private::PageData::of(& post(cx, argument_1,
    argument_2, argument_3). await ?) }), }
}
async fn first() -> Result<First> {
    Ok(First)
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::PageRegistration { page : "index", module :
    ::core::module_path!(), file : ::core::file!(), line : ::core::line!(), params : &
    [], states : & [], data : | _cx | ::std::boxed::Box::pin(async move {
    ::kipo::__private::PageData::of(& first(). await ?) }), }
}
