// The testing build of the datapath module over a memory of its own. The module is compiled once a process;
// `npm run build:wasm` makes build/testing.wasm.

import { readFile } from "node:fs/promises";
import { MEMORY_PAGES, REGION_BASE } from "../../assembly/layout/memory-map.ts";

/** An instance and three views of its memory, of which only what is touched takes up real memory. */
export interface TestingInstance {
  readonly exports: Record<string, (...values: never[]) => unknown>;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly memory: WebAssembly.Memory;
  /** Start of the memory that the module does not use by itself. */
  readonly base: number;
}

const file = new URL("../../build/testing.wasm", import.meta.url);
let compiled: Promise<WebAssembly.Module> | undefined;

/** Returns a new instance over `memory`, by default a new one. */
export async function testingInstance(memory = switchMemory()): Promise<TestingInstance> {
  compiled ??= readFile(file).then((bytes) => WebAssembly.compile(bytes));
  const instance = new WebAssembly.Instance(await compiled, { env: { memory, abort } });
  return {
    exports: instance.exports as TestingInstance["exports"],
    bytes: new Uint8Array(memory.buffer),
    words: new Uint32Array(memory.buffer),
    view: new DataView(memory.buffer),
    memory,
    base: REGION_BASE,
  };
}

/** A memory like a switch's: every page reserved, none in use. */
export function switchMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
}

function abort(message: number, source: number, line: number, column: number): never {
  throw new Error(`the datapath asserted at ${line}:${column} (message ${message}, source ${source})`);
}
