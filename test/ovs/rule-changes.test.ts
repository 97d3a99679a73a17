// Random changes of rules, groups and ports beside Open vSwitch, under packets that learn: after each both send the
// same packets, and at the end of each their rules are the same and have counted the same. MEGAFLOW_CASES (default 2)
// sets the number of cases, MEGAFLOW_SEED the first seed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeOracle } from "../support/change-oracle.ts";
import { NEED_OVS, needs } from "../support/needs.ts";
import { testSeed } from "../support/seed.ts";

const CASES = Number(process.env["MEGAFLOW_CASES"] ?? 2);

test("rules, groups and ports change as Open vSwitch's do", { skip: needs(NEED_OVS) }, async (t) => {
  await using oracle = new ChangeOracle();
  for (let seed = testSeed; seed < testSeed + CASES; seed++) await oracle.runCase(seed);
  const { packets, forwarded, changes, killed } = oracle;
  t.diagnostic(
    `${forwarded} of ${packets} packets forwarded, ${changes} changes, ${killed} cases ended Open vSwitch`,
  );
  assert.ok(killed <= Math.max(1, CASES / 4), "Open vSwitch died too often to tell anything");
});
