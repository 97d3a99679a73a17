// COLD: the receive stage by itself, for a bench that times a batch stage by stage.

import { setting } from "../core/state.ts";
import { BATCH_MAX } from "../layout/limits.ts";
import { Setting } from "../layout/pmd.ts";
import { receiveContext } from "./contexts.ts";
import { receiveBurst, rxqAt } from "./receive.ts";

/** Receives a burst of the queue; returns the context for the other stages, or 0 when there is none. */
export function stageReceive(rxq: u32): u32 {
  const context = receiveContext();
  return receiveBurst(rxqAt(rxq), context, min<u32>(setting(Setting.BATCH), BATCH_MAX)) === 0 ? 0 : context;
}
