// A TCP proxy that fails on purpose: it cuts connections, refuses them, or answers 502.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { freePort } from "./free-port.js";

const BAD_GATEWAY = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 11\r\nConnection: close\r\n\r\nBad Gateway";

export class Proxy {
  #server;
  #port = 0;
  /** The address of the server. It may change. */
  #target;
  #isBad = false;
  /** @type {Set<import("node:net").Socket>} The sockets of both sides of all connections. */
  #sockets = new Set();
  /** @type {{ bytes: number, path: string, passed: Buffer[], done: (passed: string) => void } | null} */
  #cut = null;
  /** @type {{ bytes: number, prefix: string, done: () => void } | null} */
  #requestCut = null;
  /** The path of the last request on each open connection of a client. @type {Map<import("node:net").Socket, string>} */
  #paths = new Map();
  /** The number of requests that were answered with 502. */
  turnedAway = 0;
  /** The head of each request that was passed on, in order. It includes the requests that a browser repeats by itself. @type {{ path: string, head: string }[]} */
  asked = [];

  constructor(target) {
    this.target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** @param {string} target the URL of a server */
  static async start(target) {
    const proxy = new Proxy(target);
    await proxy.#listen();
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  set target(url) {
    this.#target = new URL(url);
  }

  /** Closes all connections and refuses new ones. */
  async refuse() {
    this.#drop();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Closes all connections and answers 502 to every request. */
  async answer502() {
    this.#isBad = true;
    this.#drop();
    await this.#listen();
  }

  /** Passes all connections on again, at the same address. */
  async pass() {
    this.#isBad = false;
    await this.#listen();
  }

  /**
   * Passes this number of bytes of the answers to `path`, then closes all connections and refuses new ones.
   * Resolves with those bytes.
   *
   * @param {number} bytes
   * @param {string} path
   * @returns {Promise<string>}
   */
  cutAfter(bytes, path) {
    return new Promise((done) => (this.#cut = { bytes, path, passed: [], done }));
  }

  /**
   * Passes this number of bytes of the requests for paths that begin with `prefix`, then closes all connections and refuses new
   * ones.
   *
   * @param {number} bytes
   * @param {string} prefix
   * @returns {Promise<void>}
   */
  cutRequestsAfter(bytes, prefix) {
    return new Promise((done) => (this.#requestCut = { bytes, prefix, done }));
  }

  /** Returns the number of open connections whose last request was for `path`. */
  open(path) {
    return [...this.#paths.values()].filter((asked) => asked === path).length;
  }

  async stop() {
    await this.refuse();
  }

  async #listen() {
    if (this.#server.listening) return;
    this.#port ||= await freePort();
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  #drop() {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client) {
    this.#track(client);
    if (this.#isBad) {
      client.once("data", () => {
        this.turnedAway += 1;
        client.end(BAD_GATEWAY);
      });
      return;
    }
    const server = connect(Number(this.#target.port), this.#target.hostname);
    this.#track(server);
    let path = "";
    client.on("data", (chunk) => {
      const head = chunk.toString("latin1");
      const asks = /^[A-Z]+ (\S+) HTTP/.exec(head)?.[1];
      if (asks !== undefined) this.asked.push({ path: asks, head });
      path = asks ?? path;
      this.#paths.set(client, path);
      this.#send(chunk, path, server);
    });
    server.on("data", (chunk) => this.#forward(chunk, path, client));
    client.on("close", () => {
      this.#paths.delete(client);
      server.destroy();
    });
    server.on("close", () => client.destroy());
  }

  #send(chunk, path, server) {
    const cut = this.#requestCut;
    if (!cut?.bytes || !path.startsWith(cut.prefix)) {
      server.write(chunk);
      return;
    }
    const part = chunk.subarray(0, cut.bytes);
    cut.bytes -= part.length;
    if (cut.bytes > 0) {
      server.write(part);
      return;
    }
    this.#requestCut = null;
    server.end(part, async () => {
      await this.refuse();
      cut.done();
    });
  }

  #forward(chunk, path, client) {
    const cut = this.#cut;
    if (cut === null || cut.path !== path) {
      client.write(chunk);
      return;
    }
    const part = chunk.subarray(0, cut.bytes);
    cut.bytes -= part.length;
    cut.passed.push(part);
    if (cut.bytes > 0) {
      client.write(part);
      return;
    }
    this.#cut = null;
    // The client has to receive this part: only then does it see a torn frame.
    client.write(part, async () => {
      await this.refuse();
      cut.done(Buffer.concat(cut.passed).toString("utf8"));
    });
  }

  #track(socket) {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {}); // The event `close` follows.
  }
}
