import assert from "node:assert/strict";
import { test } from "node:test";

import { Position } from "../../stream/cursor.js";
import { cursor } from "../../testing/fakes.js";

const OTHER = "00000000deadbeef";

/** Checks which of the ids are new, after a ready frame with the first. */
function check([first, ...ids], expected) {
  const position = new Position();
  position.moveTo(first);
  assert.deepEqual(
    ids.filter((id) => position.advance(id)),
    expected,
  );
}

test("a_message_at_or_before_the_position_is_a_duplicate", () =>
  check([cursor(9), cursor(8), cursor(9), cursor(10), cursor(10), cursor(11)], [cursor(10), cursor(11)]));

test("sequences_compare_as_numbers", () => check([cursor(9), cursor(10), cursor(9)], [cursor(10)]));

test("a_message_of_another_generation_is_never_a_duplicate", () => check([cursor(9), cursor(1, OTHER), cursor(1, OTHER)], [cursor(1, OTHER)]));

test("other_ids_compare_by_equality_with_the_last", () => check([null, "b", "b", "a", "b"], ["b", "a", "b"]));

test("messages_without_an_id_are_new_and_keep_the_position", () => {
  const position = new Position();
  position.moveTo(cursor(3));
  assert.ok(position.advance(null));
  assert.equal(position.id, cursor(3));
});

test("after_a_gap_sequences_may_start_over", () => {
  const position = new Position();
  position.advance(cursor(100));
  position.moveTo(cursor(50), true);
  assert.ok(position.advance(cursor(51)));
  assert.ok(!position.advance(cursor(51)));
});

test("the_old_id_stays_until_the_gap_arrives", () => {
  const position = new Position();
  position.advance(cursor(10));
  position.moveTo(null);
  assert.equal(position.id, cursor(10));
  position.moveTo(cursor(50), true);
  assert.equal(position.id, cursor(50));
});
