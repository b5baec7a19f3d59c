#[action(limits = FEW, cache = OutputCache::for_secs(60).public())]
async fn count(board: u32) -> Result<u32> {
    Ok(board)
}

#[action(limits = FEW.concurrent_max(2))]
async fn watch(out: EventStream<Tick>) -> Result<()> {
    out.send(Tick).await
}
