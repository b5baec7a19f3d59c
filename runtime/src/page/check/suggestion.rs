//! What a name that is not known was most likely meant to be.

/// Returns `; did you mean …?`, or nothing if no name is near.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, known) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

/// Returns the nearest name, if at most a third of it is wrong.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|name| (distance(word, name), name));
    let (distance, best) = near.min_by_key(|(distance, _)| *distance)?;
    let length = best.chars().count().max(word.chars().count());
    (distance <= length.div_ceil(3)).then_some(best)
}

/// Returns how many letters were typed wrong, left out or put in; case is no letter.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.to_lowercase().chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let wrong = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = wrong.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["title", "state", "chat.Send"];
        assert_eq!(nearest("titel", known), Some("title"));
        assert_eq!(nearest("states", known), Some("state"));
        assert_eq!(nearest("chat.send", known), Some("chat.Send"));
        assert_eq!(nearest("timeout", known), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(did_you_mean("", ["title"]), "");
    }
}
