// COLD: memory of action programs. Blocks of powers of two from 32 bytes up, a free list a size, cut from
// slabs that the controller hands over.

import { regionBase } from "../core/state.ts";
import { ACTION_INLINE_OUTPUT } from "../layout/action.ts";
import { RegionId } from "../layout/pmd.ts";

/** Smallest block: 32 bytes. A block's header says its size: [log2 u32][pad 12]; the program follows. */
const BLOCK_LOG_MIN: u32 = 5;
const BLOCK_LOG_MAX: u32 = 17;
const BLOCK_HEADER: u32 = 16;

let lists: u32 = 0;
let bump: u32 = 0;
let bumpEnd: u32 = 0;

/** Takes the first page of the PROGRAMS region for the lists and the rest for programs. */
export function programsInit(bytes: u32): void {
  lists = regionBase(RegionId.PROGRAMS);
  memory.fill(lists, 0, 4096);
  bump = lists + 4096;
  bumpEnd = lists + bytes;
}

/** More memory; what was left of the last is given up to the lists. */
export function programSlabAdd(base: u32, bytes: u32): void {
  for (let log: u32 = BLOCK_LOG_MAX; log >= BLOCK_LOG_MIN; log--) {
    while (bump + (1 << log) <= bumpEnd) {
      blockFree(bump, log);
      bump += 1 << log;
    }
  }
  bump = base;
  bumpEnd = base + bytes;
}

/**
 * Copies a program ([words][actions ...]) and returns its address, or 0 when there is no memory. A
 * single output needs none: it is returned as (port << 1 | 1).
 */
export function programStore(program: u32): u32 {
  const words = load<u32>(program);
  const bytes = (words + 1) << 2;
  let log: u32 = BLOCK_LOG_MIN;
  while ((1 as u32) << log < bytes + BLOCK_HEADER) log++;
  let block = load<u32>(lists + (log << 2));
  if (block !== 0) {
    store<u32>(lists + (log << 2), load<u32>(block, 4));
  } else {
    if (bump + (1 << log) > bumpEnd) return 0;
    block = bump;
    bump += 1 << log;
  }
  store<u32>(block, log);
  memory.copy(block + BLOCK_HEADER, program, bytes);
  return block + BLOCK_HEADER;
}

/** Gives the memory of a flow's actions back; inline actions have none. */
export function programFree(actions: u32): void {
  if (actions === 0 || (actions & ACTION_INLINE_OUTPUT) !== 0) return;
  const block = actions - BLOCK_HEADER;
  blockFree(block, load<u32>(block));
}

function blockFree(block: u32, log: u32): void {
  store<u32>(block, load<u32>(lists + (log << 2)), 4);
  store<u32>(lists + (log << 2), block);
}
