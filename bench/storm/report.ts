// The figures of a storm for people.
import { markdownTable } from "../../src/bench/report/table.ts";
import { median } from "../../src/bench/statistics.ts";
import type { Neighbour } from "./neighbours.ts";
import type { SetUp } from "./set-up.ts";
import type { StormResult } from "./storm.ts";

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
    ...markdownTable({
      titles: [
        "megaflows",
        "touched",
        "gone after ms",
        "alone",
        "full pass ms",
        "alone",
        "slice p99 / longest ms",
      ],
      rows: changes.map((one) => [
        String(one.megaflows),
        String(one.touched),
        one.touchedMs.toFixed(0),
        one.touchedCpuMs.toFixed(0),
        one.fullMs.toFixed(0),
        one.fullCpuMs.toFixed(0),
        `${one.p99SliceMs.toFixed(1)} / ${one.longestSliceMs.toFixed(1)}`,
      ]),
    }),
    "",
    "## Machine",
    "",
    `${environment.cpu}, ${environment.cores} cores, ${environment.topology}; ${environment.kernel}; Node ${environment.node}; ${environment.date}; load ${environment.load.toFixed(1)}`,
  ];
  if (environment.others.length > 0)
    lines.push("", `Other processes meanwhile: ${environment.others.join("; ")}`);
  return `${lines.join("\n")}\n`;
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
