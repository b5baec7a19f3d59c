//! `upload.Store`

use kipo::{Action, Context, Limits, Result, Upload, action, data};

/// Takes a file, and says what arrived. It stores nothing.
#[action]
pub struct Store {
    #[validate(file(bytes_max = 20 << 20))]
    file: Upload,
}

/// What arrived.
#[data]
pub struct Arrived {
    name: String,
    /// What the first bytes show, or what the sender says.
    content_type: String,
    size: u64,
    sha256: String,
}

impl Action for Store {
    type Output = Arrived;

    const LIMITS: Limits = Limits::new().upload_bytes_max(21 << 20);

    async fn call(self, _cx: Context) -> Result<Arrived> {
        let Self { file } = self;
        Ok(Arrived {
            name: file.name().to_owned(),
            content_type: file.content_type().to_owned(),
            size: file.size(),
            sha256: file.sha256_hex().await?,
        })
    }
}
