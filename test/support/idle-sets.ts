// Lists of actions without those that set a field to what the packet has already: a translation leaves such an
// action out where it knows the field by then, and emits it where it does not.

import type { OdpAction } from "../../src/odp/action.ts";
import { applyPlain, type PlainPacket } from "./plain-actions.ts";

/** The actions that do something to a packet, those within actions included. */
export function withoutIdleSets(actions: readonly OdpAction[], packet: PlainPacket): unknown[] {
  let now = packet;
  const kept: unknown[] = [];
  for (const action of actions) {
    const next = modified(now, action);
    const isIdle =
      action.type.startsWith("set") &&
      next.bytes.equals(now.bytes) &&
      next.mark === now.mark &&
      next.priority === now.priority;
    if (!isIdle) kept.push(withInner(action, now));
    now = next;
  }
  return kept;
}

/** Lists within an action work on a copy. */
function withInner(action: OdpAction, packet: PlainPacket): unknown {
  return Object.fromEntries(
    Object.entries(action).map(([name, value]) => [
      name,
      Array.isArray(value) ? withoutIdleSets(value as OdpAction[], packet) : value,
    ]),
  );
}

/** The packet after the action; as before where the action modifies nothing. */
function modified(packet: PlainPacket, action: OdpAction): PlainPacket {
  try {
    return applyPlain(packet, action) ?? packet;
  } catch {
    return packet;
  }
}
