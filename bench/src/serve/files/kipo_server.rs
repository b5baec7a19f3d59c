//! A form and a file as actions.

use kipo::{Action, Context, Limits, Result, Upload, action, data};

use super::FILE_BYTES_MAX;

/// Ten fields.
#[action(name = "bench.Form")]
struct Form {
    id: u64,
    name: String,
    email: String,
    street: String,
    city: String,
    zip: String,
    age: u8,
    amount: f64,
    newsletter: bool,
    note: Option<String>,
}

#[data]
struct Received {
    id: u64,
    name: String,
    email: String,
    street: String,
    city: String,
    zip: String,
    age: u8,
    amount: f64,
    newsletter: bool,
    note: Option<String>,
}

impl Action for Form {
    type Output = Received;

    async fn call(self, _cx: Context) -> Result<Received> {
        let Self { id, name, email, street, city, zip, age, amount, newsletter, note } = self;
        Ok(Received { id, name, email, street, city, zip, age, amount, newsletter, note })
    }
}

/// One file. With its type, which the other side does not look for.
#[action(name = "bench.Upload")]
struct Store {
    file: Upload,
}

impl Action for Store {
    type Output = u64;

    const LIMITS: Limits = Limits::new()
        .file_bytes_max(FILE_BYTES_MAX as u64)
        .upload_bytes_max(FILE_BYTES_MAX as u64 + 1_000);

    async fn call(self, _cx: Context) -> Result<u64> {
        Ok(self.file.size())
    }
}
