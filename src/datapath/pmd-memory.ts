// Lays a PMD out in linear memory: gives its regions their places and fills its control block, which is all
// that a wasm instance needs to start.

import { BATCH_CONTEXTS, BATCH_SIZE } from "../../assembly/layout/batch.ts";
import { BIG_FRAME_SIZE, FRAME_SIZE } from "../../assembly/layout/frame.ts";
import { MASK_MAX, PENDING_MAX, PMD_MAX, PORT_MAX, RXQ_MAX } from "../../assembly/layout/limits.ts";
import { MASK_SIZE, MASKS_RECORDS } from "../../assembly/layout/mask.ts";
import {
  MASK_CACHE_ENTRY_SIZE,
  MASK_CACHE_VICTIM_KERNEL,
  MASK_CACHE_VICTIM_LRU,
} from "../../assembly/layout/mask-cache.ts";
import {
  MICROFLOW_BUCKET_SIZE,
  MICROFLOW_BUCKET_WAYS,
  MICROFLOW_BYPASS_AUTO,
  MICROFLOW_BYPASS_OFF,
  MICROFLOW_EXACT_SIZE,
  MICROFLOW_EXACT_WAYS,
  MICROFLOW_MODE_EXACT,
  MICROFLOW_MODE_SIGNATURE,
} from "../../assembly/layout/microflow-cache.ts";
import {
  ACCOUNT_MAX,
  ACCOUNT_SIZE,
  PENDING_CHAINS,
  PENDING_SIZE,
  PMD_BIG_FRAMES,
  PMD_CONTROL_SIZE,
  PMD_INDEX,
  PMD_REGIONS,
  PMD_SEED,
  PMD_SETTINGS,
  PMD_SMALL_FRAMES,
  RegionId,
  Setting,
  UPCALL_PORT_SIZE,
} from "../../assembly/layout/pmd.ts";
import { PORT_SIZE, RXQ_SIZE } from "../../assembly/layout/port.ts";
import { PRUNE_REGION_SIZE } from "../../assembly/layout/pruning.ts";
import type { Settings } from "../config/settings.ts";
import { Arena, type Region, type SwitchMemory } from "./memory.ts";
import { ringInit } from "./ring.ts";

/** What a PMD is made with besides the settings. */
export interface PmdOptions {
  readonly index: number;
  /** Secret of the hashes, the same for all PMDs of a switch. */
  readonly seed: bigint;
  /** Whether packets are explained in the trace ring. */
  readonly trace: boolean;
  /** Frames are used first in, first out, as a NIC's descriptor ring uses its buffers. */
  readonly fifoFrames: boolean;
  /** Meters of the switch, where it has any. */
  readonly meters?: Region;
  /** Frames and peers in a packet memory that PMDs share; frames of its own when absent. */
  readonly shared?: { readonly frames: Region; readonly peers: Region } | undefined;
  /** Upcalls that one port may have waiting. */
  readonly upcallShare: number;
}

/** Where the upcalls' records of ports begin in the region PENDING. */
export const UPCALL_PORTS =
  (PENDING_MAX + 1) * PENDING_SIZE + PENDING_CHAINS * 4 + ACCOUNT_MAX * ACCOUNT_SIZE;

const BIG_FRAMES = 128;
const UPCALL_RING_BYTES = 8 << 20;
const COMMAND_RING_BYTES = 8 << 20;
const TRACE_RING_BYTES = 4 << 20;
/** First memory of the flow tables: 65,536 buckets of four. */
const TABLE_BYTES = 2 << 20;
const PROGRAM_BYTES = 2 << 20;

/** Where a PMD lies: its control block and all regions, each replaceable on its own. */
export interface PmdMemory {
  readonly control: number;
  readonly regions: Map<RegionId, Region>;
  /** Everything to give back when the PMD ends. */
  readonly owned: Region[];
}

/** Gives a PMD its memory, zeroed where that matters, and fills the control block. */
export function layOutPmd(memory: SwitchMemory, settings: Settings, options: PmdOptions): PmdMemory {
  const owned: Region[] = [];
  const large = (bytes: number, purpose: string): Region => {
    const region = memory.allocate(bytes, `PMD ${options.index}: ${purpose}`);
    owned.push(region);
    return region;
  };
  const pieces = smallRegions(settings);
  const total = [...pieces.values()].reduce((sum, bytes) => sum + bytes + 4096, PMD_CONTROL_SIZE + 4096);
  const arena = new Arena(large(total, "tables"));
  const control = arena.take(PMD_CONTROL_SIZE).base;
  memory.u8.fill(0, control, control + PMD_CONTROL_SIZE);

  const regions = new Map<RegionId, Region>();
  for (const [id, bytes] of pieces) {
    const region = arena.take(bytes);
    memory.u8.fill(0, region.base, region.base + region.size);
    regions.set(id, region);
  }
  regions.set(RegionId.FRAMES, options.shared?.frames ?? large(settings.frames * FRAME_SIZE, "frames"));
  if (options.shared !== undefined) regions.set(RegionId.PEERS, options.shared.peers);
  regions.set(RegionId.BIG_FRAMES, large(BIG_FRAMES * BIG_FRAME_SIZE, "big frames"));
  regions.set(RegionId.BATCHES, large(BATCH_CONTEXTS * BATCH_SIZE, "batches"));
  regions.set(RegionId.PRUNING, large(PRUNE_REGION_SIZE, "pruning bitmaps"));
  regions.set(RegionId.FLOW_TABLE, large(TABLE_BYTES, "flow table"));
  regions.set(RegionId.UFID_TABLE, large(TABLE_BYTES, "UFID table"));
  regions.set(RegionId.PROGRAMS, large(PROGRAM_BYTES, "action programs"));
  for (const [id, bytes] of [
    [RegionId.UPCALL_RING, UPCALL_RING_BYTES],
    [RegionId.COMMAND_RING, COMMAND_RING_BYTES],
    [RegionId.TRACE_RING, options.trace ? TRACE_RING_BYTES : 0],
  ] as const) {
    if (bytes === 0) continue;
    const region = large(bytes + 4096, RegionId[id]);
    ringInit(memory, region);
    regions.set(id, region);
  }
  if (options.meters !== undefined) regions.set(RegionId.METERS, options.meters);
  for (const [id, bytes] of cacheSizes(settings))
    if (bytes > 0) regions.set(id, zeroed(memory, large(bytes, RegionId[id])));
  fillControl(memory, control, regions, settings, options);
  return { control, regions, owned };
}

/** Bytes of the two caches: what a REGION command replaces. */
export function cacheSizes(settings: Settings): [RegionId, number][] {
  const entries = settings["microflow.entries"];
  const microflow =
    settings["microflow.mode"] === "exact"
      ? Math.max(entries, MICROFLOW_EXACT_WAYS) * MICROFLOW_EXACT_SIZE
      : (Math.max(entries, MICROFLOW_BUCKET_WAYS) / MICROFLOW_BUCKET_WAYS) * MICROFLOW_BUCKET_SIZE;
  return [
    [RegionId.MICROFLOW, entries === 0 ? 0 : microflow],
    [RegionId.MASK_CACHE, settings["maskCache.entries"] * MASK_CACHE_ENTRY_SIZE],
  ];
}

/** The datapath's settings words for a configuration. */
export function settingWords(settings: Settings, options: PmdOptions): Map<Setting, number> {
  const exact = settings["microflow.mode"] === "exact";
  const ways = exact ? MICROFLOW_EXACT_WAYS : MICROFLOW_BUCKET_WAYS;
  const maskEntries = settings["maskCache.entries"];
  return new Map<Setting, number>([
    [Setting.BATCH, settings.batch],
    [Setting.MICROFLOW_MODE, exact ? MICROFLOW_MODE_EXACT : MICROFLOW_MODE_SIGNATURE],
    [Setting.MICROFLOW_MASK, Math.max(settings["microflow.entries"] / ways, 1) - 1],
    [Setting.MICROFLOW_INSERT_INVERSE, settings["microflow.insertInverse"]],
    [
      Setting.MICROFLOW_BYPASS,
      settings["microflow.bypass"] === "auto" ? MICROFLOW_BYPASS_AUTO : MICROFLOW_BYPASS_OFF,
    ],
    [Setting.MASK_CACHE_MASK, Math.max(maskEntries, 1) - 1],
    [Setting.MASK_CACHE_SHIFT, maskCacheShift(maskEntries)],
    [
      Setting.MASK_CACHE_VICTIM,
      settings["maskCache.victim"] === "kernel" ? MASK_CACHE_VICTIM_KERNEL : MASK_CACHE_VICTIM_LRU,
    ],
    [Setting.PRUNING, settings.pruning === "on" ? 1 : 0],
    [Setting.RANK_INTERVAL_MS, settings["rank.intervalMs"]],
    [Setting.MASK_LIMIT, settings.maskLimit],
    [Setting.FLOW_LIMIT, settings.flowLimit],
    [Setting.TRACE, options.trace ? 1 : 0],
    [Setting.UPCALL_SHARE, options.upcallShare],
    [Setting.UPCALL_RATE, settings["upcall.portRate"]],
    [Setting.FRAME_FIFO, options.fifoFrames ? 1 : 0],
    [Setting.DIGEST, 0],
    [Setting.SAMPLE, 0],
  ]);
}

/**
 * Bits between the four probes: the kernel's 8 up to 256 entries. Above that four windows of the size's
 * bits no longer fit side by side in 32 bits, so they overlap, but the last still starts low enough to
 * reach every entry.
 */
function maskCacheShift(entries: number): number {
  const bits = Math.log2(Math.max(entries, 2));
  return bits <= 8 ? 8 : Math.max(1, Math.floor((32 - bits) / 3));
}

function smallRegions(settings: Settings): Map<RegionId, number> {
  return new Map<RegionId, number>([
    [RegionId.MASKS, MASKS_RECORDS + MASK_MAX * MASK_SIZE],
    // The stacks of both pools, and a bit for each small frame.
    [RegionId.FREE_FRAMES, (settings.frames + BIG_FRAMES) * 4 + Math.ceil(settings.frames / 64) * 8 + 8],
    [RegionId.PORTS, PORT_MAX * PORT_SIZE],
    [RegionId.RXQS, RXQ_MAX * RXQ_SIZE],
    [RegionId.KICKS, (RXQ_MAX + PMD_MAX) * 4],
    [RegionId.PENDING, UPCALL_PORTS + PORT_MAX * UPCALL_PORT_SIZE],
  ]);
}

function fillControl(
  memory: SwitchMemory,
  control: number,
  regions: ReadonlyMap<RegionId, Region>,
  settings: Settings,
  options: PmdOptions,
): void {
  const { u32, u64 } = memory;
  u64[(control + PMD_SEED) / 8] = options.seed;
  u64[(control + PMD_SEED) / 8 + 1] = options.seed ^ 0x6a09e667f3bcc908n;
  u32[(control + PMD_INDEX) / 4] = options.index;
  u32[(control + PMD_SMALL_FRAMES) / 4] = settings.frames;
  u32[(control + PMD_BIG_FRAMES) / 4] = BIG_FRAMES;
  for (const [id, region] of regions) {
    // The tables' and caches' bytes are exact; what an arena rounds up is nobody's business.
    const exact = cacheSizes(settings).find(([which]) => which === id)?.[1] ?? region.size;
    u32[(control + PMD_REGIONS) / 4 + id * 2] = region.base;
    u32[(control + PMD_REGIONS) / 4 + id * 2 + 1] = exact;
  }
  for (const [which, value] of settingWords(settings, options))
    u32[(control + PMD_SETTINGS) / 4 + which] = value;
}

function zeroed(memory: SwitchMemory, region: Region): Region {
  memory.u8.fill(0, region.base, region.base + region.size);
  return region;
}
