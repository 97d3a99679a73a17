// What bench/veth says: a table with ratios, the machine, and what the figures do and do not tell.

import { readEnvironment } from "../../src/bench/environment.ts";
import type { MeasurePlan, Unmeasured, VethResult } from "./measure.ts";

/** Everything of one run. */
export interface VethReport {
  readonly environment: ReturnType<typeof readEnvironment>;
  readonly plan: MeasurePlan;
  readonly results: readonly (VethResult | Unmeasured)[];
  readonly ratios: readonly Ratio[];
}

/** Megaflow's rate against another's, and what it should be. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  readonly target: number;
}

/** Pairs that have a target: at least as fast as Open vSwitch's own afxdp ports and the bridge, 0.9 of C. */
const targets: readonly (readonly [ours: string, theirs: string, target: number])[] = [
  ["Megaflow, afxdp", "Open vSwitch, afxdp", 1],
  ["Megaflow, afxdp", "Linux bridge", 1],
  ["Megaflow, afxdp", "Linux bridge, softirq", 1],
  ["Megaflow, afxdp", "C forwarder", 0.9],
  ["Megaflow, receive only", "C, receive only", 0.9],
];
/** Frames a second that a receive-only switch should take. */
const RECEIVE_TARGET = 6_000_000;

/** Puts results together. */
export function reportOf(
  plan: MeasurePlan,
  results: readonly (VethResult | Unmeasured)[],
  others: readonly string[],
): VethReport {
  const rate = (name: string): number | undefined => {
    const found = results.find((one) => one.name === name);
    return found !== undefined && "median" in found ? found.median : undefined;
  };
  const ratios = targets.flatMap(([ours, theirs, target]): Ratio[] => {
    const [x, y] = [rate(ours), rate(theirs)];
    return x === undefined || y === undefined ? [] : [{ name: `${ours} / ${theirs}`, value: x / y, target }];
  });
  const received = rate("Megaflow, receive only");
  if (received !== undefined)
    ratios.push({ name: "Megaflow, receive only / 6 Mpps", value: received / RECEIVE_TARGET, target: 1 });
  return { environment: readEnvironment(others), plan, results, ratios };
}

/** The report as Markdown. */
export function markdown({ environment, plan, results, ratios }: VethReport): string {
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
      ({ name, value, target }) =>
        `| ${name} | ${value.toFixed(2)} | ${target.toFixed(2)} | ${value >= target ? "reached" : "missed"} |`,
    ),
    "",
    "The kernel's copy-mode transmit, about 500 ns a frame, is most of what a forwarder does here: veth shows that the ports work and what they add, not how fast the datapath is. Live frames carry whole checksums; frames of a local TCP or UDP sender do not, and completing them is in Megaflow's default on veth.",
    "",
    `${environment.date}; ${environment.cpu}, ${environment.cores} cores${environment.hypervisor ? " of a virtual machine" : ""}; ${environment.kernel}; Node ${environment.node}; load ${environment.load.toFixed(2)}${environment.others.length > 0 ? `; beside it: ${environment.others.join(", ")}` : ""}.`,
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
