// A wasm instance of the datapath over the switch's memory: what index.ts of assembly exports, typed.

import { readFileSync } from "node:fs";
import { LAYOUT_SEQ } from "../../assembly/layout/memory-map.ts";
import { MegaflowError } from "../errors.ts";
import { projectFile } from "../project.ts";
import type { SwitchMemory } from "./memory.ts";

/** The datapath's exports; addresses and counts are unsigned 32 bits seen as numbers. */
export interface DatapathExports {
  layoutSeq(): number;
  /** Starts the PMD whose control block lies at the address. */
  pmdInit(control: number): void;
  /** Takes at most `turns` turns at `now` ms; returns packets received and commands applied. */
  poll(turns: number, now: number): number;
  /** Receives a burst of a queue; returns the context for the other stages, or 0. */
  stageReceive(rxq: number): number;
  stageExtract(context: number): void;
  stageHash(context: number): void;
  stageMicroflow(context: number): void;
  stageMaskCache(context: number): void;
  stageMasked(context: number): void;
  stageForward(context: number): void;
}

let compiled: WebAssembly.Module | undefined;

/**
 * The compiled datapath, read once a thread; it can be posted to workers. MEGAFLOW_DATAPATH names the file
 * of another build, so that two builds can be compared.
 */
export function datapathModule(): WebAssembly.Module {
  if (compiled === undefined) {
    const { MEGAFLOW_DATAPATH: chosen } = process.env;
    const file = chosen ?? projectFile("build/datapath.wasm");
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(file);
    } catch (cause) {
      throw new MegaflowError(
        "DATAPATH_MISSING",
        `${file} is not there: run "npm run build" in the package`,
        {
          cause,
        },
      );
    }
    compiled = new WebAssembly.Module(bytes);
  }
  return compiled;
}

/** Instantiates the datapath for the PMD whose control block lies at `control`. */
export function startDatapath(
  memory: SwitchMemory,
  control: number,
  module: WebAssembly.Module = datapathModule(),
): DatapathExports {
  const env = {
    memory: memory.wasm,
    abort: (_message: number, _file: number, line: number, column: number) => {
      throw new MegaflowError("DATAPATH_ABORT", `the datapath's own check failed at line ${line}:${column}`);
    },
  };
  const exports = new WebAssembly.Instance(module, { env }).exports as unknown as DatapathExports;
  if (exports.layoutSeq() !== LAYOUT_SEQ) {
    throw new MegaflowError(
      "DATAPATH_STALE",
      `build/datapath.wasm has layout ${exports.layoutSeq()}, the controller ${LAYOUT_SEQ}: run "npm run build"`,
    );
  }
  exports.pmdInit(control);
  return exports;
}
