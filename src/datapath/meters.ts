// Meters in shared memory: assembly/layout/meter.ts. The controller writes a record while its lock is
// taken, the PMDs count against it.

import {
  METER_BAND_BURST,
  METER_BAND_BYTES,
  METER_BAND_HITS,
  METER_BAND_LEVEL,
  METER_BAND_RATE,
  METER_BAND_SIZE,
  METER_BAND_TOKENS,
  METER_BAND_TYPE,
  METER_BAND0,
  METER_BANDS,
  METER_BANDS_MAX,
  METER_DROP,
  METER_FILLED,
  METER_IN_BYTES,
  METER_IN_PACKETS,
  METER_LOCK,
  METER_MAX,
  METER_PACKETS,
  METER_REMARK,
  METER_SIZE,
} from "../../assembly/layout/meter.ts";
import { MegaflowError } from "../errors.ts";
import type { Region, SwitchMemory } from "./memory.ts";
import { readU64 } from "./pmd-stats.ts";

/** A meter as the datapath needs it; rates and bursts in kilobits or packets. */
export interface MeterConfig {
  readonly packets: boolean;
  readonly bands: readonly {
    readonly remark: boolean;
    readonly level: number;
    readonly rate: number;
    readonly burst: number;
  }[];
}

/** What a meter has counted. */
export interface MeterCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly bands: readonly { readonly packets: number; readonly bytes: number }[];
}

/** The meters of a switch. */
export class MeterTable {
  readonly region: Region;
  readonly #memory: SwitchMemory;

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
    this.region = memory.allocate(METER_MAX * METER_SIZE, "meters");
    memory.u8.fill(0, this.region.base, this.region.base + METER_MAX * METER_SIZE);
  }

  /** Sets meter number `slot` up with full buckets. @throws MegaflowError `METER_LIMIT` */
  set(slot: number, config: MeterConfig, clockMs: number): void {
    if (slot >= METER_MAX) throw limit(`${METER_MAX} meters`, `meter number ${slot}`);
    if (config.bands.length > METER_BANDS_MAX) {
      throw limit(`${METER_BANDS_MAX} bands`, `${config.bands.length} bands`);
    }
    const { u32, u64 } = this.#memory;
    const at = this.#lock(slot);
    u32[(at + METER_PACKETS) / 4] = config.packets ? 1 : 0;
    u32[(at + METER_FILLED) / 4] = clockMs;
    config.bands.forEach((band, i) => {
      const record = at + METER_BAND0 + i * METER_BAND_SIZE;
      u64.fill(0n, record / 8, (record + METER_BAND_SIZE) / 8);
      u32[(record + METER_BAND_TYPE) / 4] = band.remark ? METER_REMARK : METER_DROP;
      u32[(record + METER_BAND_LEVEL) / 4] = band.level;
      u32[(record + METER_BAND_RATE) / 4] = band.rate;
      // Thousandths of a packet, or of a bit: a kilobit is a million of them.
      const burst = BigInt(band.burst === 0 ? band.rate : band.burst) * (config.packets ? 1000n : 1_000_000n);
      u64[(record + METER_BAND_BURST) / 8] = burst;
      u64[(record + METER_BAND_TOKENS) / 8] = burst;
    });
    u32[(at + METER_BANDS) / 4] = config.bands.length;
    this.#unlock(at);
  }

  /** Removes a meter: what still counts against it passes. */
  clear(slot: number): void {
    const at = this.#lock(slot);
    this.#memory.u8.fill(0, at + METER_BANDS, at + METER_SIZE);
    this.#unlock(at);
  }

  /** Reads what a meter has counted. */
  counters(slot: number): MeterCounters {
    const at = this.region.base + slot * METER_SIZE;
    const bands = this.#memory.u32[(at + METER_BANDS) / 4]!;
    return {
      packets: readU64(this.#memory, at + METER_IN_PACKETS),
      bytes: readU64(this.#memory, at + METER_IN_BYTES),
      bands: Array.from({ length: bands }, (_, i) => {
        const record = at + METER_BAND0 + i * METER_BAND_SIZE;
        return {
          packets: readU64(this.#memory, record + METER_BAND_HITS),
          bytes: readU64(this.#memory, record + METER_BAND_BYTES),
        };
      }),
    };
  }

  #lock(slot: number): number {
    const at = this.region.base + slot * METER_SIZE;
    // A PMD holds it for nanoseconds; one that died left it behind for good.
    for (let i = 0; i < 1_000_000; i++) {
      if (Atomics.compareExchange(this.#memory.u32, (at + METER_LOCK) / 4, 0, 1) === 0) break;
    }
    return at;
  }

  #unlock(at: number): void {
    Atomics.store(this.#memory.u32, (at + METER_LOCK) / 4, 0);
  }
}

function limit(most: string, got: string): MegaflowError {
  return new MegaflowError("METER_LIMIT", `the datapath has room for ${most}, got ${got}`);
}
