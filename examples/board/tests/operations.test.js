// What those who run the server ask it.

import assert from "node:assert/strict";
import { freePort } from "../../../app/tests/free-port.js";
import { scene } from "../../../app/tests/stage.js";
import { makeBoard, serve, signUp } from "./board.js";

scene("metrics are on an address of their own, and name no user", async (stage) => {
  const admin = `127.0.0.1:${await freePort()}`;
  const server = await serve(stage, { env: { KIPO_ADMIN: admin } });
  const page = await signUp(stage, server, "ann-the-first");
  await makeBoard(page, "A secret board");
  await server.post("users.SignIn", { name: "ann-the-first", password: "a guess" });
  const metrics = await (await fetch(`http://${admin}/metrics`)).text();
  const line = (name, labels) => metrics.split("\n").find((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
  assert.match(line("kipo_calls_total", ['action="users.SignUp"']) ?? metrics, / 1$/);
  assert.match(line("kipo_calls_total", ['action="users.SignIn"', 'code="wrong_name_or_password"']) ?? metrics, / 1$/);
  assert.doesNotMatch(metrics, /ann-the-first|secret board/);
  assert.equal((await fetch(`http://${admin}/ready`)).status, 200);
  for (const path of ["/metrics", "/ready", "/live"]) assert.equal((await fetch(server.url + path)).status, 404, path);
});
