//! The chunks of a body (RFC 9112, section 7.1).

use crate::header::hex;

/// The chunk that ends a stream.
pub(crate) const LAST: &[u8] = b"0\r\n\r\n";

/// Appends one chunk with this data, which is not empty: an empty chunk would be the last one.
pub(crate) fn put(out: &mut Vec<u8>, data: &[u8]) {
    hex::put(out, data.len() as u64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Returns one chunk with this data, which is not empty.
pub(crate) fn of(data: &[u8]) -> Vec<u8> {
    // The length is a hexadecimal number of at most 16 digits.
    let mut chunk = Vec::with_capacity(data.len() + 20);
    put(&mut chunk, data);
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_begins_with_its_length() {
        assert_eq!(of(&[b'x'; 26]), b"1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
    }
}
