//! Uploads that have arrived before the call: `upload:<id>` as the value of a field that is a file.

use bytes::Bytes;
use serde_json::Value;

use crate::{
    action::{
        Bounds, Claims, Context, Encoded, Field, Parts, Sender, StoredFile, UploadId, Uploads,
        Used, size_in_words,
    },
    error::{Code, Error, Result},
};

/// What a reference begins with.
const PREFIX: &str = "upload:";

/// As long as a reference is.
pub(super) const REFERENCE_BYTES: usize = PREFIX.len() + 32;

/// What a request has of uploads that have arrived before.
#[derive(Default)]
pub(crate) struct Referenced {
    pub(crate) claims: Claims,
    /// The output of the call that has used them, if this is the same call again.
    pub(crate) repeated: Option<Encoded>,
    bytes: u64,
    sender: Option<Sender>,
}

impl Referenced {
    /// Claims the upload of a reference. Returns no file if this call has used it before.
    pub(super) async fn claim(
        &mut self,
        cx: &Context,
        action: &str,
        field: &'static Field,
        reference: &str,
        bounds: &Bounds,
    ) -> Result<Option<StoredFile>> {
        let wrong = || Error::invalid(field.name(), "must be a file");
        let setting = field.file().ok_or_else(wrong)?;
        let id = reference.strip_prefix(PREFIX).and_then(|id| id.parse::<UploadId>().ok());
        let id = id.ok_or_else(wrong)?;
        let uploads = cx.state::<Uploads>()?;
        if self.sender.is_none() {
            self.sender = Some(uploads.sender(cx).await);
        }
        let Some(sender) = &self.sender else { return Err(wrong()) };
        let found =
            uploads.resumable().find(id, sender).await.map_err(|error| match error.code() {
                Code::NotFound => Error::invalid(
                    field.name(),
                    "must be an upload that is here: send the file again",
                ),
                _ => error,
            })?;
        match Used::claim(found, action, field.name(), cx.idempotency_key()?).await? {
            Used::Now(claim) => {
                self.bytes = self.bytes.saturating_add(claim.length());
                if self.bytes > bounds.upload_bytes_max {
                    let max = size_in_words(bounds.upload_bytes_max);
                    let message = format!("the files are larger than {max}");
                    return Err(Error::new(Code::PayloadTooLarge, message));
                }
                let file = claim.stored(cx, setting).await?;
                self.claims.push(claim);
                Ok(Some(file))
            }
            Used::Before(json) => {
                self.repeated = Some(Encoded { json });
                Ok(None)
            }
        }
    }
}

/// Claims the uploads that a body without files refers to.
pub(super) async fn claim_all(
    cx: &Context,
    action: &str,
    references: Vec<(&'static Field, String)>,
    bounds: &Bounds,
) -> Result<(Parts, Referenced)> {
    if references.len() > bounds.parts_max {
        let message = format!("the body has more than {} files", bounds.parts_max);
        return Err(Error::new(Code::PayloadTooLarge, message));
    }
    let (mut referenced, mut files) = (Referenced::default(), Vec::new());
    for (field, reference) in references {
        if let Some(file) = referenced.claim(cx, action, field, &reference, bounds).await? {
            files.push((reference, file));
        }
    }
    Ok((Parts::referenced(files), referenced))
}

/// Returns the references in the fields of a JSON body that are files.
pub(super) fn in_json(fields: &'static [Field], body: &Bytes) -> Vec<(&'static Field, String)> {
    // A body that is not valid has its own error.
    let Ok(Value::Object(values)) = serde_json::from_slice(body) else { return Vec::new() };
    let mut references = Vec::new();
    for field in fields.iter().filter(|field| field.file().is_some()) {
        let texts: Vec<&str> = match values.get(field.name()) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        references.extend(of(field, texts));
    }
    references
}

/// Returns the references in the fields of a form that are files.
pub(super) fn in_pairs(fields: &'static [Field], body: &Bytes) -> Vec<(&'static Field, String)> {
    let Ok(pairs) = serde_html_form::from_bytes::<Vec<(String, String)>>(body) else {
        return Vec::new();
    };
    let files = fields.iter().filter(|field| field.file().is_some());
    files
        .flat_map(|field| {
            let own = pairs.iter().filter(|(name, _)| name == field.name());
            of(field, own.map(|(_, value)| value.as_str()).collect())
        })
        .collect()
}

fn of(field: &'static Field, texts: Vec<&str>) -> Vec<(&'static Field, String)> {
    let references = texts.into_iter().filter(|text| text.starts_with(PREFIX));
    references.map(|text| (field, text.to_owned())).collect()
}
