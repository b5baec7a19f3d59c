// `curl -N` in a loop that resumes after the last id that it has read.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pass } from "node:timers/promises";
import { LISTEN, SAID, everyByte } from "./every-byte.js";

/** The number of transfers of one curl. */
const BATCH = 64;

/** Without `immediate`, curl waits for the first transfer, because the others might share its connection. */
const SIDE_BY_SIDE = ["--http1.1", "--parallel", "--parallel-immediate", "--parallel-max", String(BATCH)];

/** The pause between two looks at the files. */
const LOOK_MS = 5;

everyByte("curl", {
  async read({ sessions, port, got }) {
    const folder = await mkdtemp(join(tmpdir(), "kipo-curl-"));
    try {
      for (let start = 0; start < sessions.length; start += BATCH) {
        const transfers = sessions.slice(start, start + BATCH).map((session) => {
          return { session, url: `http://127.0.0.1:${port}/${session}/${LISTEN}`, file: join(folder, session), text: "" };
        });
        for (const { session, text } of await follow(transfers, folder)) got(session, messages(text));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** Runs curl again and again until each transfer has brought all messages. */
async function follow(transfers, folder) {
  let left = transfers;
  for (let round = 0; left.length > 0; round += 1) {
    const config = join(folder, "config");
    await writeFile(config, left.map((transfer) => options(transfer, round)).join("next\n"));
    const curl = spawn("curl", [...SIDE_BY_SIDE, "--config", config], { stdio: "ignore" });
    const exit = once(curl, "exit");
    while (curl.exitCode === null && !(await Promise.all(left.map((transfer) => isDone(transfer, round)))).every(Boolean)) await pass(LOOK_MS);
    curl.kill();
    await exit;
    for (const transfer of left) transfer.text += whole(await readRound(transfer, round));
    left = left.filter(({ text }) => messages(text).length < SAID.length);
  }
  return transfers;
}

async function isDone(transfer, round) {
  return messages(transfer.text + whole(await readRound(transfer, round))).length >= SAID.length;
}

/** Returns the options of one transfer for curl's configuration file. */
function options({ url, file, text }, round) {
  const id = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
  const resume = id === undefined ? "" : `header = "Last-Event-ID: ${id}"\n`;
  return `silent\nno-buffer\nurl = "${url}"\noutput = "${file}.${round}"\n${resume}`;
}

/** Returns what curl has written. It is empty if the answer ended before its body. */
const readRound = ({ file }, round) => readFile(`${file}.${round}`, "utf8").catch(() => "");

/** Returns the complete frames. */
const whole = (text) => text.slice(0, text.lastIndexOf("\n\n") + 2);

const messages = (text) => [...text.matchAll(/^event: chat\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data).message);
