// Makes the switches that the commands use.

import { MegaflowError } from "../errors.ts";
import type { ReplayEngine, ReplayEngineOptions, RunEngine, RunEngineOptions } from "./engine.ts";

/** Creates a switch on the calling thread. */
export async function createReplayEngine(_options: ReplayEngineOptions): Promise<ReplayEngine> {
  throw new MegaflowError("NOT_WIRED", "the switch is not connected to the commands");
}

/** Creates a switch on worker threads. */
export async function createRunEngine(_options: RunEngineOptions): Promise<RunEngine> {
  throw new MegaflowError("NOT_WIRED", "the switch is not connected to the commands");
}
