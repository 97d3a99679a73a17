// `megaflow replay` as scripts use it: the JSON contract, captures in and out, and what a cut capture does.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { CaptureReader } from "../../src/netdev/pcap/reader.ts";
import { type CapturedPacket, pcapFile, pcapngSection } from "../support/capture-builder.ts";
import { jsonLines, megaflow, startMegaflow } from "../support/megaflow-command.ts";
import { arp, ethernet, ipv4, packet, padTo, udp } from "../support/packet-builder.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-replay-"));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);

const toB = padTo(
  packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.0.1.2", ttl: 9 }), udp({ src: 7, dst: 8 })),
);
const toC = padTo(packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.0.2.2" }), udp({ src: 7, dst: 8 })));
const toNobody = padTo(
  packet(ethernet(), ipv4({ src: "10.0.0.1", dst: "10.9.9.9" }), udp({ src: 7, dst: 8 })),
);
const question = padTo(packet(ethernet(), arp()));

write(
  "a.flows",
  `cookie=0x1a,ip,nw_dst=10.0.1.0/24 actions=output:2,output:3
ip,nw_dst=10.0.2.0/24 actions=resubmit(,4)
cookie=0xbeef,table=4,ip actions=controller(max_len=20)
arp,in_port=1 actions=LOCAL
arp,in_port=LOCAL actions=1
`,
);
const list = [
  ["1", toB],
  ["2", toB],
  ["1", toC],
  ["1", toNobody],
  ["1", toB],
] as const;
write(
  "p.txt",
  `# four kinds\n\n${list.map(([port, bytes]) => `${port} ${bytes.toString("hex")} # note`).join("\n")}\n`,
);

interface PacketLine {
  index: number;
  pass: number;
  inPort: number;
  hex: string;
  out: [number, string][];
  controller: { reason: string; table: number; cookie: string; totalLen: number; hex: string }[];
  drop: string | null;
  lookups: { recircId: number; level: string; masksVisited: number }[];
}

interface Summary {
  received: number;
  forwarded: number;
  transmissions: number;
  consumed: number;
  dropped: Record<string, number>;
  upcalls: number;
  megaflows: { ufid: string; match: string; actions: string; packets: number; bytes: number }[];
  masks: number;
}

async function replayJson(
  ...args: string[]
): Promise<{ packets: PacketLine[]; summary: Summary; stderr: string }> {
  const { status, stdout, stderr } = await megaflow(
    ["replay", "--flows", "a.flows", "--json", ...args],
    folder,
  );
  assert.equal(status, 0, stderr);
  const lines = jsonLines(stdout);
  const summary = (lines.pop() as { summary: Summary }).summary;
  return { packets: lines as unknown as PacketLine[], summary, stderr };
}

test("a packet list: one object a packet with its outputs, punts, drop and lookups, then the summary", async () => {
  const { packets, summary, stderr } = await replayJson("--packets", "p.txt");
  const hexB = toB.toString("hex");
  assert.equal(stderr, "");
  assert.deepEqual(
    packets.map(({ index, pass, inPort, hex }) => ({ index, pass, inPort, hex })),
    list.map(([port, bytes], index) => ({
      index,
      pass: 0,
      inPort: Number(port),
      hex: bytes.toString("hex"),
    })),
  );
  // The second packet comes in port 2: what would go back there does not.
  assert.deepEqual(
    packets.map((line) => line.out),
    [
      [
        [2, hexB],
        [3, hexB],
      ],
      [[3, hexB]],
      [],
      [],
      [
        [2, hexB],
        [3, hexB],
      ],
    ],
  );
  const punt = {
    reason: "action",
    table: 4,
    cookie: "0xbeef",
    totalLen: 60,
    hex: toC.toString("hex").slice(0, 40),
  };
  assert.deepEqual(
    packets.map((line) => line.controller),
    [[], [], [punt], [], []],
  );
  assert.deepEqual(
    packets.map((line) => line.drop),
    [null, null, null, "no rule", null],
  );
  assert.deepEqual(
    packets.map((line) => line.lookups.map(({ recircId, level }) => `${recircId} ${level}`)),
    [["0 upcall"], ["0 upcall"], ["0 upcall"], ["0 upcall"], ["0 masked"]],
  );
  assert.equal(summary.received, 5);
  assert.equal(summary.forwarded, 3);
  assert.equal(summary.transmissions, 5);
  assert.equal(summary.consumed, 1);
  assert.deepEqual(summary.dropped, { "no rule": 1 });
  assert.equal(summary.megaflows.length, 4);
  const first = summary.megaflows.find((megaflow) => megaflow.actions === "2,3");
  assert.equal(
    first?.match,
    "recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(dst=10.0.1.0/255.255.255.0,frag=no)",
  );
  assert.match(first?.ufid ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.deepEqual([first?.packets, first?.bytes], [1, 60]);
});

test("--repeat sends the whole list again, and the caches answer", async () => {
  const { packets, summary } = await replayJson("--packets", "p.txt", "--repeat", "3");
  assert.deepEqual(
    packets.map(({ pass, index }) => [pass, index]),
    [0, 1, 2].flatMap((pass) => list.map((_, index) => [pass, index])),
  );
  for (const line of packets.slice(5)) assert.notEqual(line.lookups[0]?.level, "upcall");
  assert.deepEqual(new Set(packets.slice(10).map((line) => line.lookups[0]?.level)), new Set(["microflow"]));
  assert.deepEqual(
    packets.slice(10).map((line) => line.out),
    packets.slice(0, 5).map((line) => line.out),
  );
  assert.equal(summary.received, 15);
});

test("every profile and cache size gives the same packets", async () => {
  const fate = ({ packets }: { packets: PacketLine[] }) =>
    packets.map(({ out, controller, drop }) => ({ out, controller, drop }));
  const wanted = fate(await replayJson("--packets", "p.txt", "--repeat", "2"));
  for (const args of [
    ["--profile", "kernel"],
    ["--profile", "userspace"],
    ["--profile", "microflow"],
    ["--set", "microflow.entries=0", "--set", "maskCache.entries=0", "--set", "pruning=off"],
    ["--set", "batch=1", "--seed", "99"],
  ]) {
    const got = fate(await replayJson("--packets", "p.txt", "--repeat", "2", ...args));
    assert.deepEqual(got, wanted, args.join(" "));
  }
});

test("the same command prints the same bytes, whatever was random before", async () => {
  const args = [
    "replay",
    "--flows",
    "a.flows",
    "--json",
    "--packets",
    "p.txt",
    "--repeat",
    "2",
    "--seed",
    "5",
  ];
  const [one, two] = await Promise.all([megaflow(args, folder), megaflow(args, folder)]);
  assert.equal(one?.stdout, two?.stdout);
});

test("--local gives the bridge its own port, which JSON calls 65534", async () => {
  write("local.txt", `1 ${question.toString("hex")}\nLOCAL ${question.toString("hex")}\n`);
  const { packets } = await replayJson("--packets", "local.txt", "--local");
  assert.deepEqual(
    packets.map(({ inPort, out }) => [inPort, out.map(([port]) => port)]),
    [
      [1, [65534]],
      [65534, [1]],
    ],
  );
  write("one.txt", `1 ${question.toString("hex")}\n`);
  const without = await replayJson("--packets", "one.txt");
  assert.equal(without.packets[0]?.drop, "no port");
});

test("packets that cannot be carried are drops with a reason, and counted", async () => {
  write("odd.txt", `1 ${"00".repeat(13)}\n1 ${"00".repeat(65_537)}\n1 ${toB.toString("hex")}\n`);
  const { packets, summary } = await replayJson("--packets", "odd.txt");
  assert.deepEqual(
    packets.map((line) => line.drop),
    ["runt", "oversize", null],
  );
  assert.deepEqual(summary.dropped, { runt: 1, oversize: 1 });
  assert.equal(summary.received, 3);
});

const START_NS = 1_795_000_000_123_456_789n;
const captured: CapturedPacket[] = [toB, toC, toNobody, toB, question, toB].map((bytes, i) => ({
  timeNs: START_NS + BigInt(i) * 1_000_001n,
  bytes,
}));

interface Written {
  packets: [bigint, string, number][];
  nanosecond: boolean;
}

async function readBack(file: string): Promise<Written> {
  const reader = await CaptureReader.open(join(folder, file));
  const packets: Written["packets"] = [];
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    for (let i = 0; i < batch.count; i++) {
      packets.push([batch.timestampNs(i), batch.packet(i).toString("hex"), batch.wireLengths[i] as number]);
    }
  }
  await reader.close();
  return { packets, nanosecond: reader.nanosecond };
}

const formats: readonly (readonly [name: string, file: Buffer, unitNs: bigint])[] = [
  ["micro.pcap", pcapFile(captured), 1000n],
  ["nano-big.pcap", pcapFile(captured, { nanosecond: true, bigEndian: true }), 1n],
  ["micro.pcapng", pcapngSection([{}], captured), 1000n],
  ["nano-big.pcapng.gz", gzipSync(pcapngSection([{ resolution: 9 }], captured, true)), 1n],
];
for (const [name, file, unitNs] of formats) {
  test(`${name} in, a capture a port out, with the times of the input`, async () => {
    write(name, file);
    const out = `out-${name}`;
    const { status, stdout, stderr } = await megaflow(
      ["replay", "--flows", "a.flows", "--pcap", `1=${name}`, "--out-dir", out],
      folder,
    );
    assert.equal(status, 0, stderr);
    const wanted = captured
      .filter(({ bytes }) => bytes === toB)
      .map(({ timeNs, bytes }) => [(timeNs / unitNs) * unitNs, bytes.toString("hex"), bytes.length]);
    for (const port of [2, 3]) {
      const written = await readBack(`${out}/${port}.pcap`);
      assert.deepEqual(written.packets, wanted);
      assert.equal(written.nanosecond, unitNs === 1n);
    }
    assert.deepEqual((await readBack(`${out}/1.pcap`)).packets, []);
    assert.match(stdout, /^received {4}6\nforwarded {3}3 {2}in 6 transmissions\n/);
    assert.match(stdout, /every packet is accounted for: 6 of 6\n4 megaflows under 3 masks:\n/);
  });
}

test("several captures are one stream, by time and then by port", async () => {
  const at = (ns: number, bytes: Buffer): CapturedPacket => ({ timeNs: START_NS + BigInt(ns), bytes });
  write("lan.pcap", pcapFile([at(10, toB), at(20, toC), at(30, toB)], { nanosecond: true }));
  write("wan.pcap", pcapFile([at(5, toC), at(20, toB)], { nanosecond: true }));
  const { packets } = await replayJson("--pcap", "7=lan.pcap", "--pcap", "4=wan.pcap");
  assert.deepEqual(
    packets.map(({ index, inPort, hex }) => [index, inPort, hex === toB.toString("hex") ? "B" : "C"]),
    [
      [0, 4, "C"],
      [1, 7, "B"],
      [2, 4, "B"],
      [3, 7, "C"],
      [4, 7, "B"],
    ],
  );
});

test("a cut capture: every whole packet is forwarded and written, then status 1 and the offset", async () => {
  const file = pcapFile(captured);
  write("cut.pcap", file.subarray(0, file.length - 10));
  const args = ["replay", "--flows", "a.flows", "--pcap", "1=cut.pcap", "--out-dir", "cut-out", "--json"];
  const { status, stdout, stderr } = await megaflow(args, folder);
  assert.equal(status, 1);
  const offset = 24 + 5 * 76;
  assert.equal(
    stderr,
    `megaflow: cut.pcap: the capture is cut off (76 bytes expected and 66 there) in the record that starts at byte ${offset}\n`,
  );
  const lines = jsonLines(stdout);
  assert.equal(lines.length, 6);
  assert.equal((lines[5] as { summary: Summary }).summary.received, 5);
  assert.equal((await readBack("cut-out/2.pcap")).packets.length, 2);
});

test("packets cut by the snap length keep their length on the wire, and a note says how many", async () => {
  write("snap.pcap", pcapFile([{ timeNs: 0n, bytes: toB, wireLength: 1514 }]));
  const { status, stderr } = await megaflow(
    ["replay", "--flows", "a.flows", "--pcap", "1=snap.pcap", "--out-dir", "snap-out"],
    folder,
  );
  assert.equal(status, 0);
  assert.equal(stderr, "megaflow: 1 packet cut by the capture's snap length: forwarded as far as captured\n");
  assert.deepEqual((await readBack("snap-out/2.pcap")).packets, [[0n, toB.toString("hex"), 1514]]);
});

test("an output folder that was used before holds nothing of before", async () => {
  write("lone.pcap", pcapFile(captured));
  const args = ["replay", "--flows", "a.flows", "--pcap", "1=lone.pcap", "--out-dir", "again"];
  await megaflow(args, folder);
  const before = readFileSync(join(folder, "again/2.pcap"));
  write("nothing.pcap", pcapFile([]));
  await megaflow(args.with(4, "1=nothing.pcap"), folder);
  assert.ok(before.length > 24);
  assert.equal(readFileSync(join(folder, "again/2.pcap")).length, 24);
});

test("a reader that leaves early is no error", async () => {
  write("many.txt", `1 ${toB.toString("hex")}\n`.repeat(2000));
  const command = startMegaflow(
    ["replay", "--flows", "a.flows", "--packets", "many.txt", "--repeat", "50", "--json"],
    folder,
  );
  command.process.stdout?.once("data", () => command.process.stdout?.destroy());
  const { status, stderr } = await command.result;
  assert.equal(stderr, "");
  assert.equal(status, 0);
});
