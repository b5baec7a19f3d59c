// A server for the tests of forms: it serves the modules of the client, the pages of a test, and answers to actions.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const CLIENT = new URL("../../runtime/client/", import.meta.url);

const HEAD = `<meta charset="utf-8"><title>Forms</title><link rel="icon" href="data:,">
<script type="importmap">{"imports":{"kipo":"/_kipo/0123/main.js"}}</script>
<script type="module" src="/_kipo/0123/main.js"></script>`;

/** The policy of an app's pages. */
const POLICY = "default-src 'self'; script-src 'self' 'sha256-t/CT/wX6hYIxHBXb3v6fKK4cbf3dqALlCZ7Ar5ZaZ1A='; img-src data:; object-src 'none'; base-uri 'none'";

export class FormsServer {
  /** The bodies of pages by path, or functions that return one. @type {Record<string, string | (() => string)>} */
  pages = {};
  /** Answers to actions by name: `(call) => ({ status, body, effects })`, or `{ events }` with the text of a stream. */
  actions = {};
  /** The calls so far, with their fields as `[name, value]`. */
  calls = [];
  /** The other requests, as `GET /path?query`. */
  asked = [];
  /** Resolves before modules of this name are sent; one that resolves to false is not sent. @type {Record<string, Promise<boolean | void>>} */
  delays = {};
  /** More elements for the head of each page. */
  head = "";
  #server = createServer((request, response) => void this.#answer(request, response).catch((error) => response.destroy(error)));

  static async start() {
    const server = new FormsServer();
    await new Promise((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    server.url = `http://127.0.0.1:${server.#server.address().port}`;
    return server;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.url);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const [, action] = /^\/_kipo\/actions\/(.+)$/.exec(url.pathname) ?? [];
    if (action) return this.#call(action, url, request, Buffer.concat(chunks), response);
    const [, module] = /^\/_kipo\/\w+\/(.+\.js)$/.exec(url.pathname) ?? [];
    if (module) {
      if ((await this.delays[module]) === false) return response.writeHead(404).end();
      response.setHeader("content-type", "text/javascript");
      this.asked.push(module);
      return response.end(await readFile(new URL(module, CLIENT)));
    }
    this.asked.push(`${request.method} ${request.url}`);
    const page = this.pages[url.pathname] ?? "<h1>Not here</h1>";
    const text = typeof page === "function" ? page() : page;
    if (url.pathname.endsWith(".js")) return response.setHeader("content-type", "text/javascript").end(text);
    response.setHeader("content-type", "text/html");
    response.setHeader("content-security-policy", POLICY);
    response.end(`<!doctype html><html lang="en"><head>${HEAD}${this.head}</head><body>${text}</body></html>`);
  }

  async #call(name, url, request, body, response) {
    const type = request.headers["content-type"] ?? "";
    const isForm = type.startsWith("multipart/form-data");
    const data = isForm ? await new Response(body, { headers: { "content-type": type } }).formData() : new FormData();
    const files = [...data.values()].filter((value) => value instanceof File);
    const texts = new Map(await Promise.all(files.map(async (file) => [file, `${file.name}: ${await file.text()}`])));
    const fields = [...data].map(([name, value]) => [name, texts.get(value) ?? value]);
    const call = { name, method: request.method, query: url.search, type: type.split(";")[0], body: String(body), fields, headers: request.headers };
    this.calls.push(call);
    const answer = await (this.actions[name] ?? (() => ({ body: null })))(call);
    if (answer === "cut") return response.destroy();
    if (answer.events) return response.setHeader("content-type", "text/event-stream").end(answer.events);
    const { status = 200, body: output, effects } = answer;
    response.statusCode = status;
    if (effects) response.setHeader("kipo-effects", JSON.stringify(effects));
    if (output === undefined) return response.writeHead(204).end();
    response.setHeader("content-type", status < 400 ? "application/json" : "application/problem+json");
    response.end(JSON.stringify(output));
  }
}

/** The answer to an input that is not valid. */
export function invalid(errors) {
  return { status: 422, body: { status: 422, code: "validation_failed", detail: "some fields are not valid", errors } };
}

/** A promise and what settles it. */
export function later() {
  let settle;
  const promise = new Promise((resolve) => (settle = resolve));
  return { promise, settle };
}
