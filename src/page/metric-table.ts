// Every metric: name, type, help, and where its values are in a snapshot. /metrics and docs/metrics.md come from here;
// names, labels and units are a promise.

import type { CounterSnapshot, PmdSnapshot, PortSnapshot, Snapshot } from "../observe/snapshot.ts";
import { dropReasonNames } from "../odp/drop-reason.ts";

/** A value with its labels. */
export type MetricValue = readonly [labels: Readonly<Record<string, string>>, value: number];

/** One family of values. */
export interface Metric {
  /** With unit, and `_total` for counters. */
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  /** Names of its labels. */
  readonly labels: readonly string[];
  readonly read: (snapshot: Snapshot, version: string) => MetricValue[];
}

/** Metrics of the switch as a whole. */
const ofSwitch: readonly Metric[] = [
  {
    name: "megaflow_info",
    type: "gauge",
    help: "Always 1; its labels name the program's version and the bridge.",
    labels: ["version", "bridge"],
    read: ({ bridge }, version) => [[{ version, bridge }, 1]],
  },
  single("megaflow_uptime_seconds", "Time since the switch was started.", (all) => all.uptimeMs / 1000),
  single("megaflow_clock_hertz", "Cycles a second of every count of cycles.", (all) => all.cyclesPerNs * 1e9),
  single("megaflow_rules", "OpenFlow rules in all tables.", (all) => all.rules),
  single("megaflow_macs", "Addresses that the action NORMAL has learned.", (all) => all.macs),
  single(
    "megaflow_linear_memory_bytes",
    "Linear memory given out to PMDs, ports and frames.",
    (all) => all.memory.linearBytes,
  ),
  single("megaflow_resident_memory_bytes", "Resident memory of the process.", (all) => all.memory.rssBytes),
  single(
    "megaflow_heap_used_bytes",
    "JavaScript heap of the controller in use.",
    (all) => all.memory.heapUsedBytes,
  ),
  total(
    "megaflow_megaflows_refused_total",
    "Misses answered without a megaflow because there were as many as the limit or the memory allows.",
    (all) => all.revalidator.refused,
  ),
  total(
    "megaflow_megaflows_no_memory_total",
    "Megaflows and new actions of megaflows that linear memory had no room for.",
    (all) => all.revalidator.noMemory,
  ),
  {
    name: "megaflow_setting",
    type: "gauge",
    help: "Value of each setting that is a number, as it was last set.",
    labels: ["key"],
    read: ({ settings }) =>
      Object.entries(settings).flatMap(([key, value]) =>
        typeof value === "number" ? [[{ key }, value]] : [],
      ),
  },
];

/** Counters of a PMD, as a snapshot names them. */
const pmdCounters: readonly Metric[] = [
  counter("rx_packets", "Packets received.", (pmd) => pmd.rxPackets),
  counter("rx_bytes", "Bytes received, without preamble and checksum.", (pmd) => pmd.rxBytes),
  counter("tx_packets", "Copies sent, over all ports.", (pmd) => pmd.txPackets),
  counter("tx_bytes", "Bytes sent, without preamble and checksum.", (pmd) => pmd.txBytes),
  counter(
    "forwarded_packets",
    "Received packets of which at least one copy was sent.",
    (pmd) => pmd.forwarded,
  ),
  counter("consumed_packets", "Received packets that only the controller got.", (pmd) => pmd.consumed),
  {
    name: "megaflow_pmd_dropped_packets_total",
    type: "counter",
    help: "Received packets dropped, by reason (docs/json.md has the reasons).",
    labels: ["pmd", "reason"],
    read: ({ pmds }) =>
      pmds.flatMap((pmd) =>
        dropReasonNames()
          .slice(1)
          .map((reason): MetricValue => [{ pmd: `${pmd.index}`, reason }, pmd.drops[reason] ?? 0]),
      ),
  },
  counter("injected_packets", "Packets that the controller sent on its own.", (pmd) => pmd.injected),
  counter("recirculated_packets", "Passes after the first through the lookup.", (pmd) => pmd.recirculated),
  {
    name: "megaflow_pmd_lookups_total",
    type: "counter",
    help: "Lookups by the level that answered: microflow, maskCache, masked, upcall.",
    labels: ["pmd", "level"],
    read: ({ pmds }) =>
      pmds.flatMap((pmd) =>
        Object.entries(pmd.hits).map(([level, hits]): MetricValue => [{ pmd: `${pmd.index}`, level }, hits]),
      ),
  },
  counter("masks_tried", "Masks tried, over all lookups.", (pmd) => pmd.masksTried),
  counter("upcalls", "Upcalls queued, of both kinds.", (pmd) => pmd.upcalls),
  counter(
    "upcalls_joined_packets",
    "Packets that waited behind an upcall of the same microflow.",
    (pmd) => pmd.upcallsJoined,
  ),
  counter("microflow_inserts", "Entries put into the microflow cache.", (pmd) => pmd.microflowInserts),
  counter("mask_cache_inserts", "Entries put into the mask cache.", (pmd) => pmd.maskCacheInserts),
  counter("batches", "Batches of packets processed.", (pmd) => pmd.batches),
  counter("polls", "Turns of the thread's loop.", (pmd) => pmd.polls),
  counter("idle_polls", "Turns that found nothing to do.", (pmd) => pmd.pollsIdle),
];

/** What a PMD's thread and the controller did for it. */
const pmdWork: readonly Metric[] = [
  {
    name: "megaflow_pmd_time_seconds_total",
    type: "counter",
    help: "Time of the thread's loop: busy with packets, idle (looking in vain), asleep.",
    labels: ["pmd", "state"],
    read: ({ pmds, cyclesPerNs }) =>
      pmds.flatMap((pmd) =>
        Object.entries(pmd.time).map(
          ([state, cycles]): MetricValue => [{ pmd: `${pmd.index}`, state }, cycles / (cyclesPerNs * 1e9)],
        ),
      ),
  },
  {
    name: "megaflow_pmd_stage_cycles_total",
    type: "counter",
    help: "Cycles by stage, of the sampled batches alone: divide by megaflow_pmd_stage_packets_total.",
    labels: ["pmd", "stage"],
    read: ({ pmds }) =>
      pmds.flatMap((pmd) =>
        pmd.stages.map(({ stage, cycles }): MetricValue => [{ pmd: `${pmd.index}`, stage }, cycles]),
      ),
  },
  counter("stage_packets", "Packets of the sampled batches.", (pmd) => pmd.stagePackets),
  counter("translations", "Keys taken through the OpenFlow tables.", (pmd) => pmd.controller.translations),
  counter("megaflows_installed", "Megaflows installed.", (pmd) => pmd.controller.installed),
  counter(
    "megaflows_not_installed",
    "Answers that were carried out but not installed.",
    (pmd) => pmd.controller.notInstalled,
  ),
  counter("megaflows_deleted", "Megaflows removed.", (pmd) => pmd.controller.deleted),
];

/** What a PMD holds at the moment. */
const pmdGauges: readonly Metric[] = [
  {
    name: "megaflow_pmd_info",
    type: "gauge",
    help: "Always 1; the label core is the CPU that the PMD is pinned to, -1 for none.",
    labels: ["pmd", "core"],
    read: ({ pmds }) => pmds.map((pmd) => [{ pmd: `${pmd.index}`, core: `${pmd.core}` }, 1]),
  },
  gauge("megaflows", "Megaflows installed at the moment.", (pmd) => pmd.megaflows),
  gauge("masks", "Distinct masks of these megaflows.", (pmd) => pmd.masks),
  gauge("in_flight_packets", "Received packets that have not ended.", (pmd) => pmd.inFlight),
  gauge("frames", "Frames of 2,048 bytes in the pool.", (pmd) => pmd.frames.total),
  gauge("free_frames", "Frames of the pool that are free.", (pmd) => pmd.frames.free),
  gauge("parked_frames", "Frames that wait behind upcalls.", (pmd) => pmd.frames.parked),
  gauge("memory_bytes", "Linear memory that is the PMD's own.", (pmd) => pmd.memoryBytes),
  gauge("microflow_bypassed", "1 while the microflow cache is left alone as useless, else 0.", (pmd) =>
    pmd.caches.microflow.bypassed ? 1 : 0,
  ),
  caches(
    "cache_entries",
    "Entries of the caches as the PMD has them now; 0 = off.",
    (cache) => cache.entries,
  ),
  caches("cache_bytes", "Memory of the caches.", (cache) => cache.bytes),
];

const portMetrics: readonly Metric[] = [
  ofPort("rx_packets", "Packets received.", (port) => port.rxPackets),
  ofPort("rx_bytes", "Bytes received, without preamble and checksum.", (port) => port.rxBytes),
  ofPort("rx_dropped_packets", "Packets that the port had to drop on receive.", (port) => port.rxDrops),
  ofPort("tx_packets", "Packets sent.", (port) => port.txPackets),
  ofPort("tx_bytes", "Bytes sent, without preamble and checksum.", (port) => port.txBytes),
  ofPort("tx_dropped_packets", "Packets that the port had to drop on transmit.", (port) => port.txDrops),
  ofPort("upcalls", "Upcalls of packets that came in here.", (port) => port.upcalls),
  ofPort(
    "upcalls_lost_packets",
    "Packets that came in here and whose upcall was lost.",
    (port) => port.upcallsLost,
  ),
];

/** Every metric, in the order of the output. */
export const metrics: readonly Metric[] = [
  ...ofSwitch,
  ...pmdCounters,
  ...pmdWork,
  ...pmdGauges,
  ...portMetrics,
];

function single(name: string, help: string, of: (snapshot: Snapshot) => number): Metric {
  return { name, type: "gauge", help, labels: [], read: (snapshot) => [[{}, of(snapshot)]] };
}

function total(name: string, help: string, of: (snapshot: Snapshot) => number): Metric {
  return { name, type: "counter", help, labels: [], read: (snapshot) => [[{}, of(snapshot)]] };
}

function counter(name: string, help: string, of: (pmd: PmdSnapshot & CounterSnapshot) => number): Metric {
  const read: Metric["read"] = ({ pmds }) => pmds.map((pmd) => [{ pmd: `${pmd.index}` }, of(pmd)]);
  return { name: `megaflow_pmd_${name}_total`, type: "counter", help, labels: ["pmd"], read };
}

function gauge(name: string, help: string, of: (pmd: PmdSnapshot) => number): Metric {
  const read: Metric["read"] = ({ pmds }) => pmds.map((pmd) => [{ pmd: `${pmd.index}` }, of(pmd)]);
  return { name: `megaflow_pmd_${name}`, type: "gauge", help, labels: ["pmd"], read };
}

function caches(
  name: string,
  help: string,
  of: (cache: { readonly entries: number; readonly bytes: number }) => number,
): Metric {
  const read: Metric["read"] = ({ pmds }) =>
    pmds.flatMap(({ index, caches: { microflow, maskCache } }): MetricValue[] => [
      [{ pmd: `${index}`, cache: "microflow" }, of(microflow)],
      [{ pmd: `${index}`, cache: "maskCache" }, of(maskCache)],
    ]);
  return { name: `megaflow_pmd_${name}`, type: "gauge", help, labels: ["pmd", "cache"], read };
}

function ofPort(name: string, help: string, of: (port: PortSnapshot) => number): Metric {
  const read: Metric["read"] = ({ ports }) =>
    ports.map((port) => [{ port: `${port.number}`, name: port.name }, of(port)]);
  return { name: `megaflow_port_${name}_total`, type: "counter", help, labels: ["port", "name"], read };
}
