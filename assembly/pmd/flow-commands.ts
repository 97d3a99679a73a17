// COLD: putting, changing and removing megaflows at the controller's word.

import {
  classSize,
  flowCookie,
  flowCreate,
  flowDestroy,
  flowFind,
  flowRoom,
  flowSetActions,
} from "../classifier/flows.ts";
import { maskCount, maskCreate, maskFind, maskRelease } from "../classifier/masks.ts";
import { programStore } from "../classifier/programs.ts";
import { pruneAdd, pruneRemoved } from "../classifier/pruning.ts";
import { pmd } from "../core/state.ts";
import { ACTION_INLINE_OUTPUT, ACTION_OPCODE_MASK, Action } from "../layout/action.ts";
import {
  ANSWER_PROGRAM,
  Command,
  CommandStatus,
  FLOW_COMMAND_COOKIE,
  FLOW_COMMAND_FLOW,
  FLOW_COMMAND_PROGRAM,
  PUT_BYTES,
  PUT_COOKIE,
  PUT_LANE_NUMBERS,
  PUT_LANES,
  PUT_PENDING,
  PUT_PROGRAM,
  PUT_UFID,
} from "../layout/command.ts";
import { FLOW_BYTES, FLOW_MASK, FLOW_PACKETS, FLOW_TCP_FLAGS, FLOW_USED } from "../layout/flow.ts";
import { KEY_LANE_COUNT } from "../layout/flow-key.ts";
import { PORT_MAX } from "../layout/limits.ts";
import { MASK_FLOWS } from "../layout/mask.ts";
import { PMD_SLAB_COUNT, PMD_SLABS } from "../layout/pmd.ts";
import { RING_RECORD_KIND } from "../layout/ring.ts";
import {
  REPLY_BYTES,
  REPLY_COOKIE,
  REPLY_PACKETS,
  REPLY_STATUS,
  REPLY_TCP_FLAGS,
  REPLY_VALUE,
} from "../layout/upcall.ts";
import { release } from "./release.ts";

/** No memory for the program. */
const NO_PROGRAM: u32 = 0xffffffff;

/**
 * Installs a megaflow, or replaces the actions of the one with the same mask and key. The reply carries
 * the status and the flow, or what the replaced one has counted. Returns the upcall that the command answers: its packet goes even when the flow
 * could not be installed.
 */
export function flowPut(record: u32, reply: u32): u32 {
  store<u32>(reply, put(record, reply), REPLY_STATUS);
  return load<u32>(record, PUT_PENDING);
}

function put(record: u32, reply: u32): CommandStatus {
  const lanes = load<u32>(record, PUT_LANES);
  if (lanes === 0 || lanes > KEY_LANE_COUNT) return CommandStatus.INVALID;
  const numbers = record + PUT_LANE_NUMBERS;
  const maskBytes = record + PUT_BYTES;
  const packed = maskBytes + (lanes << 4);
  let mask = maskFind(lanes, numbers, maskBytes);
  const created = mask === 0;
  if (created) {
    mask = maskCreate(lanes, numbers, maskBytes);
    if (mask === 0) return CommandStatus.MASK_LIMIT;
  }
  const old = created ? 0 : flowFind(mask, packed);
  if (old !== 0) {
    const replaced = actionsOf(record + load<u32>(record, PUT_PROGRAM));
    if (replaced === NO_PROGRAM) return CommandStatus.NO_SPACE;
    changeActions(old, replaced, reply);
    store<u32>(reply, flowCookie(old), REPLY_COOKIE);
    return CommandStatus.REPLACED;
  }
  const actions = flowRoom(mask) ? actionsOf(record + load<u32>(record, PUT_PROGRAM)) : NO_PROGRAM;
  if (actions === NO_PROGRAM) {
    if (created) forget(mask);
    return CommandStatus.NO_SPACE;
  }
  const flow = flowCreate(mask, packed, actions, record + PUT_UFID, load<u32>(record, PUT_COOKIE));
  pruneAdd(flow);
  store<u32>(reply, flow, REPLY_VALUE);
  return CommandStatus.OK;
}

/** Lets the packets go whose upcall the record answers. */
export function answer(record: u32, pending: u32): void {
  const put = load<u32>(record, RING_RECORD_KIND) === (Command.FLOW_PUT as u32);
  release(pending, record + (put ? load<u32>(record, PUT_PROGRAM) : ANSWER_PROGRAM));
}

/** Removes the flow if it still is the one with this cookie; the reply has its last counters. */
export function flowDelete(record: u32, reply: u32): CommandStatus {
  const flow = named(record);
  if (flow === 0) return CommandStatus.NO_FLOW;
  replyCounters(flow, reply);
  flowDestroy(flow);
  pruneRemoved();
  return CommandStatus.OK;
}

/** What the flow has counted under the actions that it had so far. */
function replyCounters(flow: u32, reply: u32): void {
  store<u32>(reply, load<u32>(flow, FLOW_USED), REPLY_VALUE);
  store<u32>(reply, load<u16>(flow, FLOW_TCP_FLAGS) as u32, REPLY_TCP_FLAGS);
  store<u64>(reply, load<u64>(flow, FLOW_PACKETS), REPLY_PACKETS);
  store<u64>(reply, load<u64>(flow, FLOW_BYTES), REPLY_BYTES);
}

/** Replaces the actions of a flow; the reply has its counters up to here, and TCP flags are gathered from here on. */
export function flowModify(record: u32, reply: u32): CommandStatus {
  const flow = named(record);
  if (flow === 0) return CommandStatus.NO_FLOW;
  const actions = actionsOf(record + FLOW_COMMAND_PROGRAM);
  if (actions === NO_PROGRAM) return CommandStatus.NO_SPACE;
  changeActions(flow, actions, reply);
  return CommandStatus.OK;
}

function changeActions(flow: u32, actions: u32, reply: u32): void {
  replyCounters(flow, reply);
  store<u16>(flow, 0, FLOW_TCP_FLAGS);
  flowSetActions(flow, actions);
}

/** Removes all flows. */
export function flowFlush(): CommandStatus {
  const slabs = load<u32>(pmd, PMD_SLAB_COUNT);
  for (let i: u32 = 0; i < slabs && maskCount !== 0; i++) {
    const slab = pmd + PMD_SLABS + i * 12;
    const end = load<u32>(slab, 4);
    const size = classSize(load<u32>(slab, 8));
    for (let flow = load<u32>(slab); flow < end; flow += size) {
      if (load<u32>(flow, FLOW_MASK) === 0) continue;
      flowDestroy(flow);
      pruneRemoved();
    }
  }
  return CommandStatus.OK;
}

function named(record: u32): u32 {
  const flow = load<u32>(record, FLOW_COMMAND_FLOW);
  if (flow === 0 || load<u32>(flow, FLOW_MASK) === 0) return 0;
  return flowCookie(flow) === load<u32>(record, FLOW_COMMAND_COOKIE) ? flow : 0;
}

/** A flow's action word for a program: nothing, a single output, or the program's copy. */
function actionsOf(program: u32): u32 {
  const words = load<u32>(program);
  if (words === 0) return 0;
  if (words === 2 && (load<u32>(program, 4) & ACTION_OPCODE_MASK) === (Action.OUTPUT as u32)) {
    const port = load<u32>(program, 8);
    if (port < PORT_MAX) return (port << 1) | ACTION_INLINE_OUTPUT;
  }
  const stored = programStore(program);
  return stored === 0 ? NO_PROGRAM : stored;
}

function forget(mask: u32): void {
  store<u32>(mask, 1, MASK_FLOWS);
  maskRelease(mask);
}
