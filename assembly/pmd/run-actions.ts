// HOT: a program, run on packets that are straight from their receive and have it in common, one action on all
// of them after the other. Their places and lengths are in the context's arrays; the record at the start of a
// frame is filled in only for what has no loop here, which execute.ts does packet by packet.

import { Fast } from "../actions/fast.ts";
import { applyModification } from "../actions/modify.ts";
import { VLAN_TAG_SIZE } from "../actions/wire.ts";
import {
  ACTION_CHANGE_FIRST,
  ACTION_CHANGE_LAST,
  ACTION_OPCODE_MASK,
  ACTION_WORDS_SHIFT,
  Action,
} from "../layout/action.ts";
import { BATCH_DATA, BATCH_FRAMES, BATCH_IN_PORT, BATCH_LENGTHS, BATCH_NEXT } from "../layout/batch.ts";
import { FRAME_DATA, FRAME_FATE, FRAME_FATE_SENT, FRAME_LENGTH, FRAME_RECORD_SIZE } from "../layout/frame.ts";
import { keyAt, recordInit } from "./contexts.ts";
import { executeFrom } from "./execute.ts";
import { copyRun, sendRun, sendWaiting, sentBefore } from "./send-run.ts";

/**
 * Runs a program on the packets at places `from` to `to`, which lie in small frames. At the end all of them have
 * ended or moved on.
 */
export function runActions(context: u32, from: u32, to: u32, program: u32): void {
  const first = program + 4;
  const end = first + (load<u32>(program) << 2);
  const done = to - from === 1 ? changeAll(context, from, first, end) : first;
  runFrom(context, from, to, done, end, false);
}

/** Makes all changes up to the first other action, or the first that has no loop here, to one packet; returns where that is. */
export function changeAll(context: u32, i: u32, first: u32, end: u32): u32 {
  const at = context + (i << 2);
  const lowest = load<u32>(at, BATCH_FRAMES) + FRAME_RECORD_SIZE;
  let data = load<u32>(at, BATCH_DATA);
  let length = load<u32>(at, BATCH_LENGTHS);
  let action = first;
  while (action < end) {
    const word = load<u32>(action);
    const opcode = word & ACTION_OPCODE_MASK;
    const operands = action + 4;
    if (opcode === (Action.SET_ETH as u32)) {
      if (
        !Fast.setEth(
          data,
          length,
          Fast.packAddresses(v128.load(operands)),
          Fast.packAddresses(v128.load(operands, 16)),
        )
      )
        break;
    } else if (opcode === (Action.DEC_TTL as u32)) {
      if (!Fast.decTtl(data, length)) break;
    } else if (opcode === (Action.PUSH_VLAN as u32)) {
      if (!Fast.pushVlan(data, length, lowest, Fast.tag(operands))) break;
      data -= VLAN_TAG_SIZE;
      length += VLAN_TAG_SIZE;
    } else break;
    action += (word >> ACTION_WORDS_SHIFT) << 2;
  }
  store<u32>(at, data, BATCH_DATA);
  store<u32>(at, length, BATCH_LENGTHS);
  return action;
}

/** From the action at `action` on; `copied`: copies of the packets have been sent already. */
function runFrom(context: u32, from: u32, to: u32, action: u32, end: u32, copied: bool): void {
  while (action < end && from < to) {
    const word = load<u32>(action);
    const opcode = word & ACTION_OPCODE_MASK;
    const next = action + ((word >> ACTION_WORDS_SHIFT) << 2);
    if (opcode === (Action.OUTPUT as u32)) {
      const port = load<u32>(action, 4);
      if (next === end && !copied) {
        sendRun(context, from, to, port);
        return;
      }
      if (!copyRun(context, from, to, port)) break;
      copied = true;
    } else if (opcode - ACTION_CHANGE_FIRST <= ACTION_CHANGE_LAST - ACTION_CHANGE_FIRST) {
      const refused = changeRun(context, from, to, opcode, action + 4);
      if (refused < to) {
        // Those before it go first, so that packets keep their order. Each level has lost a packet: 256 at most.
        runFrom(context, from, refused, next, end, copied);
        finishOne(context, refused, action, end, copied);
        from = refused + 1;
        continue;
      }
    } else break;
    action = next;
  }
  if (action === end && copied) sentBefore(context, from, to);
  else for (let i = from; i < to; i++) finishOne(context, i, action, end, copied);
}

/** What is left of the program, on one packet. */
function finishOne(context: u32, i: u32, action: u32, end: u32, copied: bool): void {
  sendWaiting();
  const at = context + (i << 2);
  const frame = load<u32>(at, BATCH_FRAMES);
  const inPort = load<u32>(context, BATCH_IN_PORT);
  recordInit(frame, load<u32>(at, BATCH_DATA), load<u32>(at, BATCH_LENGTHS), inPort);
  if (copied) store<u32>(frame, FRAME_FATE_SENT, FRAME_FATE);
  executeFrom(frame, keyAt(context, i), action, end, load<u32>(context, BATCH_NEXT));
}

/** Makes a change to packets; returns the place of the first that cannot take it, which stays as it was. */
export function changeRun(context: u32, from: u32, to: u32, opcode: u32, operands: u32): u32 {
  const end = context + (to << 2);
  let at = context + (from << 2);
  if (opcode === (Action.SET_ETH as u32)) {
    const value = Fast.packAddresses(v128.load(operands));
    const mask = Fast.packAddresses(v128.load(operands, 16));
    for (; at < end; at += 4) {
      const data = load<u32>(at, BATCH_DATA);
      if (!Fast.setEth(data, load<u32>(at, BATCH_LENGTHS), value, mask) && !changeOne(at, opcode, operands))
        break;
    }
  } else if (opcode === (Action.DEC_TTL as u32)) {
    for (; at < end; at += 4) {
      const data = load<u32>(at, BATCH_DATA);
      if (!Fast.decTtl(data, load<u32>(at, BATCH_LENGTHS)) && !changeOne(at, opcode, operands)) break;
    }
  } else if (opcode === (Action.PUSH_VLAN as u32)) {
    const tag = Fast.tag(operands);
    for (; at < end; at += 4) {
      const data = load<u32>(at, BATCH_DATA);
      const length = load<u32>(at, BATCH_LENGTHS);
      if (Fast.pushVlan(data, length, load<u32>(at, BATCH_FRAMES) + FRAME_RECORD_SIZE, tag)) {
        store<u32>(at, data - VLAN_TAG_SIZE, BATCH_DATA);
        store<u32>(at, length + VLAN_TAG_SIZE, BATCH_LENGTHS);
      } else if (!changeOne(at, opcode, operands)) break;
    }
  } else {
    while (at < end && changeOne(at, opcode, operands)) at += 4;
  }
  return (at - context) >> 2;
}

/** Any change, to one packet; false when it cannot take it. */
function changeOne(at: u32, opcode: u32, operands: u32): bool {
  const frame = load<u32>(at, BATCH_FRAMES);
  store<u32>(frame, load<u32>(at, BATCH_DATA), FRAME_DATA);
  store<u32>(frame, load<u32>(at, BATCH_LENGTHS), FRAME_LENGTH);
  if (!applyModification(frame, opcode, operands)) return false;
  store<u32>(at, load<u32>(frame, FRAME_DATA), BATCH_DATA);
  store<u32>(at, load<u32>(frame, FRAME_LENGTH), BATCH_LENGTHS);
  return true;
}
