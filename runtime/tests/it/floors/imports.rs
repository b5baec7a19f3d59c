//! Finds out which files of a crate import which, from the text of the sources.
//!
//! An import points to the file that *defines* the name. If `mod.rs` re-exports a name, an import
//! of it points to the file behind `mod.rs`. Imports in tests are ignored.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The sources of one crate.
pub(super) struct Sources {
    /// The text of each file by its path below `src`, without tests and comments.
    files: BTreeMap<String, String>,
    /// The file of each module, by its path in the crate.
    modules: BTreeMap<Vec<String>, String>,
    /// The re-exports of each `mod.rs` and `lib.rs`: module and name → the path of the definition.
    reexports: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Sources {
    /// Reads all files below a folder.
    pub(super) fn read(folder: &Path) -> Self {
        let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display())) {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|suffix| suffix == "rs") {
                    let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    files.push((name, fs::read_to_string(path).unwrap()));
                }
            }
        }
        let files: Vec<_> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        Self::of(&files)
    }

    /// Returns sources from paths and texts.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut only_in_tests = BTreeSet::new();
        let mut sources =
            Self { files: BTreeMap::new(), modules: BTreeMap::new(), reexports: BTreeMap::new() };
        for (path, text) in files {
            let code = without_comments(text);
            only_in_tests.extend(test_modules(&module_of(path), &code));
            sources.files.insert((*path).to_owned(), without_tests(&code).to_owned());
        }
        let in_tests =
            |path: &str| only_in_tests.iter().any(|module| module_of(path).starts_with(module));
        sources.files.retain(|path, _| !in_tests(path));
        for path in sources.files.keys() {
            sources.modules.insert(module_of(path), path.clone());
        }
        for (path, text) in &sources.files {
            let module = module_of(path);
            for import in imports(text).into_iter().filter(|import| import.is_public) {
                if let Some(target) = sources.absolute(&module, &import.path) {
                    let name = import.alias.unwrap_or_else(|| import.path.last().unwrap().clone());
                    sources.reexports.insert((module.clone(), name), target);
                }
            }
        }
        sources
    }

    /// Returns each file with the files that it imports.
    pub(super) fn arrows(&self) -> impl Iterator<Item = (&str, BTreeSet<&str>)> {
        self.files.iter().map(|(path, text)| (path.as_str(), self.imported(path, text)))
    }

    /// Returns every circle of imports once. The first file of a circle is also the last.
    pub(super) fn circles(&self) -> Vec<String> {
        let graph: BTreeMap<&str, BTreeSet<&str>> = self.arrows().collect();
        let mut done = BTreeSet::new();
        let mut circles = Vec::new();
        for &start in graph.keys() {
            if let Some(circle) = path_back(&graph, start, &done) {
                let mut names = circle.clone();
                names.push(start);
                circles.push(names.join(" → "));
                done.extend(circle);
            }
            done.insert(start);
        }
        circles
    }

    /// Returns the number of entries in each folder.
    pub(super) fn folders(&self) -> BTreeMap<String, usize> {
        let mut entries: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for path in self.files.keys() {
            let mut folder = String::new();
            for name in path.split('/') {
                entries.entry(folder.clone()).or_default().insert(name);
                folder =
                    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            }
        }
        entries.into_iter().map(|(folder, names)| (folder, names.len())).collect()
    }

    fn imported(&self, path: &str, text: &str) -> BTreeSet<&str> {
        let module = module_of(path);
        let is_roof = path.ends_with("mod.rs") || path == "lib.rs";
        // A re-export is not an import.
        let named = imports(text).into_iter().filter(|import| !(is_roof && import.is_public));
        let paths = named.map(|import| import.path).chain(inline_paths(text));
        let targets = paths.filter_map(|named| self.absolute(&module, &named));
        targets.filter_map(|target| self.definition(&target)).filter(|file| *file != path).collect()
    }

    /// Returns a path from the root of the crate, if it is a path inside the crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let within = |base: &[String], rest: &[String]| Some([base, rest].concat());
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => within(module, rest),
            "super" => {
                let parent = module.split_last()?.1;
                match rest.first().map(String::as_str) {
                    Some("super") => self.absolute(parent, rest),
                    _ => within(parent, rest),
                }
            }
            _ => {
                let child = [module, std::slice::from_ref(first)].concat();
                self.modules.contains_key(&child).then(|| [child.as_slice(), rest].concat())
            }
        }
    }

    /// Returns the file that defines the item of a path.
    fn definition(&self, path: &[String]) -> Option<&str> {
        let (module, rest) = (0..=path.len()).rev().find_map(|length| {
            let (module, rest) = path.split_at(length);
            self.modules.contains_key(module).then_some((module, rest))
        })?;
        if let Some((name, rest)) = rest.split_first()
            && let Some(behind) = self.reexports.get(&(module.to_vec(), name.clone()))
            && behind.as_slice() != path
        {
            return self.definition(&[behind.as_slice(), rest].concat());
        }
        self.modules.get(module).map(String::as_str)
    }
}

/// Returns a path of imports from a file back to itself that contains no file of `done`. The file
/// itself is not repeated at the end.
fn path_back<'g>(
    graph: &BTreeMap<&'g str, BTreeSet<&'g str>>,
    start: &'g str,
    done: &BTreeSet<&str>,
) -> Option<Vec<&'g str>> {
    let mut seen = BTreeSet::new();
    let mut paths = vec![vec![start]];
    while let Some(path) = paths.pop() {
        let last = path.last()?;
        for &next in graph.get(last).into_iter().flatten() {
            if next == start {
                return Some(path);
            }
            if !done.contains(next) && seen.insert(next) {
                paths.push([path.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

/// Returns the module of a file.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let mut names: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|name| matches!(name.as_str(), "mod" | "lib" | "main")) {
        names.pop();
    }
    names
}

/// Returns the modules that a file declares only for tests.
fn test_modules(module: &[String], code: &str) -> Vec<Vec<String>> {
    let mut modules = Vec::new();
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
        } else if !line.is_empty() {
            let name = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
            if let Some(name) = name.filter(|_| is_test) {
                modules.push([module, &[name.to_owned()]].concat());
            }
            is_test = false;
        }
    }
    modules
}

/// Returns the code of a file without the tests at its end.
fn without_tests(code: &str) -> &str {
    let tests = ["#[cfg(test)]", "#[cfg(all(test"].into_iter().flat_map(|attribute| {
        code.match_indices(attribute).filter_map(|(at, _)| {
            let item = code[at..].lines().find(|line| !line.trim_start().starts_with("#["))?;
            (item.contains("mod ") && item.ends_with('{')).then_some(at)
        })
    });
    &code[..tests.min().unwrap_or(code.len())]
}

fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| line.find("//").map_or(line, |at| &line[..at]));
    code.collect::<Vec<_>>().join("\n")
}

/// One name of a `use`.
struct Import {
    path: Vec<String>,
    alias: Option<String>,
    is_public: bool,
}

/// Returns every name in the `use` items of a file.
fn imports(text: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    for (at, is_public) in use_items(text) {
        let Some((tree, _)) = text[at..].split_once(';') else { continue };
        let mut names = Vec::new();
        read_tree(tree, &mut Vec::new(), &mut names);
        imports.extend(names.into_iter().map(|(path, alias)| Import { path, alias, is_public }));
    }
    imports
}

/// Returns the start of the tree of each `use`, and whether the item is public.
fn use_items(text: &str) -> Vec<(usize, bool)> {
    let mut items = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_start();
        let visible = code.strip_prefix("pub").map(|rest| match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest),
            None => rest,
        });
        let item = visible.unwrap_or(code).trim_start();
        if let Some(tree) = item.strip_prefix("use ") {
            let at = start + line.len() - tree.len();
            items.push((at, visible.is_some()));
        }
        start += line.len();
    }
    items
}

/// Parses a tree such as `a::{b, c::{self, d as e}}`.
fn read_tree(tree: &str, prefix: &mut Vec<String>, names: &mut Vec<(Vec<String>, Option<String>)>) {
    let tree = tree.trim();
    let group = tree.find('{');
    let head = tree[..group.unwrap_or(tree.len())].trim();
    let depth = prefix.len();
    let (head, alias) = match head.split_once(" as ") {
        Some((head, alias)) => (head.trim(), Some(alias.trim().to_owned())),
        None => (head, None),
    };
    let segments = head.split("::").map(str::trim).filter(|segment| !segment.is_empty());
    prefix.extend(segments.map(str::to_owned));
    match group {
        Some(open) => {
            let inner = tree[open + 1..].trim_end().strip_suffix('}').unwrap_or(&tree[open + 1..]);
            for part in split_commas(inner) {
                read_tree(part, prefix, names);
            }
        }
        None => {
            let mut path = prefix.clone();
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            names.push((path, alias));
        }
    }
    prefix.truncate(depth);
}

/// Splits a list at the commas outside of braces.
fn split_commas(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Returns the code of a file without its `use` items.
fn without_uses(text: &str) -> String {
    let mut code = String::new();
    let mut start = 0;
    for (at, _) in use_items(text).into_iter().chain([(text.len(), false)]) {
        code.push_str(text.get(start..at).unwrap_or_default());
        start = text[at..].find(';').map_or(text.len(), |end| at + end);
    }
    code
}

/// Returns the paths with several segments in the code outside of `use` items.
fn inline_paths(text: &str) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut paths = Vec::new();
    let code = without_uses(text);
    let mut rest = code.as_str();
    while let Some(at) = rest.find("::") {
        let before = &rest[..at];
        let start = before.rfind(|c| !is_word(c)).map_or(0, |end| end + 1);
        let follows_path = before[..start].ends_with("::") || before[..start].ends_with('$');
        let mut path = vec![before[start..].to_owned()];
        let mut after = &rest[at..];
        while let Some(next) = after.strip_prefix("::") {
            let end = next.find(|c| !is_word(c)).unwrap_or(next.len());
            if end == 0 {
                break;
            }
            path.push(next[..end].to_owned());
            after = &next[end..];
        }
        if !follows_path && path.len() > 1 && !path[0].is_empty() {
            paths.push(path);
        }
        rest = after.strip_prefix("::").unwrap_or(after);
    }
    paths
}
