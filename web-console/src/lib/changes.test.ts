import { expect, test } from "vitest";
import { changesOf } from "./changes";

test("a change is told field by field, also of what was made or deleted", () => {
  expect(
    changesOf({ before: { label: null, archived: false }, after: { label: "Boiler", archived: true } }),
  ).toEqual([
    { field: "label", before: "nothing", after: "Boiler" },
    { field: "archived", before: "false", after: "true" },
  ]);
  expect(changesOf({ before: null, after: { expected_interval_s: 60 } })).toEqual([
    { field: "expected interval s", before: null, after: "60" },
  ]);
  expect(changesOf({ before: null, after: null })).toEqual([]);
});
