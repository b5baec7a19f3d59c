// Sign-up, sign-in and sign-out.

import assert from "node:assert/strict";
import { part, reads, scene } from "../../../app/tests/stage.js";
import { PASSWORD, REFUSED, live, makeBoard, serve, signUp, submit, unchecked } from "./board.js";

scene("a stranger signs up, signs out and signs in again, to the page that was asked for", async (stage) => {
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann");
  const address = await makeBoard(page, "Kitchen");
  await page.click(part("sign_out"));
  await page.waitForURL(`${server.url}/login`);
  await page.goto(address);
  assert.equal(new URL(page.url()).pathname, "/login");
  await submit(page, "ANN", PASSWORD);
  await page.waitForURL(address);
  await reads(page, "h1", /^Kitchen$/);
  await live(page);
  await page.goto(`${server.url}/login?next=//evil.example`);
  assert.equal(page.url(), `${server.url}/`, "another site is no page of this one");
});

scene("the cookie of a session is for this server alone", async (stage) => {
  const server = await serve(stage);
  const page = await (await stage.profile()).newPage();
  await page.goto(server.url);
  assert.deepEqual(await page.context().cookies(), [], "a stranger has no cookie");
  await page.goto(`${server.url}/sign-up`);
  await submit(page, "ann", PASSWORD);
  await page.waitForURL(`${server.url}/`);
  const [cookie, ...more] = await page.context().cookies();
  assert.deepEqual(more, []);
  const { httpOnly, sameSite, path, domain } = cookie;
  assert.deepEqual({ httpOnly, sameSite, path, domain }, { httpOnly: true, sameSite: "Lax", path: "/", domain: "127.0.0.1" });
  assert.ok(cookie.value.length >= 43, "256 random bits");
  assert.equal(await page.evaluate(() => document.cookie), "");
  await page.click(part("sign_out"));
  await page.waitForURL(/login/);
  assert.deepEqual(await page.context().cookies(), []);
});

scene("what is wrong is said beside its field, and a wrong password says nothing about the name", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  await signUp(stage, server, "ann");
  const page = await (await stage.profile()).newPage();
  await page.goto(`${server.url}/sign-up`);
  await unchecked(page);
  await submit(page, "a b", "short");
  await reads(page, "[p-error='name']", /^may have letters, digits, - and _$/);
  await reads(page, "[p-error='password']", /^must have 10 to 200 characters$/);
  assert.equal(await page.getAttribute("#name", "aria-invalid"), "true");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "name");
  await submit(page, "Ann", PASSWORD);
  await reads(page, "[role='alert']", /^this name is taken$/);
  await page.goto(`${server.url}/login`);
  for (const name of ["ann", "nobody"]) {
    await submit(page, name, "wrong horse");
    await reads(page, "[role='alert']", /^the name or the password is wrong$/);
  }
});

scene("an account cannot be tried often", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  const page = await (await stage.profile()).newPage();
  await page.goto(`${server.url}/login`);
  const codes = [];
  for (let n = 0; n < 12; n += 1) codes.push((await server.post("users.SignIn", { name: n % 2 ? "bob" : "BOB", password: `guess ${n}` })).body.code);
  assert.deepEqual(codes.slice(0, 10), Array(10).fill("wrong_name_or_password"));
  assert.deepEqual(codes.slice(10), Array(2).fill("too_many_requests"));
  await submit(page, "bob", PASSWORD);
  await reads(page, "[role='alert']", /^too many calls: try again in \d+ s$/);
});

scene("a stream ends when the session ends in another tab, and when an admin ends it", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  const admin = await signUp(stage, server, "ann");
  const page = await signUp(stage, server, "bob");
  const address = await makeBoard(page, "Kitchen");
  const other = await page.context().newPage();
  await other.goto(server.url);
  await other.click(part("sign_out"));
  await page.waitForURL(/\/login\?next=\/boards\/\d+$/, { timeout: 3000 });
  await submit(page, "bob", PASSWORD);
  await page.waitForURL(address);
  await live(page);
  await admin.goto(`${server.url}/admin`);
  await admin.click("text=bob >> .. >> button");
  await page.waitForURL(/\/login\?next=/, { timeout: 3000 });
});

scene("the page of the admins is for admins", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  const admin = await signUp(stage, server, "ann");
  const page = await signUp(stage, server, "bob");
  await makeBoard(page, "Kitchen");
  await page.goto(`${server.url}/admin`);
  await reads(page, ".eyebrow", /^403$/);
  assert.equal(await page.locator("a[href='/admin']").count(), 0);
  const refused = await page.evaluate(async () => {
    const { action } = await import("kipo");
    return action.admin.EndSessions({ user: 1 }).call().then(() => "done", (error) => error.code);
  });
  assert.equal(refused, "forbidden");
  await admin.click("text=Admin");
  await reads(admin, "tbody", /bob/);
  assert.deepEqual(await admin.locator("tbody th").allTextContents(), ["bob", "ann admin", "Kitchen"]);
});
