import assert from "node:assert/strict";
import { test } from "node:test";

import { perform } from "../../effect/effects.js";
import { ActionError } from "../../error.js";
import { settle } from "../../testing/fakes.js";
import { world } from "../../testing/world.js";

/** A page that records what is done to it. */
function fakePage() {
  const done = [];
  const page = {
    document: { dispatchEvent: ({ type, detail, bubbles }) => done.push([type, detail, bubbles]) },
    location: {
      href: "https://kipo.test/a/b?c",
      origin: "https://kipo.test",
      assign: ({ href }) => done.push(["assign", href]),
      replace: ({ href }) => done.push(["replace", href]),
    },
  };
  return { page, done };
}

async function check(asked, expected, own = {}) {
  const { page, done } = fakePage();
  const reported = [];
  const runs = Object.entries(own).map(([name, run]) => [name, (fields) => run(fields, done)]);
  await perform(JSON.stringify(asked), (error) => reported.push(error.message), new Map(runs), page);
  assert.deepEqual([...done, ...reported], expected);
}

test("a_redirect_stays_on_this_site", async () => {
  await check([{ effect: "redirect", path: "/x?y" }], [["assign", "https://kipo.test/x?y"]]);
  await check([{ effect: "redirect", path: "/x", replace: true }], [["replace", "https://kipo.test/x"]]);
  for (const [path, url] of [
    ["//evil.test/x", "https://evil.test/x"],
    ["/\\evil.test", "https://evil.test/"],
    ["http://kipo.test/", "http://kipo.test/"],
    ["javascript:alert(1)", "javascript:alert(1)"],
  ]) {
    await check([{ effect: "redirect", path }], [`a redirect leads to another site: ${url}`]);
  }
});

test("an_event_is_dispatched_on_the_document", async () => {
  await check([{ effect: "dispatchEvent", name: "cart:changed", detail: { n: 1 } }], [["cart:changed", { n: 1 }, true]]);
});

test("the_fields_of_an_effect_keep_their_types", async () => {
  const fields = { text: "7", count: 7, isOpen: false, none: null, list: [1, "1"], nested: { at: 1.5 } };
  await check([{ effect: "show", ...fields }], [fields], { show: (given, done) => done.push(given) });
});

test("an_app_defines_effects_of_its_own", async () => {
  const toast = ({ text }, done) => done.push(text);
  await check([{ effect: "toast", text: "Saved" }], ["Saved"], { toast });
  await check([{ effect: "redirect", path: "/x" }], ["mine"], { redirect: (_, done) => done.push("mine") });
});

test("effects_run_one_after_the_other_and_a_failed_one_does_not_stop_the_next", async () => {
  const slow = async (_, done) => {
    await settle();
    done.push("slow");
  };
  const broken = () => {
    throw new Error("broken");
  };
  const asked = [{ effect: "slow" }, { effect: "broken" }, { effect: "toString" }, { effect: "dispatchEvent", name: "last" }];
  await check(
    asked,
    ["slow", ["last", null, true], "broken", 'an action asks for the unknown effect "toString"; define it by effect("toString", …)'],
    { slow, broken },
  );
});

const ASKS = { headers: { "kipo-effects": '[{"effect":"toast","text":"\\u00e9"}]' } };

/** A client whose page shows toasts. */
function withToasts(...responders) {
  const toasts = [];
  const it = world(...responders);
  it.effects.set("toast", ({ text }) => toasts.push(text));
  const shown = async () => {
    await settle();
    return toasts;
  };
  return { ...it, shown };
}

test("a_response_brings_effects", async () => {
  const { action, shown } = withToasts(() => Response.json(1, ASKS));
  assert.equal(await action.a.B().call(), 1);
  assert.deepEqual(await shown(), ["é"]);
});

test("an_error_response_brings_effects", async () => {
  const { action, shown } = withToasts(() => Response.json({ code: "no" }, { ...ASKS, status: 409 }));
  await assert.rejects(action.a.B().call(), ActionError);
  assert.deepEqual(await shown(), ["é"]);
});

test("a_repeated_attempt_brings_no_effects", async () => {
  const { action, shown, clock } = withToasts(
    () => Response.json({}, { ...ASKS, status: 503 }),
    () => Response.json(1),
  );
  const call = action.a.B().withRetry(2).call();
  await clock.advance(60_000);
  assert.equal(await call, 1);
  assert.deepEqual(await shown(), []);
});

test("effects_can_be_suppressed", async () => {
  const { action, shown } = withToasts(() => Response.json(1, ASKS));
  await action.a.B().suppressHelpers().call();
  await action.a.B().setSuppressHelpers().build().call();
  assert.deepEqual(await shown(), []);
});

test("effects_that_cannot_be_read_are_reported", async () => {
  const { action, shown, reported } = withToasts(() => Response.json(1, { headers: { "kipo-effects": "[" } }));
  assert.equal(await action.a.B().call(), 1);
  await shown();
  assert.equal(reported.length, 1);
});
