// Sizes of the CPU's caches, as Linux tells them: which of them a table fits in says much about its speed.

import { readdirSync, readFileSync } from "node:fs";
import type { CpuCache } from "./shapes.ts";

const FOLDER = "/sys/devices/system/cpu/cpu0/cache";

/** Returns the data and unified caches, smallest first; none where nobody tells. */
export function readCpuCaches(): CpuCache[] {
  try {
    return readdirSync(FOLDER)
      .filter((name) => name.startsWith("index"))
      .map(readCache)
      .filter((cache) => cache !== undefined)
      .sort((a, b) => a.bytes - b.bytes);
  } catch {
    return [];
  }
}

function readCache(index: string): CpuCache | undefined {
  const text = (name: string): string => readFileSync(`${FOLDER}/${index}/${name}`, "utf8").trim();
  const size = /^([0-9]+)([KM]?)$/.exec(text("size"));
  if (text("type") === "Instruction" || size === null) return undefined;
  const factor = { "": 1, K: 1024, M: 1 << 20 }[size[2] as "" | "K" | "M"];
  return { name: `L${text("level")}`, bytes: Number(size[1]) * factor };
}
