#[action(name = "count.Down")]
async fn countdown(from: u32, out: EventStream<Tick>) -> Result<()> {
    for n in 0..from {
        out.send(Tick::Count(n)).await?;
    }
    Ok(())
}
