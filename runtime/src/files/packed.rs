//! Compressed forms of content, each compressed once and then retained.

use std::{io::Write as _, sync::Arc};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::OnceCell;

use crate::header::Coding;

/// Less than this fits into one packet without compression.
const BYTES_MIN: usize = 1024;

/// Compressing more than this would keep a thread busy for seconds. An app compresses such files
/// itself.
const BYTES_MAX: usize = 16 << 20;

/// From 0 to 11. The last two take ten times as long for 7 % less: 2 s instead of 0.2 s for a script
/// of 2 MB.
const BROTLI_QUALITY: u32 = 9;

/// The window as a power of two, from 10 to 24: how far back a repetition is found. Browsers support
/// no larger one.
const BROTLI_WINDOW: u32 = 22;

/// The compressed forms of one content.
///
/// They take less memory than the content itself, and their number is bounded by the number of
/// files in the app: nothing that a client sends is ever compressed.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// `None` if the compressed form is not smaller.
    brotli: OnceCell<Option<Bytes>>,
    gzip: OnceCell<Option<Bytes>>,
}

impl Packed {
    /// Returns an empty cell for each compressed form, if the content is worth compressing.
    pub(super) fn of(length: usize, is_compressible: bool) -> Option<Arc<Self>> {
        let compressed = is_compressible && (BYTES_MIN..=BYTES_MAX).contains(&length);
        compressed.then(Arc::default)
    }

    /// Returns one compressed form, if it is smaller. The first call compresses on a blocking
    /// thread; concurrent calls wait for the same result.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the next call starts again.
    pub(super) async fn get(&self, coding: Coding, bytes: &Bytes) -> Option<Bytes> {
        let cell = match coding {
            Coding::Brotli => &self.brotli,
            Coding::Gzip => &self.gzip,
        };
        let make = || async {
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || pack(coding, &bytes)).await.ok().flatten()
        };
        cell.get_or_init(make).await.clone()
    }
}

fn pack(coding: Coding, bytes: &[u8]) -> Option<Bytes> {
    let packed = match coding {
        Coding::Brotli => {
            let mut writer = CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, BROTLI_WINDOW);
            writer.write_all(bytes).ok()?;
            writer.into_inner()
        }
        Coding::Gzip => {
            let mut writer = GzEncoder::new(Vec::new(), Compression::best());
            writer.write_all(bytes).ok()?;
            writer.finish().ok()?
        }
    };
    (packed.len() < bytes.len()).then(|| packed.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn unpack(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        match coding {
            Coding::Brotli => {
                brotli::Decompressor::new(bytes, 4096).read_to_end(&mut content).unwrap()
            }
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut content).unwrap(),
        };
        content
    }

    #[tokio::test]
    async fn a_form_is_compressed_once_and_holds_the_same_content() {
        let bytes = Bytes::from("a { color: red }\n".repeat(100));
        let packed = Packed::of(bytes.len(), true).unwrap();
        for coding in [Coding::Brotli, Coding::Gzip] {
            let (first, again) =
                tokio::join!(packed.get(coding, &bytes), packed.get(coding, &bytes));
            let first = first.unwrap();
            assert!(first.len() < 100);
            assert_eq!(unpack(coding, &first), bytes);
            assert_eq!(first.as_ptr(), again.unwrap().as_ptr());
        }
    }

    #[tokio::test]
    async fn content_that_does_not_get_smaller_has_no_other_form() {
        let bytes: Bytes = (0..2048).map(|_| random_byte()).collect();
        let packed = Packed::of(bytes.len(), true).unwrap();
        assert_eq!(packed.get(Coding::Gzip, &bytes).await, None);
        assert_eq!(packed.get(Coding::Brotli, &bytes).await, None);
    }

    /// Returns a byte of a hash with random keys.
    fn random_byte() -> u8 {
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one(0_u8).to_le_bytes()[0]
    }

    #[test]
    fn content_outside_of_the_bounds_has_no_other_form() {
        assert!(Packed::of(BYTES_MIN - 1, true).is_none());
        assert!(Packed::of(BYTES_MAX + 1, true).is_none());
        assert!(Packed::of(BYTES_MIN, false).is_none());
        assert!(Packed::of(BYTES_MIN, true).is_some());
    }
}
