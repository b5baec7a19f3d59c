//! Topics by name: which names there can be, lists, and removal.

use std::collections::HashSet;

use super::{
    probe::{self, Probe, accepted, assert_same, moved, newest, one, two},
    subject::{Skipped, Subject},
};

/// Returns names of all kinds, all distinct. An engine that escapes, folds or shortens names wrongly mixes some
/// of them up.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "a",
        "A",
        "aa",
        "a/",
        "/a",
        "a/b",
        "a/b/c",
        "a//b",
        "a.b",
        "a..b",
        ".a",
        "a.",
        ".",
        "..",
        "../a",
        "a/../b",
        "*",
        "a.*",
        "a.>",
        ">",
        "a>",
        "a b",
        " a",
        "a ",
        " ",
        "  ",
        "\ta",
        "a\0",
        "a\0b",
        "\0",
        "\0\0",
        "a\nb",
        "a\r\nb",
        "a%",
        "a%2Fb",
        "%61",
        "a%2fb",
        "%",
        "%%",
        "a=2Fb",
        "a_b",
        "a-b",
        "a:b",
        "{a}",
        "{a}b",
        "a,b",
        "a;b",
        "a?b",
        "a[b]",
        "a\\b",
        "a\"b",
        "a'b",
        "$a",
        "$JS.API",
        "_INBOX",
        "#a",
        "@a",
        "~a",
        "a|b",
        "a&b",
        "é",
        "e\u{301}",
        "É",
        "ß",
        "ss",
        "日本",
        "🦀",
        "🦀🦀",
        "\u{7f}",
        "\u{80}",
        "\u{feff}a",
        "\u{200b}a",
        "\u{10ffff}",
        "NUL",
        "con",
        "head",
        "meta",
        "state",
        "id",
        "null",
        "true",
        "0",
        "00",
        "-1",
    ]
    .map(str::to_owned)
    .to_vec();
    for unit in ["x", "/", "*", "\0", "%", ".", " "] {
        names.push(unit.repeat(255));
        names.push(unit.repeat(256));
    }
    names.push("🦀".repeat(64));
    names.push(format!("{}🦀", "x".repeat(252)));
    names
}

/// Names of all kinds are distinct topics, and are listed as they are.
pub async fn names(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let names = odd_names();
    let mut expected = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let start = node.start(name);
        let count = (n % 3 + 1).min(node.0.profile().append_max);
        let entries = probe::entries(&start, &format!("of topic {n}"), count);
        accepted(name, &node.append(name, start, entries.clone()).await);
        expected.push(entries);
    }
    let reads = subject.node().await.map_or_else(|| node.clone(), Probe);
    for (name, entries) in names.iter().zip(&expected) {
        let what = format!("topic {name:?} is a topic of its own");
        assert_eq!(reads.head(name).await, newest(entries), "{what}: its head");
        assert_same(&reads.load(name, 0).await.entries, entries, &format!("{what}: load"));
        assert_same(&reads.read_all(name).await, entries, &format!("{what}: read"));
    }
    let mut sorted = names.clone();
    sorted.sort();
    let mut listed: Vec<String> = Vec::new();
    loop {
        let after = listed.last().cloned().unwrap_or_default();
        let page = reads.list("", &after, 7).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 7, "list: at most as many names as asked for");
        listed.extend(page);
        assert!(listed.len() <= sorted.len(), "list: each name once; {listed:?}");
    }
    assert_eq!(listed, sorted, "list: all names, in the order of their bytes");
    for name in &names {
        assert!(!reads.list(name, "", 200).await.is_empty(), "list: {name:?} begins with itself");
    }

    // Each is removed by its own name.
    let (gone, stay): (Vec<_>, Vec<_>) = names.iter().enumerate().partition(|(n, _)| n % 2 == 0);
    for (_, name) in gone {
        node.remove(name).await;
    }
    for (n, name) in &stay {
        let what = format!("topic {name:?} stays when others are removed");
        assert_eq!(reads.head(name).await, newest(&expected[*n]), "{what}");
    }
    let left: HashSet<String> = reads.list("", "", 1000).await.into_iter().collect();
    assert_eq!(
        left,
        stay.iter().map(|(_, name)| (*name).clone()).collect(),
        "list: those that stay"
    );
    Ok(())
}

/// `list` gives the names with a prefix, after a name, in the order of their bytes, in pages.
pub async fn list(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let names = [
        "board", "board/", "board/*", "board/1", "board/10", "board/2", "board/A", "board/a",
        "board/é", "board0", "boards/1", "boardX", "Board/1", "room/1", "b", "bo%rd/1",
    ];
    for name in names {
        node.grow(name, 1).await;
    }
    let check = async |prefix: &str, after: &str, limit: usize| {
        let fit = names.iter().filter(|name| name.starts_with(prefix) && **name > after);
        let mut expected: Vec<&str> = fit.copied().collect();
        expected.sort_unstable();
        expected.truncate(limit);
        let listed = node.list(prefix, after, limit).await;
        assert_eq!(listed, expected, "list: prefix {prefix:?}, after {after:?}, at most {limit}");
    };
    for prefix in ["", "b", "board", "board/", "board/1", "board/*", "bo%", "é", "x", "room/1/"] {
        check(prefix, "", 100).await;
        check(prefix, "", 1).await;
        check(prefix, "", 3).await;
    }
    // The name after which the page begins need not exist, nor have the prefix.
    for after in ["board/1", "board/10", "board/3", "board/\u{10ffff}", "a", "zzz", "board"] {
        check("board/", after, 100).await;
        check("board/", after, 2).await;
        check("", after, 100).await;
    }
    Ok(())
}

/// A removed topic is empty and not listed; its head is the start of a new generation, for good and
/// on each node; positions from before do not fit; appends start from number 1.
pub async fn remove(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let other = subject.node().await.map_or_else(|| node.clone(), Probe);
    node.remove("never").await;
    let first = node.grow("room", 5).await;
    let neighbour = node.grow("room/1", 2).await;
    let mut former = vec![node.start("room"), first[1].head(), newest(&first)];
    for round in 1..=2 {
        node.remove("room").await;
        let start = node.head("room").await;
        let seq = start.cursor.seq();
        assert_eq!(seq, 0, "remove: the topic is empty (removal {round})");
        for head in &former {
            assert_ne!(
                start.cursor.generation, head.cursor.generation,
                "remove: the head is of a new generation (removal {round})"
            );
        }
        assert_eq!(other.head("room").await, start, "remove: each node has the same head");
        let loaded = other.load("room", 0).await;
        assert_eq!(loaded.head, start, "remove: load gives the same head as heads");
        assert!(loaded.entries.is_empty(), "remove: no entries are left to load");
        assert!(loaded.keys.is_empty(), "remove: no keys are left to load");
        assert!(other.read_all("room").await.is_empty(), "remove: no entries are left to read");
        assert_eq!(node.list("", "", 10).await, ["room/1"], "list: without a removed topic");
        for head in &former {
            let outcome = node.append("room", *head, probe::entries(head, "former", 1)).await;
            let missing = moved(outcome, "an append after a head from before the removal");
            assert!(missing.is_empty(), "Moved: a removed topic has no entries");
        }

        let entries = probe::entries(&start, "anew", 3);
        accepted("room", &other.append("room", start, vec![entries[0].clone()]).await);
        let head = entries[0].head();
        accepted("room", &node.append("room", head, vec![entries[1].clone()]).await);
        let loaded = node.load("room", 0).await;
        assert_same(&loaded.entries, &entries[..2], "remove: appends start from number 1");
        assert_eq!(node.list("", "", 10).await, ["room", "room/1"], "list: a topic that is back");
        for head in &former {
            let outcome = node.append("room", *head, probe::entries(head, "former", 1)).await;
            let missing = moved(outcome, "an append after a head from before the removal");
            assert!(missing.is_empty(), "Moved: the new generation does not go on from there");
        }
        former.extend([start, entries[1].head()]);
    }
    let same = node.load("room/1", 0).await.entries;
    assert_same(&same, &neighbour, "remove: other topics stay as they are");
    Ok(())
}

/// A removal by another node is seen at once, and refuses appends after the former head.
pub async fn removed_elsewhere(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let before = newest(&a.grow("room", 5).await);
    b.remove("room").await;
    let outcome = a.append("room", before, probe::entries(&before, "late", 1)).await;
    moved(outcome, "an append after a head from before the removal by another node");
    let start = b.head("room").await;
    assert_eq!(a.head("room").await, start, "heads: a removal by another node is seen");
    accepted("room", &a.append("room", start, probe::entries(&start, "anew", 1)).await);
    Ok(())
}

/// A topic that is released is read and appended to as before.
pub async fn release(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    node.0.release("never");
    let all = node.grow("room", 5).await;
    node.0.release("room");
    let head = node.head("room").await;
    assert_eq!(head, newest(&all), "release: the head stays");
    node.0.release("room");
    let more = probe::entries(&head, "more", 1);
    accepted("room", &node.append("room", head, more.clone()).await);
    node.0.release("room");
    let loaded = node.load("room", 0).await;
    assert_same(&loaded.entries, &[all, more].concat(), "release: the entries stay");
    Ok(())
}
