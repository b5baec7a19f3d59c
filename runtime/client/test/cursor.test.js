import assert from "node:assert/strict";
import { test } from "node:test";

import { Place } from "../cursor.js";
import { cursor } from "../testing/fakes.js";

const OTHER = "00000000deadbeef";

/** Which of the ids are let through, after a ready frame with the first. */
function check([first, ...ids], expected) {
  const place = new Place();
  place.goOn(first);
  assert.deepEqual(
    ids.filter((id) => place.accept(id)),
    expected,
  );
}

test("a_message_at_or_before_the_place_was_seen", () =>
  check([cursor(9), cursor(8), cursor(9), cursor(10), cursor(10), cursor(11)], [cursor(10), cursor(11)]));

test("sequences_compare_as_numbers", () => check([cursor(9), cursor(10), cursor(9)], [cursor(10)]));

test("another_generation_is_never_seen", () => check([cursor(9), cursor(1, OTHER), cursor(1, OTHER)], [cursor(1, OTHER)]));

test("other_ids_compare_by_equality_with_the_last", () => check([null, "b", "b", "a", "b"], ["b", "a", "b"]));

test("messages_without_an_id_are_new_and_move_nothing", () => {
  const place = new Place();
  place.goOn(cursor(3));
  assert.ok(place.accept(null));
  assert.equal(place.id, cursor(3));
});

test("after_a_gap_the_log_may_begin_again", () => {
  const place = new Place();
  place.accept(cursor(100));
  place.goOn(cursor(50), true);
  assert.ok(place.accept(cursor(51)));
  assert.ok(!place.accept(cursor(51)));
});

test("the_old_id_stands_until_the_gap_was_told", () => {
  const place = new Place();
  place.accept(cursor(10));
  place.goOn(null);
  assert.equal(place.id, cursor(10));
  place.goOn(cursor(50), true);
  assert.equal(place.id, cursor(50));
});
