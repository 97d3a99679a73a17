// The figures of a storm for people.
import { markdownTable } from "../../src/bench/report/table.ts";
import { median } from "../../src/bench/statistics.ts";
import type { SliceReport } from "../../src/upcall/slice-watch.ts";
import { machineLines } from "./machine-lines.ts";
import type { Neighbour } from "./neighbours.ts";
import type { ChangeTimes, RuleChanges } from "./rule-changes.ts";
import type { SetUp } from "./set-up.ts";
import type { StormResult } from "./storm.ts";
import { targetCells, targetRows } from "./targets.ts";

/** A Markdown page. */
export function stormReport(result: StormResult): string {
  const { environment } = result;
  const changes = result.setUp.flatMap((one) => (one.changes === null ? [] : [one.changes]));
  const byTables = [1, 8]
    .map((tables) => result.setUp.filter((one) => one.tables === tables))
    .filter((runs) => runs.length > 0);
  const byStorm = (["new flows", "explosion"] as const)
    .map((storm) => result.neighbours.filter((one) => one.storm === storm))
    .filter((runs) => runs.length > 0);
  const lines = [
    "# The slow path under load",
    "",
    "Made by `npm run bench:storm`. Each figure is the median of its runs. *Alone* is by processor time: what the",
    "thread would do a second with its core to itself; on an idle machine the two are equal.",
    "",
    "## Against the targets",
    "",
    ...markdownTable({
      titles: ["what", "target", "measured", "alone", "met"],
      rows: targetRows(result).map(targetCells),
    }),
    "",
    "## Flow set-up",
    "",
    "Every packet begins a connection and gets a megaflow of its own; 1,024 upcalls may wait at once.",
    "",
    ...markdownTable({
      titles: ["tables", "new flows", "flows/s", "flows/s alone", "lost", "controller us", "bytes a flow"],
      rows: byTables.map(setUpRow),
    }),
    "",
    ...markdownTable({
      titles: ["tables", "queueing p50 / p99 us", "translation p50 / p99 us", "installation p50 / p99 us"],
      rows: byTables.map(timesRow),
    }),
    "",
    "Open vSwitch, offered the same connections round and round:",
    "",
    ...markdownTable({
      titles: ["version", "tables", "wanted", "megaflows", "flows/s"],
      rows: result.peers.map((one) => [
        one.version,
        String(one.tables),
        String(one.wanted),
        String(one.flows),
        count(one.flowsPerSecond),
      ]),
    }),
    "",
    "## Established traffic on another port meanwhile",
    "",
    ...markdownTable({
      titles: ["storm", "before, Mpps alone", "meanwhile, Mpps alone", "kept", "storm/s", "masks", "lost"],
      rows: byStorm.map(neighbourRow),
    }),
    "",
    "## Rule changes",
    "",
    ...ruleChangeLines(changes),
    "",
    ...machineLines(environment),
  ];
  return `${lines.join("\n")}\n`;
}

/** Every run's rule changes, the medians of each. */
function ruleChangeLines(runs: readonly RuleChanges[]): string[] {
  const first = runs[0];
  if (first === undefined) return ["None were measured."];
  const rows = first.changes.map(({ what }, i) => {
    const mid = (of: (one: ChangeTimes) => number) => median(runs.map((run) => of(run.changes[i]!)));
    const kept = mid(({ keptShare }) => keptShare);
    return [
      what,
      count(mid((one) => one.retranslated)),
      count(mid((one) => one.changed)),
      mid((one) => one.settledMs).toFixed(0),
      mid((one) => one.cpuMs).toFixed(0),
      Number.isNaN(kept) ? "" : `${(kept * 100).toFixed(0)} %`,
    ];
  });
  const slices = runs.map((run, i) => [
    String(i + 1),
    run.p99SliceMs.toFixed(1),
    run.p99RanMs.toFixed(1),
    ...sliceCells(run.longestSlice),
    ...sliceCells(run.busiestSlice).slice(0, 2),
  ]);
  return [
    `${count(first.megaflows)} megaflows, established traffic beside them at ${first.beforeMpps.toFixed(2)} Mpps alone.`,
    "",
    ...markdownTable({
      titles: ["change", "translated again", "changed", "in force after ms", "alone ms", "forwarding kept"],
      rows,
    }),
    "",
    "Slices of the revalidator since the switch's start, in ms by the clock; *ran* is what the thread had of its core:",
    "",
    ...markdownTable({
      titles: ["run", "p99", "p99 ran", "longest", "ran", "waited", "doing", "busiest", "ran"],
      rows: slices,
    }),
  ];
}

/** Length, time on the core, time waiting for it, and what took longest. */
function sliceCells(slice: SliceReport | null): [string, string, string, string] {
  if (slice === null) return ["", "", "", ""];
  const steps = Object.entries(slice.steps).sort((a, b) => b[1] - a[1]);
  return [slice.ms.toFixed(1), slice.ranMs.toFixed(1), slice.waitedMs.toFixed(1), steps[0]?.[0] ?? ""];
}

function setUpRow(runs: readonly SetUp[]): string[] {
  const mid = (of: (one: SetUp) => number) => median(runs.map(of));
  return [
    String(runs[0]?.tables ?? ""),
    String(runs[0]?.flows ?? ""),
    count(mid((one) => one.flowsPerSecond)),
    count(mid((one) => one.flowsPerSecondAlone)),
    String(Math.max(...runs.map((one) => one.lost))),
    mid((one) => one.controllerUs).toFixed(1),
    mid((one) => one.bytesPerFlow).toFixed(0),
  ];
}

function timesRow(runs: readonly SetUp[]): string[] {
  const times = (name: "queueing" | "translation" | "installation") =>
    `${median(runs.map((one) => one[name].p50)).toFixed(0)} / ${median(runs.map((one) => one[name].p99)).toFixed(0)}`;
  return [String(runs[0]?.tables ?? ""), times("queueing"), times("translation"), times("installation")];
}

function neighbourRow(runs: readonly Neighbour[]): string[] {
  const mid = (of: (one: Neighbour) => number) => median(runs.map(of));
  return [
    runs[0]?.storm ?? "",
    mid((one) => one.before.mppsAlone).toFixed(2),
    mid((one) => one.meanwhile.mppsAlone).toFixed(2),
    `${(mid((one) => one.keptShare) * 100).toFixed(0)} %`,
    count(mid((one) => one.stormPerSecond)),
    String(Math.max(...runs.map((one) => one.masks))),
    String(Math.max(...runs.map((one) => one.lost.neighbour))),
  ];
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
