// COLD: the controller's commands, applied in order between batches. Each is answered by a REPLY record
// with its token, so a command waits until the upcall ring has room for the answer.

import { slabAdd } from "../classifier/flows.ts";
import { programSlabAdd } from "../classifier/programs.ts";
import { frameAllocFor, frameFreeSmall } from "../core/frame-pool.ts";
import { ringCommit, ringPeek, ringRelease, ringReserve } from "../core/ring.ts";
import {
  count,
  pmd,
  ports,
  regionBase,
  regionSet,
  settingSet,
  stateReload,
  upcallRing,
} from "../core/state.ts";
import { tableGrow } from "../core/table.ts";
import {
  ANSWER_PENDING,
  COMMAND_TOKEN,
  Command,
  CommandStatus,
  EXECUTE_DATA,
  EXECUTE_IN_PORT,
  EXECUTE_LENGTH,
  EXECUTE_PROGRAM,
  EXECUTE_SEQUENCE,
  FRAMES_COUNT,
  FRAMES_DATA,
  OPERAND0,
  OPERAND1,
  OPERAND2,
  RECORD_COMMAND_DATA,
  RECORD_COMMAND_INDEX,
  TableId,
} from "../layout/command.ts";
import { FRAME_FATE, FRAME_FATE_COPY, FRAME_HEADROOM, FRAME_SEQUENCE } from "../layout/frame.ts";
import { PORT_MAX, RXQ_MAX } from "../layout/limits.ts";
import {
  PMD_DIGEST,
  PMD_FLOW_TABLE,
  PMD_RXQ_COUNT,
  PMD_UFID_TABLE,
  RegionId,
  Setting,
  SLAB_CLASS_PROGRAMS,
} from "../layout/pmd.ts";
import {
  PORT_CONFIG_SIZE,
  PORT_FLAG_DIGEST,
  PORT_KIND,
  PORT_SIZE,
  RXQ_CONFIG_SIZE,
  RXQ_SIZE,
} from "../layout/port.ts";
import { RING_RECORD_KIND } from "../layout/ring.ts";
import { PmdStat } from "../layout/stat.ts";
import { REPLY_RECORD_SIZE, REPLY_STATUS, REPLY_TOKEN, UpcallKind } from "../layout/upcall.ts";
import { recordInit } from "./contexts.ts";
import { answer, flowDelete, flowFlush, flowModify, flowPut } from "./flow-commands.ts";
import { lookupReload } from "./microflow.ts";
import { runAlone } from "./release.ts";

/** Applies up to `most` commands; returns how many there were. */
export function applyCommands(most: u32): u32 {
  const ring = regionBase(RegionId.COMMAND_RING);
  let applied: u32 = 0;
  while (applied < most) {
    const record = ringPeek(ring);
    if (record === 0) break;
    const reply = ringReserve(upcallRing, REPLY_RECORD_SIZE, UpcallKind.REPLY);
    if (reply === 0) break;
    memory.fill(reply + REPLY_TOKEN, 0, REPLY_RECORD_SIZE - REPLY_TOKEN);
    store<u32>(reply, load<u32>(record, COMMAND_TOKEN), REPLY_TOKEN);
    // The answer is published before packets move: a command's own upcalls come behind it.
    const pending = apply(record, reply);
    ringCommit(upcallRing);
    if (pending !== 0) answer(record, pending);
    ringRelease(ring, record);
    applied++;
  }
  if (applied !== 0) count(PmdStat.COMMANDS, applied);
  return applied;
}

/** Carries a command out; returns the upcall that it answers, or 0. */
function apply(record: u32, reply: u32): u32 {
  switch (load<u32>(record, RING_RECORD_KIND)) {
    case Command.FLOW_PUT as u32:
      return flowPut(record, reply);
    case Command.ANSWER as u32:
      return load<u32>(record, ANSWER_PENDING);
    default:
      store<u32>(reply, applyPlain(record, reply), REPLY_STATUS);
      return 0;
  }
}

function applyPlain(record: u32, reply: u32): CommandStatus {
  switch (load<u32>(record, RING_RECORD_KIND)) {
    case Command.FLOW_DEL as u32:
      return flowDelete(record, reply);
    case Command.FLOW_MOD as u32:
      return flowModify(record, reply);
    case Command.SLAB as u32:
      return addSlab(load<u32>(record, OPERAND0), load<u32>(record, OPERAND1), load<u32>(record, OPERAND2));
    case Command.TABLE as u32:
      return growTable(load<u32>(record, OPERAND0), load<u32>(record, OPERAND1), load<u32>(record, OPERAND2));
    case Command.REGION as u32:
      return setRegion(load<u32>(record, OPERAND0), load<u32>(record, OPERAND1), load<u32>(record, OPERAND2));
    case Command.SET as u32:
      return applySetting(load<u32>(record, OPERAND0), load<u32>(record, OPERAND1));
    case Command.PORT as u32:
      return setPort(load<u32>(record, RECORD_COMMAND_INDEX), record + RECORD_COMMAND_DATA);
    case Command.RXQ as u32:
      return setRxq(load<u32>(record, RECORD_COMMAND_INDEX), record + RECORD_COMMAND_DATA);
    case Command.FLUSH as u32:
      return flowFlush();
    case Command.FRAMES as u32:
      return takeFrames(load<u32>(record, FRAMES_COUNT), record + FRAMES_DATA);
    case Command.EXECUTE as u32:
      return inject(record);
    case Command.BARRIER as u32:
      return CommandStatus.OK;
    default:
      return CommandStatus.INVALID;
  }
}

function addSlab(which: u32, base: u32, bytes: u32): CommandStatus {
  if (which === SLAB_CLASS_PROGRAMS) {
    programSlabAdd(base, bytes);
    return CommandStatus.OK;
  }
  return slabAdd(which, base, bytes) ? CommandStatus.OK : CommandStatus.NO_SPACE;
}

function growTable(which: u32, base: u32, buckets: u32): CommandStatus {
  const table = pmd + (which === (TableId.FLOWS as u32) ? PMD_FLOW_TABLE : PMD_UFID_TABLE);
  return tableGrow(table, base, buckets) ? CommandStatus.OK : CommandStatus.NO_SPACE;
}

/** Replaces a cache's memory by what the controller has cleared, or by nothing: no entry survives. */
function setRegion(id: u32, base: u32, bytes: u32): CommandStatus {
  if (id === (RegionId.SAMPLE_RING as u32)) {
    regionSet(RegionId.SAMPLE_RING, base, bytes);
    stateReload();
    return CommandStatus.OK;
  }
  if (id !== (RegionId.MICROFLOW as u32) && id !== (RegionId.MASK_CACHE as u32)) return CommandStatus.INVALID;
  regionSet(id as RegionId, base, bytes);
  lookupReload();
  return CommandStatus.OK;
}

function applySetting(which: u32, value: u32): CommandStatus {
  const status = settingSet(which, value);
  if (status !== CommandStatus.OK) return status;
  if (which === (Setting.DIGEST as u32)) digestPorts(value !== 0);
  stateReload();
  // Looking on is no reason to try a bypassed cache again.
  if (which !== (Setting.SAMPLE as u32)) lookupReload();
  return CommandStatus.OK;
}

/** Starts a new digest, or ends it. */
function digestPorts(on: bool): void {
  if (on) store<u64>(pmd, 0, PMD_DIGEST);
  for (let i: u32 = 0; i < PORT_MAX; i++) {
    const port = ports + i * PORT_SIZE;
    const word = load<u32>(port, PORT_KIND);
    if (word === 0) continue;
    store<u32>(port, on ? word | PORT_FLAG_DIGEST : word & ~PORT_FLAG_DIGEST, PORT_KIND);
  }
}

function setPort(index: u32, data: u32): CommandStatus {
  if (index >= PORT_MAX) return CommandStatus.INVALID;
  memory.copy(ports + index * PORT_SIZE, data, PORT_CONFIG_SIZE);
  return CommandStatus.OK;
}

function setRxq(index: u32, data: u32): CommandStatus {
  if (index >= RXQ_MAX) return CommandStatus.INVALID;
  const record = regionBase(RegionId.RXQS) + index * RXQ_SIZE;
  memory.copy(record, data, RXQ_CONFIG_SIZE);
  memory.fill(record + RXQ_CONFIG_SIZE, 0, RXQ_SIZE - RXQ_CONFIG_SIZE);
  if (index >= load<u32>(pmd, PMD_RXQ_COUNT)) store<u32>(pmd, index + 1, PMD_RXQ_COUNT);
  return CommandStatus.OK;
}

/** Frames that a closed queue had come home. */
function takeFrames(frames: u32, list: u32): CommandStatus {
  for (let i: u32 = 0; i < frames; i++) frameFreeSmall(load<u32>(list + (i << 2)));
  return CommandStatus.OK;
}

/** A packet of the controller's own: not received, so it is in no account but INJECTED. */
function inject(record: u32): CommandStatus {
  const length = load<u32>(record, EXECUTE_LENGTH);
  const frame = frameAllocFor(length);
  if (frame === 0) return CommandStatus.NO_SPACE;
  const data = frame + FRAME_HEADROOM;
  memory.copy(data, record + load<u32>(record, EXECUTE_DATA), length);
  recordInit(frame, data, length, load<u32>(record, EXECUTE_IN_PORT));
  store<u32>(frame, FRAME_FATE_COPY, FRAME_FATE);
  store<u32>(frame, load<u32>(record, EXECUTE_SEQUENCE), FRAME_SEQUENCE);
  count(PmdStat.INJECTED, 1);
  runAlone(frame, record + EXECUTE_PROGRAM);
  return CommandStatus.OK;
}
