//! A form and a file by hand: each chunk of the file is written to a temporary file as it arrives.

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Multipart};
use axum::http::StatusCode;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::FILE_BYTES_MAX;

#[derive(Deserialize, Serialize)]
struct Ten {
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

pub(in crate::serve) fn routes() -> Router {
    Router::new()
        .route("/form", post(form))
        .route("/upload", post(upload).layer(DefaultBodyLimit::max(FILE_BYTES_MAX)))
}

async fn form(Form(ten): Form<Ten>) -> Json<Ten> {
    Json(ten)
}

async fn upload(mut form: Multipart) -> Result<Json<u64>, StatusCode> {
    let mut bytes = 0;
    while let Some(mut field) = form.next_field().await.map_err(|_| StatusCode::BAD_REQUEST)? {
        let temporary = NamedTempFile::new().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let file = temporary.reopen().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let mut file = File::from_std(file);
        while let Some(chunk) = field.chunk().await.map_err(|_| StatusCode::BAD_REQUEST)? {
            bytes += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        }
        file.flush().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    }
    Ok(Json(bytes))
}
