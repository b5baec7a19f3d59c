//! Bytes that are collected, so that a thread for blocking work writes many of them at once.

/// How many bytes are written at once: enough that the change of threads costs little.
const BATCH_BYTES: usize = 256 << 10;

/// Moves bytes to the end of a batch, as many as it has room for. Returns whether it is full.
pub(super) fn fill(batch: &mut Vec<u8>, bytes: &mut &[u8]) -> bool {
    let room = BATCH_BYTES - batch.len();
    let (now, later) = bytes.split_at(bytes.len().min(room));
    batch.extend_from_slice(now);
    *bytes = later;
    batch.len() == BATCH_BYTES
}
