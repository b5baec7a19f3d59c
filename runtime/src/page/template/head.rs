//! What every page has besides its own text: links before `</head>`, and header fields.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};

use crate::{
    header::{Prefix, REQUEST_ID},
    page::{data::Cache, html::escape, settings::Settings, template::json},
};

/// The links and header fields that the settings ask for, below one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(super) prefix: Prefix,
    /// The import map and the client.
    common: String,
    /// The script that applies edits, in development.
    reload: Option<String>,
    /// Names the process, for that script.
    generation: String,
    /// The script of the panel, in development. It runs before the scripts of the page, so that it
    /// observes all of their calls.
    panel: Option<String>,
    csp: HeaderValue,
    fields: HeaderMap,
}

impl Head {
    /// The type of a page.
    pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

    pub(crate) fn new(settings: &Settings, prefix: &Prefix) -> Self {
        let client = format!("{}{}", prefix.as_str(), settings.client);
        let main = format!("{client}/main.js");
        let imports = serde_json::json!({ "imports": { "kipo": main } }).to_string();
        let imports = json::safe(&imports);

        // The map is first: older browsers ignore a map after the first module.
        let mut common = format!("<script type=\"importmap\">{imports}</script>\n");
        if !prefix.is_none() {
            let content = escape(prefix.as_str());
            let _ = writeln!(common, "<meta name=\"kipo-prefix\" content=\"{content}\">");
        }
        for module in &settings.preload {
            let url = escape(&format!("{client}/{module}"));
            let _ = writeln!(common, "<link rel=\"modulepreload\" href=\"{url}\">");
        }
        // The client reads the methods that it cannot guess.
        for (action, method) in &settings.methods {
            let name = escape(&format!("kipo-method:{action}"));
            let _ = writeln!(common, "<meta name=\"{name}\" content=\"{method}\">");
        }
        script(&mut common, &main);
        let reload = settings.reload.then(|| format!("{client}/dev/reload.js"));
        let panel = settings.reload.then(|| format!("{client}/dev/panel.js"));
        let generation = settings.generation.clone();
        let (prefix, csp) = (prefix.clone(), csp(&imports));
        let fields = HeaderMap::new();
        let mut head = Self { prefix, common, reload, generation, panel, csp, fields };
        head.fields = head.fields_of_page();
        head
    }

    /// Returns the header fields of a page with the status 200, in the order in which they are sent. The
    /// entity tag and the id of the request are empty: each response has its own. They are there because
    /// a copy has no space for more, and a map that grows moves all that it has. The server adds the
    /// length. Up to nine fields are few enough for the allocator's quick way, so there is no
    /// `X-Frame-Options`: `frame-ancestors` has taken its place (CSP level 2).
    pub(crate) fn fields(&self) -> &HeaderMap {
        &self.fields
    }

    fn fields_of_page(&self) -> HeaderMap {
        let mut fields = HeaderMap::new();
        fields.insert(header::CACHE_CONTROL, Cache::DEFAULT);
        fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fields.insert(header::ETAG, HeaderValue::from_static(""));
        fields.insert(header::CONTENT_TYPE, Self::HTML);
        self.secure(&mut fields);
        fields.insert(REQUEST_ID, HeaderValue::from_static(""));
        fields
    }

    /// Returns the lines for the head of a page of this edition with these files of its own, which are
    /// paths without the prefix.
    pub(crate) fn block(
        &self,
        template: &str,
        edition: u64,
        style: Option<&str>,
        own_script: Option<&str>,
    ) -> String {
        let mut block = self.common.clone();
        let below = |path: &str| format!("{}{path}", self.prefix.as_str());
        if let Some(url) = &self.reload {
            let (url, generation, template) =
                (escape(url), escape(&self.generation), escape(template));
            let _ = writeln!(
                block,
                "<script type=\"module\" src=\"{url}\" data-kipo-page=\"{template}\" \
                 data-kipo-life=\"{generation}\" data-kipo-edition=\"{edition}\"></script>"
            );
        }
        if let Some(url) = &self.panel {
            script(&mut block, url);
        }
        if let Some(path) = style {
            let _ = writeln!(block, "<link rel=\"stylesheet\" href=\"{}\">", escape(&below(path)));
        }
        if let Some(path) = own_script {
            script(&mut block, &below(path));
        }
        block
    }

    /// Writes the header fields that restrict what a page may do.
    pub(crate) fn secure(&self, headers: &mut HeaderMap) {
        const FIELDS: [(HeaderName, HeaderValue); 3] = [
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                HeaderValue::from_static("same-origin"),
            ),
        ];
        headers.insert(header::CONTENT_SECURITY_POLICY, self.csp.clone());
        for (name, value) in FIELDS {
            headers.insert(name, value);
        }
    }
}

/// Returns the policy for pages: everything from this origin, nothing inline but `import_map`, no
/// frames.
fn csp(import_map: &str) -> HeaderValue {
    let scripts = with_hash("script-src 'self'", import_map);
    let policy = format!(
        "default-src 'self'; {scripts}; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 and words are a header value")
}

fn with_hash(directive: &str, inline: &str) -> String {
    format!("{directive} 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(inline)))
}

fn script(block: &mut String, url: &str) {
    let _ = writeln!(block, "<script type=\"module\" src=\"{}\"></script>", escape(url));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_of_a_page_are_in_order() {
        let settings = Settings {
            preload: vec!["call/action.js".to_owned()],
            reload: true,
            methods: vec![("a.Find".to_owned(), "GET")],
            ..Settings::test()
        };
        let head = Head::new(&settings, &Prefix::NONE);
        let block = head.block("index.html", 7, Some("/p/index.css"), Some("/p/index.js"));
        assert_eq!(
            block,
            "<script type=\"importmap\">{\"imports\":{\"kipo\":\"/_kipo/c0/main.js\"}}</script>\n\
             <link rel=\"modulepreload\" href=\"/_kipo/c0/call/action.js\">\n\
             <meta name=\"kipo-method:a.Find\" content=\"GET\">\n\
             <script type=\"module\" src=\"/_kipo/c0/main.js\"></script>\n\
             <script type=\"module\" src=\"/_kipo/c0/dev/reload.js\" data-kipo-page=\"index.html\" data-kipo-life=\"l0\" data-kipo-edition=\"7\"></script>\n\
             <script type=\"module\" src=\"/_kipo/c0/dev/panel.js\"></script>\n\
             <link rel=\"stylesheet\" href=\"/p/index.css\">\n\
             <script type=\"module\" src=\"/p/index.js\"></script>\n"
        );
    }

    #[test]
    fn every_link_is_below_the_prefix() {
        let settings = Settings {
            preload: vec!["call/action.js".to_owned()],
            reload: true,
            ..Settings::test()
        };
        let block = |prefix| {
            let head = Head::new(&settings, &Prefix::parse(prefix).unwrap());
            head.block("index.html", 7, Some("/p/index.css"), Some("/p/index.js"))
        };
        let meta = "<meta name=\"kipo-prefix\" content=\"/app\">\n";
        let below = block("/app").replace(meta, "");
        assert_eq!(below, block("").replace("\"/", "\"/app/"));
    }

    #[test]
    fn the_policy_allows_the_import_map_and_nothing_inline_besides() {
        let head = Head::new(&Settings::test(), &Prefix::NONE);
        let map =
            head.common.split_once("importmap\">").unwrap().1.split_once("</script>").unwrap().0;
        let hash = BASE64_STANDARD.encode(Sha256::digest(map));
        let mut headers = HeaderMap::new();
        head.secure(&mut headers);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains(&format!("script-src 'self' 'sha256-{hash}';")), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("style-src 'self';"), "{policy}");
    }

    #[test]
    fn a_strange_base_path_does_not_break_out() {
        let settings = Settings { client: "/a\"><b>'</script>".to_owned(), ..Settings::test() };
        let common = Head::new(&settings, &Prefix::NONE).common;
        assert_eq!(common.matches("</script>").count(), 2, "{common}");
        assert!(!common.contains("<b>"), "{common}");
    }
}
