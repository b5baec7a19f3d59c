//! The content type of a file, by its name.

use http::HeaderValue;

/// Files without a suffix that have a type all the same, because their clients require it.
const NAMED: [(&str, &str); 1] = [(".well-known/apple-app-site-association", "application/json")];

/// Binary types that compression makes smaller.
const COMPRESSIBLE: [&str; 7] = [
    "application/wasm",
    "application/vnd.ms-fontobject",
    "application/x-font-ttf",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/x-icon",
];

/// Returns the type that a file is served as. Text is UTF-8.
pub(crate) fn content_type(path: &str) -> HeaderValue {
    const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

    let Some(mime) = mime(path) else { return UNKNOWN };
    let value = if is_text(mime) { format!("{mime}; charset=utf-8") } else { mime.to_owned() };
    HeaderValue::from_str(&value).unwrap_or(UNKNOWN)
}

/// Returns whether compression makes a file of this name smaller. Images, videos, `woff2` and
/// archives are already compressed.
pub(crate) fn is_compressible(path: &str) -> bool {
    mime(path).is_some_and(|mime| is_text(mime) || COMPRESSIBLE.contains(&mime))
}

fn mime(path: &str) -> Option<&'static str> {
    if let Some((_, mime)) = NAMED.iter().find(|(name, _)| *name == path) {
        return Some(mime);
    }
    let mime = mime_guess::from_path(path).first_raw()?;
    // RFC 9239 leaves one of the many types for scripts.
    Some(if mime.ends_with("/javascript") { "text/javascript" } else { mime })
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/")
        || mime.ends_with("+xml")
        || mime.ends_with("+json")
        || matches!(mime, "application/json" | "application/xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8() {
        for (path, expected) in [
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.html", "text/html; charset=utf-8"),
            ("a.svg", "image/svg+xml; charset=utf-8"),
            ("a.json", "application/json; charset=utf-8"),
            ("a.webmanifest", "application/manifest+json; charset=utf-8"),
            ("a.png", "image/png"),
            ("a.avif", "image/avif"),
            ("a.webp", "image/webp"),
            ("a.ico", "image/x-icon"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("a.mp4", "video/mp4"),
            ("a.PDF", "application/pdf"),
            ("a.unheard-of", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
            (".well-known/apple-app-site-association", "application/json; charset=utf-8"),
        ] {
            assert_eq!(content_type(path), expected, "{path}");
        }
    }

    #[test]
    fn a_compressed_type_is_not_compressed_again() {
        for path in ["a.js", "a.css", "a.svg", "a.wasm", "a.ttf", "a.ico", "a.json"] {
            assert!(is_compressible(path), "{path}");
        }
        for path in ["a.png", "a.avif", "a.woff2", "a.mp4", "a.zip", "a.unheard-of", "LICENSE"] {
            assert!(!is_compressible(path), "{path}");
        }
    }
}
