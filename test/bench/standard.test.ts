// The standard set's own parts: windows measured again, another Node beside this one, two PMDs on ports of their own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { countOption, numberOption } from "../../bench/command.ts";
import { standardCases } from "../../bench/standard/cases.ts";
import { measureOurs, nodeVersion, runBench } from "../../bench/standard/ours.ts";
import { writeStandardReport } from "../../bench/standard/report.ts";
import { otherNodeRatio, type StandardRow, standardTable, windowCounts } from "../../bench/standard/row.ts";
import { type Scaling, scalingRatios, scalingTable } from "../../bench/standard/scaling.ts";
import { measureQuietWindows } from "../../src/bench/quiet-windows.ts";
import type { BenchResult, Window } from "../../src/bench/result.ts";
import { runningShares } from "../../src/bench/thread-time.ts";
import { ownInPort, ownPortRules } from "../../src/bench/workload/own-ports.ts";
import { projectFile } from "../../src/project.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-standard-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const blink = { core: 0, windows: 2, seconds: 0.1, warmup: 0.1, again: 1 };

/** A measurement that gives these shares of the core, one after the other, and counts how often it is made. */
function sharesInTurn(...shares: number[]) {
  const calls: number[] = [];
  const measure = async () => {
    const running = shares[calls.length] ?? 1;
    calls.push(running);
    return { running, mpps: calls.length };
  };
  return { calls, measure };
}

test("a disturbed window is measured again until it is quiet, a quiet one never", async () => {
  const { calls, measure } = sharesInTurn(0.99, 0.5, 0.9, 0.98, 0.97);
  const { windows, repeated } = await measureQuietWindows(3, 10, measure);
  assert.deepEqual(
    windows.map((window) => window.running),
    [0.99, 0.98, 0.97],
  );
  assert.deepEqual([repeated, calls.length], [2, 5]);
});

test("windows are measured again a bounded number of times, and the least disturbed reading is kept", async () => {
  const { calls, measure } = sharesInTurn(0.6, 0.8, 0.7, 0.4, 0.5);
  const { windows, repeated } = await measureQuietWindows(2, 2, measure);
  assert.deepEqual(
    windows.map((window) => window.running),
    [0.8, 0.4],
  );
  assert.deepEqual([repeated, calls.length], [2, 4]);
});

test("the shares of several threads are told apart", () => {
  const before = new Map([
    ["a", 0],
    ["b", 1e9],
    ["c", 5],
  ]);
  const now = new Map([
    ["a", 5e8],
    ["b", 2e9],
    ["c", 5],
  ]);
  assert.deepEqual(runningShares(before, now, 2, 1), [1, 0.5]);
});

test("each PMD's ports get a workload's rules", () => {
  const rules = [
    "priority=100,in_port=1,udp actions=load:1->NXM_NX_REG0[],output:2,output:3",
    "priority=9,tcp actions=resubmit(,1)",
    "table=1,priority=1 actions=output:2",
  ];
  assert.equal(ownInPort(2), 7);
  assert.deepEqual(ownPortRules(rules, 1), rules);
  assert.deepEqual(ownPortRules(rules, 3).slice(3), [
    "priority=100,in_port=4,udp actions=load:1->NXM_NX_REG0[],output:5,output:6",
    "priority=9,tcp,in_port=4 actions=resubmit(,1)",
    "priority=100,in_port=7,udp actions=load:1->NXM_NX_REG0[],output:8,output:9",
    "priority=9,tcp,in_port=7 actions=resubmit(,1)",
  ]);
});

test("two PMDs forward a workload over ports of their own, and every packet of both", async () => {
  const cores = availableParallelism() > 1 ? "0,1" : "0,0";
  const [one, two] = await runBench(["--workload", "f1k-m1", "--cores", cores], blink);
  assert.ok(one && two);
  assert.deepEqual([one.megaflows, two.megaflows], [1, 2], "a megaflow for each port that packets come in");
  assert.deepEqual([two.environment.placement.length, two.drops, two.upcallLost], [2, 0, 0]);
  assert.ok(two.windows.flat().every((window) => window.shares?.length === 2));
  const table = scalingTable([{ workload: "f1k-m1", rounds: [{ one, two }] }]);
  assert.match(table.rows[0]!.at(-1)!, /^\d+\.\d % \+ \d+\.\d %$/);
});

test("scaling is told as it was, and as it would be with whole cores", () => {
  const result = (mpps: number, running: number, shares?: number[]) =>
    ({ mpps, windows: [[{ mpps, running, ...(shares ? { shares } : {}) }]] }) as unknown as BenchResult;
  const round = { one: result(40, 1), two: result(57, 0.75, [1, 0.5]) };
  const scaling: Scaling = { workload: "x", rounds: [round, round] };
  const { asItWas, alone } = scalingRatios(scaling);
  assert.deepEqual([asItWas.toFixed(3), alone.toFixed(3)], ["1.425", "1.900"]);
  assert.deepEqual(scalingTable([scaling]).rows[0]!.slice(-2), ["100.0 %", "100.0 % + 50.0 %"]);
});

test("the report has the other Node beside this one", async () => {
  const one = standardCases.find(({ name }) => name === "f1k-m1")!;
  const ours = await measureOurs(one, blink);
  const measured = await measureOurs(one, blink, process.execPath);
  const twice = (windows: readonly (readonly Window[])[], factor: number) =>
    windows.map((run) => run.map((window) => ({ ...window, mpps: factor, running: 1 })));
  const environment = { ...measured.environment, node: "v99.1.2", v8: "99.9" };
  const row: StandardRow = {
    name: one.name,
    ours: [{ ...ours, repeated: 3, windows: twice(ours.windows, 50) }],
    otherNode: [{ ...measured, repeated: 0, environment, windows: twice(measured.windows, 40) }],
    peers: [],
    native: [],
    twin: null,
    sourcePps: null,
  };
  assert.equal(otherNodeRatio(row)?.toFixed(2), "1.25");
  assert.deepEqual(windowCounts([row]), { windows: 4, repeated: 3 });
  const table = standardTable([row, { ...row, name: "without", otherNode: [] }]);
  const column = table.titles.indexOf("Node 99, ns");
  assert.deepEqual(
    table.rows.map((cells) => cells[column]),
    ["25.0", "-"],
  );
  const out = join(folder, "report");
  writeStandardReport({ rows: [row], extraction: [] }, out);
  const text = readFileSync(`${out}.md`, "utf8");
  assert.match(text, /Node v99\.1\.2 in turns with v\d+\.\d+\.\d+: 1\.25 times its time a packet/);
  assert.match(text, /Of 4 windows 3 were read again/);
  assert.match(text, /the other Node: v99\.1\.2, V8 99\.9/);
  assert.doesNotMatch(text, /Not quotable/);
});

test("mistakes on the command line of a bench are named before anything is measured", async () => {
  const command = ["--import", "tsx", projectFile("bench/standard/main.ts"), "--only", "f1k"];
  const failure = await promisify(execFile)(process.execPath, command).then(
    () => assert.fail("it ran"),
    (error: { code: number; stderr: string }) => error,
  );
  assert.equal(failure.code, 2, failure.stderr);
  assert.match(failure.stderr, /--only "f1k": there is no such case; there are "f1-m1"/);
  assert.throws(() => countOption("windows", "1.5", 1), /--windows takes a whole number, got "1.5"/);
  assert.throws(() => numberOption("seconds", "", 0.1), /--seconds takes a number of at least 0.1, got ""/);
  await assert.rejects(nodeVersion(join(folder, "none")), /--node .*none: it can't be started/);
  await assert.rejects(nodeVersion("/bin/echo"), /--node \/bin\/echo: not the binary of a Node/);
  assert.equal(await nodeVersion(process.execPath), process.version);
});
