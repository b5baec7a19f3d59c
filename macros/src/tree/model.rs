//! The modules that `actions!()` declares: the Rust files below a folder.

use std::{fs, io, path::Path};

use proc_macro2::{Ident, Span, TokenStream};
use syn::LitStr;

use crate::diagnostics::Errors;

/// A module.
pub(crate) struct Module {
    pub ident: Ident,
    pub body: Body,
}

pub(crate) enum Body {
    /// The absolute path of its file.
    File(String),
    /// Sorted by name.
    Folder(Vec<Module>),
}

/// The folder that is read if none is named, and the name of its module.
const FOLDER: &str = "actions";

/// Reads the folder that `actions!(folder)` names in the crate at `root`.
///
/// The module holds every file whose name is right, also where another is reported.
pub(crate) fn read(folder: TokenStream, root: &Path, errors: &mut Errors) -> Option<Module> {
    let (folder, span) = if folder.is_empty() {
        (FOLDER.to_owned(), Span::call_site())
    } else {
        match syn::parse2::<LitStr>(folder) {
            Ok(folder) => (folder.value(), folder.span()),
            Err(error) => {
                let message = "`actions!()` takes the folder of the actions, or nothing: \
                               `actions!(\"src/actions\")`";
                errors.at(error.span(), message);
                return None;
            }
        }
    };
    let path = root.join(&folder);
    if !path.is_dir() {
        errors.at(span, format!("there is no folder `{folder}` in {}", root.display()));
        return None;
    }
    let ident = Ident::new(FOLDER, Span::call_site());
    Some(Module { ident, body: Reader { span, errors }.folder(&path) })
}

/// Reads folders, and reports errors where the macro names the first of them.
struct Reader<'a> {
    span: Span,
    errors: &'a mut Errors,
}

impl Reader<'_> {
    fn folder(&mut self, folder: &Path) -> Body {
        let own = folder.join("mod.rs");
        if own.is_file() {
            return Body::File(self.text(&own));
        }
        match self.modules(folder) {
            Ok(modules) => Body::Folder(modules),
            Err(error) => {
                self.errors.at(self.span, format!("{}: {error}", folder.display()));
                Body::Folder(Vec::new())
            }
        }
    }

    fn modules(&mut self, folder: &Path) -> io::Result<Vec<Module>> {
        let paths: io::Result<Vec<_>> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut paths = paths?;
        paths.sort();
        let mut modules: Vec<Module> = Vec::new();
        for path in paths {
            let is_folder = path.is_dir();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if file.starts_with(['.', '_']) || !(is_folder || file.ends_with(".rs")) {
                continue;
            }
            if is_folder && !holds_rust(&path) {
                continue;
            }
            let stem = if is_folder { &*file } else { file.trim_end_matches(".rs") };
            let Some(ident) = module_name(stem) else {
                let what = if is_folder { "folder" } else { "file" };
                let message = format!(
                    "the {what} {} is no name of a module: use letters, digits and `_`",
                    path.display()
                );
                self.errors.at(self.span, message);
                continue;
            };
            if modules.iter().any(|module| module.ident == ident) {
                let folder = path.with_extension("");
                let message = format!(
                    "{0}.rs and the folder {0} are both the module `{ident}`: move the file to \
                     {0}/mod.rs, which then declares its modules itself, or into the folder under \
                     another name",
                    folder.display()
                );
                self.errors.at(self.span, message);
                continue;
            }
            let body = if is_folder { self.folder(&path) } else { Body::File(self.text(&path)) };
            modules.push(Module { ident, body });
        }
        modules.sort_by_key(|module| module.ident.to_string());
        Ok(modules)
    }

    fn text(&mut self, path: &Path) -> String {
        path.to_str().map(str::to_owned).unwrap_or_else(|| {
            self.errors.at(self.span, format!("{} is not UTF-8", path.display()));
            String::new()
        })
    }
}

/// Returns whether a Rust file is in the folder or below it.
fn holds_rust(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() { holds_rust(&path) } else { path.extension().is_some_and(|e| e == "rs") }
    })
}

/// Returns the name as code writes it, with `r#` where it is a keyword.
fn module_name(name: &str) -> Option<Ident> {
    let raw = || syn::parse_str::<Ident>(&format!("r#{name}"));
    syn::parse_str::<Ident>(name).or_else(|_| raw()).ok()
}
