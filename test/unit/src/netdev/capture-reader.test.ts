// Captures of every format, byte order, time unit and kind of damage, against what they were built from.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { CaptureError } from "../../../../src/errors.ts";
import { CaptureReader } from "../../../../src/netdev/pcap/reader.ts";
import {
  type CapturedPacket,
  type PcapngInterface,
  pcapFile,
  pcapngBlock,
  pcapngSection,
} from "../../../support/capture-builder.ts";
import fc from "../../../support/fast-check.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "megaflow-capture-"));
});
after(() => rm(folder, { recursive: true }));

interface Read {
  packets: { timeNs: bigint; hex: string; wireLength: number }[];
  error: unknown;
  format: string;
  nanosecond: boolean;
}

async function readAll(bytes: Buffer, name = "in.pcap"): Promise<Read> {
  const file = join(folder, name);
  await writeFile(file, bytes);
  const reader = await CaptureReader.open(file);
  const result: Read = { packets: [], error: undefined, format: reader.format, nanosecond: false };
  try {
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      for (let i = 0; i < batch.count; i++) {
        result.packets.push({
          timeNs: batch.timestampNs(i),
          hex: batch.packet(i).toString("hex"),
          wireLength: batch.wireLengths[i] as number,
        });
      }
    }
  } catch (error) {
    result.error = error;
  }
  result.nanosecond = reader.nanosecond;
  await reader.close();
  return result;
}

function expected(packets: readonly CapturedPacket[], unitNs = 1n) {
  return packets.map((packet) => ({
    timeNs: (packet.timeNs / unitNs) * unitNs,
    hex: packet.bytes.toString("hex"),
    wireLength: packet.wireLength ?? packet.bytes.length,
  }));
}

/** 2026, with nanoseconds that microseconds cannot hold. */
const START_NS = 1_795_000_000_123_456_789n;

function somePackets(count: number, length = (i: number) => 14 + ((i * 37) % 90)): CapturedPacket[] {
  return Array.from({ length: count }, (_, i) => ({
    timeNs: START_NS + BigInt(i) * 1_234_567n,
    bytes: Buffer.alloc(length(i), i + 1),
  }));
}

/** Packets of bytes that gzip cannot make smaller, so that the file is long. */
function incompressiblePackets(count: number): CapturedPacket[] {
  const random = new SeededRandom(7);
  return somePackets(count, (i) => 60 + ((i * 7919) % 900)).map((packet) => ({
    ...packet,
    bytes: Buffer.from(packet.bytes.map(() => random.u32() & 0xff)),
  }));
}

for (const bigEndian of [false, true]) {
  for (const nanosecond of [false, true]) {
    for (const packed of [false, true]) {
      const name = `${bigEndian ? "big" : "little"}-endian ${nanosecond ? "nano" : "micro"}second`;
      test(`pcap: ${name}${packed ? ", gzip" : ""}`, async () => {
        const packets = somePackets(50);
        const file = pcapFile(packets, { bigEndian, nanosecond });
        const read = await readAll(packed ? gzipSync(file) : file);
        assert.equal(read.error, undefined);
        assert.deepEqual(read.packets, expected(packets, nanosecond ? 1n : 1000n));
        assert.equal(read.format, "pcap");
        assert.equal(read.nanosecond, nanosecond);
      });
    }
  }
  test(`pcapng: ${bigEndian ? "big" : "little"}-endian, all three packet blocks, several interfaces`, async () => {
    const interfaces: PcapngInterface[] = [
      {},
      { resolution: 9 },
      { resolution: 3, offsetSeconds: 1_000_000 },
    ];
    const packets: CapturedPacket[] = somePackets(30).map((packet, i) => ({
      ...packet,
      interface: i % 3,
      block: i % 2 === 0 ? "enhanced" : "obsolete",
    }));
    const read = await readAll(pcapngSection(interfaces, packets, bigEndian));
    assert.equal(read.error, undefined);
    const units = [1000n, 1n, 1_000_000n];
    const wanted = packets.map((packet, i) => expected([packet], units[i % 3] as bigint)[0]);
    assert.deepEqual(read.packets, wanted);
    assert.equal(read.nanosecond, true);
  });
}

test("pcapng: a simple packet has the time of the packet before it, and the snap length cuts it", async () => {
  const packets: CapturedPacket[] = [
    { timeNs: START_NS, bytes: Buffer.alloc(20, 1) },
    { timeNs: START_NS, bytes: Buffer.alloc(17, 2), block: "simple" },
    { timeNs: START_NS, bytes: Buffer.alloc(64, 3), wireLength: 1000, block: "simple" },
  ];
  const read = await readAll(pcapngSection([{ snapLength: 64, resolution: 9 }], packets));
  assert.equal(read.error, undefined);
  assert.deepEqual(read.packets, expected(packets));
});

test("pcapng: sections of different byte orders, each with its own interfaces; other blocks are skipped", async () => {
  const packets = somePackets(6);
  const large = pcapngBlock(0x0bad, Buffer.alloc(3 << 20));
  const file = Buffer.concat([
    pcapngSection([{ resolution: 9 }], packets.slice(0, 3), true),
    pcapngSection(
      [{ linkType: 101 }, { resolution: 9 }],
      packets.slice(3).map((p) => ({ ...p, interface: 1 })),
    ),
    large,
  ]);
  const read = await readAll(file);
  assert.equal(read.error, undefined);
  assert.deepEqual(read.packets, expected(packets));
  const cut = await readAll(file.subarray(0, file.length - 8));
  assert.equal(cut.packets.length, 6);
  assert.equal((cut.error as CaptureError).code, "CAPTURE_TRUNCATED");
});

test("pcapng: time stamps of every resolution are exact to the nanosecond", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0x80, max: 0x80 + 40 })),
      fc.bigInt({ min: 0n, max: 2n ** 62n / 1_000_000n }),
      async (resolution, timeNs) => {
        const scale = (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution & 0x7f);
        const stored = (timeNs * scale) / 1_000_000_000n;
        fc.pre(stored < 2n ** 64n);
        const read = await readAll(pcapngSection([{ resolution }], [{ timeNs, bytes: Buffer.alloc(14) }]));
        assert.equal(read.packets[0]?.timeNs, (stored * 1_000_000_000n) / scale);
      },
    ),
    { numRuns: 200 },
  );
});

test("a packet cut by the snap length keeps its length on the wire", async () => {
  const packets = [{ timeNs: 0n, bytes: Buffer.alloc(96, 7), wireLength: 1514 }];
  assert.deepEqual((await readAll(pcapFile(packets))).packets, expected(packets));
  assert.deepEqual((await readAll(pcapngSection([{}], packets))).packets, expected(packets));
});

test("packets longer than 64 KiB are delivered: dropping them is the switch's business", async () => {
  const packets = [
    { timeNs: 0n, bytes: Buffer.alloc(65_537, 1) },
    { timeNs: 0n, bytes: Buffer.alloc(262_144, 2) },
  ];
  assert.deepEqual((await readAll(pcapFile(packets))).packets, expected(packets));
  assert.deepEqual((await readAll(pcapngSection([{}], packets))).packets, expected(packets));
});

test("an empty capture of either format ends at once", async () => {
  assert.deepEqual((await readAll(pcapFile([]))).packets, []);
  assert.deepEqual((await readAll(pcapngSection([], []))).packets, []);
});

test("records across the edges of the read window are whole", async () => {
  // 3 MB in records of uneven length; the window is 1 MiB.
  const packets = somePackets(5000, (i) => 14 + ((i * 7919) % 1200));
  for (const file of [pcapFile(packets, { nanosecond: true }), pcapngSection([{ resolution: 9 }], packets)]) {
    const read = await readAll(file);
    assert.equal(read.error, undefined);
    assert.deepEqual(read.packets, expected(packets));
  }
});

test("a capture cut anywhere delivers every whole packet, then names the file and the offset", async () => {
  const packets = somePackets(4, () => 20);
  const files = { pcap: pcapFile(packets), pcapng: pcapngSection([{}], packets) };
  for (const [format, file] of Object.entries(files)) {
    const ends = recordEnds(file, format);
    for (let length = 5; length < file.length; length++) {
      const wholeStart = ends.filter((end) => end <= length).at(-1) ?? 0;
      const whole = format === "pcap" ? ends.indexOf(wholeStart) : ends.indexOf(wholeStart) - 1;
      const read = await readAll(file.subarray(0, length));
      assert.equal(read.packets.length, Math.max(0, whole), `${format} cut at ${length}`);
      if (wholeStart === length) {
        assert.equal(read.error, undefined, `${format} cut at ${length}`);
        continue;
      }
      assert.ok(read.error instanceof CaptureError, `${format} cut at ${length}`);
      assert.equal(read.error.code, "CAPTURE_TRUNCATED");
      assert.equal(read.error.offset, wholeStart);
      assert.match(read.error.message, new RegExp(`in\\.pcap: .*cut off .* at byte ${wholeStart}$`));
    }
  }
});

/** Ends of the records of a file, the first being the file header's. */
function recordEnds(file: Buffer, format: string): number[] {
  const ends: number[] = format === "pcap" ? [24] : [];
  for (let at = ends[0] ?? 0; at < file.length; ) {
    at += format === "pcap" ? 16 + file.readUInt32LE(at + 8) : file.readUInt32LE(at + 4);
    ends.push(at);
  }
  return ends;
}

test("a gzip file that ends too soon delivers what it holds, then says so", async () => {
  const packets = incompressiblePackets(3000);
  const file = gzipSync(pcapFile(packets, { nanosecond: true }));
  const read = await readAll(file.subarray(0, Math.floor(file.length / 2)), "cut.pcap.gz");
  assert.ok(read.packets.length > 100 && read.packets.length < 3000, `${read.packets.length} packets`);
  assert.deepEqual(read.packets, expected(packets.slice(0, read.packets.length)));
  assert.equal((read.error as CaptureError).code, "CAPTURE_TRUNCATED");
  assert.match(
    (read.error as Error).message,
    /cut\.pcap\.gz: the gzip data ends too soon after \d+ unpacked bytes/,
  );
  const trailer = await readAll(file.subarray(0, file.length - 4), "trailer.pcap.gz");
  assert.equal(trailer.packets.length, 3000);
  assert.equal((trailer.error as CaptureError).code, "CAPTURE_TRUNCATED");
});

test("damaged gzip data is an error after the packets before the damage", async () => {
  const packets = incompressiblePackets(3000);
  const file = gzipSync(pcapFile(packets, { nanosecond: true }));
  file.fill(0xff, file.length - 2000, file.length - 1000);
  const read = await readAll(file, "damaged.pcap.gz");
  assert.ok(read.packets.length > 1000, `${read.packets.length} packets`);
  assert.match((read.error as Error).message, /damaged\.pcap\.gz: the gzip data is damaged/);
  await writeFile(join(folder, "early.gz"), file.fill(0xff, 20, 2000));
  await assert.rejects(
    CaptureReader.open(join(folder, "early.gz")),
    /early\.gz: not a .*gzip data is damaged/,
  );
});

const refused: readonly [string, Buffer, RegExp][] = [
  ["an empty file", Buffer.alloc(0), /not a pcap or pcapng capture: the file is empty/],
  ["a text file", Buffer.from("in_port=1,actions=2\n"), /capture: the file starts with 696e5f70$/],
  ["three bytes", Buffer.from("abc"), /not a pcap or pcapng capture/],
  [
    "a pcap of raw IP",
    pcapFile([], { linkType: 101 }),
    /raw IP \(link type 101\), only Ethernet \(link type 1\)/,
  ],
  ["a pcap of 802.11", pcapFile([], { linkType: 105 }), /IEEE 802\.11 \(link type 105\)/],
  [
    "a pcapng of raw IP",
    pcapngSection([{ linkType: 101 }], [{ timeNs: 0n, bytes: Buffer.alloc(20) }]),
    /raw IP \(link type 101\)/,
  ],
];
for (const [what, bytes, message] of refused) {
  test(`${what} is refused when opened`, async () => {
    const file = join(folder, "refused");
    await writeFile(file, bytes);
    await assert.rejects(CaptureReader.open(file), (error: CaptureError) => {
      assert.equal(error.code, "CAPTURE_FORMAT");
      assert.ok(error.message.startsWith(`${file}: `));
      assert.match(error.message, message);
      return true;
    });
  });
}

test("a missing file is the file system's error", async () => {
  await assert.rejects(CaptureReader.open(join(folder, "none.pcap")), { code: "ENOENT" });
});

test("a capture that contradicts itself delivers what is before, then names the place", async () => {
  const packets = somePackets(3, () => 20);
  const pcap = pcapFile(packets);
  pcap.writeUInt32LE(300_000, 24 + 36 + 36 + 8);
  const longPacket = await readAll(pcap);
  assert.equal(longPacket.packets.length, 2);
  assert.match((longPacket.error as Error).message, /a packet claims 300000 bytes.* at byte 96$/);

  const section = pcapngSection([{}], packets);
  const cases: [Buffer, RegExp][] = [
    [
      pcapngBlock(6, Buffer.from("0500000000000000000000000000000000000000", "hex")),
      /names interface 5, of 1/,
    ],
    [
      pcapngBlock(6, Buffer.from("000000000000000000000000ff00000000000000", "hex")),
      /claims 255 bytes in a block of 32/,
    ],
    [Buffer.from("060000000d000000000000000d000000", "hex"), /a block claims 13 bytes/],
    [Buffer.from("060000002000000000000000", "hex").fill(0, 8), /cut off/],
    [pcapngBlock(6, Buffer.alloc(4)), /packet block is too short/],
    [pcapngBlock(1, Buffer.alloc(4)), /interface block is too short/],
  ];
  for (const [tail, message] of cases) {
    const read = await readAll(Buffer.concat([section, tail]));
    assert.equal(read.packets.length, 3);
    assert.match((read.error as Error).message, message);
    assert.match((read.error as Error).message, new RegExp(`at byte ${section.length}$`));
  }
});

test("any bytes after a valid header end in packets or an error, never in a crash or a hang", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 400 }), async (isPcap, junk) => {
      const head = isPcap ? pcapFile([]) : pcapngSection([{}], []);
      const read = await readAll(Buffer.concat([head, junk]));
      assert.ok(read.error === undefined || read.error instanceof CaptureError, String(read.error));
    }),
    { numRuns: 300 },
  );
});
