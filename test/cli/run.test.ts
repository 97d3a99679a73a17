// `megaflow run` and `bench` on worker threads: lines of numbers, an account of every packet, captures as ports.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CaptureReader } from "../../src/netdev/pcap/reader.ts";
import { pcapFile } from "../support/capture-builder.ts";
import { jsonLines, megaflow, startMegaflow } from "../support/megaflow-command.ts";
import { ethernet, ipv4, packet, padTo, udp } from "../support/packet-builder.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-run-"));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);

/** 500 connections; one in ten to a network that no rule knows. */
const frames = Array.from({ length: 500 }, (_, i) => {
  const dst = i % 10 === 0 ? "192.0.2.1" : "10.0.0.9";
  return padTo(packet(ethernet(), ipv4({ src: `10.1.${i >> 8}.${i & 255}`, dst }), udp({ src: i, dst: 53 })));
});
const capture = pcapFile(frames.map((bytes, i) => ({ timeNs: BigInt(i) * 1000n, bytes })));
write("in.pcap", capture);
write("a.flows", "ip actions=resubmit(,1)\ntable=1,ip,nw_dst=10.0.0.0/8 actions=dec_ttl,output:2\n");
write(
  "loop.yaml",
  "cores: [0]\nports:\n  - {number: 1, kind: trace, file: in.pcap}\n  - {number: 2, kind: null}\nflows: a.flows\n",
);

interface Summary {
  received: number;
  forwarded: number;
  consumed: number;
  dropped: Record<string, number>;
  megaflows: { packets: number }[];
}

/** What this test reads of a line of `run --json`. */
interface Interval {
  readonly received: number;
  readonly drops: number;
  readonly hits: { readonly upcall: number };
}

function assertAccounted(summary: Summary): void {
  const dropped = Object.values(summary.dropped).reduce((sum, count) => sum + count, 0);
  assert.equal(summary.received, summary.forwarded + summary.consumed + dropped);
}

test("run shows the pipeline, a line an interval, the megaflows and the account", async () => {
  const { status, stdout, stderr } = await megaflow(
    ["run", "loop.yaml", "--for", "3s", "--every", "1s"],
    folder,
  );
  assert.equal(status, 0, stderr);
  const lines = stdout.split("\n");
  assert.match(lines[0] as string, /^PMD 0 (on CPU 0|not pinned)/);
  assert.equal(lines[1], "port 1 (p1): trace from in.pcap");
  assert.equal(lines[2], "port 2 (p2): null");
  assert.equal(lines[3], "br0: 2 rules in 2 tables");
  assert.ok(lines.includes("    ip actions=resubmit(,1)"), stdout);
  const header = lines.findIndex((line) =>
    /^ +time +Mpps +ns\/packet +cycles +microflow +mask cache +masked +upcalls/.test(line),
  );
  assert.ok(header > 0, stdout);
  // A line a second, fewer when the machine was late.
  const rows = lines.slice(header + 1, lines.indexOf("", header));
  assert.ok(rows.length >= 1 && rows.length <= 3, stdout);
  for (const row of rows) assert.match(row, /^ +\d+\.\ds +\d+\.\d\d +(\d+\.\d|-) /);
  const times = rows.map((row) => Number.parseFloat(row));
  assert.ok(times[0]! >= 1 && times.at(-1)! >= 3, stdout);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.match(stdout, /\n2 megaflows under 2 masks:\n {2}recirc_id\(0\),in_port\(1\),/);
  assert.match(stdout, /\ndropped +[\d,]+ {2}no rule [\d,]+/);
  const account = /every packet is accounted for: ([\d,]+) of ([\d,]+)\n$/.exec(stdout);
  assert.ok(account !== null && account[1] === account[2], stdout);
});

test("Ctrl-C ends a run with its summary", async () => {
  const command = startMegaflow(["run", "loop.yaml", "--every", "200ms", "--json"], folder);
  let text = "";
  /** The first interval in which the switch knew all of its traffic, and had a lot. */
  let steady: Interval | undefined;
  const interrupt = (chunk: Buffer) => {
    text += chunk.toString();
    const whole = jsonLines(text.slice(0, text.lastIndexOf("\n") + 1)) as unknown as Interval[];
    steady = whole.find(({ received, hits }) => received > 100_000 && hits.upcall === 0);
    if (steady === undefined) return;
    command.process.stdout?.off("data", interrupt);
    command.process.kill("SIGINT");
  };
  command.process.stdout?.on("data", interrupt);
  const { status, stdout, stderr } = await command.result;
  assert.equal(status, 0, stderr);
  const lines = jsonLines(stdout);
  const { summary } = lines.at(-1) as unknown as { summary: Summary };
  assertAccounted(summary);
  assert.ok(summary.received > 1000, `${summary.received} packets`);
  assert.ok(summary.dropped["no rule"]! > 0);
  assert.ok(steady !== undefined);
  const share = steady.drops / steady.received;
  assert.ok(Math.abs(share - 0.1) < 0.01, `one in ten has no rule, was ${share}`);
  const rates = lines[0] as { hits: Record<string, number>; second: number; mpps: number };
  assert.deepEqual(Object.keys(rates), [
    ...["second", "mpps", "nsPerPacket", "cyclesPerPacket", "received", "transmissions", "drops", "hits"],
    ...["masksPerLookup", "upcalls", "megaflows", "masks"],
  ]);
  assert.ok(Math.abs(Object.values(rates.hits).reduce((sum, hit) => sum + hit, 0) - 1) < 1e-9);
});

test("a run over capture ports ends with its input and writes what was sent", async () => {
  write(
    "once.yaml",
    `cores: [0]
ports:
  - {number: 1, kind: pcap, read: in.pcap}
  - {number: 2, kind: pcap, write: out.pcap}
flows: |
  ip,nw_dst=10.0.0.0/8 actions=output:2
`,
  );
  const { status, stdout, stderr } = await megaflow(["run", "once.yaml", "--for", "60s", "--json"], folder);
  assert.equal(status, 0, stderr);
  const { summary } = jsonLines(stdout).at(-1) as unknown as { summary: Summary };
  assert.equal(summary.received, 500);
  assert.equal(summary.forwarded, 450);
  assertAccounted(summary);
  const reader = await CaptureReader.open(join(folder, "out.pcap"));
  const written = await reader.next();
  assert.equal(written?.count, 450);
  assert.ok(written?.packet(0).equals(frames[1] as Buffer));
  const age = Number(BigInt(Date.now()) * 1_000_000n - (written?.timestampNs(449) ?? 0n)) / 1e9;
  assert.ok(age >= 0 && age < 3600, `written ${age} s ago`);
  await reader.close();
});

test("a cut capture fails the run after its whole packets", async () => {
  write("cut.pcap", capture.subarray(0, capture.length - 1));
  write("cut.yaml", "ports:\n  - {number: 1, kind: pcap, read: cut.pcap}\nflows: a.flows\n");
  const { status, stdout, stderr } = await megaflow(["run", "cut.yaml", "--json"], folder);
  assert.equal(status, 1);
  assert.match(stderr, /^megaflow: cut\.pcap: the capture is cut off .* at byte \d+\n$/m);
  assert.equal((jsonLines(stdout).at(-1) as unknown as { summary: Summary }).summary.received, 499);
});

const benchMembers = [
  ...["mpps", "nsPerPacket", "cyclesPerPacket", "rxPackets", "drops", "upcallLost", "hits", "masksPerLookup"],
  ...["megaflows", "masks", "hash", "environment"],
];

test("bench --json has every member of its contract, and one hash for every configuration", async () => {
  const args = [
    "bench",
    "--pcap",
    "in.pcap",
    "--flows",
    "a.flows",
    "--core",
    "0",
    "--seconds",
    "0.3",
    "--warmup",
    "0.1",
    "--runs",
    "1",
    "--json",
  ];
  const hashes = new Set<string>();
  for (const more of [[], ["--profile", "kernel"], ["--set", "microflow.entries=0", "--seed", "8"]]) {
    const { status, stdout, stderr } = await megaflow([...args, ...more], folder);
    assert.equal(status, 0, stderr);
    const [report] = jsonLines(stdout) as [Record<string, unknown>];
    for (const member of benchMembers) assert.ok(Object.hasOwn(report, member), member);
    const hits = report["hits"] as Record<string, number>;
    assert.deepEqual(Object.keys(hits), ["microflow", "maskCache", "masked", "upcall"]);
    assert.ok((report["mpps"] as number) > 0);
    assert.equal(report["megaflows"], 2);
    assert.equal(hits["upcall"], 0);
    const dropShare = (report["drops"] as number) / (report["rxPackets"] as number);
    assert.ok(Math.abs(dropShare - 0.1) < 0.01, `one in ten has no rule, was ${dropShare}`);
    hashes.add(report["hash"] as string);
  }
  assert.equal(hashes.size, 1);
  assert.match([...hashes][0] as string, /^[0-9a-f]{16}$/);
});
