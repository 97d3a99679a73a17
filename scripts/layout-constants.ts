// Every constant of assembly/layout, for the header generator and the layout test.

import { readdir } from "node:fs/promises";

const layoutDir = new URL("../assembly/layout/", import.meta.url);

/** Returns the exports of every layout file, in file order and then name order. */
export async function layoutExports(): Promise<Map<string, number | Record<string, unknown>>> {
  const all = new Map<string, number | Record<string, unknown>>();
  for (const file of (await readdir(layoutDir)).sort()) {
    const exports: Record<string, number | Record<string, unknown>> = await import(
      new URL(file, layoutDir).href
    );
    for (const [name, value] of Object.entries(exports)) {
      if (all.has(name)) throw new Error(`${file}: ${name} is exported by another layout file too`);
      all.set(name, value);
    }
  }
  return all;
}
