// A free port, for servers that cannot choose one by themselves.

import { once } from "node:events";
import { createServer } from "node:net";

/** The system gives ports from 32,768 on to outgoing connections and to servers that ask for any. */
const [FIRST, END] = [12_000, 32_768];

/** Returns a port of 127.0.0.1 that nobody listens on, and that the system gives to nobody who asks for any. */
export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (END - FIRST));
    if (await isFree(port)) return port;
  }
}

/** @param {number} port */
async function isFree(port) {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
