import assert from "node:assert/strict";
import test from "node:test";
import { daysBetween, formatDate, formatTable } from "../src/index.js";

const may = new Date(Date.UTC(2024, 4, 1));

test("dates are padded", () => {
  assert.equal(formatDate(may), "2024-05-01");
});

test("days are counted", () => {
  assert.equal(daysBetween(may, new Date(Date.UTC(2024, 4, 4))), 3);
});

test("a table is aligned", () => {
  assert.equal(formatTable([{ name: "a", when: may }]), "name | when\na    | 2024-05-01");
});
