// Measures the time from saving a file to seeing it, and prints the table for bench/README.md.
//
//     node tests/edits/measure.js [--quick]

import { execFileSync, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { launch } from "../launch.js";
import { Server } from "../server.js";
import { Copy } from "./copy.js";
import { until } from "./until.js";

const isQuick = process.argv.includes("--quick");
const SAVES = isQuick ? 5 : 100;
const BUILDS = isQuick ? 1 : 10;

/** The pause between two requests to the new version. On average half of it is added to the measured time. */
const ASK_MS = 25;

/** The pause between two saves, in which the page settles. A person saves no faster. */
const PAUSE_MS = 60;

const ends = [];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => performance.timeOrigin + performance.now();
const sorted = (times) => [...times].sort((a, b) => a - b);
const at = (times, share) => sorted(times)[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)];
const shown = (times, share) => at(times, share).toFixed(0);
const say = (text) => process.stderr.write(`${text}\n`);

/** Returns the time at which `isDone` is true in the page, by the clock of the machine. */
function seen(page, isDone, wanted) {
  return page.evaluate(
    ([isDone, wanted]) =>
      new Promise((resolve) => {
        const check = eval(isDone);
        const look = () => {
          if (check(wanted)) resolve(performance.timeOrigin + performance.now());
          else requestAnimationFrame(look);
        };
        new MutationObserver(() => check(wanted) && resolve(performance.timeOrigin + performance.now())).observe(document, {
          subtree: true,
          childList: true,
          characterData: true,
          attributes: true,
        });
        look();
      }),
    [`(${isDone})`, wanted],
  );
}

async function pages(browser) {
  const copy = await Copy.ofPages({ finally: (end) => ends.push(end) });
  const server = await Server.start({ root: copy.root, watch: true });
  ends.push(() => server.stop());
  // The page's policy forbids `eval`, which `seen` uses.
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(server.url);
  const measure = async (edit, isDone, wanted) => {
    const times = [];
    for (let round = 0; round < SAVES; round++) {
      const done = seen(page, isDone, wanted(round));
      await pause(PAUSE_MS);
      const began = now();
      await edit(round);
      times.push((await done) - began);
    }
    return times;
  };
  const template = await copy.read("pages/index.html");
  const style = await copy.read("pages/index.css");
  say("templates");
  const templates = await measure(
    (round) => copy.write("pages/index.html", template.replace(">Join the room<", `>Join ${round}<`)),
    (wanted) => document.querySelector("#join-title")?.textContent === wanted,
    (round) => `Join ${round}`,
  );
  say("styles");
  const styles = await measure(
    (round) => copy.write("pages/index.css", `${style}\n#join-title { letter-spacing: ${round + 1}px; }\n`),
    (wanted) => getComputedStyle(document.querySelector("#join-title")).letterSpacing === wanted,
    (round) => `${round + 1}px`,
  );
  return { templates, styles };
}

const VERSION = "actions/version.rs";
const version = (number) => `//! The number of this version.

use kipo::{Context, Result, action};

/// Returns the version.
#[action]
pub async fn version(_cx: Context) -> Result<u32> {
    Ok(${number})
}
`;

const answers = async (url, number) => {
  try {
    const response = await fetch(`${url}/_kipo/actions/Version`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    return response.ok && (await response.json()) === number;
  } catch {
    return false;
  }
};

/** Saves new versions, each one after the previous one answers. */
async function saves(copy, url, first) {
  const times = [];
  for (let number = first; number < first + BUILDS; number++) {
    await pause(300);
    const began = now();
    await copy.write(VERSION, version(number));
    // Requests take time of the same cores, so there is a pause between them.
    while (!(await answers(url, number))) await pause(ASK_MS);
    times.push(now() - began);
  }
  return times;
}

async function sources() {
  const copy = await Copy.ofApp("measured-app");
  ends.push(() => rm(copy.root, { recursive: true, force: true }));
  await copy.write(VERSION, version(0));
  await copy.build();

  say("cargo build alone");
  const alone = [];
  for (let number = 1; number <= BUILDS; number++) {
    await copy.write(VERSION, version(number));
    const began = now();
    await copy.build();
    alone.push(now() - began);
  }

  say("kipo");
  const server = await Server.start(copy.options);
  // The supervisor asks cargo for the packages a moment after the start.
  await pause(1000);
  const kipo = await saves(copy, server.url, 1000);
  await server.stop();

  const watcher = has("cargo-watch") ? await cargoWatch(copy) : undefined;
  return { alone, kipo, watcher };
}

/** Measures the plain binary, which an outside watcher builds and restarts. */
async function cargoWatch(copy) {
  say("cargo-watch");
  const port = 20_000 + (process.pid % 20_000);
  const run = `run --offline --target-dir ${copy.target} -- --no-watch --port ${port} --data-dir ${copy.root}/data`;
  const watch = spawn("cargo-watch", ["watch", "-q", "--ignore-nothing", "-w", "actions", "-x", run], { cwd: copy.root, stdio: "ignore", detached: true });
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(url).catch(() => undefined))?.ok);
    return await saves(copy, url, 2000);
  } finally {
    process.kill(-watch.pid, "SIGTERM");
  }
}

function has(program) {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const browser = await launch();
ends.push(() => browser.close());
try {
  const { templates, styles } = await pages(browser);
  const { alone, kipo, watcher } = await sources();
  const median = (times) => at(times, 0.5);
  const rows = [
    ["template saved → DOM changed, ms", SAVES, templates, "p50 ≤ 50, p95 ≤ 100", median(templates) <= 50 && at(templates, 0.95) <= 100],
    ["style saved → applied, ms", SAVES, styles, "", undefined],
    ["`cargo build` alone, one line of an action, ms", BUILDS, alone, "", undefined],
    ["one line of an action saved → new code answers, ms", BUILDS, kipo, "p50 ≤ `cargo build` + 300", median(kipo) <= median(alone) + 300],
  ];
  if (watcher) rows.push(["the same by `cargo-watch` and the plain binary, ms", BUILDS, watcher, "", undefined]);
  console.log("| from saving to seeing | saves | p50 | p95 | target | met |\n|---|--:|--:|--:|---|---|");
  for (const [name, count, times, target, met] of rows) {
    const word = met === undefined ? "" : met ? "yes" : "**no**";
    console.log(`| ${name} | ${count} | ${shown(times, 0.5)} | ${shown(times, 0.95)} | ${target} | ${word} |`);
  }
} finally {
  for (const end of ends.reverse()) await end();
}
