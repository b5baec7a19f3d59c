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

/// The most wrong letters of a long name: names of one folder have many letters in common.
#[cfg(all(feature = "dev", debug_assertions))]
const WRONG_MAX: usize = 4;

/// The most names that are worth reading.
#[cfg(all(feature = "dev", debug_assertions))]
const NEAREST_MAX: usize = 3;

/// Returns the names of actions that are nearest to a name, the nearest one first: those that differ
/// by case or by a few letters, and those with the same last segment, such as `todo.list.Add` for
/// `todo.Add`.
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) fn nearest_names<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_lowercase();
    let of_word = last(word);
    let rank = |name: &str| {
        let (distance, of_name) = (distance(word, name), last(name));
        let length = name.chars().count().max(word.chars().count());
        let is_near = distance <= length.div_ceil(3).min(WRONG_MAX);
        let is_last = !of_word.is_empty() && of_name == of_word;
        (is_near || is_last).then_some((distance, !is_last))
    };
    let near = known.into_iter().filter_map(|name| Some((rank(name)?, name)));
    let mut near: Vec<_> = near.collect();
    near.sort_unstable();
    near.into_iter().take(NEAREST_MAX).map(|(_, name)| name.to_owned()).collect()
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

    #[cfg(all(feature = "dev", debug_assertions))]
    #[test]
    fn the_nearest_names_of_actions_come_first() {
        let known =
            ["todo.list.Add", "todo.list.Remove", "chat.Send", "mail.Send", "news.Send", "a.Send"];
        let nearest = |word| nearest_names(word, known);
        assert_eq!(nearest("todo.Add"), ["todo.list.Add"]);
        assert_eq!(nearest("todo.list.add"), ["todo.list.Add"]);
        assert_eq!(nearest("todo.list.Remvoe"), ["todo.list.Remove"]);
        assert_eq!(nearest("chat.Snd"), ["chat.Send"]);
        assert_eq!(nearest("Send"), ["a.Send", "chat.Send", "mail.Send"]);
        assert!(nearest("profile.Rename").is_empty() && nearest("").is_empty());
    }

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
