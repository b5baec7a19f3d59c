import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { SseParser } from "../../stream/sse.js";

const WIRE = new URL("../../../tests/wire/", import.meta.url);

function check(text, expected) {
  const parser = new SseParser();
  const events = parser.push(text).map(({ event, data, id }) => ({ event, data, id }));
  assert.deepEqual(events, expected);
  return parser;
}

function message(data, id = null) {
  return { event: "message", data, id };
}

function read(chunks) {
  const parser = new SseParser();
  const events = chunks.flatMap((chunk) => parser.push(chunk));
  return { events, retry: parser.retry, lastEventId: parser.lastEventId };
}

/** The same bytes with each LF replaced. */
function withLineEnds(bytes, form) {
  const ends = { as_is: "\n", lf: "\n", crlf: "\r\n", cr: "\r" };
  return Buffer.from(bytes.toString("latin1").replaceAll("\n", ends[form]), "latin1");
}

for (const file of readdirSync(WIRE).filter((name) => name.endsWith(".sse"))) {
  const bytes = readFileSync(new URL(file, WIRE));
  const { claim, lineEnds, ...expected } = JSON.parse(readFileSync(new URL(file.replace(".sse", ".json"), WIRE), "utf8"));

  for (const form of lineEnds) {
    const stream = withLineEnds(bytes, form);

    test(`${file} as ${form}, cut at every byte: ${claim}`, () => {
      for (let cut = 0; cut <= stream.length; cut += 1) {
        assert.deepEqual(read([stream.subarray(0, cut), stream.subarray(cut)]), expected, `cut at byte ${cut}`);
      }
    });

    test(`${file} as ${form}, one byte at a time`, () => {
      assert.deepEqual(read([...stream].map((byte) => Uint8Array.of(byte))), expected);
    });

    test(`${file} as ${form}, as strings of one character`, () => {
      assert.deepEqual(read([...stream.toString("utf8")]), expected);
    });
  }
}

test("a_nul_in_an_id_makes_the_id_void", () => {
  const parser = check("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", [message("a", "1"), message("b")]);
  assert.equal(parser.lastEventId, "1");
});

test("an_event_is_complete_at_the_blank_line_even_if_its_line_end_may_be_half_a_crlf", () => {
  const parser = new SseParser();
  assert.equal(parser.push("data: a\r\n\r").length, 1);
  assert.equal(parser.push("\ndata: b\r\n\r\n").length, 1);
});

test("bytes_that_are_no_utf8_become_replacement_characters", () => {
  const bytes = Uint8Array.of(...Buffer.from("data: "), 0xff, 0x0a, 0x0a);
  assert.deepEqual(read([bytes]).events.map(({ data }) => data), ["\uFFFD"]);
});

test("an_event_that_never_ends_is_refused", () => {
  for (const endless of ["data: 0123456789", "data: 01234\n", "x".repeat(16), ": 0123456789012345"]) {
    const parser = new SseParser({ eventLengthMax: 100 });
    assert.throws(() => {
      for (let n = 0; n < 100; n += 1) parser.push(endless);
    }, RangeError);
  }
});

test("many_short_events_are_not_one_long_one", () => {
  const parser = new SseParser({ eventLengthMax: 40 });
  for (let n = 0; n < 100; n += 1) assert.equal(parser.push("event: a\n: ping\ndata: 0123456789\n\n").length, 1);
});

test("a_long_line_in_small_chunks_takes_linear_time", () => {
  // Copying the whole line with each chunk would move a terabyte here.
  const parser = new SseParser();
  const chunk = "0123456789";
  parser.push("data: ");
  for (let n = 0; n < 400_000; n += 1) parser.push(chunk);
  assert.equal(parser.push("\n\n")[0]?.data.length, 4_000_000);
});

test("many_data_lines_take_linear_time", () => {
  const parser = new SseParser();
  for (let n = 0; n < 400_000; n += 1) parser.push("data: 012345678\n");
  assert.equal(parser.push("\n")[0]?.data.length, 3_999_999);
});

test("random_streams_read_the_same_however_they_are_cut", () => {
  // A small generator with a fixed seed, so that a failure can be reproduced.
  let seed = 42;
  const next = (/** @type {number} */ bound) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % bound;
  const parts = ["data", "id", "event", "retry", ":", ": ", "\n", "\r", "\r\n", "\n\n", "é", "1", "\uFEFF", "\0", " "];
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: 30 }, () => parts[next(parts.length)]).join("");
    const bytes = Buffer.from(text);
    const first = next(bytes.length);
    const second = first + next(bytes.length - first);
    const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
    assert.deepEqual(read(chunks), read([bytes]), JSON.stringify(text));
  }
});
