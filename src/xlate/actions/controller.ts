// Sending the packet to a controller: a userspace action whose cookie stands for everything that the
// message will say besides the packet itself.

import { KEY_PACKET_TYPE, KEY_WORD_COUNT } from "../../../assembly/layout/flow-key.ts";
import { DropReason } from "../../../assembly/layout/stat.ts";
import { type OdpAction, USERSPACE_MAX_LEN } from "../../odp/action.ts";
import type { ControllerAction, PacketInReason } from "../../openflow/action.ts";
import { METER_CONTROLLER } from "../../openflow/meter.ts";
import type { Xlate } from "../context.ts";

const NO_USERDATA = new Uint8Array(0);

/** What a message to the controller says. */
export interface ControllerMessage {
  readonly reason: PacketInReason;
  readonly maxLen: number;
  readonly controllerId: number;
  readonly userdata?: Uint8Array;
  /** Meter of the message; 0 leaves it to the bridge's controller meter. */
  readonly meterId?: number;
  /** recirc_id to go on with when the controller resumes the packet. */
  readonly continuation?: number;
}

/** Emits a message with the packet as it is now. */
export function sendToController(x: Xlate, message: ControllerMessage): void {
  x.commit();
  emitToController(x, message);
}

/** The same without committing: the caller has done so. */
export function emitToController(x: Xlate, message: ControllerMessage): void {
  const reason = message.reason === "action" && isTableMiss(x) ? "explicit_miss" : message.reason;
  const cookie = x.env.controllerRecords.intern({
    reason,
    tableId: x.tableId,
    ruleCookie: x.ruleCookie,
    maxLen: message.maxLen,
    controllerId: message.controllerId,
    userdata: message.userdata ?? NO_USERDATA,
    continuation: message.continuation ?? null,
    pipeline: x.state.flow.slice(KEY_WORD_COUNT),
  });
  if (cookie === 0) {
    x.fail(DropReason.RECIRC_UNKNOWN, "Failed to allocate a controller cookie");
    return;
  }
  x.cookies.push(cookie);
  const maxLen = Math.min(message.maxLen, USERSPACE_MAX_LEN);
  const punt: OdpAction = {
    type: "userspace",
    cookie,
    maxLen,
    note: controllerNote({ ...message, reason }, x),
  };
  const meterId = meterOf(x, message.meterId ?? 0);
  if (meterId === undefined) x.out.push(punt);
  else x.out.push({ type: "clone", actions: [{ type: "meter", meterId }, punt] });
}

/** `controller(...)`. */
export function controllerAction(x: Xlate, action: ControllerAction): void {
  sendToController(x, {
    reason: action.reason,
    maxLen: action.maxLen,
    controllerId: action.controllerId,
    userdata: action.userdata,
    meterId: action.meterId,
  });
}

/** A rule of priority 0 that matches every Ethernet packet is a table-miss rule (OpenFlow 1.3 section 5.4). */
function isTableMiss({ rule }: Xlate): boolean {
  if (rule === null || rule.priority !== 0) return false;
  return rule.match.mask.indexes.every((word) => word === KEY_PACKET_TYPE >>> 2);
}

function meterOf(x: Xlate, wanted: number): number | undefined {
  const id = wanted !== 0 ? wanted : METER_CONTROLLER;
  return x.env.bridge.meterSlots.get(id);
}

/** What Open vSwitch prints of the action, as far as it is the same everywhere. */
function controllerNote(message: ControllerMessage, x: Xlate): string {
  const { reason, controllerId, maxLen } = message;
  const cookie = x.ruleCookie === 0n ? "0" : `0x${x.ruleCookie.toString(16)}`;
  return (
    `controller(reason=${REASON_NUMBERS[reason]},dont_send=0,continuation=${message.continuation ? 1 : 0},` +
    `recirc_id=${message.continuation ?? 0},rule_cookie=${cookie},controller_id=${controllerId},max_len=${maxLen})`
  );
}

/** OpenFlow's numbers of the reasons (OFPR_*), Open vSwitch's own behind them. */
const REASON_NUMBERS: Readonly<Record<PacketInReason, number>> = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
  explicit_miss: 6,
  implicit_miss: 7,
};
