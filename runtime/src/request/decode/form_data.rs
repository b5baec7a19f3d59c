//! Reads a multipart form: its fields into memory, its files to where they are stored.
//!
//! The body is read once, in pieces. Each limit holds while the body arrives, and nothing of a body that
//! breaks one stays on the disk.

use axum::body::Body;

use crate::{
    action::{
        Bounds, Context, Field, Parts, Reservation, StoredFile, Uploads, Writer, size_in_words,
    },
    error::{Code, Error, Result},
    request::decode::{
        body::Pieces,
        multipart::{Event, Fault, Head, Parser},
        references::{REFERENCE_BYTES, Referenced},
    },
};

/// A form as it was sent.
pub(super) struct FormData {
    /// The fields as the pairs of a form. The text of a file is its index.
    pub(super) pairs: Vec<u8>,
    /// `None` if no field of the action is a file.
    pub(super) files: Option<Parts>,
    pub(super) referenced: Referenced,
}

/// Reads a form. After an error it reads the rest of a body that is not much too large, so that the client
/// can read the response.
pub(super) async fn read(
    cx: &Context,
    action: &str,
    fields: &'static [Field],
    body: Body,
    boundary: &str,
    bounds: &Bounds,
) -> Result<FormData> {
    let takes_files = fields.iter().any(|field| field.file().is_some());
    let bytes_max = match takes_files {
        true => bounds.upload_bytes_max,
        false => bounds.body_bytes_max as u64,
    };
    let mut reader = Reader {
        cx,
        action,
        fields,
        bounds,
        bytes_max,
        bytes: 0,
        text_bytes: 0,
        parts: 0,
        part: Part::None,
        pairs: Vec::new(),
        files: Vec::new(),
        reservation: None,
        referenced: Referenced::default(),
    };
    let mut pieces = Pieces::new(body);
    let outcome = reader.read(&mut pieces, boundary, takes_files).await;
    let bytes = reader.bytes;
    match outcome {
        Ok(()) => {
            let pairs = serde_html_form::to_string(&reader.pairs)?.into_bytes();
            let files = takes_files.then(|| Parts::new(reader.files, reader.reservation));
            Ok(FormData { pairs, files, referenced: reader.referenced })
        }
        Err(error) => {
            // Removes what is stored before the rest arrives.
            drop(reader);
            pieces.discard(bytes, bytes_max).await;
            Err(error)
        }
    }
}

/// Reads one form.
struct Reader<'r> {
    cx: &'r Context,
    /// The name of the action.
    action: &'r str,
    fields: &'static [Field],
    bounds: &'r Bounds,
    bytes_max: u64,
    /// How much has arrived.
    bytes: u64,
    /// How much of it is in memory.
    text_bytes: usize,
    parts: usize,
    part: Part,
    pairs: Vec<(String, String)>,
    files: Vec<StoredFile>,
    reservation: Option<Reservation>,
    referenced: Referenced,
}

/// The part that arrives.
enum Part {
    None,
    Text {
        name: String,
        value: Vec<u8>,
    },
    File {
        name: String,
        writer: Box<Writer>,
    },
    /// A control of a browser in which nobody chose a file: it has no content.
    NoFile {
        name: String,
    },
    /// The reference of an upload that has arrived before, or nothing: without JavaScript, a control without
    /// a file sends an empty text.
    Reference {
        field: &'static Field,
        value: Vec<u8>,
    },
}

impl Reader<'_> {
    async fn read(&mut self, pieces: &mut Pieces, boundary: &str, takes_files: bool) -> Result<()> {
        let announced = pieces.announced();
        if announced > self.bytes_max {
            return Err(self.too_large());
        }
        if takes_files {
            let uploads = self.cx.state::<Uploads>()?;
            self.reservation = Some(uploads.reserve(self.cx, announced).await?);
        }
        let mut parser = Parser::new(boundary, self.bounds.part_head_bytes_max);
        while let Some(piece) = pieces.next().await? {
            self.bytes += piece.len() as u64;
            if self.bytes > self.bytes_max {
                return Err(self.too_large());
            }
            if let Some(reservation) = &mut self.reservation {
                reservation.cover(self.bytes)?;
            }
            parser.feed(piece);
            while let Some(event) = parser.next().map_err(|fault| self.refused(fault))? {
                self.take(event).await?;
            }
        }
        parser.finish().map_err(|fault| self.refused(fault))
    }

    async fn take(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Part(head) => self.begin(head).await,
            Event::Data(bytes) => self.content(&bytes).await,
            Event::PartEnd => self.end().await,
            Event::End => Ok(()),
        }
    }

    async fn begin(&mut self, head: Head) -> Result<()> {
        self.parts += 1;
        if self.parts > self.bounds.parts_max {
            let max = self.bounds.parts_max;
            return Err(too_large(format!("the form has more than {max} parts")));
        }
        let Head { name, file_name, content_type } = head;
        self.text(name.len())?;
        let field = self.fields.iter().find(|field| field.name() == name);
        let file = field.and_then(|field| field.file().map(|setting| (field, setting)));
        self.part = match (file_name, file) {
            (None, None) => Part::Text { name, value: Vec::new() },
            (None, Some((field, _))) => Part::Reference { field, value: Vec::new() },
            // Without JavaScript, a control without a file sends an empty name.
            (Some(file_name), _) if file_name.is_empty() => Part::NoFile { name },
            (Some(_), None) => return Err(Error::invalid(name, "must not be a file")),
            (Some(file_name), Some((_, setting))) => {
                let content_type = content_type.as_deref();
                let (kind, bytes_max) = (setting.kind, setting.bytes_max);
                let writer =
                    Writer::begin(self.cx, kind, bytes_max, &file_name, content_type).await?;
                Part::File { name, writer: Box::new(writer) }
            }
        };
        Ok(())
    }

    async fn content(&mut self, bytes: &[u8]) -> Result<()> {
        self.text(match &self.part {
            Part::Text { .. } => bytes.len(),
            _ => 0,
        })?;
        match &mut self.part {
            Part::None => Ok(()),
            Part::Text { value, .. } => {
                value.extend_from_slice(bytes);
                Ok(())
            }
            Part::File { writer, .. } => {
                let max = self.bounds.file_bytes_max;
                if writer.size() + bytes.len() as u64 > max {
                    return Err(too_large(format!("a file is larger than {}", size_in_words(max))));
                }
                writer.write(bytes).await
            }
            Part::NoFile { name } => Err(Error::invalid(std::mem::take(name), "must be a file")),
            Part::Reference { field, value } => {
                value.extend_from_slice(bytes);
                match value.len() > REFERENCE_BYTES {
                    true => Err(Error::invalid(field.name(), "must be a file")),
                    false => Ok(()),
                }
            }
        }
    }

    async fn end(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.part, Part::None) {
            Part::None | Part::NoFile { .. } => {}
            Part::Reference { value, .. } if value.is_empty() => {}
            Part::Reference { field, value } => {
                let reference = String::from_utf8_lossy(&value);
                let (cx, bounds) = (self.cx, self.bounds);
                let claimed =
                    self.referenced.claim(cx, self.action, field, &reference, bounds).await?;
                if let Some(file) = claimed {
                    self.pairs.push((field.name().to_owned(), self.files.len().to_string()));
                    self.files.push(file);
                }
            }
            Part::Text { name, value } => match String::from_utf8(value) {
                Ok(value) => self.pairs.push((name, value)),
                Err(_) => return Err(Error::invalid(name, "must be text in UTF-8")),
            },
            Part::File { name, writer } => {
                self.pairs.push((name, self.files.len().to_string()));
                self.files.push(writer.finish().await?);
            }
        }
        Ok(())
    }

    /// Counts what is in memory.
    fn text(&mut self, bytes: usize) -> Result<()> {
        self.text_bytes += bytes;
        let max = self.bounds.body_bytes_max;
        match self.text_bytes > max {
            true => {
                Err(too_large(format!("the fields are larger than {}", size_in_words(max as u64))))
            }
            false => Ok(()),
        }
    }

    fn too_large(&self) -> Error {
        too_large(format!("the body is larger than {}", size_in_words(self.bytes_max)))
    }

    fn refused(&self, fault: Fault) -> Error {
        match fault {
            Fault::Malformed(why) => {
                Error::bad_request(format!("the multipart body is malformed: {why}"))
            }
            Fault::HeadTooLarge => {
                let max = self.bounds.part_head_bytes_max;
                too_large(format!(
                    "the head of a part is larger than {}",
                    size_in_words(max as u64)
                ))
            }
        }
    }
}

fn too_large(message: String) -> Error {
    Error::new(Code::PayloadTooLarge, message)
}
