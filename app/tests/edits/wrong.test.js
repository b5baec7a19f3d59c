// Errors on purpose, one of each kind: the overlay shows them over the last good page until they are fixed.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { AWAY, part, scene, state } from "../stage.js";
import { Copy } from "./copy.js";
import { until } from "./until.js";

let copy;
before(async () => {
  copy = await Copy.ofApp("wrong-app");
});
after(() => copy?.remove("."));

const OVERLAY = "kipo-error";

/** Returns the text of the overlay. Playwright looks into shadow roots. */
const says = (page) => page.locator(`${OVERLAY} .errors`).innerText();

const covered = (page, pattern) => page.locator(`${OVERLAY} section`).filter({ hasText: pattern }).first().waitFor();

const bare = (page) => page.waitForSelector(OVERLAY, { state: "detached" });

const half = async (page) => page.fill(part("message_input"), "half typed");

/** Checks that the page below the overlay is the last good one, with its typed text. */
async function goesOn(page) {
  await state(page, "connected");
  assert.equal(await page.inputValue(part("message_input")), "half typed");
}

scene("a template: file, line, column, excerpt and the known names", async (stage) => {
  const server = await stage.server(copy.options);
  const page = await stage.chat(server.url, "Ada");
  await half(page);
  const good = await copy.read("pages/index.html");
  for (const [from, to, pattern] of [
    [">The room<", ">{% if %}<", /index\.html:\d+:\d+/],
    [">The room<", ">{{ no_such_name }}<", /no_such_name/],
    ["_layout.html", "_layuot.html", /_layuot\.html/],
  ]) {
    await copy.edit("pages/index.html", from, to);
    await covered(page, pattern);
    assert.match(await says(page), /\d+ \|/, "an excerpt");
    const link = await page.locator(`${OVERLAY} .location a`).getAttribute("href");
    assert.match(link, /^vscode:\/\/file\/.*\/pages\/index\.html:\d+:\d+$/);
    await goesOn(page);
    assert.match(await (await fetch(server.url)).text(), />The room</);
    await copy.write("pages/index.html", good);
    await bare(page);
    await goesOn(page);
  }
  assert.match(server.stderr, /pages\/index\.html:\d+:\d+/, "the terminal shows the same");
});

scene("sources that do not compile: all errors, the first one first, warnings apart", async (stage) => {
  const server = await stage.server(copy.options);
  const page = await stage.chat(server.url, "Ada");
  await half(page);
  const good = await copy.read("actions/chat/send.rs");
  await copy.write("actions/chat/send.rs", `${good}
fn first() -> u32 { "not a number" }
fn second() -> u32 { no_such_name }
fn third() { let unused = 1; }
`);
  await covered(page, /mismatched types/);
  const sections = await page.locator(`${OVERLAY} section h1`).allInnerTexts();
  assert.equal(sections.length, 2, String(sections));
  assert.match(await says(page), /no_such_name/);
  assert.match(await page.locator(`${OVERLAY} .location a`).first().getAttribute("href"), /\/actions\/chat\/send\.rs:\d+:\d+$/);
  const coloured = await page.locator(`${OVERLAY} pre b`).first().evaluate((piece) => piece.style.color);
  assert.notEqual(coloured, "", "in the compiler's colours");
  assert.match(server.stderr, /mismatched types/);
  await goesOn(page);
  // A new tab shows it too, over the version that still runs.
  const other = await stage.tab(server.url);
  await covered(other, /mismatched types/);

  await copy.write("actions/chat/send.rs", good);
  await bare(page);
  await bare(other);
  await goesOn(page);
});

scene("a manifest that cargo refuses", async (stage) => {
  const server = await stage.server(copy.options);
  const page = await stage.tab(server.url);
  const good = await copy.read("Cargo.toml");
  await copy.write("Cargo.toml", good.replace("[dependencies]", "[dependencies"));
  await covered(page, /Compiler|COMPILER/);
  assert.match(await says(page), /Cargo\.toml/);
  await copy.write("Cargo.toml", good);
  await bare(page);
});

scene("a version that panics at its start: the previous one still serves", async (stage) => {
  const server = await stage.server(copy.options);
  const page = await stage.chat(server.url, "Ada");
  await half(page);
  const good = await copy.read("main.rs");
  await copy.write("main.rs", good.replace("App::new()", `assert!(std::env::var("KIPO_SUPERVISED").is_err(), "no start today");\n    App::new()`));
  await covered(page, /ended before it served/);
  assert.match(await says(page), /no start today/);
  await goesOn(page);
  await copy.write("main.rs", good);
  await bare(page);
});

scene("an action that panics, and the data of a page that fails", async (stage) => {
  // A failure is in the console too, with its request.
  stage.expect(...AWAY, /status of 50\d/, /status of 404/, /Kipo: panicked: it exploded/, /Kipo: the sky fell/);
  await copy.write("actions/fails.rs", `//! Failures on purpose.

use kipo::{Context, Error, PageContext, Result, action, data, page};

/// Panics.
#[action]
pub async fn explode(_cx: Context) -> Result<()> {
    panic!("it exploded");
}

/// The data of a page.
#[data]
pub struct Weather {
    sky: String,
}

/// Fails if there is a file called rain.
#[page("weather")]
pub async fn weather(cx: PageContext) -> Result<Weather> {
    if std::path::Path::new("rain").exists() {
        return Err(Error::internal("the sky fell"));
    }
    let _ = cx;
    Ok(Weather { sky: "blue".to_owned() })
}
`);
  await copy.write("pages/weather.html", `{% extends "_layout.html" %}{% block main %}<h1>{{ sky }}</h1>{% endblock %}`);
  await copy.build();
  const server = await stage.server(copy.options);
  const page = await stage.tab(`${server.url}/weather`);
  await page.waitForSelector(`h1:text-is("blue")`);

  const { status, body } = await server.post("fails.Explode", {});
  assert.equal(status, 500);
  assert.doesNotMatch(JSON.stringify(body), /exploded/);
  await covered(page, /it exploded/);
  assert.match(await says(page), /fails\.rs:\d+:\d+[\s\S]*panic!/);
  await page.keyboard.press("Escape");
  await bare(page);

  // The data function fails when the page is fetched again. The last good page stays below.
  await copy.write("rain", "");
  await copy.edit("pages/weather.html", "<h1>", "<h1 class=sky>");
  await covered(page, /the sky fell/);
  await page.waitForSelector(`h1:text-is("blue")`);
  await copy.remove("rain");
  await copy.edit("pages/weather.html", "<h1 class=sky>", `<h1 class="sky">`);
  await page.waitForSelector(`h1.sky:text-is("blue")`);
  await bare(page);
  await Promise.all([copy.remove("actions/fails.rs"), copy.remove("pages/weather.html")]);
});

scene("without a running version the supervisor shows the reason, until a fix makes one run", async (stage) => {
  stage.expect(...AWAY, /status of 503/);
  const good = await copy.read("pages/index.html");
  await copy.build();
  await copy.write("pages/index.html", good.replace(">The room<", ">{% if %}<"));
  const server = await stage.server(copy.options);
  const page = await (await stage.profile()).newPage();
  const response = await page.goto(server.url);
  assert.equal(response.status(), 503);
  await covered(page, /index\.html/);
  const program = await fetch(`${server.url}/_kipo/actions/chat.Send`, { method: "POST", headers: { accept: "application/json" } });
  assert.deepEqual([program.status, program.headers.get("retry-after")], [503, "1"]);
  assert.equal((await program.json()).code, "unavailable");
  await copy.write("pages/index.html", good);
  await page.waitForSelector(`#room-title`, { state: "attached" });
  await bare(page);
  await until(async () => (await fetch(server.url)).status === 200);
});
