//! A room imports only lower rooms, and no files import each other in a circle. The floors are
//! those of ARCHITECTURE.md.

mod imports;

use std::{collections::BTreeMap, path::Path};

use self::imports::Sources;

/// The floor of every room of the runtime.
const FLOORS: &[(u8, &[&str])] = &[
    (0, &["header", "metrics"]),
    (1, &["error"]),
    (2, &["action", "files"]),
    (3, &["session", "stream"]),
    (4, &["schema", "server"]),
    (5, &["request"]),
    (6, &["page"]),
    (7, &["dev"]),
    (8, &["dev/supervisor"]),
    (9, &["app"]),
    (10, &["testing"]),
];

/// The floor of every room inside `page`.
const PAGE_FLOORS: &[(u8, &[&str])] = &[
    (0, &["html", "route"]),
    (1, &["check"]),
    (2, &["data", "form"]),
    (3, &["settings"]),
    (4, &["template"]),
    (5, &["answer"]),
    (6, &["embedded", "pages"]),
];

/// The roof: files that re-export and have no logic.
const ROOF: &[&str] = &["lib", "guide"];

/// The most entries in a folder of sources.
const ENTRIES_MAX: usize = 16;

/// The crates whose files are read.
const CRATES: &[&str] = &["bench", "chaos", "cli", "load", "macros", "runtime", "topic", "xtask"];

fn sources(name: &str) -> Sources {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    Sources::read(&workspace.join(name).join("src"))
}

#[test]
fn a_room_imports_only_lower_rooms() {
    let runtime = sources("runtime");
    let wrong = wrong_arrows(&runtime, FLOORS, room);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let wrong = wrong_arrows(&runtime, PAGE_FLOORS, room_of_page);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles: Vec<String> = CRATES
        .iter()
        .flat_map(|name| sources(name).circles().into_iter().map(move |c| format!("{name}: {c}")))
        .collect();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn no_folder_has_too_many_entries() {
    for name in CRATES {
        for (folder, entries) in sources(name).folders() {
            assert!(entries <= ENTRIES_MAX, "{name}/src/{folder} has {entries} entries");
        }
    }
}

/// The tests above report what they should report.
#[test]
fn a_circle_and_an_upward_arrow_are_found() {
    let sources = Sources::of(&[
        ("lib.rs", "mod error;\nmod action;\nmod page;\npub use crate::action::Action;\n"),
        ("error.rs", "use crate::{action::Action, page::{check::Diagnostic}};\n"),
        ("action/mod.rs", "mod call;\nmod guard;\npub use self::call::Action;\n"),
        ("action/call.rs", "use super::guard::Guard;\n"),
        ("action/guard.rs", "fn f() { crate::action::call::run(); }\n"),
        ("page/mod.rs", "mod check;\n\npub use self::check::Diagnostic;\n"),
        ("page/check.rs", "#[cfg(test)]\nmod tests {\n    use crate::action::Action;\n}\n"),
    ]);
    let floors: &[(u8, &[&str])] = &[(0, &["error"]), (1, &["action"]), (2, &["page"])];
    let wrong = wrong_arrows(&sources, floors, room);
    assert_eq!(
        wrong,
        [
            "error.rs imports action/call.rs: `error` is below `action`",
            "error.rs imports page/check.rs: `error` is below `page`",
        ]
    );
    assert_eq!(sources.circles(), ["action/call.rs → action/guard.rs → action/call.rs"]);
    assert_eq!(sources.folders()["action"], 3);
    let unknown = wrong_arrows(&sources, &floors[..2], room);
    assert!(unknown.contains(&"page/check.rs: `page` is on no floor".to_owned()), "{unknown:?}");
}

/// Returns each import that does not go to a lower floor, and each file whose room has no floor.
/// `room` returns the room of a file, or `None` for a file that is not checked.
fn wrong_arrows<'f>(
    sources: &'f Sources,
    floors: &[(u8, &[&str])],
    room: impl Fn(&'f str) -> Option<&'f str>,
) -> Vec<String> {
    let floor_of: BTreeMap<&str, u8> =
        floors.iter().flat_map(|(floor, names)| names.iter().map(|name| (*name, *floor))).collect();
    let mut wrong = Vec::new();
    for (file, imports) in sources.arrows() {
        let Some(from) = room(file).filter(|room| *room != "mod") else { continue };
        let Some(floor) = floor_of.get(from) else {
            wrong.push(format!("{file}: `{from}` is on no floor"));
            continue;
        };
        for other in imports {
            let Some(to) = room(other).filter(|to| *to != from && *to != "mod") else { continue };
            if floor_of.get(to).is_none_or(|below| below >= floor) {
                wrong.push(format!("{file} imports {other}: `{from}` is below `{to}`"));
            }
        }
    }
    wrong
}

/// Returns the room of a file of the runtime, or `None` for the roof.
fn room(file: &str) -> Option<&str> {
    if file.starts_with("dev/supervisor/") {
        return Some("dev/supervisor");
    }
    Some(first(file)).filter(|room| !ROOF.contains(room))
}

/// Returns the room of a file inside `page`, or `None` for other files.
fn room_of_page(file: &str) -> Option<&str> {
    file.strip_prefix("page/").map(first)
}

/// Returns the first name of a path, without its suffix.
fn first(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}
