// Sending the packet to ports: output, output to a register's port, flood, all, in_port, truncated
// output and enqueue. Before anything leaves, pending header changes are committed.

import { KEY_SKB_PRIORITY } from "../../../assembly/layout/flow-key.ts";
import { DropReason } from "../../../assembly/layout/stat.ts";
import type { OutputAction } from "../../openflow/action.ts";
import { formatSubfield } from "../../openflow/field.ts";
import { subfieldGet, subfieldMask } from "../../openflow/field-value.ts";
import {
  isReservedPort,
  OFPP_ALL,
  OFPP_CONTROLLER,
  OFPP_FLOOD,
  OFPP_IN_PORT,
  OFPP_LOCAL,
  OFPP_NONE,
  OFPP_NORMAL,
  OFPP_TABLE,
  type OfPort,
} from "../../openflow/port.ts";
import type { Xlate } from "../context.ts";
import { sendToController } from "./controller.ts";
import { normal } from "./normal.ts";
import { outputPort } from "./output-port.ts";
import { lookUpTable } from "./resubmit.ts";

type ActionOf<T extends OutputAction["type"]> = Extract<OutputAction, { type: T }>;

/** `output:PORT`, reserved ports included. */
export function outputAction(x: Xlate, port: OfPort, maxLen: number, inBucket: boolean): void {
  switch (port) {
    case OFPP_IN_PORT:
      outputPort(x, x.inPort);
      break;
    case OFPP_TABLE:
      lookUpTable(x, x.inPort, 0, false);
      break;
    case OFPP_NORMAL:
      normal(x);
      break;
    case OFPP_FLOOD:
    case OFPP_ALL:
      flood(x, port === OFPP_ALL);
      break;
    case OFPP_CONTROLLER:
      sendToController(x, {
        reason: inBucket ? "group" : x.inActionSet ? "action_set" : "action",
        maxLen,
        controllerId: 0,
      });
      break;
    case OFPP_NONE:
      break;
    default:
      if (port !== x.inPort) outputPort(x, port);
      else skipInPort(x);
  }
}

function skipInPort(x: Xlate): void {
  x.dropHint = DropReason.POLICY;
  x.report("warn", "skipping output to input port");
}

/** To every port but the one it came from; `all` includes those that do not flood. */
function flood(x: Xlate, all: boolean): void {
  for (const port of x.env.bridge.ports.values()) {
    if (port.ofPort === x.inPort || (!all && port.noFlood)) continue;
    outputPort(x, port.ofPort);
  }
}

/** `output:REG`. */
export function outputRegister(x: Xlate, action: ActionOf<"outputReg">, inBucket: boolean): void {
  subfieldMask(x.state.settled, action.src);
  const number = subfieldGet(x.state.flow, action.src);
  if (number > 0xffffn) {
    x.report("warn", `output port ${number} is out of range`);
    return;
  }
  x.report("detail", `output port is ${number}`);
  const port = Number(number);
  const wide = port >= 0xff00 ? (0xffff0000 | port) >>> 0 : port;
  x.explainer?.note(`output to the port in ${formatSubfield(action.src)}`);
  outputAction(x, wide as OfPort, action.maxLen, inBucket);
}

/** `output(port=P,max_len=N)`: the next output sends at most so many bytes. */
export function outputTruncated(x: Xlate, action: ActionOf<"outputTrunc">): void {
  const { port } = action;
  if (isReservedPort(port) && port !== OFPP_LOCAL && port !== OFPP_IN_PORT) {
    x.report("warn", `output_trunc does not support port: ${port}`);
    return;
  }
  if (port === x.inPort) {
    skipInPort(x);
    return;
  }
  // Open vSwitch looks the port up before it resolves IN_PORT, and so refuses IN_PORT here.
  if (!x.env.bridge.ports.has(port)) {
    x.dropHint = DropReason.NO_PORT;
    x.report("error", `output_trunc does not support patch port ${port}`);
    return;
  }
  if (x.env.bridge.ports.get(port)?.noForward !== true) {
    x.commit();
    x.out.push({ type: "trunc", maxLen: action.maxLen });
  }
  outputPort(x, port);
}

/** `enqueue`: output with a queue; the queue's priority holds for this output alone. */
export function enqueue(x: Xlate, action: ActionOf<"enqueue">): void {
  const port = action.port === OFPP_IN_PORT ? x.inPort : action.port;
  if (action.port !== OFPP_IN_PORT && port === x.inPort) return;
  const priority = x.state.flow[KEY_SKB_PRIORITY >>> 2] as number;
  setPriority(x, action.queueId);
  outputPort(x, port);
  setPriority(x, priority);
}

/** Sets the queue for outputs from here on. */
export function setPriority(x: Xlate, priority: number): void {
  const word = KEY_SKB_PRIORITY >>> 2;
  x.state.lookBits(word, 0xffffffff);
  x.state.overwrite(word, 0xffffffff);
  x.state.flow[word] = priority;
}
