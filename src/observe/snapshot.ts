// A running switch as plain JSON: what every PMD and port has counted since the start, what they hold, and
// how they are set. Reading it stops nobody: the counters are the PMDs' own, in shared memory. rates.ts says
// what happened between two of them, megaflows.ts lists the megaflows.

import { DropReason } from "../../assembly/layout/stat.ts";
import type { Settings } from "../config/settings.ts";
import { type PmdCaches, readPmdCaches } from "../datapath/cache-state.ts";
import type { PmdStats } from "../datapath/pmd-stats.ts";
import type { PortCounters } from "../datapath/port-stats.ts";
import { dropReasonName } from "../odp/drop-reason.ts";
import { clockGhz } from "../pmd/cycle-counter.ts";
import type { Pmd } from "../pmd/pmd.ts";
import { readStageProfile } from "../pmd/stage-profiler.ts";
import { datapathStages } from "../pmd/stages.ts";
import { type PmdTime, readPmdTime } from "../pmd/time-account.ts";
import type { Switch } from "../switch.ts";
import type { RevalidatorStats } from "../upcall/revalidator-stats.ts";
import type { UpcallStats } from "../upcall/upcall-stats.ts";
import { PortReader } from "./ports.ts";

/** Lookups that each level answered. */
export interface LevelCounts {
  readonly microflow: number;
  readonly maskCache: number;
  readonly masked: number;
  /** Nothing matched: the controller was asked. */
  readonly upcall: number;
}

/** What one PMD, or all of them, have counted since the start. Packets and bytes unless a name says otherwise. */
export interface CounterSnapshot {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  /** Received packets of which at least one copy was sent. */
  readonly forwarded: number;
  /** Received packets that only the controller got. */
  readonly consumed: number;
  readonly dropped: number;
  /** Received packets dropped, by reason (docs/json.md); reasons that did not occur are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** Passes through the lookup: received packets and recirculations. `hits` add up to it. */
  readonly lookups: number;
  readonly hits: LevelCounts;
  /** Masks tried, over all lookups. */
  readonly masksTried: number;
  readonly recirculated: number;
  readonly upcalls: number;
  /** Packets that waited behind an upcall of the same microflow. */
  readonly upcallsJoined: number;
  /** Packets dropped because their upcall could not be queued or was not answered in time. */
  readonly upcallsLost: number;
  readonly polls: number;
  readonly pollsIdle: number;
  readonly batches: number;
  /** Packets that the controller sent on its own. */
  readonly injected: number;
  readonly microflowInserts: number;
  readonly maskCacheInserts: number;
}

/** Cycles of one stage of the datapath, summed over the batches that were timed. */
export interface StageCycles {
  readonly stage: string;
  readonly cycles: number;
}

/** What the controller has done for one PMD since the start. */
export interface ControllerSnapshot {
  readonly misses: number;
  readonly translations: number;
  readonly installed: number;
  readonly notInstalled: number;
  readonly deleted: number;
  /** Commands that were sent and not yet answered. */
  readonly outstanding: number;
}

/** One receive queue of a PMD. */
export interface RxqSnapshot {
  /** OpenFlow number and name of its port. */
  readonly port: number;
  readonly portName: string;
  /** Number among the queues of its port, over all PMDs. */
  readonly queue: number;
  /** `ring`, `trace`, `queue`. */
  readonly kind: string;
  readonly packets: number;
  readonly batches: number;
  /** Cycles spent on its bursts; 0 where they are not measured. */
  readonly cycles: number;
}

/** One PMD. */
export interface PmdSnapshot extends CounterSnapshot {
  readonly index: number;
  /** CPU it is pinned to; -1 = not pinned. */
  readonly core: number;
  /** Cycles of its thread's loop; all 0 where no thread runs it. */
  readonly time: PmdTime;
  /** Cycles by stage of the batches that were timed, and how many packets those had. */
  readonly stages: readonly StageCycles[];
  readonly stagePackets: number;
  /** The caches as the PMD has them now, which lags a change of `settings` by a batch. */
  readonly caches: PmdCaches;
  readonly megaflows: number;
  readonly masks: number;
  readonly inFlight: number;
  readonly frames: {
    readonly total: number;
    readonly free: number;
    readonly bigTotal: number;
    readonly bigFree: number;
    /** Waiting behind upcalls. */
    readonly parked: number;
  };
  readonly controller: ControllerSnapshot;
  readonly rxqs: readonly RxqSnapshot[];
  /** Bytes of linear memory that are this PMD's own. */
  readonly memoryBytes: number;
}

/** One port, over all PMDs that are there now. */
export interface PortSnapshot extends PortCounters {
  readonly name: string;
  /** OpenFlow number; LOCAL is 65534. */
  readonly number: number;
  /** Number in the datapath; LOCAL is 0. */
  readonly datapathNumber: number;
  /** `trace`, `afxdp`, `tap`, `afpacket`, `internal`; `null` (counts what is sent) or `ring` (hands it to the controller). */
  readonly kind: string;
}

/** See the head of the file. Every time is in milliseconds. */
export interface Snapshot {
  /** Since 1970. */
  readonly timeMs: number;
  /** Since the switch started. */
  readonly uptimeMs: number;
  readonly bridge: string;
  /** Cycles a nanosecond of every count of cycles here. */
  readonly cyclesPerNs: number;
  /** As they are wanted; `caches` of a PMD are what it has. */
  readonly settings: Settings;
  /** Whether translation wildcards what no rule looks at. */
  readonly megaflowsEnabled: boolean;
  readonly pmds: readonly PmdSnapshot[];
  /** All PMDs, those that are no more included. */
  readonly totals: CounterSnapshot;
  readonly megaflows: number;
  readonly masks: number;
  readonly ports: readonly PortSnapshot[];
  /** The slow path: upcalls, what they cost and what was lost; the revalidator. */
  readonly upcalls: UpcallStats;
  readonly revalidator: RevalidatorStats;
  readonly rules: number;
  /** Addresses that NORMAL has learned. */
  readonly macs: number;
  readonly memory: {
    /** Linear memory given out. */
    readonly linearBytes: number;
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly externalBytes: number;
  };
}

/** Takes a snapshot of a switch: some 50 us and 20 us a PMD of the controller's time. */
export function takeSnapshot(owner: Switch): Snapshot {
  const reader = new PortReader(owner);
  const pmds = owner.pmds.map((pmd) => snapshotPmd(owner, pmd, reader));
  const process_ = process.memoryUsage();
  return {
    timeMs: Date.now(),
    uptimeMs: owner.nowMs,
    bridge: owner.bridge.name,
    cyclesPerNs: clockGhz(),
    settings: owner.settings,
    megaflowsEnabled: owner.megaflowsEnabled,
    pmds,
    totals: owner.stats().map(counterSnapshot).reduce(addCounters, zeroCounters),
    megaflows: pmds.reduce((sum, pmd) => sum + pmd.megaflows, 0),
    masks: pmds.reduce((sum, pmd) => sum + pmd.masks, 0),
    ports: reader.ports(),
    upcalls: owner.upcallStats(),
    revalidator: owner.revalidatorStats(),
    rules: owner.bridge.ruleCount,
    macs: owner.bridge.macs.size,
    memory: {
      linearBytes: owner.memory.allocated,
      rssBytes: process_.rss,
      heapUsedBytes: process_.heapUsed,
      externalBytes: process_.external,
    },
  };
}

function snapshotPmd(owner: Switch, pmd: Pmd, ports: PortReader): PmdSnapshot {
  const { control, owned } = pmd.layout;
  const { stats, frames, handler } = pmd;
  const profile = readStageProfile(pmd.memory, control);
  const { misses, translations, installed, notInstalled, deleted } = handler.counters;
  return {
    index: pmd.index,
    core: owner.coreOf(pmd.index),
    time: readPmdTime(pmd.memory, control),
    ...counterSnapshot(stats),
    stages: datapathStages.map(({ title }, i) => ({ stage: title, cycles: profile.cycles[i] ?? 0 })),
    stagePackets: profile.packets,
    caches: readPmdCaches(pmd.memory, control),
    megaflows: stats.flows,
    masks: stats.masks,
    inFlight: stats.inFlight,
    frames: {
      total: frames.frames,
      free: stats.freeFrames,
      bigTotal: frames.bigFrames,
      bigFree: stats.freeBigFrames,
      parked: stats.parked,
    },
    controller: {
      misses,
      translations,
      installed,
      notInstalled,
      deleted,
      outstanding: handler.outstanding,
    },
    rxqs: ports.rxqs(pmd),
    memoryBytes: owned.reduce((sum, region) => sum + region.size, 0),
  };
}

function counterSnapshot({ counters, drops }: PmdStats): CounterSnapshot {
  const byReason: Record<string, number> = {};
  drops.forEach((count, reason) => {
    if (count > 0) byReason[dropReasonName(reason)] = count;
  });
  return {
    rxPackets: counters.RX,
    rxBytes: counters.RX_BYTES,
    txPackets: counters.TX,
    txBytes: counters.TX_BYTES,
    forwarded: counters.FORWARDED,
    consumed: counters.CONSUMED,
    dropped: counters.DROPPED,
    drops: byReason,
    lookups: counters.PASSES,
    hits: {
      microflow: counters.HIT_MICROFLOW,
      maskCache: counters.HIT_MASK_CACHE,
      masked: counters.HIT_MASKED,
      upcall: counters.MISS,
    },
    masksTried: counters.MASKS_VISITED,
    recirculated: counters.RECIRCULATED,
    upcalls: counters.UPCALLS,
    upcallsJoined: counters.UPCALLS_JOINED,
    upcallsLost: drops[DropReason.UPCALL_LOST] ?? 0,
    polls: counters.POLLS,
    pollsIdle: counters.POLLS_IDLE,
    batches: counters.BATCHES,
    injected: counters.INJECTED,
    microflowInserts: counters.MICROFLOW_INSERTS,
    maskCacheInserts: counters.MASK_CACHE_INSERTS,
  };
}

/** Counters of nobody. */
export const zeroCounters: CounterSnapshot = {
  rxPackets: 0,
  rxBytes: 0,
  txPackets: 0,
  txBytes: 0,
  forwarded: 0,
  consumed: 0,
  dropped: 0,
  drops: {},
  lookups: 0,
  hits: { microflow: 0, maskCache: 0, masked: 0, upcall: 0 },
  masksTried: 0,
  recirculated: 0,
  upcalls: 0,
  upcallsJoined: 0,
  upcallsLost: 0,
  polls: 0,
  pollsIdle: 0,
  batches: 0,
  injected: 0,
  microflowInserts: 0,
  maskCacheInserts: 0,
};

function addCounters(a: CounterSnapshot, b: CounterSnapshot): CounterSnapshot {
  return combineCounters(a, b, (x, y) => x + y);
}

/** Combines two sets of counters number by number; a reason that only one has is 0 in the other. */
export function combineCounters(
  a: CounterSnapshot,
  b: CounterSnapshot,
  of: (x: number, y: number) => number,
): CounterSnapshot {
  return combineRecords({ ...a }, { ...b }, of) as unknown as CounterSnapshot;
}

type Counts = Readonly<Record<string, unknown>>;

function combineRecords(a: Counts, b: Counts, of: (x: number, y: number) => number): Counts {
  const result: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const x = a[name] ?? (typeof b[name] === "object" ? {} : 0);
    const y = b[name] ?? (typeof x === "object" ? {} : 0);
    result[name] =
      typeof x === "object" ? combineRecords(x as Counts, y as Counts, of) : of(x as number, y as number);
  }
  return result;
}
