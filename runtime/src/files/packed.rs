//! Content in its compressed forms, each made once and kept.

use std::{io::Write as _, sync::Arc};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::OnceCell;

use crate::header::Coding;

/// Less than this fits into one packet as it is.
const BYTES_MIN: usize = 1024;

/// More than this would keep a thread busy for seconds; such files are compressed by who makes
/// them.
const BYTES_MAX: usize = 16 << 20;

/// Of 0 to 11. The last two take ten times as long, for 7 % less: 2 s instead of 0.2 s for a
/// script of 2 MB.
const BROTLI_QUALITY: u32 = 9;

/// Of 10 to 24, as a power of two: how far back a repetition is seen. No browser takes more.
const BROTLI_WINDOW: u32 = 22;

/// The compressed forms of one content.
///
/// They take less memory than the content itself does, and there are as many of them as there are
/// files in the app: nothing of a stranger's is ever compressed.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// Nothing in here means that it is not smaller.
    brotli: OnceCell<Option<Bytes>>,
    gzip: OnceCell<Option<Bytes>>,
}

impl Packed {
    /// Returns the place for the compressed forms of a content, if it may have any.
    pub(super) fn of(length: usize, is_compressible: bool) -> Option<Arc<Self>> {
        let compressed = is_compressible && (BYTES_MIN..=BYTES_MAX).contains(&length);
        compressed.then(Arc::default)
    }

    /// Returns the content in one form, if that is smaller. Whoever asks first has it made on a
    /// thread of its own; those who ask meanwhile wait for the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the work to the next who asks.
    pub(super) async fn get(&self, coding: Coding, bytes: &Bytes) -> Option<Bytes> {
        let kept = match coding {
            Coding::Brotli => &self.brotli,
            Coding::Gzip => &self.gzip,
        };
        let make = || async {
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || pack(coding, &bytes)).await.ok().flatten()
        };
        kept.get_or_init(make).await.clone()
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
    async fn a_form_is_made_once_and_is_the_same_content() {
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
    async fn what_does_not_get_smaller_stays_as_it_is() {
        let bytes: Bytes = (0..2048).map(|_| fastrand_like()).collect();
        let packed = Packed::of(bytes.len(), true).unwrap();
        assert_eq!(packed.get(Coding::Gzip, &bytes).await, None);
        assert_eq!(packed.get(Coding::Brotli, &bytes).await, None);
    }

    /// Bytes of a hash: as good as random.
    fn fastrand_like() -> u8 {
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one(0_u8).to_le_bytes()[0]
    }

    #[test]
    fn little_and_far_too_much_has_no_other_form() {
        assert!(Packed::of(BYTES_MIN - 1, true).is_none());
        assert!(Packed::of(BYTES_MAX + 1, true).is_none());
        assert!(Packed::of(BYTES_MIN, false).is_none());
        assert!(Packed::of(BYTES_MIN, true).is_some());
    }
}
