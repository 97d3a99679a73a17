// The last step of every output: the packet, with its pending changes, to one port.

import { DropReason } from "../../../assembly/layout/stat.ts";
import type { OfPort } from "../../openflow/port.ts";
import type { Xlate } from "../context.ts";

/** Sends the packet as it is now to a port; whether it came from there does not matter here. */
export function outputPort(x: Xlate, ofPort: OfPort): void {
  const port = x.env.bridge.ports.get(ofPort);
  if (port === undefined) {
    x.dropHint = DropReason.NO_PORT;
    x.report("warn", "Nonexistent output port");
    return;
  }
  if (port.noForward) {
    x.dropHint = DropReason.PORT_DOWN;
    x.report("detail", "OFPPC_NO_FWD set, skipping output");
    return;
  }
  x.commit();
  x.out.push({ type: "output", port: port.odpPort });
}
