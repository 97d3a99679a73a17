// What the writer writes, the reader reads back and tcpdump's format says.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CaptureReader } from "../../../../src/netdev/pcap/reader.ts";
import { CaptureWriter } from "../../../../src/netdev/pcap/writer.ts";
import { pcapFile } from "../../../support/capture-builder.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "megaflow-writer-"));
});
after(() => rm(folder, { recursive: true }));

const packets = Array.from({ length: 20_000 }, (_, i) => ({
  timeNs: 1_795_000_000_999_999_999n + BigInt(i) * 1_000_003n,
  bytes: Buffer.alloc(14 + (i % 200), i),
}));

for (const nanosecond of [false, true]) {
  test(`a ${nanosecond ? "nano" : "micro"}second file is what the format says, byte for byte`, async () => {
    const file = join(folder, "out.pcap");
    const writer = new CaptureWriter(file, { nanosecond });
    for (const packet of packets) writer.write(packet.timeNs, packet.bytes);
    writer.close();
    const written = await readFile(file);
    // The builder says 262,144 as snap length too.
    assert.ok(written.equals(pcapFile(packets, { nanosecond })));
  });
}

test("the longest packet and a cut packet survive", async () => {
  const file = join(folder, "long.pcap");
  const writer = new CaptureWriter(file, { nanosecond: true });
  writer.writeAt(1, 2, Buffer.alloc(262_144, 3), 262_144);
  writer.writeAt(3, 4, Buffer.alloc(60, 5), 1514);
  writer.close();
  const reader = await CaptureReader.open(file);
  const batch = await reader.next();
  assert.equal(batch?.count, 2);
  assert.deepEqual([batch?.lengths[0], batch?.wireLengths[0]], [262_144, 262_144]);
  assert.deepEqual([batch?.lengths[1], batch?.wireLengths[1]], [60, 1514]);
  assert.deepEqual([batch?.timestampNs(0), batch?.timestampNs(1)], [1_000_000_002n, 3_000_000_004n]);
  assert.equal(await reader.next(), undefined);
  await reader.close();
});

test("a folder that does not exist is the file system's error", () => {
  assert.throws(() => new CaptureWriter(join(folder, "none", "x.pcap"), { nanosecond: true }), {
    code: "ENOENT",
  });
});
