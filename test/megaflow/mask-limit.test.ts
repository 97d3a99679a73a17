// With few masks allowed the switch sends the same packets, under no more masks than that.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawCase, runCommand } from "../support/differential.ts";

const LIMIT = 5;

test("a mask limit changes how megaflows look, not where packets go", async () => {
  let limited = 0;
  for (const seed of [2001, 2002, 2003]) {
    const drawn = drawCase(seed, "basic");
    const free = await runCommand(drawn);
    const bound = await runCommand(drawn, ["--set", `maskLimit=${LIMIT}`]);
    assert.deepEqual(bound.results, free.results, `seed ${seed}`);
    assert.ok(bound.masks <= LIMIT, `seed ${seed}: ${bound.masks} masks`);
    assert.ok(bound.megaflows.length >= free.megaflows.length, "megaflows are narrower, not missing");
    if (free.masks > LIMIT) limited++;
  }
  assert.ok(limited > 0, "the limit was reached");
});
