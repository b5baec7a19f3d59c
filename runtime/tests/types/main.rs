//! The generated `client.d.ts` against TypeScript itself.
//!
//! The actions in `actions.rs` cover what serde can do to a type. Their declarations are written to
//! a folder of their own beside the uses in `uses/`, and `tsc` checks them. A line that must not
//! compile says so at its end, with what `tsc` says of it: `// error: TS2353`. All that it reports
//! has to be exactly those lines with those codes.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[expect(dead_code, reason = "what an input holds is described here, and never read")]
#[expect(unreachable_pub, reason = "this is how an app writes its actions")]
mod actions;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower_service::Service as _;

/// A complaint of `tsc`, or the mark of an expected one: file, line, code.
type Complaint = (String, usize, String);

#[test]
fn right_uses_compile_and_wrong_ones_do_not() {
    let uses: Vec<(String, String)> = fs::read_dir(at("tests/types/uses"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    check("uses", &get("/_kipo/client.d.ts"), &uses, 50);
}

#[test]
fn the_golden_declarations_compile() {
    let read = |path: &str| fs::read_to_string(at(path)).unwrap();
    let declarations =
        format!("{}\n{}", read("client/types.d.ts"), read("src/schema/golden/shapes.d.ts"));
    let config = ("tsconfig.json".to_owned(), read("tests/types/uses/tsconfig.json"));
    check("golden", &declarations, &[config], 0);
}

#[test]
fn the_document_describes_every_action() {
    let document: serde_json::Value = serde_json::from_str(&get("/_kipo/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let send = &paths["/_kipo/actions/chat.Send"]["post"];
    assert_eq!(send["summary"], "Posts one message to the room.");
    assert_eq!(
        send["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/chat.Send"
    );
    assert_eq!(send["requestBody"]["required"], true);
    let listen = &paths["/_kipo/actions/chat.Listen"];
    assert_eq!(listen["post"]["requestBody"]["required"], false);
    for verb in ["get", "post"] {
        let stream = &listen[verb]["responses"]["200"]["content"]["text/event-stream"];
        let items = stream["itemSchema"]["oneOf"].as_array().unwrap();
        let chat = &items[0]["properties"];
        assert_eq!(chat["event"]["const"], "chat");
        assert_eq!(chat["data"]["contentSchema"]["$ref"], "#/components/schemas/chat.Message");
        let named = ["chat", "presence", "many", "tick", "complete"];
        assert!(items.iter().take(5).map(|item| &item["properties"]["event"]["const"]).eq(named));
        let shared = ["kipo-error", "kipo-ready", "kipo-gap"];
        let shared = shared.map(|name| format!("#/components/schemas/{name}"));
        assert!(items.iter().skip(5).map(|item| &item["$ref"]).eq(&shared));
    }

    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas["chat.Send"]["properties"]["username"]["maxLength"], 20);
    for reference in references(&document) {
        let name = reference.strip_prefix("#/components/schemas/");
        let is_known = name.is_none_or(|name| schemas.contains_key(name));
        assert!(is_known, "{reference} leads nowhere");
    }
}

#[test]
fn a_rule_is_in_the_schema_or_named_in_the_description() {
    let document: serde_json::Value = serde_json::from_str(&get("/_kipo/openapi.json")).unwrap();
    let schemas = &document["components"]["schemas"];
    let field = |name: &str| &schemas["rules.Check"]["properties"][name];
    for (name, keyword, expected) in [
        ("text", "minLength", json!(2)),
        ("text", "maxLength", json!(3)),
        ("list", "minItems", json!(2)),
        ("list", "maxItems", json!(2)),
        ("map", "minProperties", json!(1)),
        ("map", "maxProperties", json!(3)),
        ("number", "minimum", json!(1)),
        ("number", "maximum", json!(9)),
        ("number", "type", json!(["integer", "null"])),
        ("email", "format", json!("email")),
        ("email", "pattern", json!(kipo::__private::rules::EMAIL)),
        ("url", "format", json!("uri")),
        ("url", "pattern", json!(kipo::__private::rules::URL)),
        ("work", "format", json!("email")),
        ("work", "pattern", json!("@example\\.org")),
        ("needed", "type", json!("integer")),
        ("custom", "description", json!("A text.\n\nThe server also checks `not_blank`.")),
    ] {
        assert_eq!(field(name)[keyword], expected, "{name} {keyword}");
    }
    assert_eq!(schemas["rules.Span"]["description"], "The server also checks `in_order`.");
    let required = schemas["rules.Check"]["required"].as_array().unwrap();
    assert!(required.contains(&json!("needed")) && !required.contains(&json!("map")));
    assert!(!document.to_string().contains("x-kipo"));
}

/// Compiles `client.d.ts` with the files that use it, in a folder of that name.
///
/// `marks` is how many marks there are at least: a check of nothing would pass as well.
#[track_caller]
fn check(folder: &str, declarations: &str, uses: &[(String, String)], marks: usize) {
    let Some(tsc) = tsc() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("types").join(folder);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("client.d.ts"), declarations).unwrap();
    for (name, text) in uses {
        fs::write(folder.join(name), text).unwrap();
    }
    let expected: BTreeSet<Complaint> =
        uses.iter().flat_map(|(name, text)| marked(name, text)).collect();
    assert!(expected.len() >= marks, "only {} marks were found", expected.len());

    let output = Command::new("node")
        .arg(tsc)
        .args(["--pretty", "false", "-p"])
        .arg(&folder)
        .current_dir(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let found: BTreeSet<Complaint> = text.lines().filter_map(complaint).collect();
    let silent: Vec<_> = expected.difference(&found).collect();
    let surprising: Vec<_> = found.difference(&expected).collect();
    assert!(
        silent.is_empty() && surprising.is_empty() && output.status.success() == found.is_empty(),
        "should not compile: {silent:#?}\nshould compile: {surprising:#?}\n{text}\n{}",
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Finds `tsc` where the client's npm packages are. Without them there is nothing to check with;
/// `KIPO_REQUIRE_NODE` makes that a failure.
fn tsc() -> Option<PathBuf> {
    let client = at("client");
    let tsc = client.join("node_modules/typescript/bin/tsc");
    if !tsc.exists() {
        let required = env::var_os("KIPO_REQUIRE_NODE").is_some();
        assert!(!required, "{} is missing: run `npm ci` in {}", tsc.display(), client.display());
        return None;
    }
    Some(tsc)
}

/// Reads the marks of a file.
fn marked(file: &str, text: &str) -> Vec<Complaint> {
    let lines = text.lines().zip(1..);
    let codes = lines.filter_map(|(line, number)| Some((number, line.split_once("// error: ")?.1)));
    let each = codes.flat_map(|(number, codes)| codes.split(' ').map(move |code| (number, code)));
    each.map(|(number, code)| (file.to_owned(), number, code.to_owned())).collect()
}

/// Asks the app of all actions here for a path.
fn get(path: &str) -> String {
    let mut router: Router = kipo::App::new().router().unwrap();
    let request = Request::get(path).body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bytes = runtime.block_on(async {
        let response = router.call(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.into_body().collect().await.unwrap().to_bytes()
    });
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Reads `wrong.ts(12,5): error TS2322: …`. A complaint without a place counts too.
fn complaint(line: &str) -> Option<Complaint> {
    let (place, rest) = line.split_once("error TS")?;
    let code = format!("TS{}", rest.split(':').next().unwrap_or_default());
    let (file, position) = place.split_once('(').unwrap_or((place, ""));
    let line = position.split(',').next().unwrap_or_default().parse().unwrap_or(0);
    Some((file.to_owned(), line, code))
}

/// Returns every `$ref` in a document.
fn references(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Array(list) => list.iter().flat_map(references).collect(),
        serde_json::Value::Object(map) => {
            let own = map.get("$ref").and_then(|reference| reference.as_str()).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns a path in the crate.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
