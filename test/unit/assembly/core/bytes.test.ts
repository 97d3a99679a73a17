// Packets copied by vectors: every length arrives whole, and nothing behind it changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { testingInstance } from "../../../support/wasm.ts";

/** A copy may fill up to here, whatever it was asked for. */
const VECTORS = 64;
const LONGEST = 4200;

const { exports, bytes, base } = await testingInstance();
const copyBytes = exports["copyBytes"] as (target: number, source: number, length: number) => void;

test("packets of every length are copied whole, and what follows them stays", () => {
  const source = base;
  const target = base + 2 * LONGEST;
  for (let i = 0; i < LONGEST; i++) bytes[source + i] = (i * 31 + (i >> 8)) & 0xff;
  const expected = Buffer.from(bytes.subarray(source, source + LONGEST));
  for (let length = 1; length <= LONGEST - 64; length++) {
    const shift = length % 17;
    bytes.fill(0xee, target, target + LONGEST);
    copyBytes(target, source + shift, length);
    const copied = Buffer.from(bytes.buffer, bytes.byteOffset + target, length);
    assert.ok(copied.equals(expected.subarray(shift, shift + length)), `${length} bytes`);
    const behind = bytes.subarray(target + Math.max(length, VECTORS), target + LONGEST);
    assert.ok(
      behind.every((byte) => byte === 0xee),
      `behind ${length} bytes`,
    );
  }
});
