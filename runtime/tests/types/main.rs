//! Checks the generated `client.d.ts` with the TypeScript compiler.
//!
//! The actions in `actions.rs` cover what serde can do to a type. A test writes their declarations
//! to a folder, together with the files in `uses/`, and `tsc` checks them. A line that must not
//! compile ends with the expected error code: `// error: TS2353`. `tsc` must report exactly these
//! errors.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[expect(dead_code, reason = "the fields are described, and never read")]
#[expect(unreachable_pub, reason = "an app writes its actions like this")]
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

/// An error of `tsc`, or an expected one: file, line, code.
type TscError = (String, usize, String);

#[test]
fn valid_uses_compile_and_invalid_uses_do_not() {
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
        let shared = ["kipo-stream-error", "kipo-ready", "kipo-gap"];
        let shared = shared.map(|name| format!("#/components/schemas/{name}"));
        assert!(items.iter().skip(5).map(|item| &item["$ref"]).eq(&shared));
    }

    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas["chat.Send"]["properties"]["username"]["maxLength"], 20);
    for reference in references(&document) {
        let name = reference.strip_prefix("#/components/schemas/");
        let is_known = name.is_none_or(|name| schemas.contains_key(name));
        assert!(is_known, "{reference} has no definition");
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

/// Compiles `client.d.ts` with the files that use it, in the given folder.
///
/// `expected_min` is the smallest number of expected errors. Without it, a check without expected
/// errors would pass.
#[track_caller]
fn check(folder: &str, declarations: &str, uses: &[(String, String)], expected_min: usize) {
    let Some(tsc) = tsc() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("types").join(folder);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("client.d.ts"), declarations).unwrap();
    for (name, text) in uses {
        fs::write(folder.join(name), text).unwrap();
    }
    let expected: BTreeSet<TscError> =
        uses.iter().flat_map(|(name, text)| expected_errors(name, text)).collect();
    assert!(expected.len() >= expected_min, "only {} errors are expected", expected.len());

    let output = Command::new("node")
        .arg(tsc)
        .args(["--pretty", "false", "-p"])
        .arg(&folder)
        .current_dir(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let found: BTreeSet<TscError> = text.lines().filter_map(tsc_error).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    let unexpected: Vec<_> = found.difference(&expected).collect();
    assert!(
        missing.is_empty() && unexpected.is_empty() && output.status.success() == found.is_empty(),
        "should not compile: {missing:#?}\nshould compile: {unexpected:#?}\n{text}\n{}",
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Returns the path of `tsc` in the client's npm packages. If they are not installed, the test is
/// skipped, or fails if `KIPO_REQUIRE_NODE` is set.
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

/// Returns the errors that a file expects.
fn expected_errors(file: &str, text: &str) -> Vec<TscError> {
    let lines = text.lines().zip(1..);
    let codes = lines.filter_map(|(line, number)| Some((number, line.split_once("// error: ")?.1)));
    let each = codes.flat_map(|(number, codes)| codes.split(' ').map(move |code| (number, code)));
    each.map(|(number, code)| (file.to_owned(), number, code.to_owned())).collect()
}

/// Sends a GET request to an app with all actions of `actions.rs`.
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

/// Parses `wrong.ts(12,5): error TS2322: …`. An error without a location counts as well.
fn tsc_error(line: &str) -> Option<TscError> {
    let (location, rest) = line.split_once("error TS")?;
    let code = format!("TS{}", rest.split(':').next().unwrap_or_default());
    let (file, position) = location.split_once('(').unwrap_or((location, ""));
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

/// Returns a path below the folder of the crate.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
