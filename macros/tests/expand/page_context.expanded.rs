async fn board(cx: PageContext, user: User, id: u32) -> Result<Board> {
    user.board(cx, id).await
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::PageRegistration { page : "boards/[id]", module :
    ::core::module_path!(), file : ::core::file!(), line : ::core::line!(), params : &
    ["id"], states : & [], public : false, guard : ::core::option::Option::None, values :
    & [::kipo::__private::Requirement::of:: < User > ()], cache :
    ::core::option::Option::None, data : | cx | ::std::boxed::Box::pin(async move { use
    ::kipo::__private::NoWay as _; let argument_1 = ::kipo::__private::Way:: < User >
    ::OF.take(& cx). await ?; let argument_2 = cx.param:: < u32 > ("id") ?;
    ::kipo::__private::PageData::of(& board(cx, argument_1, argument_2). await ?) }), }
}
async fn login(ip: ClientIp) -> Result<()> {
    limit(ip).await
}
const _: () = {
    #[allow(unused_imports)]
    use ::kipo::__private::NoWay as _;
    ::kipo::__private::public(::kipo::__private::Way::<ClientIp>::IS_PROOF)
};
::kipo::__private::inventory::submit! {
    ::kipo::__private::PageRegistration { page : "login", module :
    ::core::module_path!(), file : ::core::file!(), line : ::core::line!(), params : &
    [], states : & [], public : true, guard : ::core::option::Option::None, values : &
    [::kipo::__private::Requirement::of:: < ClientIp > ()], cache :
    ::core::option::Option::None, data : | cx | ::std::boxed::Box::pin(async move { use
    ::kipo::__private::NoWay as _; let argument_0 = ::kipo::__private::Way:: < ClientIp >
    ::OF.take(& cx). await ?; ::kipo::__private::PageData::of(& login(argument_0). await
    ?) }), }
}
