// A form in a browser without JavaScript.

import assert from "node:assert/strict";
import { scene } from "./stage.js";

const WITHOUT = { javaScriptEnabled: false };

async function contact(stage) {
  const { url } = await stage.server();
  const page = await (await stage.profile(WITHOUT)).newPage();
  await page.goto(`${url}/contact`);
  return { url, page };
}

async function send(page) {
  await Promise.all([page.waitForNavigation(), page.click("#contact-form button")]);
}

scene("without JavaScript a form that is wrong is shown again with its values and errors", async (stage) => {
  stage.expect(/the server responded with a status of 422/);
  const { url, page } = await contact(stage);
  const statuses = [];
  page.on("response", (response) => response.request().isNavigationRequest() && statuses.push(response.status()));
  await page.fill("#name", 'Ann <b> "A"');
  await page.fill("#email", "ann@-x.org");
  await page.fill("#message", "First\n  second & third");
  // A control that checks less than the server does.
  await page.locator("#email").evaluate((control) => (control.type = "text"));
  await send(page);
  assert.deepEqual(statuses, [422]);
  assert.equal(page.url(), `${url}/contact?kipo-form=contact.Submit`);
  assert.equal(await page.inputValue("#name"), 'Ann <b> "A"');
  assert.equal(await page.inputValue("#email"), "ann@-x.org");
  assert.equal(await page.inputValue("#message"), "First\n  second & third");
  assert.equal(await page.getAttribute("#email", "aria-invalid"), "true");
  assert.equal(await page.getAttribute("#name", "aria-invalid"), null);
  assert.equal(await page.evaluate("document.activeElement.id"), "email", "the first wrong control has the focus");
  const error = page.locator(`#${await page.getAttribute("#email", "aria-describedby")}`);
  assert.equal(await error.textContent(), "must be an email address");
  assert.ok(await error.isVisible());
  assert.ok(!(await page.locator('[p-error="name"]').isVisible()));

  await page.fill("#email", "ann@example.org");
  await send(page);
  assert.deepEqual(statuses, [422, 303, 200]);
  assert.equal(page.url(), `${url}/contact`);
  assert.equal(await page.locator("[role=status]").first().textContent(), "Your message was sent.");
  assert.equal(await page.inputValue("#name"), "");

  // Loading the page again sends nothing again.
  await page.reload();
  assert.deepEqual(statuses, [422, 303, 200, 200]);
  assert.equal(await page.locator(".notice").count(), 0);
});

scene("without JavaScript the way back from a form that is wrong leads to what was typed", async (stage) => {
  stage.expect(/the server responded with a status of 422/);
  const { url, page } = await contact(stage);
  await page.fill("#name", "Ann");
  await page.locator("#email").evaluate((control) => (control.type = "text"));
  await page.fill("#email", "ann");
  await page.fill("#message", "Hello");
  await send(page);
  assert.equal(await page.inputValue("#name"), "Ann");
  // A page out of the back/forward cache loads nothing.
  await page.goBack({ waitUntil: "commit" });
  assert.equal(page.url(), `${url}/contact`);
  assert.equal(await page.inputValue("#name"), "Ann");
  assert.equal(await page.inputValue("#message"), "Hello");
});

scene("the browser checks a form before it is sent", async (stage) => {
  const { url, page } = await contact(stage);
  await page.fill("#name", "Ann");
  await page.fill("#email", "ann");
  await page.click("#contact-form button");
  assert.equal(page.url(), `${url}/contact`);
  assert.equal(await page.locator(":invalid:not(form)").count(), 2);
});
