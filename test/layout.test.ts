// The three languages must read the same memory map.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { endianness } from "node:os";
import { test } from "node:test";
import { KEY_LANE_COUNT, KEY_LANE_SIZE, KEY_SIZE, KEY_WORD_COUNT } from "../assembly/layout/flow-key.ts";
import { AS_STATIC_BASE, MEMORY_PAGES } from "../assembly/layout/memory-map.ts";
import { renderHeader } from "../scripts/gen-layout-header.ts";
import { layoutExports } from "../scripts/layout-constants.ts";

const root = new URL("../", import.meta.url);

/** Flattens enums to `Enum.MEMBER`, as asc names their exports. */
async function constants(): Promise<Map<string, number>> {
  const flat = new Map<string, number>();
  for (const [name, value] of await layoutExports()) {
    if (typeof value === "number") flat.set(name, value);
    else
      for (const [member, n] of Object.entries(value)) {
        if (typeof n === "number") flat.set(`${name}.${member}`, n);
      }
  }
  return flat;
}

test("asc and tsc agree on every constant", async () => {
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
  const bytes = await readFile(new URL("build/layout.wasm", root));
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const fromWasm = new Map<string, number>();
  for (const [name, value] of Object.entries(instance.exports)) {
    if (value instanceof WebAssembly.Global) fromWasm.set(name, value.value >>> 0);
  }
  const fromTypeScript = await constants();
  assert.ok(fromTypeScript.size > 300, "the layout's constants were found");
  const sorted = (map: Map<string, number>): [string, number][] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(fromWasm), sorted(fromTypeScript));
});

test("the generated header is current", async () => {
  const header = await readFile(new URL("native/layout.generated.h", root), "utf8");
  assert.equal(header, await renderHeader(), "run `npm run gen`");
});

test("asconfig reserves the memory and the static region that the map names", async () => {
  const config = JSON.parse(await readFile(new URL("asconfig.json", root), "utf8"));
  assert.equal(config.options.memoryBase, AS_STATIC_BASE);
  assert.equal(config.options.initialMemory, MEMORY_PAGES);
  assert.equal(config.options.maximumMemory, MEMORY_PAGES);
});

test("the key's sizes add up, and the host is little-endian as wasm is", () => {
  assert.equal(KEY_SIZE, KEY_LANE_COUNT * KEY_LANE_SIZE);
  assert.equal(KEY_WORD_COUNT * 4, KEY_SIZE);
  assert.equal(endianness(), "LE");
});

test("the datapath neither allocates nor carries data that an instance would write over the others'", async () => {
  const bytes = await readFile(new URL("build/testing.wasm", root));
  const names = WebAssembly.Module.customSections(await WebAssembly.compile(bytes), "name")
    .map((section) => Buffer.from(section).toString("latin1"))
    .join();
  assert.ok(names.includes("assembly/key/extract"), "name section present");
  assert.ok(!names.includes("~lib/rt/"), "no runtime allocator linked in");
  assert.deepEqual(
    sectionIds(await readFile(new URL("build/datapath.wasm", root))).filter((id) => id === 11),
    [],
  );
});

/** Ids of a module's sections; 11 is data (WebAssembly core specification, 5.5.2). */
function sectionIds(module: Buffer): number[] {
  const ids: number[] = [];
  let at = 8;
  while (at < module.length) {
    ids.push(module[at++]!);
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++]!;
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += size;
  }
  return ids;
}
