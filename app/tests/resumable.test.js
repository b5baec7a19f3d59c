// Uploads under fire: connections are cut at random bytes, the server is killed and restarted, and the page is reloaded, in one
// upload. The file arrives as it was, and its action runs once.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tus from "tus-js-client";
import { site } from "./site.js";
import { AWAY, scene } from "./stage.js";

/** How often an upload is interrupted. */
const CUTS = 20;

/** The largest piece between two cuts: all of them together are smaller than the file. */
const PIECE_BYTES = 700_000;

const FILE_BYTES = 15_000_000;

/** More than the request that begins an upload: if its response is lost, what it has begun stays until it expires. */
const BEGUN_BYTES = 5_000;

const UPLOADS = "/_kipo/uploads";
const STORE = "/_kipo/actions/upload.Store";

/** The errors that a browser logs where the client goes on. */
const GOES_ON = [...AWAY, /the server responded with a status of (409|423|503)/];

const PAGE = {
  "pages/index.html": `<!doctype html><html lang="en"><meta charset="utf-8"><title>Upload</title><link rel="icon" href="data:,">
<main id="app"><input type="file" p-ref="file"><button p-ref="send">Send</button><button p-ref="pause">Pause</button><button p-ref="cancel">Cancel</button>
<progress p-ref="progress"></progress><output p-ref="output"></output></main></html>`,
  "pages/form.html": `<!doctype html><html lang="en"><meta charset="utf-8"><title>Form</title><link rel="icon" href="data:,">
<main id="app"><form p-action="upload.Store" p-resumable="always"><label>File <input {{ field("upload.Store", "file") }}></label>
{{ field_error("upload.Store", "file") }}<button>Send</button></form></main></html>`,
  "pages/index.js": `import { action, refs } from "kipo";
refs.send.addEventListener("click", async () => {
  const upload = { resumable: "always", onStart: (files) => {
    refs.pause.onclick = () => (files.isPaused ? files.resume() : files.pause());
    refs.cancel.onclick = () => files.cancel();
  } };
  const call = action.upload.Store({ file: refs.file.files[0] }).withUpload(upload).withOnUpload((sent, total) => {
    refs.progress.max = total;
    refs.progress.value = sent;
  });
  try {
    refs.output.textContent = JSON.stringify(await call.call());
  } catch (error) {
    refs.output.textContent = String(error.name);
  }
});`,
};

const piece = () => 1 + Math.floor(Math.random() * PIECE_BYTES);

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Writes a file of random bytes. */
async function randomFile(stage, length) {
  const folder = await mkdtemp(join(tmpdir(), "kipo-resumable-"));
  stage.finally(() => rm(folder, { recursive: true, force: true }));
  const [path, bytes] = [join(folder, "film.bin"), randomBytes(length)];
  await writeFile(path, bytes);
  await utimes(path, 1_700_000_000, 1_700_000_000);
  return { path, bytes };
}

/** Returns the files of uploads: those that no action has used, and what stays of the others. */
async function files(data) {
  const names = await readdir(join(data, "uploads/resumable")).catch(() => []);
  return { left: names.filter((name) => !name.endsWith(".used")), used: names.filter((name) => name.endsWith(".used")) };
}

/** Waits until no bytes of an upload are on the disk. The last ones go just after the response. */
async function noneLeft(data) {
  for (let turn = 0; turn < 200 && (await files(data)).left.length > 0; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual((await files(data)).left, []);
}

/** A server behind a proxy, with a data directory that outlives it. */
async function setUp(stage) {
  const { root } = await site(stage, PAGE);
  const data = await stage.data();
  const start = () => stage.server({ root, data });
  const server = await start();
  const proxy = await stage.proxy(server.url);
  /** Kills the server without a chance to end, and starts another one. */
  const restart = async (server) => {
    await server.kill();
    const next = await start();
    proxy.target = next.url;
    return next;
  };
  return { data, server, proxy, restart };
}

scene("a file arrives once although connections are cut, the server is killed and the page is reloaded", async (stage) => {
  stage.expect(...GOES_ON);
  const { data, proxy, restart, ...rest } = await setUp(stage);
  let { server } = rest;
  const { path, bytes } = await randomFile(stage, FILE_BYTES);
  const page = await (await stage.steadyProfile()).newPage();
  const send = async () => {
    await page.setInputFiles("[p-ref=file]", path);
    await page.click("[p-ref=send]");
  };
  await page.goto(proxy.url);
  let cut = proxy.cutRequestsAfter(piece() + BEGUN_BYTES, UPLOADS);
  await send();
  for (let round = 1; round <= CUTS; round += 1) {
    await cut;
    if (round % 4 === 1) server = await restart(server);
    // The last time, the response of the call is lost.
    const next = () => (round < CUTS ? proxy.cutRequestsAfter(piece(), UPLOADS) : proxy.cutAfter(20, STORE));
    if (round % 4 === 3) {
      // Ends the page, which would go on as soon as it can.
      await page.goto("about:blank");
      await proxy.pass();
      await page.goto(proxy.url);
      cut = next();
      await send();
    } else {
      cut = next();
      await proxy.pass();
      await page.evaluate(() => dispatchEvent(new Event("online")));
    }
  }
  await cut;
  await proxy.pass();
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.waitForFunction(() => document.querySelector("output").textContent, undefined, { timeout: 60_000 });
  const output = JSON.parse(await page.textContent("output"));
  assert.deepEqual([output.name, output.size, output.sha256], ["film.bin", bytes.length, sha256(bytes)]);
  await noneLeft(data);
  assert.equal((await files(data)).used.length, 1, "one upload was used, once");
  const calls = proxy.asked.filter(({ path }) => path === STORE);
  const keys = new Set(calls.map(({ head }) => /idempotency-key: (.*)\r/i.exec(head)?.[1]));
  assert.deepEqual([keys.size, calls.length >= 2], [1, true], "the same call again");
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

scene("a person pauses and cancels an upload", async (stage) => {
  stage.expect(...GOES_ON);
  const { data, proxy } = await setUp(stage);
  const { path } = await randomFile(stage, 3_000_000);
  const page = await (await stage.steadyProfile()).newPage();
  await page.goto(proxy.url);
  await page.setInputFiles("[p-ref=file]", path);
  const cut = proxy.cutRequestsAfter(1_000_000, UPLOADS);
  await page.click("[p-ref=send]");
  await cut;
  await page.click("[p-ref=pause]");
  await proxy.pass();
  const { value, max } = await page.evaluate(() => ({ value: document.querySelector("progress").value, max: document.querySelector("progress").max }));
  assert.ok(max === 3_000_000 && value < 3_000_000, `${value} of ${max}`);
  assert.equal((await files(data)).left.length, 2, "the file and what is known of it");
  await page.click("[p-ref=cancel]");
  await page.waitForFunction(() => document.querySelector("output").textContent === "AbortError");
  await noneLeft(data);
});

scene("a form sends its files ahead", async (stage) => {
  stage.expect(...GOES_ON);
  const { data, proxy } = await setUp(stage);
  const { path, bytes } = await randomFile(stage, 3_000_000);
  const page = await (await stage.steadyProfile()).newPage();
  await page.goto(`${proxy.url}/form`);
  await page.evaluate(() => document.addEventListener("kipo:success", ({ detail }) => (globalThis.output = detail)));
  await page.setInputFiles("[name=file]", path);
  const cut = proxy.cutRequestsAfter(1_000_000, UPLOADS);
  await page.click("button");
  await cut;
  await proxy.pass();
  await page.waitForFunction(() => globalThis.output);
  assert.equal(await page.evaluate(() => globalThis.output.sha256), sha256(bytes));
  assert.equal(await page.inputValue("[name=file]"), "");
  await noneLeft(data);
});

scene("the client tus-js-client goes on where it was", async (stage) => {
  const { data, proxy, restart, ...rest } = await setUp(stage);
  let { server } = rest;
  const bytes = randomBytes(FILE_BYTES);
  let cuts = 0;
  const cut = async () => {
    await proxy.cutRequestsAfter(piece() + (cuts === 0 ? BEGUN_BYTES : 0), UPLOADS);
    cuts += 1;
    if (cuts % 5 === 0) server = await restart(server);
    const next = cuts < CUTS ? cut() : undefined;
    await proxy.pass();
    await next;
  };
  const cutting = cut();
  const url = await new Promise((resolve, reject) => {
    const upload = new tus.Upload(bytes, {
      endpoint: proxy.url + UPLOADS,
      metadata: { action: "upload.Store", field: "file", filename: "film.bin", filetype: "application/octet-stream" },
      retryDelays: Array.from({ length: 200 }, () => 50),
      chunkSize: 2_000_000,
      onError: reject,
      onSuccess: () => resolve(upload.url),
    });
    upload.start();
  });
  await cutting;
  assert.equal(cuts, CUTS);
  const { status, body } = await server.post("upload.Store", { file: `upload:${url.split("/").pop()}` });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.name, body.size, body.sha256], ["film.bin", bytes.length, sha256(bytes)]);
  await noneLeft(data);
  const again = await server.post("upload.Store", { file: `upload:${url.split("/").pop()}` });
  assert.deepEqual([again.status, again.body.code], [409, "upload_used"]);
});
