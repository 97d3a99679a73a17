// COLD: handing packets to the controller. A packet that nothing matched is parked: its frame waits in a
// table of pending microflows, and later packets of the same microflow chain behind it, so that one upcall
// serves them all and their order is kept.

import { accountDetach, packetDrop } from "../core/account.ts";
import { ringCapacity, ringCommit, ringReserve, ringUsed } from "../core/ring.ts";
import { clock, count, pmd, ports, regionBase, upcallRing } from "../core/state.ts";
import { BATCH_HASHES, BATCH_SIGNATURES } from "../layout/batch.ts";
import {
  KEY_DIRTY,
  KEY_IN_PORT,
  KEY_LANE_SIZE,
  KEY_PLAIN_LANE_COUNT,
  KEY_RECIRC_ID,
  KEY_SIZE,
} from "../layout/flow-key.ts";
import {
  FRAME_DATA,
  FRAME_FATE,
  FRAME_FATE_CONSUMED,
  FRAME_IN_PORT,
  FRAME_LENGTH,
  FRAME_NEXT,
  FRAME_REASON,
  FRAME_RECIRC_ID,
  FRAME_SEQUENCE,
} from "../layout/frame.ts";
import { PENDING_MAX } from "../layout/limits.ts";
import {
  PENDING_CHAINS,
  PENDING_GENERATION,
  PENDING_HASH,
  PENDING_HEAD,
  PENDING_NEXT,
  PENDING_PORT,
  PENDING_RECIRC_ID,
  PENDING_SINCE,
  PENDING_SIZE,
  PENDING_TAIL,
  PMD_CLOCK_US,
  PMD_PARKED,
  PMD_SMALL_FRAMES,
  RegionId,
  UpcallLoss,
} from "../layout/pmd.ts";
import { PORT_PENDING, PORT_SIZE, PORT_UPCALLS } from "../layout/port.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";
import {
  MISS_KEY,
  MISS_LANES,
  MISS_LENGTH,
  MISS_PENDING,
  MISS_SEQUENCE,
  MISS_TIME,
  PUNT_CAPTURED,
  PUNT_COOKIE,
  PUNT_DATA,
  PUNT_KEY,
  PUNT_LENGTH,
  PUNT_SEQUENCE,
  UpcallKind,
} from "../layout/upcall.ts";
import { microflowDistrust } from "./microflow.ts";
import { countLost, mayAsk, mayPark, mayPunt, parkedOf, punted, upcallPortsInit } from "./upcall-ports.ts";

/** Milliseconds after which an unanswered upcall is given up. */
const PENDING_TIMEOUT_MS: u32 = 5000;
/** Records looked at in one sweep for such upcalls. */
const SWEEP: u32 = 64;
const GENERATION_SHIFT: u32 = 16;
/** Bytes of the lanes that every key has. */
const PLAIN_SIZE: u32 = KEY_PLAIN_LANE_COUNT * KEY_LANE_SIZE;

let table: u32 = 0;
let chains: u32 = 0;
let freePending: u32 = 0;
let parked: u32 = 0;
let sweepCursor: u32 = 1;
/** Upcalls that wait for their answer. */
export let pendings: u32 = 0;

export function upcallsInit(): void {
  upcallPortsInit();
  table = regionBase(RegionId.PENDING);
  chains = table + (PENDING_MAX + 1) * PENDING_SIZE;
  memory.fill(table, 0, (PENDING_MAX + 1) * PENDING_SIZE + PENDING_CHAINS * 4);
  freePending = 0;
  for (let i: u32 = PENDING_MAX; i > 0; i--) {
    store<u32>(pendingAt(i), freePending, PENDING_NEXT);
    freePending = i;
  }
  parked = 0;
  pendings = 0;
  sweepCursor = 1;
}

/** Parks a packet that no megaflow matched, with an upcall unless its microflow has one already. */
export function upcallMiss(context: u32, i: u32, frame: u32, key: u32): void {
  const hash = load<u32>(context + (i << 2), BATCH_HASHES);
  const limit = load<u32>(pmd, PMD_SMALL_FRAMES) >> 2;
  if (!mayPark(frame, parked < limit ? limit - parked : 0)) {
    packetDrop(frame, DropReason.UPCALL_LOST);
    return;
  }
  if (!accountDetach(frame)) {
    lose(frame, UpcallLoss.FRAMES);
    return;
  }
  const same = hash === 0 ? 0 : findPending(hash, load<u32>(key, KEY_IN_PORT), load<u32>(key, KEY_RECIRC_ID));
  if (same !== 0) {
    store<u32>(load<u32>(same, PENDING_TAIL), frame, FRAME_NEXT);
    store<u32>(same, frame, PENDING_TAIL);
    store<u32>(frame, 0, FRAME_NEXT);
    parkedAdd(frame, 1);
    count(PmdStat.UPCALLS_JOINED, 1);
    return;
  }
  if (!mayAsk(frame, PENDING_MAX - pendings)) {
    packetDrop(frame, DropReason.UPCALL_LOST);
    return;
  }
  const number = freePending;
  const token = number | (load<u32>(pendingAt(number), PENDING_GENERATION) << GENERATION_SHIFT);
  if (!queueMiss(frame, key, token)) {
    lose(frame, UpcallLoss.RING);
    return;
  }
  microflowDistrust(load<u32>(context + (i << 2), BATCH_SIGNATURES));
  park(number, hash, frame);
  const port = ports + load<u32>(frame, FRAME_IN_PORT) * PORT_SIZE;
  store<u32>(port, load<u32>(port, PORT_PENDING) + 1, PORT_PENDING);
  store<u64>(port, load<u64>(port, PORT_UPCALLS) + 1, PORT_UPCALLS);
}

/** Whether an earlier packet of the microflow waits for its upcall. */
export function isPending(hash: u32, key: u32): bool {
  return hash !== 0 && findPending(hash, load<u32>(key, KEY_IN_PORT), load<u32>(key, KEY_RECIRC_ID)) !== 0;
}

/** Hands up to `length` bytes of the packet to the controller, as an action asks. */
export function upcallAction(frame: u32, key: u32, cookie: u32, length: u32): void {
  const whole = load<u32>(frame, FRAME_LENGTH);
  const captured = min<u32>(whole, length);
  const record = mayPunt(frame) ? reservePunt(frame, PUNT_DATA + captured) : 0;
  if (record === 0) {
    store<u32>(frame, DropReason.UPCALL_LOST, FRAME_REASON);
    return;
  }
  punted(frame);
  store<u32>(record, cookie, PUNT_COOKIE);
  store<u32>(record, whole, PUNT_LENGTH);
  store<u32>(record, captured, PUNT_CAPTURED);
  store<u32>(record, load<u32>(frame, FRAME_SEQUENCE), PUNT_SEQUENCE);
  memory.copy(record + PUNT_KEY, key, KEY_SIZE);
  memory.copy(record + PUNT_DATA, load<u32>(frame, FRAME_DATA), captured);
  ringCommit(upcallRing);
  count(PmdStat.UPCALLS, 1);
  store<u32>(frame, load<u32>(frame, FRAME_FATE) | FRAME_FATE_CONSUMED, FRAME_FATE);
}

/** Room for a packet that goes up by an action: never in the half of the ring that misses and replies need. */
function reservePunt(frame: u32, bytes: u32): u32 {
  const record =
    ringUsed(upcallRing) > ringCapacity(upcallRing) >> 1
      ? 0
      : ringReserve(upcallRing, bytes, UpcallKind.ACTION);
  if (record === 0) countLost(frame, UpcallLoss.RING);
  return record;
}

/** Takes the chain of frames that waits for this upcall's answer; 0 when it was given up. */
export function pendingTake(token: u32): u32 {
  const number = token & ((1 << GENERATION_SHIFT) - 1);
  if (number === 0 || number > PENDING_MAX) return 0;
  const entry = pendingAt(number);
  const generation = load<u32>(entry, PENDING_GENERATION);
  if (generation !== token >> GENERATION_SHIFT) return 0;
  const head = load<u32>(entry, PENDING_HEAD);
  if (head === 0) return 0;
  unchain(entry, number);
  pendings--;
  const port = ports + load<u32>(entry, PENDING_PORT) * PORT_SIZE;
  store<u32>(port, load<u32>(port, PORT_PENDING) - 1, PORT_PENDING);
  store<u32>(entry, 0, PENDING_HEAD);
  store<u32>(entry, (generation + 1) & 0xffff, PENDING_GENERATION);
  store<u32>(entry, freePending, PENDING_NEXT);
  freePending = number;
  return head;
}

/** Takes the first frame off a chain that pendingTake returned, and returns the rest. */
export function pendingPop(frame: u32): u32 {
  const rest = load<u32>(frame, FRAME_NEXT);
  store<u32>(frame, 0, FRAME_NEXT);
  parkedAdd(frame, -1);
  return rest;
}

/** Gives up upcalls that were not answered in time, a few records at a time. */
export function pendingSweep(): void {
  if (parked === 0) return;
  for (let n: u32 = 0; n < SWEEP; n++) {
    const entry = pendingAt(sweepCursor);
    if (
      load<u32>(entry, PENDING_HEAD) !== 0 &&
      clock - load<u32>(entry, PENDING_SINCE) > PENDING_TIMEOUT_MS
    ) {
      giveUp(sweepCursor | (load<u32>(entry, PENDING_GENERATION) << GENERATION_SHIFT));
    }
    sweepCursor = sweepCursor === PENDING_MAX ? 1 : sweepCursor + 1;
  }
}

/** Drops a packet as `upcall lost`, counted by port. */
function lose(frame: u32, why: UpcallLoss): void {
  countLost(frame, why);
  packetDrop(frame, DropReason.UPCALL_LOST);
}

function giveUp(token: u32): void {
  let frame = pendingTake(token);
  while (frame !== 0) {
    const rest = pendingPop(frame);
    lose(frame, UpcallLoss.TIMEOUT);
    frame = rest;
  }
}

function queueMiss(frame: u32, key: u32, token: u32): bool {
  const lanes = load<u32>(key, KEY_DIRTY);
  const size = MISS_KEY + PLAIN_SIZE + (popcnt<u32>(lanes) as u32) * KEY_LANE_SIZE;
  const record = ringReserve(upcallRing, size, UpcallKind.MISS);
  if (record === 0) return false;
  store<u32>(record, token, MISS_PENDING);
  store<u32>(record, lanes, MISS_LANES);
  store<u32>(record, load<u32>(frame, FRAME_LENGTH), MISS_LENGTH);
  store<u32>(record, load<u32>(frame, FRAME_SEQUENCE), MISS_SEQUENCE);
  store<u32>(record, load<u32>(pmd, PMD_CLOCK_US), MISS_TIME);
  memory.copy(record + MISS_KEY, key, PLAIN_SIZE);
  let to = record + MISS_KEY + PLAIN_SIZE;
  for (let rest = lanes; rest !== 0; rest &= rest - 1, to += KEY_LANE_SIZE) {
    const lane = KEY_PLAIN_LANE_COUNT + (ctz<i32>(rest as i32) as u32);
    v128.store(to, v128.load(key + lane * KEY_LANE_SIZE));
  }
  ringCommit(upcallRing);
  count(PmdStat.UPCALLS, 1);
  return true;
}

function park(number: u32, hash: u32, frame: u32): void {
  const entry = pendingAt(number);
  freePending = load<u32>(entry, PENDING_NEXT);
  store<u32>(entry, hash, PENDING_HASH);
  store<u32>(entry, frame, PENDING_HEAD);
  store<u32>(entry, frame, PENDING_TAIL);
  store<u32>(entry, load<u32>(frame, FRAME_IN_PORT), PENDING_PORT);
  store<u32>(entry, load<u32>(frame, FRAME_RECIRC_ID), PENDING_RECIRC_ID);
  store<u32>(entry, clock, PENDING_SINCE);
  store<u32>(frame, 0, FRAME_NEXT);
  store<u32>(entry, load<u32>(chainOf(hash)), PENDING_NEXT);
  store<u32>(chainOf(hash), number);
  parkedAdd(frame, 1);
  pendings++;
}

function findPending(hash: u32, inPort: u32, recircId: u32): u32 {
  let number = load<u32>(chainOf(hash));
  while (number !== 0) {
    const entry = pendingAt(number);
    if (
      load<u32>(entry, PENDING_HASH) === hash &&
      load<u32>(entry, PENDING_PORT) === inPort &&
      load<u32>(entry, PENDING_RECIRC_ID) === recircId
    ) {
      return entry;
    }
    number = load<u32>(entry, PENDING_NEXT);
  }
  return 0;
}

function unchain(entry: u32, number: u32): void {
  const chain = chainOf(load<u32>(entry, PENDING_HASH));
  let at = load<u32>(chain);
  if (at === number) {
    store<u32>(chain, load<u32>(entry, PENDING_NEXT));
    return;
  }
  while (at !== 0) {
    const next = load<u32>(pendingAt(at), PENDING_NEXT);
    if (next === number) {
      store<u32>(pendingAt(at), load<u32>(entry, PENDING_NEXT), PENDING_NEXT);
      return;
    }
    at = next;
  }
}

function parkedAdd(frame: u32, n: i32): void {
  parkedOf(frame, n);
  parked = ((parked as i32) + n) as u32;
  store<u32>(pmd, parked, PMD_PARKED);
}

function pendingAt(number: u32): u32 {
  return table + number * PENDING_SIZE;
}

function chainOf(hash: u32): u32 {
  return chains + ((hash & (PENDING_CHAINS - 1)) << 2);
}
