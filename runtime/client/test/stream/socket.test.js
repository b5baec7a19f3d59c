// The client against a real server on a real socket. Only time is fake: the test ends each wait.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { Client, actions } from "../../call/action.js";
import { chat, cursor, fakePlatform, frame, ready } from "../../testing/fakes.js";
import { follow } from "../../testing/world.js";

/** Lets the sockets work until `isSo` holds. The timeout of the test bounds the wait. */
async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** A server whose responses the test writes by hand. */
class WireServer {
  exchanges = [];
  #server;
  port = 0;

  async listen() {
    this.#server = createServer((request, response) => {
      const exchange = { request, response, isClosed: false };
      response.on("close", () => (exchange.isClosed = true));
      this.exchanges.push(exchange);
    });
    await new Promise((resolve) => this.#server.listen(this.port, "127.0.0.1", resolve));
    this.port = this.#server.address().port;
  }

  async next() {
    const index = this.exchanges.length;
    await until(() => this.exchanges.length > index);
    return this.exchanges[index];
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  world() {
    const fake = fakePlatform((url, init) => fetch(url, init), { random: () => 1 });
    const client = new Client(new URL(`http://127.0.0.1:${this.port}/_kipo/`), () => {}, fake.platform);
    return { ...fake, action: actions(client) };
  }
}

const server = new WireServer();
await server.listen();
after(() => server.close());

function openStream(response) {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

test("a_stream_cut_within_a_frame_resumes_after_the_last_complete_frame", { timeout: 30_000 }, async () => {
  const { action, clock } = server.world();
  const [received, states] = [[], []];
  const first = server.next();
  const call = follow(
    action.chat
      .Listen({})
      .withOnProgress((data) => received.push(data.n))
      .withOnState((state) => states.push(state))
      .withRetryStream()
      .call(),
  );
  const { request, response } = await first;
  assert.equal(request.headers["last-event-id"], undefined);
  openStream(response);
  response.write(ready(cursor(0)) + chat(1) + chat(2).slice(0, -5));
  await until(() => received.length === 1);

  // The server is down and refuses connections.
  await server.close();
  await until(() => states.at(-1) === "waiting");
  await clock.advance(3000);
  await until(() => states.filter((state) => state === "waiting").length === 2);

  await server.listen();
  const second = server.next();
  await clock.advance(6000);
  const resumed = await second;
  assert.equal(resumed.request.headers["last-event-id"], cursor(1));
  openStream(resumed.response);
  resumed.response.write(ready(cursor(1), "resumed") + chat(2) + chat(3));
  await until(() => received.length === 3);
  assert.deepEqual(received, [1, 2, 3]);

  resumed.response.write(frame("complete", "bye"));
  await until(() => call.state === "fulfilled");
  assert.equal(call.value, "bye");
  await until(() => resumed.isClosed);
});

test("an_abort_closes_the_socket", { timeout: 30_000 }, async () => {
  const { action } = server.world();
  const controller = new AbortController();
  const next = server.next();
  const call = follow(action.chat.Listen().withRetryStream().withSignal(controller.signal).call());
  const exchange = await next;
  openStream(exchange.response);
  exchange.response.write(ready());
  controller.abort();
  await until(() => exchange.isClosed && call.state === "rejected");
  assert.equal(call.value.name, "AbortError");
});

test("leaving_a_loop_closes_the_socket", { timeout: 30_000 }, async () => {
  const { action } = server.world();
  const next = server.next();
  const loop = (async () => {
    for await (const { data } of action.chat.Listen().events()) return data;
  })();
  const exchange = await next;
  openStream(exchange.response);
  exchange.response.write(ready() + chat(9));
  assert.deepEqual(await loop, { n: 9 });
  await until(() => exchange.isClosed);
});

test("a_call_reads_an_output_and_a_problem", { timeout: 30_000 }, async () => {
  const { action } = server.world();
  const good = server.next();
  const sent = follow(action.chat.Send({ message: "Grüße" }).call());
  const { request, response } = await good;
  const body = Buffer.concat(await request.toArray()).toString();
  assert.deepEqual([request.method, request.url, body], ["POST", "/_kipo/actions/chat.Send", '{"message":"Grüße"}']);
  response.writeHead(204).end();
  await until(() => sent.state === "fulfilled");
  assert.equal(sent.value, null);

  const bad = server.next();
  const refused = follow(action.chat.Send({ message: "" }).call());
  const problem = { title: "t", status: 422, code: "validation_failed", errors: { message: ["is empty"] } };
  (await bad).response.writeHead(422, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
  await until(() => refused.state === "rejected");
  assert.deepEqual(refused.value.fields, { message: ["is empty"] });
});

test("a_call_cut_before_its_response_is_a_network_error", { timeout: 30_000 }, async () => {
  const { action } = server.world();
  const next = server.next();
  const call = follow(action.chat.Send({}).call());
  (await next).request.socket.destroy();
  await until(() => call.state === "rejected");
  assert.ok(call.value.isNetworkError);
  assert.equal(call.value.code, "network");
});
