import assert from "node:assert/strict";
import { test } from "node:test";

import { pieces } from "../../dev/ansi.js";

test("colours_become_pieces", () => {
  assert.deepEqual(pieces("\x1b[0m\x1b[1m\x1b[38;5;9merror\x1b[0m\x1b[1m: no\x1b[0m\n <b>"), [
    { text: "error", colour: "#ff8f91", bold: true },
    { text: ": no", colour: undefined, bold: true },
    { text: "\n <b>", colour: undefined, bold: false },
  ]);
});

test("each_kind_of_colour_is_known", () => {
  const colour = (code) => pieces(`\x1b[${code}mx`)[0].colour;
  assert.equal(colour("31"), "#ff6b6e");
  assert.equal(colour("92"), "#8fe8ab");
  assert.equal(colour("38;2;1;2;3"), "rgb(1,2,3)");
  assert.equal(colour("38;5;232"), "rgb(8,8,8)");
  assert.equal(colour("38;5;196"), "rgb(255,0,0)");
  assert.equal(colour("31;39"), undefined);
  assert.equal(colour(""), undefined);
});

test("background_colours_and_cursor_moves_are_left_out", () => {
  assert.deepEqual(pieces("\x1b[48;5;31;1mx\x1b[K\x1b[0m\x1b[48;2;31;32;33my\x1b[2Jz"), [
    { text: "x", colour: undefined, bold: true },
    { text: "yz", colour: undefined, bold: false },
  ]);
});

test("terminal_links_are_left_out", () => {
  assert.deepEqual(pieces("a \x1b]8;;https://x.test\x07E0308\x1b]8;;\x07 b").map(({ text }) => text), ["a E0308 b"]);
});
