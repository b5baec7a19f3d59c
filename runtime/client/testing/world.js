// A client with a fake browser, for tests that use it as a page does.

import { Client, actions } from "../call/action.js";
import { perform } from "../effect/effects.js";
import { fakePlatform, fakeServer } from "./fakes.js";

/** Returns a client whose server answers as `fakeServer` does. Random delays are their ceilings. */
export function world(...responders) {
  const server = fakeServer(...responders);
  const fake = fakePlatform(server.fetch, { random: () => 1 });
  const effects = new Map();
  const performEffects = (asked, report) => perform(asked, report, effects, {});
  const client = new Client(new URL("http://kipo.test/_kipo/"), performEffects, fake.platform);
  return { ...server, ...fake, client, effects, action: actions(client) };
}

/** Records how a promise settles, without waiting for it. */
export function follow(promise) {
  const seen = { state: "pending", value: undefined };
  promise.then(
    (value) => Object.assign(seen, { state: "fulfilled", value }),
    (value) => Object.assign(seen, { state: "rejected", value }),
  );
  return seen;
}

/** What `withLoading` needs of an element. */
export class FakeElement {
  #classes = new Set();
  #attributes = new Map();
  classList = { toggle: (name, on) => (on ? this.#classes.add(name) : this.#classes.delete(name)) };
  setAttribute(name, value) {
    this.#attributes.set(name, value);
  }
  removeAttribute(name) {
    this.#attributes.delete(name);
  }
  get busy() {
    return this.#classes.has("kipo-loading") && this.#attributes.get("aria-busy") === "true";
  }
}

/** What tells a form from other inputs. */
export class FakeForm {
  [Symbol.toStringTag] = "HTMLFormElement";
}
