// COLD: megaflow records. Slots of three sizes come from slabs that the controller hands over; a deleted
// record is poisoned (its mask is 0) before its slot is used again, so that a stale reference in a cache
// is always safe to compare.

import { clock, pmd, setting } from "../core/state.ts";
import { tableHome, tableInsert, tableNext, tableRemove, tableRoom, tableSignature } from "../core/table.ts";
import { packedHash } from "../key/masked.ts";
import {
  FLOW_ACTIONS,
  FLOW_BYTES,
  FLOW_CLASS_COUNT,
  FLOW_CLASS0_SIZE,
  FLOW_CLASS1_SIZE,
  FLOW_CLASS2_SIZE,
  FLOW_COLD_COOKIE,
  FLOW_COLD_CREATED,
  FLOW_COLD_HASH,
  FLOW_COLD_NEXT,
  FLOW_COLD_SIZE,
  FLOW_COLD_UFID,
  FLOW_GENERATION,
  FLOW_KEY,
  FLOW_MASK,
  FLOW_PACKETS,
  FLOW_TCP_FLAGS,
  FLOW_USED,
} from "../layout/flow.ts";
import {
  TABLE_BASE,
  TABLE_BUCKET_WAYS,
  TABLE_MASK,
  TABLE_OLD_BASE,
  TABLE_OLD_MASK,
} from "../layout/hash-table.ts";
import { MASK_CLASS, MASK_COLD, MASK_FLOWS, MASK_LANES } from "../layout/mask.ts";
import {
  PMD_FLOW_COUNT,
  PMD_FLOW_TABLE,
  PMD_FREE_FLOWS,
  PMD_SLAB_COUNT,
  PMD_SLAB_MAX,
  PMD_SLABS,
  PMD_UFID_TABLE,
  Setting,
} from "../layout/pmd.ts";
import { maskRelease } from "./masks.ts";
import { programFree } from "./programs.ts";

let free0: u32 = 0;
let free1: u32 = 0;
let free2: u32 = 0;

export function flowsInit(): void {
  free0 = 0;
  free1 = 0;
  free2 = 0;
  store<u32>(pmd, 0, PMD_SLAB_COUNT);
  store<u32>(pmd, 0, PMD_FLOW_COUNT);
  for (let i: u32 = 0; i < FLOW_CLASS_COUNT; i++) store<u32>(pmd + (i << 2), 0, PMD_FREE_FLOWS);
}

/** Takes over memory for flow records of a class; false when the list of slabs is full. */
export function slabAdd(which: u32, base: u32, bytes: u32): bool {
  const slabs = load<u32>(pmd, PMD_SLAB_COUNT);
  if (slabs === PMD_SLAB_MAX || which >= FLOW_CLASS_COUNT) return false;
  const size = classSize(which);
  const end = base + (bytes / size) * size;
  const at = pmd + PMD_SLABS + slabs * 12;
  store<u32>(at, base);
  store<u32>(at, end, 4);
  store<u32>(at, which, 8);
  store<u32>(pmd, slabs + 1, PMD_SLAB_COUNT);
  for (let flow = end; flow > base; ) {
    flow -= size;
    slotFree(flow, which, size - FLOW_COLD_SIZE);
  }
  return true;
}

/** Whether another flow under `mask` can be added now. */
export function flowRoom(mask: u32): bool {
  return (
    freeHead(load<u32>(mask, MASK_CLASS)) !== 0 &&
    load<u32>(pmd, PMD_FLOW_COUNT) < setting(Setting.FLOW_LIMIT) &&
    tableRoom(pmd + PMD_FLOW_TABLE) &&
    tableRoom(pmd + PMD_UFID_TABLE)
  );
}

/** Adds a flow; flowRoom(mask) holds. `packed` has the mask's lanes, already masked. */
export function flowCreate(mask: u32, packed: u32, actions: u32, ufid: u32, cookie: u32): u32 {
  const flow = slotTake(load<u32>(mask, MASK_CLASS), load<u32>(mask, MASK_COLD));
  const cold = flow + load<u32>(mask, MASK_COLD);
  const hash = packedHash(mask, packed);
  memory.copy(flow + FLOW_KEY, packed, load<u32>(mask, MASK_LANES) << 4);
  store<u32>(flow, actions, FLOW_ACTIONS);
  store<u32>(flow, 0, FLOW_USED);
  store<u16>(flow, 0, FLOW_TCP_FLAGS);
  store<u16>(flow, load<u16>(flow, FLOW_GENERATION) + 1, FLOW_GENERATION);
  store<u64>(flow, 0, FLOW_PACKETS);
  store<u64>(flow, 0, FLOW_BYTES);
  memory.copy(cold + FLOW_COLD_UFID, ufid, 16);
  store<u32>(cold, hash, FLOW_COLD_HASH);
  store<u32>(cold, cookie, FLOW_COLD_COOKIE);
  store<u32>(cold, clock, FLOW_COLD_CREATED);
  tableInsert(pmd + PMD_FLOW_TABLE, hash, flow);
  tableInsert(pmd + PMD_UFID_TABLE, load<u32>(ufid), flow);
  store<u32>(mask, load<u32>(mask, MASK_FLOWS) + 1, MASK_FLOWS);
  store<u32>(pmd, load<u32>(pmd, PMD_FLOW_COUNT) + 1, PMD_FLOW_COUNT);
  store<u32>(flow, mask, FLOW_MASK);
  return flow;
}

/** The flow with exactly this mask and packed key, or 0. */
export function flowFind(mask: u32, packed: u32): u32 {
  const hash = tableSignature(packedHash(mask, packed));
  const table = pmd + PMD_FLOW_TABLE;
  const flow = findIn(load<u32>(table, TABLE_BASE), load<u32>(table, TABLE_MASK), hash, mask, packed);
  if (flow !== 0 || load<u32>(table, TABLE_OLD_BASE) === 0) return flow;
  return findIn(load<u32>(table, TABLE_OLD_BASE), load<u32>(table, TABLE_OLD_MASK), hash, mask, packed);
}

/** Removes a live flow; its counters stay readable until the slot is used again. */
export function flowDestroy(flow: u32): void {
  const mask = load<u32>(flow, FLOW_MASK);
  const cold = flow + load<u32>(mask, MASK_COLD);
  tableRemove(pmd + PMD_FLOW_TABLE, load<u32>(cold, FLOW_COLD_HASH), flow);
  tableRemove(pmd + PMD_UFID_TABLE, load<u32>(cold, FLOW_COLD_UFID), flow);
  store<u32>(flow, 0, FLOW_MASK);
  store<u16>(flow, load<u16>(flow, FLOW_GENERATION) + 1, FLOW_GENERATION);
  programFree(load<u32>(flow, FLOW_ACTIONS));
  store<u32>(flow, 0, FLOW_ACTIONS);
  slotFree(flow, load<u32>(mask, MASK_CLASS), load<u32>(mask, MASK_COLD));
  store<u32>(pmd, load<u32>(pmd, PMD_FLOW_COUNT) - 1, PMD_FLOW_COUNT);
  maskRelease(mask);
}

/** Gives a live flow other actions. */
export function flowSetActions(flow: u32, actions: u32): void {
  programFree(load<u32>(flow, FLOW_ACTIONS));
  store<u32>(flow, actions, FLOW_ACTIONS);
  store<u16>(flow, load<u16>(flow, FLOW_GENERATION) + 1, FLOW_GENERATION);
}

/** The controller's number for a live flow. */
export function flowCookie(flow: u32): u32 {
  return load<u32>(flow + load<u32>(load<u32>(flow, FLOW_MASK), MASK_COLD), FLOW_COLD_COOKIE);
}

/** Bytes of a slot of the class. */
export function classSize(which: u32): u32 {
  return which === 0 ? FLOW_CLASS0_SIZE : which === 1 ? FLOW_CLASS1_SIZE : FLOW_CLASS2_SIZE;
}

function findIn(base: u32, tableMask: u32, signature: u32, mask: u32, packed: u32): u32 {
  const bytes = load<u32>(mask, MASK_LANES) << 4;
  let bucket = tableHome(base, tableMask, signature);
  while (true) {
    let open = false;
    for (let way: u32 = 0; way < TABLE_BUCKET_WAYS; way++) {
      const there = load<u32>(bucket + (way << 2));
      if (there === 0) open = true;
      if (there !== signature) continue;
      const flow = load<u32>(bucket + (way << 2), 16);
      if (load<u32>(flow, FLOW_MASK) === mask && memory.compare(flow + FLOW_KEY, packed, bytes) === 0)
        return flow;
    }
    if (open) return 0;
    bucket = tableNext(base, tableMask, bucket);
  }
}

function freeHead(which: u32): u32 {
  return which === 0 ? free0 : which === 1 ? free1 : free2;
}

function setFreeHead(which: u32, flow: u32): void {
  if (which === 0) free0 = flow;
  else if (which === 1) free1 = flow;
  else free2 = flow;
}

function slotTake(which: u32, cold: u32): u32 {
  const flow = freeHead(which);
  setFreeHead(which, load<u32>(flow + cold, FLOW_COLD_NEXT));
  store<u32>(pmd + (which << 2), load<u32>(pmd + (which << 2), PMD_FREE_FLOWS) - 1, PMD_FREE_FLOWS);
  return flow;
}

function slotFree(flow: u32, which: u32, cold: u32): void {
  store<u32>(flow + cold, freeHead(which), FLOW_COLD_NEXT);
  setFreeHead(which, flow);
  store<u32>(pmd + (which << 2), load<u32>(pmd + (which << 2), PMD_FREE_FLOWS) + 1, PMD_FREE_FLOWS);
}
