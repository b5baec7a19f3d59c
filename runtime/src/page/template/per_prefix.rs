//! What is made once for each path prefix of the app.

use std::sync::OnceLock;

use crate::header::Prefix;

/// The most prefixes for which something is retained. An app has one, or none, or one for each proxy. A
/// proxy that passes the field of its client on reports any number, so they are bounded; for further
/// ones the value is made again for each request.
const PREFIXES_MAX: usize = 8;

/// Values by prefix. They are never replaced, so a reader takes no lock.
#[derive(Debug)]
pub(crate) struct PerPrefix<T>([OnceLock<(Prefix, T)>; PREFIXES_MAX]);

impl<T> PerPrefix<T> {
    /// Returns the value for a prefix, if it has been set.
    pub(crate) fn get(&self, prefix: &Prefix) -> Option<&T> {
        let set = self.0.iter().map_while(OnceLock::get);
        set.into_iter().find(|(of, _)| of == prefix).map(|(_, value)| value)
    }

    /// Sets the value for a prefix, if it has none and there is room.
    pub(crate) fn set(&self, prefix: &Prefix, value: T) {
        let mut entry = (prefix.clone(), value);
        for slot in &self.0 {
            match slot.set(entry) {
                Ok(()) => return,
                // A concurrent request may have set the same.
                Err(_) if slot.get().is_some_and(|(of, _)| of == prefix) => return,
                Err(back) => entry = back,
            }
        }
    }
}

impl<T> Default for PerPrefix<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prefixes_are_retained_and_no_more() {
        let values = PerPrefix::default();
        let prefix = |number: usize| Prefix::parse(&format!("/{number}")).unwrap();
        for number in 0..=PREFIXES_MAX {
            assert_eq!(values.get(&prefix(number)), None);
            values.set(&prefix(number), number);
            values.set(&prefix(number), 100);
        }
        for number in 0..PREFIXES_MAX {
            assert_eq!(values.get(&prefix(number)), Some(&number));
        }
        assert_eq!(values.get(&prefix(PREFIXES_MAX)), None);
        assert_eq!(values.get(&Prefix::NONE), None);
    }
}
