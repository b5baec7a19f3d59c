//! Hexadecimal numbers, written faster than by the formatter: each request has an id, and each
//! chunk has a size.

/// Returns how many digits [`put`] writes.
fn digits(number: u64) -> usize {
    number.checked_ilog2().unwrap_or_default() as usize / 4 + 1
}

/// Appends a number as the formatter's `{:x}` writes it.
pub(crate) fn put(text: &mut Vec<u8>, number: u64) {
    text.extend(text_of(number));
}

/// Returns what [`put`] writes.
pub(crate) fn text_of(number: u64) -> impl Iterator<Item = u8> {
    let digits = (0..digits(number)).rev();
    digits.map(move |digit| b"0123456789abcdef"[(number >> (4 * digit) & 15) as usize])
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_writes_what_the_formatter_writes() {
        let numbers = [0, 1, 15, 16, 255, 256, 65_535, 65_536, 0x1234_5678_9abc_def0, u64::MAX];
        for number in numbers {
            let mut text = Vec::new();
            super::put(&mut text, number);
            assert_eq!(text.len(), super::digits(number));
            assert_eq!(String::from_utf8(text).unwrap(), format!("{number:x}"));
        }
    }
}
