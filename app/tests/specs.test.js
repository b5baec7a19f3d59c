// The browser specs of comparable frameworks, with their own steps and expectations.

import assert from "node:assert/strict";

import { scene, part, reads } from "./stage.js";

scene("chat: join, send, see it", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/`);
  await page.waitForSelector("#app");
  await page.fill(part("username_input"), "Alice");
  await page.click(".login-row button");
  await reads(page, part("connection_state"), /^connected$/);
  await page.fill(part("message_input"), "Hello, world");
  await page.click(part("send_btn"));
  await reads(page, ".msg-text", /^Hello, world$/);
});

scene("progress: start, complete, 100%", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/progress`);
  await page.waitForSelector("#app");
  await page.click("#start-btn");
  await page.waitForFunction((status) => document.querySelector(status).textContent === "complete", part("status"), { timeout: 5000 });
  await reads(page, part("progress_text"), /^100%$/);
});

scene("rate limit: three a minute, five tried", async (stage) => {
  stage.expect(/the server responded with a status of 429/);
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/limited`);
  await page.waitForSelector("#app");
  await page.click("#test-btn");
  await reads(page, part("result"), /^rate_limited$/);
  await reads(page, "[data-state='answered']:nth-child(3) + [data-state='refused'] + [data-state='refused']", /^That was too fast/);
});

scene("cached call: two calls, one computation", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/cached`);
  await page.waitForSelector("#app");
  await page.click("#test-btn");
  await reads(page, part("result"), /^cache_hit$/);
});

scene("contact form: fill, send, read it", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/contact`);
  await page.waitForSelector("#app");
  await page.fill("#name", "Alice");
  await page.fill("#email", "alice@example.org");
  await page.fill("#message", "Hello, world");
  await page.click("#contact-form button");
  await page.waitForSelector(part("result_container"), { state: "visible" });
  await reads(page, part("result_name"), /^Alice$/);
  await reads(page, part("result_email"), /^alice@example\.org$/);
  await reads(page, part("result_message"), /^Hello, world$/);
});

scene("upload: choose a file, send it, read its name", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/upload`);
  await page.waitForSelector("#app");
  assert.equal(await page.isEnabled("#upload-btn"), false);
  await page.setInputFiles("#file-input", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("three words here") });
  await page.waitForSelector("#upload-btn:enabled");
  await page.click("#upload-btn");
  await reads(page, ".status", /notes\.txt arrived: 16 bytes, text\/plain/);
});

scene("upload: a file that is too large is an error of its field", async (stage) => {
  stage.expect(/the server responded with a status of (413|422)/);
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/upload`);
  // Made in the page: a file of this size takes the driver seconds to pass.
  await page.evaluate(() => {
    const input = document.querySelector("#file-input");
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array((20 << 20) + 1)], "film.mp4", { type: "video/mp4" }));
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
  });
  await page.click("#upload-btn:enabled");
  // A debug build hashes 20 MB in seconds, and on a busy machine in more.
  page.setDefaultTimeout(60_000);
  await reads(page, ".status", /^The file must be at most 20 MB\.$/);
});
