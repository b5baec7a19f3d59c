// A free port, for servers that cannot choose one by themselves.

import { once } from "node:events";
import { createServer } from "node:net";

/** Returns a port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}
