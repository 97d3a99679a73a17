// The microflow cache in exact mode: the paper's original, which keeps the whole key of each connection
// and compares all of it. Two ways a set; the one used longer ago is replaced.

import { clock, random32, regionBase, regionSize, setting } from "../core/state.ts";
import { FLOW_GENERATION, FLOW_MASK } from "../layout/flow.ts";
import { KEY_DIRTY, KEY_LANE_SIZE, KEY_PLAIN_LANE_COUNT } from "../layout/flow-key.ts";
import {
  MICROFLOW_EXACT_FLOW,
  MICROFLOW_EXACT_GENERATION,
  MICROFLOW_EXACT_KEY,
  MICROFLOW_EXACT_LANES,
  MICROFLOW_EXACT_SIGNATURE,
  MICROFLOW_EXACT_SIZE,
  MICROFLOW_EXACT_USED,
  MICROFLOW_EXACT_WAYS,
} from "../layout/microflow-cache.ts";
import { RegionId, Setting } from "../layout/pmd.ts";

const SET_SIZE: u32 = MICROFLOW_EXACT_SIZE * MICROFLOW_EXACT_WAYS;

let base: u32 = 0;
let setMask: u32 = 0;
let insertInverse: u32 = 1;

/** Reads the size and settings; the entries stay. */
export function exactReload(): void {
  base = regionSize(RegionId.MICROFLOW) === 0 ? 0 : regionBase(RegionId.MICROFLOW);
  setMask = setting(Setting.MICROFLOW_MASK);
  insertInverse = max<u32>(1, setting(Setting.MICROFLOW_INSERT_INVERSE));
}

/** The live flow of the connection with exactly this key, or 0. */
export function exactLookup(signature: u32, key: u32): u32 {
  let entry = base + (signature & setMask) * SET_SIZE;
  for (let way: u32 = 0; way < MICROFLOW_EXACT_WAYS; way++, entry += MICROFLOW_EXACT_SIZE) {
    if (load<u32>(entry, MICROFLOW_EXACT_SIGNATURE) !== signature) continue;
    const flow = load<u32>(entry, MICROFLOW_EXACT_FLOW);
    if (!alive(entry, flow) || !sameKey(entry, key)) continue;
    if (load<u32>(entry, MICROFLOW_EXACT_USED) !== clock) store<u32>(entry, clock, MICROFLOW_EXACT_USED);
    return flow;
  }
  return 0;
}

/** Remembers the connection's flow; returns whether anything was written. */
export function exactInsert(signature: u32, key: u32, flow: u32): bool {
  if (insertInverse !== 1 && random32() % insertInverse !== 0) return false;
  const first = base + (signature & setMask) * SET_SIZE;
  const second = first + MICROFLOW_EXACT_SIZE;
  let entry = first;
  if (alive(first, load<u32>(first, MICROFLOW_EXACT_FLOW))) {
    const older = load<u32>(second, MICROFLOW_EXACT_USED) < load<u32>(first, MICROFLOW_EXACT_USED);
    if (older || !alive(second, load<u32>(second, MICROFLOW_EXACT_FLOW))) entry = second;
  }
  store<u32>(entry, signature, MICROFLOW_EXACT_SIGNATURE);
  store<u32>(entry, flow, MICROFLOW_EXACT_FLOW);
  store<u32>(entry, load<u16>(flow, FLOW_GENERATION) as u32, MICROFLOW_EXACT_GENERATION);
  store<u32>(entry, clock, MICROFLOW_EXACT_USED);
  const lanes = load<u32>(key, KEY_DIRTY);
  store<u32>(entry, lanes, MICROFLOW_EXACT_LANES);
  memory.copy(entry + MICROFLOW_EXACT_KEY, key, keyBytes(lanes));
  return true;
}

function alive(entry: u32, flow: u32): bool {
  return (
    flow !== 0 &&
    load<u32>(flow, FLOW_MASK) !== 0 &&
    load<u32>(entry, MICROFLOW_EXACT_GENERATION) === (load<u16>(flow, FLOW_GENERATION) as u32)
  );
}

function sameKey(entry: u32, key: u32): bool {
  const lanes = load<u32>(key, KEY_DIRTY);
  if (load<u32>(entry, MICROFLOW_EXACT_LANES) !== lanes) return false;
  const bytes = keyBytes(lanes);
  let difference = i64x2.splat(0);
  for (let i: u32 = 0; i < bytes; i += KEY_LANE_SIZE) {
    difference = v128.or(difference, v128.xor(v128.load(key + i), v128.load(entry + i, MICROFLOW_EXACT_KEY)));
  }
  return !v128.any_true(difference);
}

/** Bytes up to the last lane that the packet has. */
function keyBytes(lanes: u32): u32 {
  return (KEY_PLAIN_LANE_COUNT + 32 - (clz<i32>(lanes as i32) as u32)) * KEY_LANE_SIZE;
}
