/// Stores files.
#[action]
async fn store(
    title: String,
    #[validate(file(bytes_max = 5 << 20, types("image/*", "application/pdf")))] letter: Upload,
    stamp: Option<UploadTo<Bucket>>,
    #[validate(length(max = 3), file(bytes_min = 1))] photos: Vec<Upload>,
) -> Result<()> {
    Ok(())
}
