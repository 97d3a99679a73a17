// What happened between two snapshots: packets a second, cycles a packet, shares of the hits. A PMD that was
// started anew in between counts from its new start.

import type { PortRates } from "./port-rates.ts";
import type {
  CounterSnapshot,
  LevelCounts,
  PmdSnapshot,
  PortSnapshot,
  Snapshot,
  StageCycles,
} from "./snapshot.ts";
import { combineCounters } from "./snapshot.ts";

/** Rates of one PMD, or of all together. Everything is a second unless its name or comment says otherwise. */
export interface CounterRates {
  readonly rxPackets: number;
  readonly txPackets: number;
  /** Bits, without preamble, gap and checksum. */
  readonly rxBits: number;
  readonly txBits: number;
  readonly dropped: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly consumed: number;
  readonly lookups: number;
  /** Shares of the lookups, which add up to 1; all 0 where there was no lookup. */
  readonly hits: LevelCounts;
  readonly masksPerLookup: number;
  readonly packetsPerBatch: number;
  readonly recirculated: number;
  readonly upcalls: number;
  readonly upcallsLost: number;
}

/** Rates of one PMD. */
export interface PmdRates extends CounterRates {
  readonly index: number;
  readonly core: number;
  /** Share of the time awake and asleep that its thread worked on packets, 0 to 1; null where no thread runs it. */
  readonly busyShare: number | null;
  /** Cycles of work a received packet; null where nobody knows, or where there were no packets. */
  readonly cyclesPerPacket: number | null;
  /** Cycles a packet by stage, of the batches timed in this time; empty where there were none. */
  readonly stages: readonly StageCycles[];
  readonly translations: number;
  readonly installed: number;
  readonly deleted: number;
}

/** See the head of the file. */
export interface SnapshotRates {
  readonly seconds: number;
  readonly total: CounterRates;
  readonly pmds: readonly PmdRates[];
  readonly ports: readonly PortRates[];
}

/** Reads the rates off two snapshots of one switch, the earlier first; all 0 where no time has passed. */
export function ratesBetweenSnapshots(before: Snapshot, after: Snapshot): SnapshotRates {
  const seconds = Math.max(0, after.timeMs - before.timeMs) / 1000;
  return {
    seconds,
    total: counterRates(before.totals, after.totals, seconds),
    pmds: after.pmds.map((pmd) => pmdRates(earlier(before, pmd), pmd, seconds)),
    ports: after.ports.map((port) =>
      portRates(
        before.ports.find((one) => one.number === port.number && one.name === port.name),
        port,
        seconds,
      ),
    ),
  };
}

/** The same PMD before, unless it was started anew since: then nothing. */
function earlier(before: Snapshot, pmd: PmdSnapshot): PmdSnapshot | undefined {
  const same = before.pmds.find((one) => one.index === pmd.index);
  return same === undefined || same.polls > pmd.polls ? undefined : same;
}

function pmdRates(before: PmdSnapshot | undefined, after: PmdSnapshot, seconds: number): PmdRates {
  const busy = after.time.busy - (before?.time.busy ?? 0);
  const rest = after.time.idle + after.time.asleep - (before?.time.idle ?? 0) - (before?.time.asleep ?? 0);
  const received = after.rxPackets - (before?.rxPackets ?? 0);
  const timed = after.stagePackets - (before?.stagePackets ?? 0);
  const rate = perSecond(seconds);
  return {
    index: after.index,
    core: after.core,
    ...counterRates(before ?? null, after, seconds),
    busyShare: busy + rest > 0 ? busy / (busy + rest) : null,
    cyclesPerPacket: busy > 0 && received > 0 ? busy / received : null,
    stages:
      timed > 0
        ? after.stages.map(({ stage, cycles }, i) => ({
            stage,
            cycles: (cycles - (before?.stages[i]?.cycles ?? 0)) / timed,
          }))
        : [],
    translations: rate(after.controller.translations - (before?.controller.translations ?? 0)),
    installed: rate(after.controller.installed - (before?.controller.installed ?? 0)),
    deleted: rate(after.controller.deleted - (before?.controller.deleted ?? 0)),
  };
}

function counterRates(before: CounterSnapshot | null, after: CounterSnapshot, seconds: number): CounterRates {
  const gone = before === null ? onlyCounters(after) : counted(before, after);
  const rate = perSecond(seconds);
  // A snapshot is not taken in one instant: of a batch under way, the lookups may be counted and the hits not.
  const { microflow, maskCache, masked, upcall } = gone.hits;
  const answered = microflow + maskCache + masked + upcall;
  const share = (count: number): number => (answered > 0 ? count / answered : 0);
  return {
    rxPackets: rate(gone.rxPackets),
    txPackets: rate(gone.txPackets),
    rxBits: rate(gone.rxBytes * 8),
    txBits: rate(gone.txBytes * 8),
    dropped: rate(gone.dropped),
    drops: Object.fromEntries(Object.entries(gone.drops).map(([reason, count]) => [reason, rate(count)])),
    consumed: rate(gone.consumed),
    lookups: rate(gone.lookups),
    hits: {
      microflow: share(microflow),
      maskCache: share(maskCache),
      masked: share(masked),
      upcall: share(upcall),
    },
    masksPerLookup: share(gone.masksTried),
    packetsPerBatch: gone.batches > 0 ? gone.rxPackets / gone.batches : 0,
    recirculated: rate(gone.recirculated),
    upcalls: rate(gone.upcalls),
    upcallsLost: rate(gone.upcallsLost),
  };
}

function counted(before: CounterSnapshot, after: CounterSnapshot): CounterSnapshot {
  return combineCounters(onlyCounters(before), onlyCounters(after), (x, y) => Math.max(0, y - x));
}

/** A snapshot of a PMD has more than counters. */
function onlyCounters(all: CounterSnapshot): CounterSnapshot {
  const { rxPackets, rxBytes, txPackets, txBytes, forwarded, consumed, dropped, drops, lookups, hits } = all;
  const { masksTried, recirculated, upcalls, upcallsJoined, upcallsLost, polls, pollsIdle, batches } = all;
  const { injected, microflowInserts, maskCacheInserts } = all;
  return {
    ...{ rxPackets, rxBytes, txPackets, txBytes, forwarded, consumed, dropped, drops, lookups, hits },
    ...{ masksTried, recirculated, upcalls, upcallsJoined, upcallsLost, polls, pollsIdle, batches },
    ...{ injected, microflowInserts, maskCacheInserts },
  };
}

function portRates(before: PortSnapshot | undefined, after: PortSnapshot, seconds: number): PortRates {
  const rate = perSecond(seconds);
  const gone = (name: "rxPackets" | "rxBytes" | "rxDrops" | "txPackets" | "txBytes" | "txDrops") =>
    difference(before?.[name] ?? 0, after[name]);
  return {
    name: after.name,
    number: after.number,
    rxPackets: rate(gone("rxPackets")),
    rxBits: rate(gone("rxBytes") * 8),
    rxDrops: rate(gone("rxDrops")),
    txPackets: rate(gone("txPackets")),
    txBits: rate(gone("txBytes") * 8),
    txDrops: rate(gone("txDrops")),
    upcalls: rate(difference(before?.upcalls ?? 0, after.upcalls)),
    upcallsLost: rate(difference(before?.upcallsLost ?? 0, after.upcallsLost)),
  };
}

/** A counter that went back was started anew. */
function difference(before: number, after: number): number {
  return after >= before ? after - before : after;
}

function perSecond(seconds: number): (count: number) => number {
  return (count) => (seconds > 0 ? count / seconds : 0);
}
