// A proxy that cuts each session once at a chosen byte, and then passes it on.

import { once } from "node:events";
import { connect, createServer } from "node:net";

const HEAD_END = "\r\n\r\n";

/** An answer that ends at once and asks for the shortest pause, for readers that would wait for seconds. */
const GREETING = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nContent-Length: 10\r\n\r\nretry: 1\n\n";

export class CutProxy {
  #target;
  #answer;
  #greets;
  #server;
  /** The number of requests of each session. @type {Map<string, number>} */
  #visits = new Map();
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();

  constructor(target, answer, greets) {
    this.#target = new URL(target);
    this.#answer = answer;
    this.#greets = greets;
    this.#server = createServer((client) => this.#accept(client));
  }

  /**
   * @param {string} target the URL of the server
   * @param {Buffer} answer the server's answer to a first request: each session receives the beginning of it
   * @param {boolean} greets whether a session begins with an answer that holds nothing but `retry:`
   */
  static async start(target, answer, greets) {
    const proxy = new CutProxy(target, answer, greets);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port() {
    return this.#server.address().port;
  }

  stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    return once(this.#server, "close");
  }

  #accept(client) {
    this.#keep(client);
    let head = "";
    client.setEncoding("latin1").on("data", (text) => {
      head += text;
      if (!head.endsWith(HEAD_END)) return;
      client.removeAllListeners("data");
      this.#serve(client, head);
    });
  }

  /**
   * @param {import("node:net").Socket} client
   * @param {string} head of a request; a path that begins with `/<how>-<bytes>/` belongs to the session of that name
   */
  #serve(client, head) {
    const [session, how, bytes] = /(?<=^GET \/)(fin|rst)-(\d+)/.exec(head) ?? [];
    if (session === undefined) return this.#pass(client, head);
    const visit = this.#visits.get(session) ?? (this.#greets ? 0 : 1);
    this.#visits.set(session, visit + 1);
    if (visit === 0) client.end(GREETING);
    else if (visit === 1) this.#cut(client, how, Number(bytes));
    else this.#pass(client, head.replace(`/${session}`, ""));
  }

  #cut(client, how, bytes) {
    const part = this.#answer.subarray(0, bytes);
    if (how === "fin") client.end(part);
    else if (bytes === 0) client.resetAndDestroy();
    else client.write(part, () => client.resetAndDestroy());
  }

  /** Passes one request on. The next one of this client comes over another connection. */
  #pass(client, head) {
    const server = connect(Number(this.#target.port), this.#target.hostname);
    this.#keep(server);
    server.write(head.replace(/^connection: keep-alive/im, "Connection: close"), "latin1");
    server.pipe(client);
    client.on("close", () => server.destroy()).resume();
    server.on("close", () => client.destroy());
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.setNoDelay().on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {}); // The event `close` follows.
  }
}
