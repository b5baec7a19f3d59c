// Edits of sources: the next version takes over the socket, and nobody is turned away.

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

/** How often it is edited while requests go on. */
const EDITS = 20;

/** How often with a message half typed. */
const TIMES = 10;

let copy;
before(async () => {
  copy = await Copy.ofApp(NAME);
});
after(() => copy?.remove("."));

/** An action whose answer says which version it is of. */
const version = (number) => `//! Which version this is.

use kipo::{Context, Result, action};

/// Returns the version.
#[action]
pub async fn version(_cx: Context) -> Result<u32> {
    Ok(${number})
}
`;

const asks = async (server) => (await server.post("Version", {})).body;

/** Sends requests one after the other until it is told to stop. */
class Load {
  answered = 0;
  failed = [];
  longest = 0;
  /** How many connections the one that keeps its own has opened. */
  kept = 0;
  #goes = true;
  #ends = [];
  #agents;

  constructor(url) {
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.#agents = [kept, new http.Agent({ keepAlive: false }), new http.Agent({ keepAlive: false })];
    const connect = kept.createConnection;
    kept.createConnection = (...given) => {
      this.kept += 1;
      return connect.apply(kept, given);
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

scene("twenty versions take over, a new action first: none refused, none reset, the types are fresh", async (stage) => {
  const server = await stage.server(copy.options);
  const load = new Load(server.url);
  stage.finally(() => load.stop());
  for (let number = 0; number < EDITS; number++) {
    await copy.write("actions/version.rs", version(number));
    await until(async () => (await asks(server)) === number, () => server.said + server.complained);
  }
  await load.stop();
  console.log(`# ${load.answered} requests during ${EDITS} edits, the longest ${Math.round(load.longest)} ms`);
  assert.deepEqual(load.failed, []);
  assert.equal(load.kept, 1, "a connection that is kept goes from one version to the next");
  assert.ok(load.answered > EDITS, `${load.answered} requests`);
  const types = await readFile(join(copy.root, "client.d.ts"), "utf8");
  assert.match(types, /Version/);

  // An action that goes takes its types with it.
  await copy.remove("actions/version.rs");
  await until(async () => (await server.post("Version", {})).status === 404);
  assert.doesNotMatch(await readFile(join(copy.root, "client.d.ts"), "utf8"), /Version/);
});

scene("a tab loads anew with each version, with what was typed; the stream misses nothing", async (stage) => {
  stage.expect(...AWAY);
  await copy.write("actions/version.rs", version("1000"));
  await copy.build();
  const server = await stage.server(copy.options);
  const tab = await HalfTyped.open(stage, server);
  for (let round = 0; round < TIMES; round++) {
    await tab.begin(round);
    await tab.page.evaluate(() => (document.body.dataset.life = "before"));
    await copy.write("actions/version.rs", version(2000 + round));
    // Said while it is built and handed over.
    for (let number = 0; (await asks(server)) !== 2000 + round; number++) {
      tab.said.push(`meanwhile ${round}.${number}`);
      await server.say("Grace", tab.said.at(-1));
      // All of them are to fit into what the room keeps.
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    await tab.page.waitForFunction(() => document.body.dataset.life === undefined);
    await tab.check(round);
  }
});

scene("a call that was admitted is finished by the version that began it", async (stage) => {
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
    let told = Arc::clone(&shared);
    let send = move || {
        let mut shared = told.lock().unwrap();
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

scene("saves while it is built are one version, and a branch that is switched under it is followed", async (stage) => {
  await copy.write("actions/version.rs", version(1));
  await copy.build();
  const server = await stage.server(copy.options);
  for (const number of [2, 3, 4]) {
    await copy.write("actions/version.rs", version(number));
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  await until(async () => (await asks(server)) === 4);
  // It answers a moment before it is told of.
  await until(() => server.said.includes("serving after"));
  assert.equal(server.said.match(/serving after/g).length, 1, server.said);

  // As another branch has it: many files at once, and some gone.
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

scene("nothing is left behind: by a signal, nor when the supervisor is killed", async (stage) => {
  await copy.write("actions/version.rs", version(1));
  await copy.build();
  const lives = async (pid) => !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State: Z"));
  for (const end of ["stop", "kill"]) {
    const server = await stage.server(copy.options);
    let found = [];
    await until(async () => (found = await descendants(server.pid)).length > 0);
    await server[end]();
    await until(async () => (await Promise.all(found.map(lives))).every((is) => !is), () => `${found} live on after ${end}`);
    await assert.rejects(fetch(server.url));
  }
});

/** Every process that this one has started, by whichever of its threads. */
async function descendants(pid) {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => "")));
  return lists.join(" ").split(/\s+/).filter((child) => child !== "");
}
