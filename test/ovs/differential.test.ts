// Random rules and packets through Open vSwitch and through Megaflow: the same packets on the same ports, by upcall
// and by cache, with no more megaflows and masks. MEGAFLOW_CASES (default 150) sets the number of cases of each
// profile, MEGAFLOW_SEED the first seed.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  type CaseRun,
  compareRuns,
  type DifferentialCase,
  describeDifference,
  drawCase,
  Oracle,
  runCommand,
  runMegaflow,
} from "../support/differential.ts";
import { minimise } from "../support/minimise.ts";
import { ovsMissing } from "../support/ovs.ts";
import type { RuleProfile } from "../support/random-rules.ts";
import { testSeed } from "../support/seed.ts";

const CASES = Number(process.env["MEGAFLOW_CASES"] ?? 150);
const FIRST_SEED = testSeed;
/** Same packets out of each; the megaflows are the same too. */
const CACHE_PROFILES = ["default", "kernel", "userspace"] as const;
/** A case in so many also goes through the command, in a process of its own. */
const COMMAND_EVERY = 20;
/** Cases that are made small and printed when they differ; more are only named. */
const SHOWN = 2;
const MINIMISE_MS = 40_000;
/** Cases of which Open vSwitch may die; it does where labels are popped behind an action set. */
const KILLED_SHARE = 0.05;

interface Totals {
  megaflows: [ours: number, theirs: number];
  masks: [ours: number, theirs: number];
  forwarded: number;
  packets: number;
  killed: number;
  differing: number[];
}

describe("Megaflow beside Open vSwitch", { skip: ovsMissing() ?? false }, () => {
  const oracle = new Oracle();
  after(() => oracle.close());

  for (const profile of ["basic", "full"] as const) {
    it(`sends the same packets in ${CASES} random ${profile} cases`, async (t) => {
      const totals = newTotals();
      for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES; seed++) {
        const report = await runCase(oracle, profile, seed, totals);
        if (report !== undefined) t.diagnostic(report);
      }
      t.diagnostic(
        `${profile}: ${totals.forwarded} of ${totals.packets} packets forwarded; megaflows ${totals.megaflows.join(" : ")}, ` +
          `masks ${totals.masks.join(" : ")} (ours : Open vSwitch's); ${totals.killed} packets ended Open vSwitch`,
      );
      assert.deepEqual(totals.differing, [], "seeds of the cases that differ");
      assert.ok(totals.forwarded > totals.packets / 3, "the cases forward too little to tell anything");
      assert.ok(
        totals.killed <= totals.packets * KILLED_SHARE,
        "Open vSwitch died too often to tell anything",
      );
      assert.ok(totals.megaflows[0] <= totals.megaflows[1] * 1.1, "more megaflows than Open vSwitch");
      assert.ok(totals.masks[0] <= totals.masks[1] * 1.1, "more masks than Open vSwitch");
    });
  }
});

function newTotals(): Totals {
  return { megaflows: [0, 0], masks: [0, 0], forwarded: 0, packets: 0, killed: 0, differing: [] };
}

/** Runs one case; returns what to print when it differs. */
async function runCase(
  oracle: Oracle,
  profile: RuleProfile,
  seed: number,
  totals: Totals,
): Promise<string | undefined> {
  const drawn = drawCase(seed, profile);
  const ovs = await oracle.run(drawn);
  const ours = await runMegaflow(drawn, CACHE_PROFILES[seed % CACHE_PROFILES.length]);
  addTotals(totals, drawn, ovs, ours);
  totals.killed += ovs.killers.length;
  if (seed % COMMAND_EVERY === 0) assert.deepEqual((await runCommand(drawn)).results, ours.results);
  if (compareRuns(drawn, ovs, ours).length === 0) return undefined;
  totals.differing.push(seed);
  const command = `npx tsx test/ovs/differential-case.ts --profile ${profile} --seed ${seed} --minimise`;
  return totals.differing.length > SHOWN ? command : `${command}\n${await explain(oracle, drawn)}`;
}

function addTotals(totals: Totals, drawn: DifferentialCase, ovs: CaseRun, ours: CaseRun): void {
  totals.packets += ovs.results.length;
  totals.forwarded += ovs.results.filter((result) => result.out.length > 0).length;
  // Where rules are learned, revalidation decides how many megaflows are left at the end.
  if (drawn.stateful) return;
  totals.megaflows[0] += ours.megaflows.length;
  totals.megaflows[1] += ovs.megaflows.length;
  totals.masks[0] += ours.masks;
  totals.masks[1] += ovs.masks;
}

/** The case made small: its rules, and what each switch does with the first packet that differs. */
async function explain(oracle: Oracle, drawn: DifferentialCase): Promise<string> {
  const differences = async (smaller: DifferentialCase) => {
    const ovs = await oracle.run(smaller);
    return compareRuns(smaller, ovs, await runMegaflow(smaller));
  };
  const fails = async (smaller: DifferentialCase) => (await differences(structuredClone(smaller))).length > 0;
  const small = await minimise(drawn, fails, MINIMISE_MS);
  const [first] = await differences(small);
  const lines = [...small.flows, ...small.groups, ...small.meters];
  if (first !== undefined) lines.push(await describeDifference(await oracle.live(), first));
  return lines.join("\n");
}
