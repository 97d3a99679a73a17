// The addon's view of linear memory: addresses of shared and private memories, and advice that the kernel took.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { requireNative } from "../../src/native.ts";

const addon = requireNative("this test");
const MIB = 1024 * 1024;

/** The fields of /proc/self/smaps for the mapping that holds an address. */
function mappingOf(address: bigint): string {
  const blocks = readFileSync("/proc/self/smaps", "utf8").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  const found = blocks.find((block) => {
    const [low, high] = block
      .split(" ")[0]!
      .split("-")
      .map((bound) => BigInt(`0x${bound}`));
    return address >= low! && address < high!;
  });
  assert.ok(found !== undefined, `no mapping holds 0x${address.toString(16)}`);
  return found;
}

for (const shared of [true, false]) {
  const kind = shared ? "shared" : "private";

  test(`the address of a ${kind} WebAssembly memory is page aligned and follows the view's offset`, () => {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared });
    const base = addon.memoryAddress(new Uint8Array(memory.buffer));
    assert.equal(base % 65536n, 0n);
    assert.equal(addon.memoryAddress(new Uint8Array(memory.buffer, 4096 * 3)), base + 4096n * 3n);
  });

  test(`huge pages are advised for whole 2 MiB pages of a ${kind} memory`, () => {
    const memory = new WebAssembly.Memory({ initial: 256, maximum: 256, shared });
    const bytes = new Uint8Array(memory.buffer);
    const base = addon.memoryAddress(bytes);
    const toNextHugePage = Number(((-base % BigInt(2 * MIB)) + BigInt(2 * MIB)) % BigInt(2 * MIB));
    assert.equal(addon.adviseHugePages(bytes, toNextHugePage, 2 * MIB), 2 * MIB);
    assert.equal(addon.adviseHugePages(bytes, toNextHugePage + 1, 2 * MIB), 0, "no whole huge page inside");
    assert.match(mappingOf(base + BigInt(toNextHugePage)), /VmFlags:.* hg\b/);
  });
}

test("populated memory is resident before anyone touches it", () => {
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  // Of this mapping alone: the rest of the process grows and shrinks by itself.
  const resident = (): number =>
    Number(/^Rss: +(\d+) kB$/m.exec(mappingOf(addon.memoryAddress(bytes)))?.[1]) * 1024;
  const before = resident();
  assert.equal(addon.populateMemory(bytes, 16 * MIB, 32 * MIB), 32 * MIB);
  assert.ok(resident() - before >= 32 * MIB, `${before}, then ${resident()}`);
});

test("a part outside the view is refused before anything is advised", () => {
  const bytes = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer);
  assert.throws(() => addon.adviseHugePages(bytes, 65536, 1), {
    name: "RangeError",
    message: "offset 65536 + length 1: expected to end within 65536 bytes",
  });
  assert.throws(() => addon.populateMemory(bytes, 0, 65537), RangeError);
  assert.throws(() => addon.adviseHugePages(new Uint16Array(4) as never, 0, 0), {
    name: "TypeError",
    message: /memory: expected a Uint8Array/,
  });
});
