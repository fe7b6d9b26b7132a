import assert from "node:assert/strict";
import test from "node:test";
import { parse, parseLine } from "../src/index.js";

test("a line is split at its commas", () => {
  assert.deepEqual(parseLine("a,b,c"), ["a", "b", "c"]);
});

test("rows become objects", () => {
  assert.deepEqual(parse("a,b\n1,2\n"), [{ a: "1", b: "2" }]);
});
