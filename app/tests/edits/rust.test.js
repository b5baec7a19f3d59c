// Edits of sources: the next version receives the socket, and no request is refused.

import assert from "node:assert/strict";
import http from "node:http";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before } from "node:test";
import { AWAY, scene } from "../stage.js";
import { Copy } from "./copy.js";
import { HalfTyped } from "./half-typed.js";
import { until } from "./until.js";

const NAME = "edited-app";

/** The number of edits under load. */
const EDITS = 20;

/** The number of edits under a half-typed message: fewer if this is the second run, with an engine behind. */
const TIMES = process.env.KIPO_TEST_ENGINE === undefined ? 10 : 3;

/** The number of messages for each of these edits: the room retains 100. */
const SAID_MAX = 9;

/** How long the build of an edit may take. */
const BUILD_MS_MAX = 4 * 60_000;

let copy;
before(async () => {
  copy = await Copy.ofApp(NAME);
});
after(() => copy?.remove("."));

/** Returns an action that returns this number. */
const version = (number) => `//! The number of this version.

use kipo::{Context, Result, action};

/// Returns the version.
#[action]
pub async fn version(_cx: Context) -> Result<u32> {
    Ok(${number})
}
`;

const asks = async (server) => (await server.post("Version", {})).body;

/** Sends requests one after the other until `stop`. */
class Load {
  answered = 0;
  failed = [];
  longest = 0;
  /** How many connections the agent with keep-alive has opened. */
  connections = 0;
  #goes = true;
  #ends = [];
  #agents;

  constructor(url) {
    const persistent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.#agents = [persistent, new http.Agent({ keepAlive: false }), new http.Agent({ keepAlive: false })];
    const connect = persistent.createConnection;
    persistent.createConnection = (...given) => {
      this.connections += 1;
      return connect.apply(persistent, given);
    };
    for (const agent of this.#agents) this.#ends.push(this.#run(`${url}/progress`, agent));
  }

  async #run(url, agent) {
    while (this.#goes) {
      const began = performance.now();
      await new Promise((resolve) => {
        const failed = (error) => resolve(this.failed.push(error.code ?? error.message));
        const request = http.get(url, { agent }, (response) => {
          if (response.statusCode !== 200) this.failed.push(response.statusCode);
          response.on("error", failed).on("end", resolve).resume();
        });
        request.on("error", failed);
      });
      this.answered += 1;
      this.longest = Math.max(this.longest, performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async stop() {
    this.#goes = false;
    await Promise.all(this.#ends);
    for (const agent of this.#agents) agent.destroy();
  }
}

scene("twenty versions, a new action first: no request refused or reset, the types are current", async (stage) => {
  const server = await stage.server(copy.options);
  const load = new Load(server.url);
  stage.finally(() => load.stop());
  for (let number = 0; number < EDITS; number++) {
    await copy.write("actions/version.rs", version(number));
    await until(async () => (await asks(server)) === number, () => server.stdout + server.stderr);
  }
  await load.stop();
  console.log(`# ${load.answered} requests during ${EDITS} edits, the longest ${Math.round(load.longest)} ms`);
  assert.deepEqual(load.failed, []);
  assert.equal(load.connections, 1, "an idle connection goes from one version to the next");
  assert.ok(load.answered > EDITS, `${load.answered} requests`);
  const types = await readFile(join(copy.root, "client.d.ts"), "utf8");
  assert.match(types, /Version/);

  // The types of a deleted action are deleted too.
  await copy.remove("actions/version.rs");
  await until(async () => (await server.post("Version", {})).status === 404);
  assert.doesNotMatch(await readFile(join(copy.root, "client.d.ts"), "utf8"), /Version/);
});

scene("a tab loads again with each version and keeps its typed text; the stream misses nothing", async (stage) => {
  stage.expect(...AWAY);
  await copy.write("actions/version.rs", version("1000"));
  await copy.build();
  const server = await stage.server(copy.options);
  const tab = await HalfTyped.open(stage, server);
  for (let round = 0; round < TIMES; round++) {
    await tab.begin(round);
    await tab.page.evaluate(() => (document.body.dataset.mark = "before"));
    await copy.write("actions/version.rs", version(2000 + round));
    // These are sent during the build and the hand-off: fewer and fewer, because a build may take long.
    let [number, dueAt] = [0, 0];
    const latestAt = performance.now() + BUILD_MS_MAX;
    while ((await asks(server)) !== 2000 + round) {
      assert.ok(performance.now() < latestAt, "the new version does not answer");
      if (performance.now() >= dueAt && tab.said.length < SAID_MAX * (round + 1)) {
        tab.said.push(`meanwhile ${round}.${number}`);
        await server.say("Grace", tab.said.at(-1));
        dueAt = performance.now() + 400 * 1.5 ** number;
        number += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await tab.page.waitForFunction(() => document.body.dataset.mark === undefined);
    await tab.check(round);
  }
});

scene("the version that admitted a call also finishes it", async (stage) => {
  await copy.write("actions/version.rs", version(1));
  await copy.write("actions/slow.rs", version(7).replace("version(_cx", "slow(_cx").replace("Ok(7)", "tokio_sleep().await;\n    Ok(7)") + `
async fn tokio_sleep() {
    let (send, wait) = futures_channel();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(2500));
        send();
    });
    wait.await;
}

fn futures_channel() -> (impl FnOnce() + Send + 'static, impl Future<Output = ()>) {
    use std::{sync::{Arc, Mutex}, task::{Poll, Waker}};
    let shared: Arc<Mutex<(bool, Option<Waker>)>> = Arc::default();
    let sender = Arc::clone(&shared);
    let send = move || {
        let mut shared = sender.lock().unwrap();
        shared.0 = true;
        shared.1.take().map(Waker::wake);
    };
    let wait = std::future::poll_fn(move |task| {
        let mut shared = shared.lock().unwrap();
        if shared.0 {
            return Poll::Ready(());
        }
        shared.1 = Some(task.waker().clone());
        Poll::Pending
    });
    (send, wait)
}
`);
  await copy.build();
  const server = await stage.server(copy.options);
  const slow = server.post("Slow", {});
  await copy.write("actions/version.rs", version(2));
  assert.deepEqual((await slow).body, 7);
  await until(async () => (await asks(server)) === 2);
  await copy.remove("actions/slow.rs");
});

scene("saves during a build are one version, and a switched branch is followed", async (stage) => {
  await copy.write("actions/version.rs", version(1));
  await copy.build();
  const server = await stage.server(copy.options);
  for (const number of [2, 3, 4]) {
    await copy.write("actions/version.rs", version(number));
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  await until(async () => (await asks(server)) === 4);
  // The new version answers a moment before the line is printed.
  await until(() => server.stdout.includes("serving after"));
  assert.equal(server.stdout.match(/serving after/g).length, 1, server.stdout);

  // Another branch: many files change at once, and some are deleted.
  const listen = await copy.read("actions/chat/listen.rs");
  const page = await copy.read("pages/progress.html");
  await Promise.all([
    copy.write("actions/version.rs", version(5)),
    copy.remove("pages/progress.html"),
    copy.append("actions/chat/listen.rs", "\n// Another branch.\n"),
    copy.write("pages/branch.html", "<!doctype html><title>branch</title><h1>branch</h1>"),
  ]);
  await until(async () => (await asks(server)) === 5);
  await until(async () => (await fetch(`${server.url}/branch`)).status === 200 && (await fetch(`${server.url}/progress`)).status === 404);
  await Promise.all([
    copy.write("actions/version.rs", version(6)),
    copy.write("pages/progress.html", page),
    copy.write("actions/chat/listen.rs", listen),
    copy.remove("pages/branch.html"),
  ]);
  await until(async () => (await asks(server)) === 6 && (await fetch(`${server.url}/progress`)).status === 200);
});

scene("no process is left behind, neither after a signal nor after the supervisor is killed", async (stage) => {
  await copy.write("actions/version.rs", version(1));
  await copy.build();
  const isAlive = async (pid) => !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State: Z"));
  for (const end of ["stop", "kill"]) {
    const server = await stage.server(copy.options);
    let found = [];
    await until(async () => (found = await descendants(server.pid)).length > 0);
    await server[end]();
    await until(async () => (await Promise.all(found.map(isAlive))).every((is) => !is), () => `${found} are alive after ${end}`);
    await assert.rejects(fetch(server.url));
  }
});

/** Returns the children of a process, which any of its threads can have started. */
async function descendants(pid) {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => "")));
  return lists.join(" ").split(/\s+/).filter((child) => child !== "");
}
