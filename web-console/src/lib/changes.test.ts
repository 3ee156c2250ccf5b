import { expect, test } from "vitest";
import { actWords, changesOf } from "./changes";

test("a change is told field by field in words, also of what was made or deleted", () => {
  expect(
    changesOf({ before: { label: null, archived: false }, after: { label: "Boiler", archived: true } }),
  ).toEqual([
    { field: "label", before: "none", after: "Boiler" },
    { field: "archived", before: "no", after: "yes" },
  ]);
  const interval = { before: { expected_interval_s: 300 }, after: { expected_interval_s: null } };
  expect(changesOf(interval)).toEqual([{ field: "expected interval", before: "5 minutes", after: "none" }]);
  expect(changesOf({ before: null, after: { precision: 2 } })).toEqual([
    { field: "decimal places", before: null, after: "2" },
  ]);
  expect(changesOf({ before: null, after: null })).toEqual([]);
});

test("what was done is told in words, also what no word is known for", () => {
  expect(["device.update", "session.start", "key.turn_round"].map(actWords)).toEqual([
    "changed",
    "logged in",
    "turn round",
  ]);
});
