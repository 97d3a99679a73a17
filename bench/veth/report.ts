// What bench/veth says: a table with ratios, the machine, and what the figures do and do not tell.

import { readEnvironment } from "../../src/bench/environment.ts";
import type { MeasurePlan, Unmeasured, VethResult } from "./measure.ts";

/** Everything of one run. */
export interface VethReport {
  readonly environment: ReturnType<typeof readEnvironment>;
  readonly plan: MeasurePlan;
  /** Other processes were kept off both cores. */
  readonly realtime: boolean;
  readonly results: readonly (VethResult | Unmeasured)[];
  readonly ratios: readonly Ratio[];
}

/** Megaflow's rate against another's, and what it should be. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  readonly target: number;
  /** Ours took all that the generator offered, so it is at least this. */
  readonly isLowerBound: boolean;
}

/** Pairs that have a target: at least as fast as Open vSwitch's own afxdp ports and the bridge, 0.9 of C. */
const targets: readonly (readonly [ours: string, theirs: string, target: number])[] = [
  ["Megaflow, afxdp", "Open vSwitch, afxdp", 1],
  ["Megaflow, afxdp", "Linux bridge", 1],
  ["Megaflow, afxdp", "Linux bridge, softirq", 1],
  ["Megaflow, afxdp", "C forwarder", 0.9],
  ["Megaflow, receive only", "C, receive only", 0.9],
];
/** A receiver that took this share of what was offered might take more. */
const ALL_OF_IT = 0.95;
/** Frames a second that a receive-only switch should take. */
const RECEIVE_TARGET = 6_000_000;

/** Puts results together. */
export function reportOf(
  plan: MeasurePlan,
  results: readonly (VethResult | Unmeasured)[],
  others: readonly string[],
  realtime = false,
): VethReport {
  const find = (name: string): VethResult | undefined =>
    results.find((one): one is VethResult => one.name === name && "median" in one);
  const ratios = targets.flatMap(([oursName, theirsName, target]): Ratio[] => {
    const [ours, theirs] = [find(oursName), find(theirsName)];
    if (ours === undefined || theirs === undefined) return [];
    const name = `${oursName} / ${theirsName}`;
    return [{ name, value: ours.median / theirs.median, target, isLowerBound: tookAll(ours) }];
  });
  const receiver = find("Megaflow, receive only");
  if (receiver !== undefined) {
    const value = receiver.median / RECEIVE_TARGET;
    const name = "Megaflow, receive only / 6 Mpps";
    ratios.push({ name, value, target: 1, isLowerBound: tookAll(receiver) });
  }
  return { environment: readEnvironment(others), plan, realtime, results, ratios };
}

function tookAll({ median, offered }: VethResult): boolean {
  return median >= offered * ALL_OF_IT;
}

function verdict({ value, target, isLowerBound }: Ratio): string {
  if (value >= target) return "reached";
  return isLowerBound ? "at least this: the generator went no faster" : "missed";
}

/** The report as Markdown. */
export function markdown({ environment, plan, realtime, results, ratios }: VethReport): string {
  const { load, windows, generatorCore, switchCore } = plan;
  const lines = [
    "# Real interfaces: two veth pairs",
    "",
    `${load.length}-byte frames of ${load.flows} connections, ${windows} windows of ${load.seconds} s; generator on CPU ${generatorCore}, forwarder on CPU ${switchCore}. Rates are frames a second that arrived at the far end (receive only: that were taken), the median of the windows. Loss and latency are at half that rate, offered evenly by AF_PACKET (at most 1 M a second) and timed by the kernel at the far end.`,
    "",
    "| subject | Mpps | windows | offered | loss at half load | p50 | p99 | p99.9 | note |",
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ...results.map(row),
    "",
    "| ratio | is | target | |",
    "| --- | ---: | ---: | --- |",
    ...ratios.map(
      (one) => `| ${one.name} | ${one.value.toFixed(2)} | ${one.target.toFixed(2)} | ${verdict(one)} |`,
    ),
    "",
    "The kernel's copy-mode transmit, about 500 ns a frame, is most of what a forwarder does here: veth shows that the ports work and what they add, not how fast the datapath is. Live frames carry whole checksums; frames of a local TCP or UDP sender do not, and completing them is in Megaflow's default on veth.",
    "",
    `${environment.date}; ${environment.cpu}, ${environment.cores} cores${environment.hypervisor ? " of a virtual machine" : ""}; ${environment.kernel}; Node ${environment.node}; load ${environment.load.toFixed(2)}${realtime ? ", kept off both cores by the real-time class, but for 50 ms of each second that the kernel keeps for it: busy pollers feel those as loss and as p99 at half load" : ""}${environment.others.length > 0 ? `; beside it: ${environment.others.join(", ")}` : ""}.`,
    "",
  ];
  return lines.join("\n");
}

function row(one: VethResult | Unmeasured): string {
  if (!("median" in one))
    return `| ${one.name} | - | | | | | | | not measured: ${one.reason.split("\n")[0]} |`;
  const { half } = one;
  const spread = one.windows.map(mpps).join(" ");
  const latency =
    half === null
      ? ["", "", "", ""]
      : [
          `${(half.loss * 100).toFixed(2)} % of ${mpps(half.offered)}`,
          us(half.p50Us),
          us(half.p99Us),
          us(half.p999Us),
        ];
  const note = one.details === "" ? one.note : `${one.note}; ${one.details}`;
  return `| ${one.name} | ${mpps(one.median)} | ${spread} | ${mpps(one.offered)} | ${latency.join(" | ")} | ${note} |`;
}

function mpps(rate: number): string {
  return (rate / 1e6).toFixed(2);
}

function us(value: number | null): string {
  return value === null || Number.isNaN(value) ? "-" : `${value.toFixed(0)} us`;
}
