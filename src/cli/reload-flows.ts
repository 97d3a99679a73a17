// SIGHUP to `megaflow run`: the rules of its file are read again and take the place of those that there are, all
// at once or not at all.

import { loadRunConfig } from "../config/run-config.ts";
import { MegaflowError } from "../errors.ts";
import type { RunEngine } from "./engine.ts";

/** Reads the rules again whenever SIGHUP comes; returns what ends that. */
export function reloadOnHangup(file: string, engine: RunEngine, log: (line: string) => void): () => void {
  let last = Promise.resolve();
  const reload = () => {
    last = last.then(async () => log(await reloadFlows(file, engine)));
  };
  process.on("SIGHUP", reload);
  return () => process.off("SIGHUP", reload);
}

/** Replaces the rules; returns what to say of it. A mistake in the file leaves everything as it is. */
async function reloadFlows(file: string, engine: RunEngine): Promise<string> {
  const start = performance.now();
  try {
    const { flows } = loadRunConfig(file);
    const { added, modified, removed, unchanged } = await engine.replaceFlows(flows);
    const tookMs = Math.ceil(performance.now() - start);
    return `rules read again: ${added} added, ${modified} changed, ${removed} removed, ${unchanged} as before; in force after ${tookMs} ms`;
  } catch (error) {
    if (!(error instanceof MegaflowError) && !isFileError(error)) throw error;
    return `rules stay as they are: ${(error as Error).message}`;
  }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
