// The TTL of IPv4 and the hop limit of IPv6: dec_ttl.

import { DropReason } from "../../../assembly/layout/stat.ts";
import { ETH_TYPE_IP, ethTypeOf, isIp } from "../../openflow/prereq.ts";
import type { Xlate } from "../context.ts";
import { sendToController } from "./controller.ts";

/** `dec_ttl(IDS)`; returns whether the list of actions ends here, because the TTL has run out. */
export function decTtl(x: Xlate, controllerIds: readonly number[]): boolean {
  if (!isIp(x.state.flow)) return false;
  if (x.state.decrementTtl()) return false;
  x.dropHint = DropReason.TTL;
  for (const controllerId of controllerIds) {
    sendToController(x, { reason: "invalid_ttl", maxLen: 0xffff, controllerId });
  }
  x.report("warn", `IPv${ethTypeOf(x.state.flow) === ETH_TYPE_IP ? 4 : 6} decrement TTL exception`);
  return true;
}
