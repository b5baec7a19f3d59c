import assert from "node:assert/strict";
import { test } from "node:test";

import { answerWith, hang, settle } from "../../testing/fakes.js";
import { FakeElement, follow, world } from "../../testing/world.js";

test("an_element_is_busy_until_the_last_of_its_calls_ends", async () => {
  const element = new FakeElement();
  const { action, clock } = world(hang, answerWith(200, 1));
  const first = follow(action.a.B().withLoading(element).withTimeout(100).call());
  const second = follow(action.a.B().withLoading(element).call());
  assert.ok(element.busy);
  await settle();
  assert.equal(second.state, "fulfilled");
  assert.ok(element.busy);
  await clock.advance(100);
  assert.equal(first.state, "rejected");
  assert.ok(!element.busy);
});

test("loading_takes_a_selector_and_the_whole_page", async () => {
  const [page, one, two] = [new FakeElement(), new FakeElement(), new FakeElement()];
  const { action, document } = world(answerWith(200, 1));
  Object.assign(document, { documentElement: page, querySelectorAll: (selector) => (selector === ".x" ? [one, two] : []) });
  const call = action.a.B().withLoading(".x").call();
  assert.ok(one.busy && two.busy && !page.busy);
  await call;
  assert.ok(!one.busy && !two.busy);
  const whole = action.a.B().withLoading(true).call();
  assert.ok(page.busy);
  await whole;
  assert.ok(!page.busy);
});
