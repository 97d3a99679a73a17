// The same results as tables: rates, stages, and the machine, for every format of report.
import type { BenchResult } from "../result.ts";
import { median } from "../statistics.ts";
import type { Verdict } from "../verdict.ts";
import type { Table } from "./table.ts";

/** Rates, one row a result. */
export function rateTable(results: readonly BenchResult[]): Table {
  return {
    titles: [
      "workload",
      "profile",
      "PMDs",
      "Mpps",
      "ns/packet",
      "cycles/packet",
      "spread",
      "microflow",
      "mask cache",
      "masked",
      "upcall",
      "masks/lookup",
      "megaflows",
      "masks",
    ],
    rows: results.map((result) => [
      result.name,
      result.environment.profile,
      String(result.environment.placement.length),
      result.mpps.toFixed(2),
      result.nsPerPacket.toFixed(1),
      result.cyclesPerPacket === null ? "-" : result.cyclesPerPacket.toFixed(0),
      `${(result.spread * 100).toFixed(1)} %`,
      ...[result.hits.microflow, result.hits.maskCache, result.hits.masked, result.hits.upcall].map(
        (share) => `${(share * 100).toFixed(1)} %`,
      ),
      result.masksPerLookup.toFixed(2),
      String(result.megaflows),
      String(result.masks),
    ]),
  };
}

/** Cycles a packet by stage, one row a result. */
export function stageTable(results: readonly BenchResult[]): Table {
  const stages = results.find((result) => result.stages.length > 0)?.stages.map((cost) => cost.stage) ?? [];
  return {
    titles: ["workload", ...stages, "all stages", "batch p50 ns", "p99", "p99.9"],
    rows: results.map((result) => [
      result.name,
      ...stages.map((stage) => result.stages.find((cost) => cost.stage === stage)?.cycles.toFixed(1) ?? "-"),
      result.stages.reduce((sum, cost) => sum + cost.cycles, 0).toFixed(1),
      ...latencies(result),
    ]),
  };
}

/** The machine, line by line, as `name: value`. */
export function environmentLines(result: BenchResult): string[] {
  const { environment } = result;
  const tsc = environment.cyclesPerNs === null ? "unknown" : `${environment.cyclesPerNs.toFixed(3)} GHz`;
  return [
    `date: ${environment.date}`,
    `CPU: ${environment.cpu}, ${environment.cores} cores, ${environment.topology}`,
    `virtual machine: ${environment.hypervisor ? "yes" : "no"}`,
    `frequency: TSC ${tsc}, real ${environment.clockGhz.toFixed(2)} GHz, governor ${environment.governor}`,
    `kernel: ${environment.kernel}, core isolation: ${environment.isolation}`,
    `memory: ${environment.memoryGiB} GiB, ${environment.pages}`,
    `Megaflow ${environment.megaflow}, Node ${environment.node}, V8 ${environment.v8}`,
    `placement: ${environment.placement.join(", ")}`,
    `ports: ${environment.portMode}`,
    `frames: ${environment.fifoFrames ? "first in, first out" : "last in, first out"}, ${environment.settings.frames}`,
    ...yardstickLines(result),
    `load: ${environment.load.toFixed(2)} a minute before the end; ${
      environment.others.length === 0
        ? "no other process used over 2 % of a core"
        : environment.others.join(", ")
    }`,
  ];
}

function yardstickLines(result: BenchResult): string[] {
  const windows = result.windows.flat().flatMap(({ yardstick }) => (yardstick ? [yardstick] : []));
  if (windows.length === 0) return [];
  const cost = median(windows.map((one) => one.cost)).toFixed(2);
  const block = median(windows.map((one) => one.block)).toFixed(1);
  return [`yardstick: ${cost} blocks a packet, ${block} TSC cycles a block (${result.yardstick})`];
}

/** The verdict in a sentence. */
export function verdictLine(name: string, verdict: Verdict): string {
  const range = `99 % sure between ${percent(verdict.low)} and ${percent(verdict.high)}`;
  return `${name}: ${verdict.verdict} (${percent(verdict.ratio)}, ${range}, ${basisOf(verdict)})`;
}

function basisOf({ basis, machineSlower, p = 1 }: Verdict): string {
  if (basis === "clock") {
    const chance = p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
    return `${chance}, without a yardstick: a machine that changed its speed looks the same`;
  }
  const change = Math.abs(machineSlower) * 100;
  if (change < 1) return "by the yardstick";
  return `by the yardstick, to which the machine was ${change.toFixed(0)} % ${machineSlower > 0 ? "slower" : "faster"} than before`;
}

function percent(ratio: number): string {
  const change = (ratio - 1) * 100;
  return `${change >= 0 ? "+" : ""}${change.toFixed(1)} %`;
}

function latencies(result: BenchResult): string[] {
  const latency = result.batchLatencyNs;
  return latency === null
    ? ["-", "-", "-"]
    : [latency.p50, latency.p99, latency.p999].map((ns) => ns.toFixed(0));
}
