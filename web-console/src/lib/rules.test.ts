import { expect, test } from "vitest";
import { ruleFor } from "./rules";

const piece = `- name: plant-a
  broker: mqtt://localhost
  topics:
    - topic: sens/{device}/telemetry
      decoder: json
      time: {field: ts}
    - topic: "meters/#"
      decoder: plain
  limits:
    max_devices: 10
`;

test("the rule in force is found by the topic, as it may be tried by itself", () => {
  expect(ruleFor(piece, "sens/boiler-1/telemetry")).toBe(
    "topic: sens/{device}/telemetry\ndecoder: json\ntime: {field: ts}\n",
  );
  expect(ruleFor(piece, "meters/a/b")).toBe('topic: "meters/#"\ndecoder: plain\n');
});

test("where no rule is found, none is made up", () => {
  expect(ruleFor(piece, "other/boiler-1")).toBeNull();
  expect(ruleFor("- name: a\n  topics: [{topic: a/b}]", "a/b")).toBeNull();
  expect(ruleFor(null, "a/b")).toBeNull();
});
