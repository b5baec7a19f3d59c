//! Bytes that are collected, so that a thread for blocking work writes many of them at once.

use std::{
    fs::File,
    io::{self, Write as _},
};

/// How many bytes are written by one turn of a thread: enough that the change of threads costs little.
const BATCH_BYTES: usize = 256 << 10;

/// How many bytes one call of the system writes.
///
/// Linux backs each write with one run of pages as long as the write. It has runs of up to eight pages at hand
/// for each CPU, in memory that was used a moment ago. Longer runs are often in memory that no cache has and, in a
/// virtual machine, that the host has to add first: there, writes of 64 KiB and more took up to eight times the
/// time. Where all memory was used a moment ago, writes of 256 KiB take three quarters of the time.
///
/// The blocks of a file are not allocated ahead: ext4 writes a quarter faster then, but removing the file waits for
/// the journal, with many files side by side a tenth of a second for each.
const WRITE_BYTES: usize = 32 << 10;

/// Moves bytes to the end of a batch, as many as it has room for. Returns whether it is full.
pub(super) fn fill(batch: &mut Vec<u8>, bytes: &mut &[u8]) -> bool {
    let room = BATCH_BYTES - batch.len();
    let (now, later) = bytes.split_at(bytes.len().min(room));
    batch.extend_from_slice(now);
    *bytes = later;
    batch.len() == BATCH_BYTES
}

/// Writes a batch to the end of a file.
pub(super) fn write(file: &mut File, batch: &[u8]) -> io::Result<()> {
    batch.chunks(WRITE_BYTES).try_for_each(|piece| file.write_all(piece))
}
