// The progress tracker, beyond its browser spec.

import assert from "node:assert/strict";
import { part, reads, scene } from "./stage.js";

scene("five steps, then the result, twice", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/progress`);
  for (const button of ["Start", "Run again"]) {
    assert.equal(await page.textContent("#start-btn"), button);
    await page.click("#start-btn");
    await reads(page, part("status"), /^running$/);
    assert.ok(await page.isHidden(part("result")));
    await reads(page, part("status"), /^complete$/);
    assert.equal(await page.locator(".step[data-state='done']").count(), 5);
    assert.equal(await page.evaluate((bar) => document.querySelector(bar).value, part("progress_bar")), 100);
    assert.ok(await page.isVisible(part("result")));
    assert.ok(await page.isHidden(part("cancel_btn")));
  }
});

scene("a run can be cancelled", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/progress`);
  await page.focus("#start-btn");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".step[data-state='done']");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await reads(page, part("status"), /^cancelled$/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "start-btn");
  assert.equal(await page.locator(".step[data-state='running']").count(), 0);
  await page.keyboard.press("Enter");
  await reads(page, part("status"), /^complete$/);
});
