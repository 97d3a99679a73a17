// `megaflow bench` and `bench gen` as a person calls them, with windows of a blink.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type BenchResult, parseResults, type Window } from "../../src/bench/result.ts";
import { startMegaflow } from "../support/megaflow-command.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-bench-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const blink = ["--seconds", "0.2", "--windows", "8", "--warmup", "0.1", "--ports", "3", "--runs", "1"];

async function megaflow(...args: string[]) {
  return startMegaflow(args, folder).result;
}

async function bench(...args: string[]): Promise<BenchResult[]> {
  const { status, stdout, stderr } = await megaflow("bench", ...blink, "--json", ...args);
  assert.equal(status, 0, stderr);
  return parseResults(stdout, "stdout");
}

test("bench gen writes files that bench measures, and the same bytes leave as of the named workload", async () => {
  const made = await megaflow("bench", "gen", "f1k-m16", "--packets", "3000", "--out-dir", folder, "--json");
  assert.equal(made.status, 0, made.stderr);
  const files = JSON.parse(made.stdout) as { pcap: string; flows: string; packets: number; rules: number };
  assert.deepEqual([files.packets, files.rules], [3000, 48]);

  const [result] = await bench("--pcap", files.pcap, "--flows", files.flows);
  assert.ok(result);
  assert.equal(result.tracePackets, 3000);
  assert.deepEqual([result.megaflows, result.masks, result.drops, result.upcalls], [64, 16, 0, 0]);
  assert.ok(result.mpps > 0 && result.nsPerPacket > 0 && result.rxPackets > 0);
  assert.ok(Math.abs(result.mpps * result.nsPerPacket - 1000) < 1, "one PMD, one copy: the two are inverse");
  assert.equal(result.windows.flat().length, 8);
  const shares = Object.values(result.hits).reduce((sum, share) => sum + share, 0);
  assert.ok(Math.abs(shares - 1) < 1e-9, "every lookup is answered by one level");
  assert.ok(result.stages.length > 0 && result.stages.every((stage) => Number.isFinite(stage.cycles)));
  assert.match(result.warnings.join(), /the trace has 3000 packets: branch predictors learn/);
  assert.equal(result.environment.pmdCores.length, 1);

  const [again] = await bench("--pcap", files.pcap, "--flows", files.flows, "--profile", "kernel", "--fifo");
  assert.equal(again?.hash, result.hash, "the same bytes in every profile and frame order");
  assert.equal(again?.hits.microflow, 0);
});

test("a sweep measures every value and draws it; --report writes each format", async () => {
  const reports = ["r.json", "r.csv", "r.md", "r.html", "r.txt"].map((name) => join(folder, name));
  const results = await bench(
    ...["--workload", "f1k-m16", "--sweep", "microflow.entries=0,4k"],
    ...reports.flatMap((file) => ["--report", file]),
  );
  assert.deepEqual(
    results.map((result) => result.name),
    ["f1k-m16, microflow.entries=0", "f1k-m16, microflow.entries=4k"],
  );
  assert.equal(results[0]!.hits.microflow, 0);
  assert.ok(results[1]!.hits.microflow > 0.99);
  const [json, csv, md, html, text] = reports.map((file) => readFileSync(file, "utf8")) as [
    string,
    ...string[],
  ];
  assert.equal(parseResults(json, "r.json").length, 2);
  assert.equal(csv?.trim().split("\n").length, 3);
  assert.match(md!, /\| f1k-m16, microflow\.entries=0 \|/);
  assert.match(html!, /<svg.*Rate over microflow\.entries/s);
  assert.match(text!, /cycles a packet by stage/);
});

test("--cores adds a PMD at a time", async () => {
  const results = await bench("--workload", "f1k-m1", "--cores", "0,0");
  assert.deepEqual(
    results.map((result) => result.environment.placement.length),
    [1, 2],
  );
});

/** Compares a short run with an earlier one; on a busy machine it may take more than one to be decided. */
async function compared(file: string): ReturnType<typeof megaflow> {
  for (let attempt = 1; ; attempt++) {
    const run = await megaflow("bench", ...blink, "--workload", "f1k-m1", "--compare", file);
    if (attempt === 5 || !run.stdout.includes("undecided")) return run;
  }
}

function scaledWindow({ mpps, running, yardstick }: Window, factor: number): Window {
  const rate = { mpps: mpps * factor, running };
  return yardstick === undefined
    ? rate
    : { ...rate, yardstick: { ...yardstick, cost: yardstick.cost / factor } };
}

test("--compare says whether the result differs, and fails only when it is slower", async () => {
  const [result] = await bench("--workload", "f1k-m1");
  const file = join(folder, "before.json");
  const scaled = (factor: number): BenchResult => ({
    ...result!,
    windows: result!.windows.map((run) => run.map((window) => scaledWindow(window, factor))),
  });
  writeFileSync(file, JSON.stringify(scaled(100)));
  const slower = await compared(file);
  assert.equal(slower.status, 1, slower.stderr);
  assert.match(slower.stdout, /f1k-m1: slower \(-9\d\.\d %/);
  writeFileSync(file, JSON.stringify(scaled(0.01)));
  const faster = await compared(file);
  assert.equal(faster.status, 0, faster.stderr);
  assert.match(faster.stdout, /f1k-m1: faster/);
});

for (const [args, message] of [
  [["--workload", "f1k-m17"], 'unknown workload "f1k-m17"; did you mean f1k-m1?'],
  [["--workload", "f1k-m1", "--pcap", "x.pcap"], "--workload and --pcap exclude each other"],
  [["--workload", "f1k-m1", "--sweep", "emc=1"], "unknown setting"],
  [["--workload", "f1k-m1", "--cores", "a"], "--cores takes CPU numbers"],
  [["--workload", "f1k-m1", "--report", "x.pdf"], "--report x.pdf: the name must end in .json"],
  [["gen", "--masks", "513"], "--masks: expected a whole number from 1 to 512, not 513"],
  [["gen", "nothing"], 'unknown workload "nothing"; there are f1-m1'],
] as const) {
  test(`megaflow bench ${args.join(" ")} is refused`, async () => {
    const { status, stderr } = await megaflow("bench", ...args);
    assert.equal(status, 2);
    assert.ok(stderr.includes(message), stderr);
  });
}
