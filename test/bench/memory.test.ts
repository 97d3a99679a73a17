// What bench:memory measures: regions given out are counted as they are, and a real switch is taken apart into what it holds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureLinear } from "../../bench/memory/linear.ts";
import { isOver, memoryReport } from "../../bench/memory/report.ts";
import { measureResident, type ResidentUse } from "../../bench/memory/resident.ts";
import { readEnvironment } from "../../src/bench/environment.ts";

const MEBIBYTE = 2 ** 20;
/** Records of 128 bytes in a slab of 2 MiB. */
const SLAB_RECORDS = 16_384;

test("megaflows take their records and tables, and a table that was outgrown is given back", async () => {
  // At 131,072 both tables double; emptying the old ones takes a thousand batches.
  const use = await measureLinear("IPv4", 200_000);
  assert.equal(use.recordBytes, Math.ceil(200_000 / SLAB_RECORDS) * 2 * MEBIBYTE);
  assert.equal(use.tableBytes, 8 * MEBIBYTE);
});

test("megaflows with IPv6 addresses fit into the same records where the mask has four lanes", async () => {
  const use = await measureLinear("IPv6", 20_000);
  assert.deepEqual([use.lanes, use.recordBytes, use.tableBytes], [4, 4 * MEBIBYTE, 4 * MEBIBYTE]);
});

test("the resident set of a switch that runs is told by what it is", async () => {
  const use = await measureResident("IPv4", 2000, 0, 0);
  const { all, linear, traffic, files, rest } = use.resident;
  assert.equal(linear + traffic + files + rest, all);
  assert.ok(linear > 0 && files > 10 * MEBIBYTE && rest > 10 * MEBIBYTE, JSON.stringify(use));
  assert.equal(traffic, 2000 * 72);
});

test("a figure over its target is said to be", () => {
  const linear = { kind: "IPv6", megaflows: 10, lanes: 4, recordBytes: 3000, tableBytes: 200 } as const;
  const resident = (mebibytes: number): ResidentUse => ({
    kind: "IPv6",
    megaflows: 10,
    resident: { all: mebibytes * MEBIBYTE, traffic: 2 * MEBIBYTE, linear: 1, files: 1, rest: 1 },
  });
  const environment = readEnvironment();
  const good = { linear: [{ ...linear, bytesPerMegaflow: 320 }], resident: [resident(257)], environment };
  assert.equal(isOver(good), false);
  assert.doesNotMatch(memoryReport(good), /\| no \|/);
  assert.equal(isOver({ ...good, linear: [{ ...linear, bytesPerMegaflow: 321 }] }), true);
  const large = { ...good, resident: [resident(258)] };
  assert.equal(isOver(large), true);
  assert.match(memoryReport(large), /\| 256 \| no \|/);
});
