// Meters: layout/meter.ts. The records are shared by all PMDs; a packet holds its meter's lock for a few
// dozen instructions. Nobody waits for ever: a lock that a dead PMD left behind is broken.

import { raiseDropPrecedence } from "../actions/dscp.ts";
import { clock, regionBase } from "../core/state.ts";
import { FRAME_LENGTH } from "../layout/frame.ts";
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
  METER_DROP,
  METER_FILLED,
  METER_IN_BYTES,
  METER_IN_PACKETS,
  METER_LOCK,
  METER_MAX,
  METER_PACKETS,
  METER_SIZE,
} from "../layout/meter.ts";
import { RegionId } from "../layout/pmd.ts";

/** Tries before a lock is taken for abandoned: far longer than any PMD holds one. */
const SPINS_MAX: u32 = 1 << 16;

/** Counts the packet against the meter; false: it is to be dropped. An unknown meter lets it pass. */
export function meterPasses(id: u32, frame: u32): bool {
  const meters = regionBase(RegionId.METERS);
  if (id >= METER_MAX || meters === 0) return true;
  const meter = meters + id * METER_SIZE;
  lock(meter);
  const length = load<u32>(frame, FRAME_LENGTH);
  add(meter, METER_IN_PACKETS, 1);
  add(meter, METER_IN_BYTES, length);
  fill(meter);
  const band = exceededBand(meter, length);
  const level = band === 0 ? 0 : load<u32>(band, METER_BAND_LEVEL);
  const drops = band !== 0 && load<u32>(band, METER_BAND_TYPE) === METER_DROP;
  if (band !== 0) {
    add(band, METER_BAND_HITS, 1);
    add(band, METER_BAND_BYTES, length);
  }
  atomic.store<u32>(meter, 0, METER_LOCK);
  if (drops) return false;
  if (level !== 0) raiseDropPrecedence(frame, level);
  return true;
}

function lock(meter: u32): void {
  for (let spins: u32 = 0; spins < SPINS_MAX; spins++) {
    if (atomic.cmpxchg<u32>(meter, 0, 1, METER_LOCK) === 0) return;
  }
}

/** Adds what the time since the last packet is worth. */
function fill(meter: u32): void {
  const elapsed = clock - load<u32>(meter, METER_FILLED);
  if (elapsed === 0 || elapsed >= 0x80000000) return;
  store<u32>(meter, clock, METER_FILLED);
  // A kilobit a second is a bit, or 1,000 thousandths, a millisecond; a packet a second is one thousandth.
  const worth: u64 = load<u32>(meter, METER_PACKETS) !== 0 ? 1 : 1000;
  const bands = load<u32>(meter, METER_BANDS);
  for (let i: u32 = 0; i < bands; i++) {
    const band = meter + METER_BAND0 + i * METER_BAND_SIZE;
    const gain = (elapsed as u64) * worth * (load<u32>(band, METER_BAND_RATE) as u64);
    const tokens = load<u64>(band, METER_BAND_TOKENS) + gain;
    store<u64>(band, min<u64>(tokens, load<u64>(band, METER_BAND_BURST)), METER_BAND_TOKENS);
  }
}

/** Takes the packet's tokens from every band that has them; returns the fastest band that has not, or 0. */
function exceededBand(meter: u32, length: u32): u32 {
  const price: u64 = load<u32>(meter, METER_PACKETS) !== 0 ? 1000 : (length as u64) * 8 * 1000;
  const bands = load<u32>(meter, METER_BANDS);
  let exceeded: u32 = 0;
  for (let i: u32 = 0; i < bands; i++) {
    const band = meter + METER_BAND0 + i * METER_BAND_SIZE;
    const tokens = load<u64>(band, METER_BAND_TOKENS);
    if (tokens >= price) store<u64>(band, tokens - price, METER_BAND_TOKENS);
    else if (exceeded === 0 || load<u32>(band, METER_BAND_RATE) > load<u32>(exceeded, METER_BAND_RATE))
      exceeded = band;
  }
  return exceeded;
}

function add(at: u32, offset: u32, n: u32): void {
  store<u64>(at + offset, load<u64>(at + offset) + (n as u64));
}
