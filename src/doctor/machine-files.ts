// The files under /proc and /sys that tell about a machine; another root directory stands in for it in tests.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** See the head of the file. */
export class MachineFiles {
  readonly #root: string;

  constructor(root = "/") {
    this.#root = root;
  }

  /** A file without white space at its ends; "" when it is not there or may not be read. */
  text(path: string): string {
    try {
      return readFileSync(join(this.#root, path), "utf8").trim();
    } catch {
      return "";
    }
  }

  /** Names in a folder; none when it is not there. */
  names(path: string): string[] {
    try {
      return readdirSync(join(this.#root, path)).sort();
    } catch {
      return [];
    }
  }
}

/** Numbers of a kernel list such as `0,2-4`; none in an empty one. */
export function parseCpuList(text: string): number[] {
  const numbers: number[] = [];
  for (const part of text.split(",")) {
    const [, low, high] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    if (low === undefined) continue;
    for (let cpu = Number(low); cpu <= Number(high ?? low); cpu++) numbers.push(cpu);
  }
  return numbers;
}

/** The value in brackets of a kernel choice such as `always [madvise] never`. */
export function chosenWord(text: string): string | undefined {
  return /\[([^\]]+)\]/.exec(text)?.[1];
}
