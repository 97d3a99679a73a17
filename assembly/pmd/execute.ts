// Action programs: the opcode loop. Changes to the packet are in assembly/actions; here is what sends,
// copies and branches. The record of the frame holds the packet's state while a program runs.

import { unpaddedLength } from "../actions/locate.ts";
import { applyModification } from "../actions/modify.ts";
import { packetEnd, packetSettle } from "../core/account.ts";
import { frameCopy } from "../core/frame-pool.ts";
import { count, random32 } from "../core/state.ts";
import { l4Hash, symmetricHash } from "../key/dp-hash.ts";
import { ACTION_OPCODE_MASK, ACTION_WORDS_SHIFT, Action, HASH_ALGORITHM_SYM_L4 } from "../layout/action.ts";
import { BATCH_COUNT, BATCH_DATA, BATCH_FRAMES, BATCH_LENGTHS } from "../layout/batch.ts";
import {
  FRAME_DATA,
  FRAME_DEPTH,
  FRAME_DP_HASH,
  FRAME_LENGTH,
  FRAME_REASON,
  FRAME_RECIRC_ID,
} from "../layout/frame.ts";
import { BATCH_MAX, PACKET_MAX, RECIRC_DEPTH_MAX } from "../layout/limits.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";
import { soloContext } from "./contexts.ts";
import { meterPasses } from "./meter.ts";
import { processBatch } from "./process.ts";
import { sendOut } from "./segment.ts";
import { upcallAction } from "./upcalls.ts";

/** The packet has ended or moved on; its frame is no longer ours. */
const GONE: u32 = 1;
/** The list ran to its end; the frame is still ours. */
const DONE: u32 = 0;

/**
 * Runs a program on the frame, whose record is valid, and ends the packet. `next` is the context that
 * takes packets whose last action recirculates them, or 0.
 */
export function execute(frame: u32, key: u32, program: u32, next: u32): void {
  if (program === 0) {
    packetEnd(frame);
    return;
  }
  const first = program + 4;
  executeFrom(frame, key, first, first + (load<u32>(program) << 2), next);
}

/** Runs what lies between two addresses of a program, as execute does. */
export function executeFrom(frame: u32, key: u32, from: u32, to: u32, next: u32): void {
  if (run(frame, key, from, to, next) === DONE) packetEnd(frame);
}

/** Sends the packet, and ends it. */
export function executeOutput(frame: u32, port: u32): void {
  if (sendOut(frame, port, load<u32>(frame, FRAME_LENGTH), true)) packetSettle(frame);
  else packetEnd(frame);
}

/** Runs the actions between two addresses. */
function run(frame: u32, key: u32, from: u32, to: u32, next: u32): u32 {
  let cut: u32 = PACKET_MAX;
  let at = from;
  let end = to;
  while (at < end) {
    const word = load<u32>(at);
    const opcode = word & ACTION_OPCODE_MASK;
    const operands = at + 4;
    at += (word >> ACTION_WORDS_SHIFT) << 2;
    switch (opcode) {
      case Action.OUTPUT as u32:
        if (sendOut(frame, load<u32>(operands), min<u32>(cut, load<u32>(frame, FRAME_LENGTH)), at === end)) {
          packetSettle(frame);
          return GONE;
        }
        cut = PACKET_MAX;
        break;
      case Action.USERSPACE as u32:
        upcallAction(frame, key, load<u32>(operands), min<u32>(cut, load<u32>(operands, 4)));
        cut = PACKET_MAX;
        break;
      case Action.TRUNC as u32:
        cut = load<u32>(operands);
        break;
      case Action.DROP as u32:
        store<u32>(frame, load<u32>(operands), FRAME_REASON);
        return DONE;
      case Action.RECIRC as u32:
        if (recirculate(frame, load<u32>(operands), at === end, next)) return GONE;
        break;
      case Action.CLONE as u32:
        runOnCopy(frame, key, operands, at);
        break;
      case Action.SAMPLE as u32:
        if (sampled(load<u32>(operands))) runOnCopy(frame, key, operands + 4, at);
        break;
      case Action.CHECK_PKT_LEN as u32: {
        const second = operands + 8 + (load<u32>(operands, 4) << 2);
        const longer = unpaddedLength(frame) > load<u32>(operands);
        const listAt = longer ? operands + 8 : second;
        const listEnd = longer ? second : at;
        if (at === end) {
          at = listAt;
          end = listEnd;
        } else {
          runOnCopy(frame, key, listAt, listEnd);
        }
        break;
      }
      case Action.HASH as u32:
        setHash(frame, key, load<u32>(operands), load<u32>(operands, 4));
        break;
      case Action.METER as u32:
        if (!meterPasses(load<u32>(operands), frame)) {
          store<u32>(frame, DropReason.METER, FRAME_REASON);
          return DONE;
        }
        break;
      default:
        if (!applyModification(frame, opcode, operands)) {
          store<u32>(frame, DropReason.ACTION, FRAME_REASON);
          return DONE;
        }
    }
  }
  return DONE;
}

function runOnCopy(frame: u32, key: u32, from: u32, to: u32): void {
  const copy = frameCopy(frame);
  if (copy === 0) {
    store<u32>(frame, DropReason.NO_FRAME, FRAME_REASON);
    return;
  }
  if (run(copy, key, from, to, 0) === DONE) packetEnd(copy);
}

function sampled(probability: u32): bool {
  return probability === 0xffffffff || random32() < probability;
}

function setHash(frame: u32, key: u32, algorithm: u32, basis: u32): void {
  const hash = algorithm === HASH_ALGORITHM_SYM_L4 ? symmetricHash(key, basis) : l4Hash(key, basis);
  store<u32>(frame, hash, FRAME_DP_HASH);
}

/** Sends the packet through the lookup again; returns whether that took the frame. */
function recirculate(frame: u32, id: u32, last: bool, next: u32): bool {
  const depth = load<u32>(frame, FRAME_DEPTH) + 1;
  if (depth > RECIRC_DEPTH_MAX) {
    store<u32>(frame, DropReason.RECIRC_DEPTH, FRAME_REASON);
    return false;
  }
  const travelling = last ? frame : frameCopy(frame);
  if (travelling === 0) {
    store<u32>(frame, DropReason.NO_FRAME, FRAME_REASON);
    return false;
  }
  store<u32>(travelling, id, FRAME_RECIRC_ID);
  store<u32>(travelling, depth, FRAME_DEPTH);
  count(PmdStat.RECIRCULATED, 1);
  const slot = next === 0 ? BATCH_MAX : load<u32>(next, BATCH_COUNT);
  if (last && slot < BATCH_MAX) {
    enter(next, slot, travelling);
    return true;
  }
  const solo = soloContext(depth);
  enter(solo, 0, travelling);
  processBatch(solo);
  return last;
}

function enter(context: u32, slot: u32, frame: u32): void {
  const at = context + (slot << 2);
  store<u32>(at, frame, BATCH_FRAMES);
  store<u32>(at, load<u32>(frame, FRAME_DATA), BATCH_DATA);
  store<u32>(at, load<u32>(frame, FRAME_LENGTH), BATCH_LENGTHS);
  store<u32>(context, slot + 1, BATCH_COUNT);
}
