// Merging captures: by time, then port; each file in its own order; mistakes last.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CaptureMerge } from "../../../../src/netdev/pcap/merge.ts";
import { CaptureReader } from "../../../../src/netdev/pcap/reader.ts";
import { pcapFile } from "../../../support/capture-builder.ts";
import fc from "../../../support/fast-check.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "megaflow-merge-"));
});
after(() => rm(folder, { recursive: true }));

interface Merged {
  /** `port:time:name of the packet`. */
  order: string[];
  error: unknown;
}

/** Merges one capture a port, each a list of times in ns. */
async function merge(captures: ReadonlyMap<number, readonly number[]>, cutPort?: number): Promise<Merged> {
  const sources = [];
  for (const [port, times] of captures) {
    const packets = times.map((time, i) => ({ timeNs: BigInt(time), bytes: nameBytes(port, i) }));
    const file = pcapFile(packets, { nanosecond: true });
    const path = join(folder, `${port}.pcap`);
    await writeFile(path, port === cutPort ? file.subarray(0, file.length - 1) : file);
    sources.push({ port, reader: await CaptureReader.open(path) });
  }
  const merged = new CaptureMerge(sources);
  const result: Merged = { order: [], error: undefined };
  try {
    for (let batch = await merged.next(); batch !== undefined; batch = await merged.next()) {
      for (let i = 0; i < batch.count; i++) {
        result.order.push(`${batch.ports[i]}:${batch.timestampNs(i)}:${batch.packet(i).toString().trim()}`);
      }
    }
  } catch (error) {
    result.error = error;
  }
  for (const source of sources) await source.reader.close();
  return result;
}

function nameBytes(port: number, i: number): Buffer {
  return Buffer.from(`${port}/${i}`.padEnd(20));
}

test("packets of several captures come by time, then by port", async () => {
  const captures = new Map([
    [7, [10, 20, 30]],
    [2, [10, 25, 30, 40]],
    [3, [5]],
  ]);
  const { order, error } = await merge(captures);
  assert.equal(error, undefined);
  assert.deepEqual(order, [
    "3:5:3/0",
    "2:10:2/0",
    "7:10:7/0",
    "7:20:7/1",
    "2:25:2/1",
    "2:30:2/2",
    "7:30:7/2",
    "2:40:2/3",
  ]);
});

test("the merge of sorted captures is the sorted list of all packets, whatever their lengths", async () => {
  const times = fc.array(fc.nat(5000), { maxLength: 40 }).map((list) => list.sort((a, b) => a - b));
  await fc.assert(
    fc.asyncProperty(times, times, times, fc.nat(3), async (a, b, c, long) => {
      // Longer than a batch, so that one source runs out of its batch in the middle.
      const many = Array.from({ length: long * 2500 }, (_, i) => i * 2);
      const captures = new Map([
        [1, a],
        [5, b],
        [3, c],
        [4, many],
      ]);
      const all = [...captures].flatMap(([port, list]) => list.map((time, i) => ({ port, time, i })));
      all.sort((x, y) => x.time - y.time || x.port - y.port || x.i - y.i);
      const { order } = await merge(captures);
      assert.deepEqual(
        order,
        all.map(({ port, time, i }) => `${port}:${time}:${port}/${i}`),
      );
    }),
    { numRuns: 30 },
  );
});

test("a capture whose clock steps back keeps its order", async () => {
  const { order } = await merge(
    new Map([
      [1, [100, 50, 120]],
      [2, [60, 110]],
    ]),
  );
  assert.deepEqual(order, ["2:60:2/0", "1:100:1/0", "1:50:1/1", "2:110:2/1", "1:120:1/2"]);
});

test("a cut capture loses its last packet only, and the mistake comes after everything else", async () => {
  const captures = new Map([
    [1, [10, 20]],
    [2, [15, 30, 40]],
  ]);
  const { order, error } = await merge(captures, 1);
  assert.deepEqual(order, ["1:10:1/0", "2:15:2/0", "2:30:2/1", "2:40:2/2"]);
  assert.match((error as Error).message, /1\.pcap: .*cut off/);
});
