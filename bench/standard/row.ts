// One measured row of the standard table, and the table made of rows.

import { type Bar, barChart } from "../../src/bench/report/svg.ts";
import type { Table } from "../../src/bench/report/table.ts";
import type { BenchResult, Window } from "../../src/bench/result.ts";
import { median } from "../../src/bench/statistics.ts";
import { ovsConfigurations } from "../peers/configurations.ts";
import type { PeerResult } from "../peers/measure.ts";
import type { TwinComparison } from "../twin/compare.ts";

/** A case, measured. */
export interface StandardRow {
  readonly name: string;
  /** Our results, one before each configuration of theirs. */
  readonly ours: readonly BenchResult[];
  /** The same on another Node (`--node`), each right after one of ours. */
  readonly otherNode?: readonly BenchResult[];
  readonly peers: readonly PeerResult[];
  /** Configurations of a vswitchd that OVS_VSWITCHD names. */
  readonly native: readonly PeerResult[];
  readonly twin: TwinComparison | null;
  /** Packets a second that testpmd moves from the same source to the same sink, looking at nothing. */
  readonly sourcePps: number | null;
}

/** Nanoseconds for a packet received, of windows that count packets sent. */
function windowNs(windows: readonly Window[], copies: number): number {
  return (1000 * copies) / median(windows.map((window) => window.mpps));
}

/** Our nanoseconds a packet: the median of all windows of all runs. */
function oursNs(row: StandardRow, results = row.ours): number {
  return windowNs(
    results.flatMap((result) => result.windows.flat()),
    oursCopies(row),
  );
}

/** Time on the other Node over the time on this one; undefined where it was not measured. */
export function otherNodeRatio(row: StandardRow): number | undefined {
  const { otherNode = [] } = row;
  // Of this one, the runs that the other's took turns with.
  const turns = row.ours.slice(0, otherNode.length);
  return otherNode.length === 0 ? undefined : oursNs(row, otherNode) / oursNs(row, turns);
}

/** Version of the other Node. */
export function otherNodeVersion(rows: readonly StandardRow[]): string | undefined {
  return rows.flatMap((row) => row.otherNode ?? [])[0]?.environment.node;
}

/** Their nanoseconds a packet in one configuration. */
export function peerNs(peer: PeerResult): number {
  return windowNs(peer.windows, peer.copies);
}

/** Their best configuration; undefined where none ran. */
export function bestPeer(row: StandardRow): PeerResult | undefined {
  return [...row.peers, ...row.native].sort((x, y) => peerNs(x) - peerNs(y))[0];
}

/** The standard table: ours, each of theirs, the ratio to the best, C. */
export function standardTable(rows: readonly StandardRow[]): Table {
  const natives = rows.some((row) => row.native.length > 0);
  const other = otherNodeVersion(rows);
  const titles = ["workload", "Megaflow ns", "Mpps"];
  if (other !== undefined) titles.push(`Node ${other.slice(1).split(".")[0]}, ns`);
  titles.push(...ovsConfigurations.map((one) => `OVS ${one.title}`));
  if (natives) titles.push("OVS native, best");
  titles.push("times the best OVS", "C ns", "WASM / C");
  return {
    titles,
    rows: rows.map((row) => {
      const best = bestPeer(row);
      const cells = [row.name, oursNs(row).toFixed(1), (1000 / oursNs(row)).toFixed(1)];
      const { otherNode = [] } = row;
      if (other !== undefined) cells.push(otherNode.length === 0 ? "-" : oursNs(row, otherNode).toFixed(1));
      for (const { name } of ovsConfigurations) {
        const peer = row.peers.find((one) => one.configuration === name);
        cells.push(peer === undefined ? "-" : peerNs(peer).toFixed(1));
      }
      if (natives) cells.push(row.native.length === 0 ? "-" : Math.min(...row.native.map(peerNs)).toFixed(1));
      cells.push(best === undefined ? "-" : (peerNs(best) / oursNs(row)).toFixed(2));
      cells.push(
        row.twin === null ? "-" : row.twin.cNs.toFixed(1),
        row.twin === null ? "-" : row.twin.ratio.toFixed(2),
      );
      return cells;
    }),
  };
}

/** Where their packets were found, and how often the classifier was asked. */
export function peerHitTable(rows: readonly StandardRow[]): Table {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return {
    titles: [
      "workload",
      "configuration",
      "ns",
      "cycles",
      "simple match",
      "EMC",
      "SMC",
      "classifier",
      "subtables/hit",
      "megaflows",
      "core",
    ],
    rows: rows.flatMap((row) =>
      [...row.peers, ...row.native].map((peer) => [
        row.name,
        peer.configuration,
        peerNs(peer).toFixed(1),
        String(peer.cyclesPerPacket),
        ...[peer.hits.simpleMatch, peer.hits.emc, peer.hits.smc, peer.hits.megaflow].map(percent),
        peer.subtablesPerHit.toFixed(2),
        String(peer.megaflows),
        percent(Math.min(...peer.windows.map((window) => window.running))),
      ]),
    ),
  };
}

/** Ours beside their best, as bars. */
export function standardPicture(rows: readonly StandardRow[]): string {
  const bars = rows.flatMap((row): Bar[] => {
    const ours = oursNs(row);
    const bar = {
      label: row.name,
      parts: [1000 / ours],
      value: `${(1000 / ours).toFixed(1)} (${ours.toFixed(1)} ns)`,
    };
    const best = bestPeer(row);
    if (best === undefined) return [bar];
    const theirs = peerNs(best);
    const value = `${(1000 / theirs).toFixed(1)} (${theirs.toFixed(1)} ns, OVS-DPDK ${best.configuration})`;
    return [bar, { label: "", parts: [0, 1000 / theirs], value }];
  });
  return barChart("Mpps on one core", bars, ["Megaflow", "Open vSwitch with DPDK, best configuration"]);
}

/** Least share of its core that either side had in any window: 1 on a quiet machine. */
export function worstShare(rows: readonly StandardRow[]): number {
  const windows = rows.flatMap(allWindows);
  return Math.min(1, ...windows.map((window) => window.running));
}

/** How many windows there are, and how many were measured again because others had the core. */
export function windowCounts(rows: readonly StandardRow[]): { windows: number; repeated: number } {
  const results = rows.flatMap((row) => [...row.ours, ...(row.otherNode ?? []), ...row.peers, ...row.native]);
  return {
    windows: rows.flatMap(allWindows).length,
    repeated: results.reduce((sum, { repeated = 0 }) => sum + repeated, 0),
  };
}

function allWindows(row: StandardRow): Window[] {
  const ours = [...row.ours, ...(row.otherNode ?? [])];
  const peers = [...row.peers, ...row.native];
  return [...ours.flatMap((result) => result.windows.flat()), ...peers.flatMap((peer) => peer.windows)];
}

function oursCopies(row: StandardRow): number {
  const first = row.ours[0];
  // nsPerPacket counts packets received, mpps packets sent.
  return first === undefined ? 1 : Math.max(1, Math.round((first.mpps * first.nsPerPacket) / 1000));
}
