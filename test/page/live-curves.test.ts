// What the page makes of the live profiler's answers: several PMDs together, and sizes that the sample is too thin for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProfiles } from "../../src/page/live-curves.ts";
import type { PmdProfile } from "../../src/tune/live-profiler.ts";

function profile(pmd: number, lookups: number, missRatios: readonly (number | null)[]): PmdProfile {
  return {
    ...{
      pmd,
      onShare: 1,
      sampling: 8,
      sampled: lookups / 8,
      lookups,
      connections: 1000,
      firstShare: 0.02,
      uncertainty: 0.01,
    },
    sizes: missRatios.map((missRatio, i) => ({
      entries: i === 0 ? 0 : 1024 * 4 ** (i - 1),
      missRatio,
      lruMissRatio: (missRatio ?? 1) / 2,
      maskCache: [
        { entries: 256, missRatio: i === 0 ? 0.5 : 0.1 },
        { entries: 4096, missRatio: null },
      ],
    })),
  };
}

test("no profiler and no sample are told apart", () => {
  assert.equal(describeProfiles(undefined).profiling, false);
  assert.match(describeProfiles(undefined).note, /^Not profiling/);
  assert.deepEqual(describeProfiles([]).curves, []);
  assert.equal(describeProfiles([]).profiling, true);
  assert.match(describeProfiles([profile(0, 0, [1])]).note, /not enough/);
});

test("several PMDs together are weighted by their lookups; what one cannot tell another may", () => {
  const { curves, note } = describeProfiles([
    profile(0, 8000, [1, 0.5, 0.2]),
    profile(1, 24_000, [1, 0.1, null]),
  ]);
  assert.deepEqual(
    curves.map(({ cache, pmd, ideal }) => [cache, pmd, ideal]),
    [null, 0, 1].flatMap((pmd) => [
      ["microflow", pmd, false],
      ["microflow", pmd, true],
      ["maskCache", pmd, false],
    ]),
  );
  const [together, ideal, maskCache] = curves;
  assert.deepEqual(together?.points, [
    { entries: 1024, missRatio: 0.2 },
    { entries: 4096, missRatio: 0.2 },
  ]);
  assert.deepEqual(ideal?.points[0], { entries: 1024, missRatio: 0.1 });
  assert.deepEqual(maskCache?.points, [{ entries: 256, missRatio: 0.5 }]);
  assert.equal(
    note,
    "2,000 connections, one in 8 sampled, uncertain by up to 1.0 percentage points. " +
      "2.0 % of the lookups are a connection's first, which no size can answer.",
  );
});
