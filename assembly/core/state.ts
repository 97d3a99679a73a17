// What this instance's PMD is: its control block, clock and the bases of its regions, kept in wasm
// globals (private to the instance) so that the hot path reads no directory.

import { CommandStatus } from "../layout/command.ts";
import {
  PMD_CLOCK,
  PMD_DROPS,
  PMD_REGIONS,
  PMD_SEED,
  PMD_SETTINGS,
  PMD_STATS,
  RegionId,
  Setting,
} from "../layout/pmd.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";

/** Control block. */
export let pmd: u32 = 0;
/** Milliseconds since the switch started, as of this poll. */
export let clock: u32 = 0;
/** Port records. */
export let ports: u32 = 0;
/** Trace ring, or 0 when nobody looks. */
export let traceRing: u32 = 0;
export let upcallRing: u32 = 0;
/** Sample ring, or 0 when nobody looks. */
export let sampleRing: u32 = 0;

let randomState: u64 = 1;

/** Binds the instance to the PMD whose control block lies at `base`. */
export function stateInit(base: u32): void {
  pmd = base;
  randomState = load<u64>(base, PMD_SEED) | 1;
  stateReload();
}

/** Reads regions and settings again, after a command has changed them. */
export function stateReload(): void {
  ports = regionBase(RegionId.PORTS);
  upcallRing = regionBase(RegionId.UPCALL_RING);
  traceRing = setting(Setting.TRACE) !== 0 ? regionBase(RegionId.TRACE_RING) : 0;
  sampleRing = setting(Setting.SAMPLE) !== 0 ? regionBase(RegionId.SAMPLE_RING) : 0;
}

/** Takes the time that the poll loop hands in. */
export function clockSet(now: u32): void {
  clock = now;
  store<u32>(pmd, now, PMD_CLOCK);
}

export function regionBase(id: RegionId): u32 {
  return load<u32>(pmd + ((id as u32) << 3), PMD_REGIONS);
}

export function regionSize(id: RegionId): u32 {
  return load<u32>(pmd + ((id as u32) << 3), PMD_REGIONS + 4);
}

export function regionSet(id: RegionId, base: u32, size: u32): void {
  store<u32>(pmd + ((id as u32) << 3), base, PMD_REGIONS);
  store<u32>(pmd + ((id as u32) << 3), size, PMD_REGIONS + 4);
}

export function setting(which: Setting): u32 {
  return load<u32>(pmd + ((which as u32) << 2), PMD_SETTINGS);
}

/** Stores a setting; out of range is INVALID. */
export function settingSet(which: u32, value: u32): CommandStatus {
  if (which >= (Setting.COUNT as u32)) return CommandStatus.INVALID;
  store<u32>(pmd + (which << 2), value, PMD_SETTINGS);
  return CommandStatus.OK;
}

/** Adds to a counter that only this PMD writes. */
export function count(stat: PmdStat, n: u32): void {
  const at = pmd + ((stat as u32) << 3);
  store<u64>(at, load<u64>(at, PMD_STATS) + (n as u64), PMD_STATS);
}

export function countDrop(reason: DropReason): void {
  countDrops(reason, 1);
}

export function countDrops(reason: DropReason, n: u32): void {
  const at = pmd + ((reason as u32) << 3);
  store<u64>(at, load<u64>(at, PMD_DROPS) + (n as u64), PMD_DROPS);
}

/** The next of a pseudo-random sequence (xorshift64*, Vigna 2016) that the seed decides. */
export function random32(): u32 {
  let x = randomState;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  randomState = x;
  return ((x * (((0x2545f491 as u64) << 32) | 0x4f6cdd1d)) >> 32) as u32;
}
