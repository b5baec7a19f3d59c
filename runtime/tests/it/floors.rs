//! Modules know lower floors only; see ARCHITECTURE.md.

use std::{collections::BTreeMap, fs, path::Path};

/// Every module of the runtime, by floor.
const FLOORS: &[(u8, &[&str])] = &[
    (
        0,
        &[
            "accept", "activity", "alarm", "coding", "error", "event", "frame", "hex", "jitter",
            "limits", "mistake", "sync", "travel", "within",
        ],
    ),
    (
        1,
        &[
            "addresses",
            "client",
            "drain",
            "effects",
            "exact",
            "field",
            "files",
            "returned",
            "topic",
            "unwind",
            "validate",
        ],
    ),
    (2, &["context", "event_stream"]),
    (3, &["action", "encode", "guard"]),
    (4, &["decode", "schema", "shield", "stream"]),
    (5, &["page", "take_over"]),
    (6, &["connection", "listen", "shared"]),
    (7, &["route"]),
    (8, &["dispatch"]),
    (9, &["dev", "serve", "testing"]),
    (10, &["app"]),
    (11, &["supervisor"]),
    (12, &["cli"]),
];

/// The roof: they export, and hold no logic.
const ROOF: &[&str] = &["lib", "private", "guide"];

#[test]
fn every_module_knows_lower_floors_only() {
    let floor_of: BTreeMap<&str, u8> =
        FLOORS.iter().flat_map(|(floor, names)| names.iter().map(|name| (*name, *floor))).collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (file, text) in rust_files(&source) {
        let module = file.split(['/', '.']).next().unwrap();
        if ROOF.contains(&module) {
            continue;
        }
        let Some(floor) = floor_of.get(module) else {
            wrong.push(format!("{file}: add `{module}` to FLOORS"));
            continue;
        };
        for other in used(&text) {
            match floor_of.get(other.as_str()) {
                _ if other == module => {}
                Some(below) if below < floor => {}
                Some(_) => wrong.push(format!("{file}: `{module}` may not know `{other}`")),
                None => wrong.push(format!("{file}: `{other}` is on no floor")),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Returns the modules that a file names by `crate::…`, tests apart.
fn used(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let names = match rest.strip_prefix('{') {
            // `use crate::{a, b::{c, d}}`: the names at the first level.
            Some(list) => first_level(list),
            None => vec![rest],
        };
        for name in names {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            let is_module = name[..end].chars().next().is_some_and(char::is_lowercase);
            if is_module && !rest.starts_with("kipo") {
                modules.push(name[..end].to_owned());
            }
        }
    }
    modules
}

fn first_level(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(list[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// Returns every Rust file below a folder, by its path in it.
fn rust_files(folder: &Path) -> Vec<(String, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "rs") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
