// The classifier's parts next to plain twins: counts of hashes, prefixes, and priorities; and the mask
// set, MAC table and registry.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY_WORD_COUNT } from "../../../../assembly/layout/flow-key.ts";
import type { OfPort } from "../../../../src/openflow/port.ts";
import { CountMap } from "../../../../src/xlate/classifier/count-map.ts";
import { PrefixTrie } from "../../../../src/xlate/classifier/prefix-trie.ts";
import { PriorityCounts } from "../../../../src/xlate/classifier/priority-counts.ts";
import { MacTable } from "../../../../src/xlate/mac-table.ts";
import { MaskSet } from "../../../../src/xlate/mask-limit.ts";
import { InternTable } from "../../../../src/xlate/registry.ts";
import { seededRandom } from "../../../classifier/rule-sets.ts";

test("a count map agrees with a Map while hashes come and go", () => {
  const random = seededRandom(3);
  const counts = new CountMap();
  const plain = new Map<number, number>();
  for (let step = 0; step < 20_000; step++) {
    const hash = Math.imul(random(200), 0x01000001) >>> 0;
    if (random(2) === 0) {
      counts.add(hash);
      plain.set(hash, (plain.get(hash) ?? 0) + 1);
    } else if (plain.has(hash)) {
      counts.remove(hash);
      const left = (plain.get(hash) as number) - 1;
      if (left === 0) plain.delete(hash);
      else plain.set(hash, left);
    }
    const probe = Math.imul(random(200), 0x01000001) >>> 0;
    assert.equal(counts.has(probe), plain.has(probe));
    assert.equal(counts.size, plain.size);
  }
  assert.throws(() => counts.remove(0x12345678), RangeError);
});

/** The first `length` bits of a value of up to four words, as text. */
function prefixText(value: Uint32Array, length: number): string {
  return [...value]
    .map((word) => word.toString(2).padStart(32, "0"))
    .join("")
    .slice(0, length);
}

test("a prefix trie knows every length that matches, and how many bits prove it", () => {
  for (const words of [1, 4]) {
    const random = seededRandom(words);
    const trie = new PrefixTrie();
    const prefixes: { value: Uint32Array; length: number }[] = [];
    const draw = () => Uint32Array.from({ length: words }, () => (random(4) * 0x20000000 + random(3)) >>> 0);
    for (let step = 0; step < 1500; step++) {
      if (prefixes.length > 0 && random(3) === 0) {
        const [gone] = prefixes.splice(random(prefixes.length), 1);
        if (gone !== undefined) trie.remove(gone.value, gone.length);
      } else {
        const prefix = { value: draw(), length: 1 + random(words * 32) };
        prefixes.push(prefix);
        trie.insert(prefix.value, prefix.length);
      }
      const value = draw();
      const lengths = new Uint32Array(4);
      const bits = trie.lookup(value, words * 32, lengths);
      for (let length = 1; length <= words * 32; length++) {
        const expected = prefixes.some(
          (p) => p.length === length && prefixText(p.value, length) === prefixText(value, length),
        );
        const told = ((lengths[(length - 1) >>> 5] as number) & (0x80000000 >>> ((length - 1) & 31))) !== 0;
        assert.equal(told, expected, `step ${step} length ${length}`);
      }
      // Every prefix that does not match differs from the value within the bits that were looked at.
      for (const p of prefixes) {
        if (prefixText(p.value, p.length) === prefixText(value, p.length)) continue;
        const seen = Math.min(bits, p.length);
        assert.notEqual(prefixText(p.value, seen), prefixText(value, seen), `step ${step}`);
      }
    }
    for (const { value, length } of prefixes) trie.remove(value, length);
    assert.ok(trie.empty);
  }
});

test("priority counts know the highest", () => {
  const random = seededRandom(11);
  const counts = new PriorityCounts();
  const plain: number[] = [];
  assert.equal(counts.max, -1);
  for (let step = 0; step < 5000; step++) {
    if (plain.length > 0 && random(2) === 0) {
      const [gone] = plain.splice(random(plain.length), 1);
      counts.remove(gone as number);
    } else {
      const priority = random(60);
      plain.push(priority);
      counts.add(priority);
    }
    assert.equal(counts.max, plain.length === 0 ? -1 : Math.max(...plain));
  }
});

test("over the limit a mask gives way to the narrowest wider one in use, or to everything", () => {
  const everything = new Uint32Array(KEY_WORD_COUNT).fill(0xffffffff);
  const maskOf = (...words: number[]) => {
    const mask = new Uint32Array(KEY_WORD_COUNT);
    mask.set(words);
    return mask;
  };
  const set = new MaskSet(3);
  const narrow = maskOf(0xff, 0);
  const wide = maskOf(0xffff, 0xff);
  const other = maskOf(0x10000, 0);
  const chosen = (mask: Uint32Array) => set.choose(mask, everything);
  assert.deepEqual(chosen(other).bits, other);
  const kept = [narrow, wide].map(chosen);
  for (const mask of kept) set.retain(mask);
  assert.equal(set.size, 2);
  assert.equal(chosen(maskOf(0x0f, 0)), kept[0]);
  assert.equal(chosen(maskOf(0x0f, 1)), kept[1]);
  assert.equal(chosen(narrow.slice()), kept[0]);
  const last = chosen(other);
  assert.deepEqual(last.bits, everything);
  set.retain(last);
  assert.equal(set.size, set.limit);
  assert.equal(chosen(other), last);
  set.release(kept[1] as (typeof kept)[number]);
  set.release(last);
  assert.equal(set.size, 1);
  assert.deepEqual(chosen(other).bits, other);
});

test("a MAC table learns, moves, ages and makes room", () => {
  const macs = new MacTable();
  const port = (n: number) => n as OfPort;
  assert.equal(macs.learn(1n, 0, port(1), 0), true);
  assert.equal(macs.learn(1n, 0, port(1), 1000), false);
  assert.equal(macs.lookup(1n, 0), 1);
  assert.equal(macs.lookup(1n, 5), undefined);
  assert.equal(macs.learn(1n, 0, port(2), 2000), true);
  assert.equal(macs.lookup(1n, 0), 2);
  assert.equal(macs.expire(2000 + 299_999), false);
  assert.equal(macs.expire(2000 + 300_000), true);
  assert.equal(macs.size, 0);
  macs.entriesMax = 2;
  for (const mac of [1n, 2n, 1n, 3n]) macs.learn(mac, 0, port(1), 0);
  assert.deepEqual(
    [...macs.entries()].map((entry) => entry.mac),
    [1n, 3n],
  );
  macs.flush(port(1));
  assert.equal(macs.size, 0);
});

test("equal things get equal numbers, and unused ones are forgotten", () => {
  const table = new InternTable<object>();
  const item = () => ({ words: Uint32Array.of(1, 2), big: 5n, list: [{ type: "output" }] });
  const id = table.intern(item());
  assert.notEqual(id, 0);
  assert.equal(table.intern(item()), id);
  assert.notEqual(table.intern({ ...item(), big: 6n }), id);
  table.retain(id);
  table.sweep();
  table.sweep();
  assert.equal(table.size, 1);
  assert.deepEqual(table.get(id), item());
  table.release(id);
  table.sweep();
  assert.equal(table.size, 1, "a packet may be between two passes");
  table.sweep();
  assert.equal(table.size, 0);
});
