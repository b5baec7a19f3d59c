#[derive(::kipo::__private::serde::Deserialize, ::kipo::__private::schemars::JsonSchema)]
#[serde(crate = "::kipo::__private::serde")]
#[schemars(crate = "::kipo::__private::schemars")]
///The input of `countdown`.
#[schemars(description = "")]
struct Countdown {
    from: u32,
}
impl ::kipo::__private::Input for Countdown {
    const FIELDS: &'static [::kipo::__private::Field] = &[
        ::kipo::__private::Field::new::<u32>("from"),
    ];
}
async fn countdown(from: u32, out: EventStream<Tick>) -> Result<()> {
    for n in 0..from {
        out.send(Tick::Count(n)).await?;
    }
    Ok(())
}
impl ::kipo::StreamAction for Countdown {
    type Event = Tick;
    type Output = ();
    async fn stream(
        self,
        _cx: ::kipo::Context,
        out: ::kipo::EventStream<Tick>,
    ) -> ::kipo::Result<Self::Output> {
        countdown(self.from, out).await
    }
}
::kipo::__private::inventory::submit! {
    ::kipo::__private::Registration { ident : "Countdown", name :
    ::core::option::Option::Some("count.Down"), module : ::core::module_path!(), file :
    ::core::file!(), line : ::core::line!(), doc : "", states : & [], endpoint :
    ::kipo::__private::endpoint:: < Countdown, _ >, }
}
