// The workload generator: the same seed gives the same bytes, and a trace is what its options say.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { generateCapture, workloadFrames, workloadRules } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { Random, Zipf } from "../../src/bench/workload/random.ts";
import { portPrefixes } from "../../src/bench/workload/scheme-acl.ts";
import { completeSpec, parseCount, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { NEED_OVS, needs } from "../support/needs.ts";
import { OvsOracle } from "../support/ovs.ts";

/** The first `count` frames of a workload. */
function frames(spec: WorkloadSpec, count: number): Buffer[] {
  const filler = workloadFrames(spec);
  return Array.from({ length: count }, () => {
    const bytes = Buffer.alloc(2048);
    return bytes.subarray(0, filler(bytes, 0));
  });
}

/** Addresses, ports and VLAN part of a frame: all that differs between connections. */
function connection(frame: Buffer): string {
  return frame.subarray(12, 54).toString("hex");
}

/** Every preset with few packets and flows. */
function smallPresets(): [string, WorkloadSpec][] {
  return Object.entries(presets).map(([name, preset]) => {
    const flows = Math.min(preset.flows ?? 1000, 600);
    const masks = Math.min(preset.masks ?? 1, flows);
    return [name, completeSpec({ ...preset, flows, masks, packets: 700, rules: 200 })];
  });
}

test("a seed gives the same capture and rules again, another seed others", () => {
  const digest = (seed: number) => {
    const hash = createHash("sha256");
    const spec = completeSpec({ seed, flows: 500, masks: 16, packets: 2000, zipf: 1, churn: 0.1 });
    generateCapture(spec, (bytes) => hash.update(bytes));
    for (const rule of workloadRules(spec)) hash.update(rule);
    return hash.digest("hex");
  };
  assert.equal(digest(7), digest(7));
  assert.notEqual(digest(7), digest(8));
});

test("the standard workloads do not change: published figures stay comparable", () => {
  const hash = createHash("sha256");
  for (const [, spec] of smallPresets()) {
    generateCapture(spec, (bytes) => hash.update(bytes));
    for (const rule of workloadRules(spec)) hash.update(rule);
  }
  assert.equal(hash.digest("hex"), "fb597f4e5d30a5f2e0af0d758cc12bbbc761c42bdb4bb455494b5ba542ead06b");
});

test("a uniform trace visits every connection equally often, and connections differ", () => {
  for (const masks of [1, 5, 16, 100]) {
    const seen = new Map<string, number>();
    for (const frame of frames(completeSpec({ flows: 1000, masks }), 3000)) {
      seen.set(connection(frame), (seen.get(connection(frame)) ?? 0) + 1);
    }
    assert.equal(seen.size, 1000);
    assert.deepEqual(new Set(seen.values()), new Set([3]));
  }
});

test("a Zipf trace has the popularity it promises, whatever the mask", () => {
  const zipf = new Zipf(100, 1);
  const random = new Random(3, "test");
  const counts = new Uint32Array(100);
  for (let i = 0; i < 200_000; i++) counts[zipf.draw(random)]!++;
  const total = Array.from({ length: 100 }, (_, i) => 1 / (i + 1)).reduce((sum, x) => sum + x, 0);
  for (const rank of [0, 1, 9, 99]) {
    const expected = 200_000 / (rank + 1) / total;
    assert.ok(
      Math.abs(counts[rank]! - expected) < 5 * Math.sqrt(expected),
      `rank ${rank}: ${counts[rank]} of ${expected}`,
    );
  }
});

test("churn starts new connections in the share asked for", () => {
  const spec = completeSpec({ flows: 100, churn: 0.2, packets: 20_000 });
  const distinct = new Set(frames(spec, 20_000).map(connection)).size;
  assert.ok(Math.abs(distinct - 4100) < 300, `${distinct} connections`);
});

test("frames have the sizes asked for", () => {
  assert.ok(frames(completeSpec({ size: 1514 }), 50).every((frame) => frame.length === 1514));
  const sizes = frames(completeSpec({ size: "imix" }), 12_000).map((frame) => frame.length);
  const share = (size: number) => sizes.filter((x) => x === size).length / sizes.length;
  assert.ok(Math.abs(share(60) - 7 / 12) < 0.02 && Math.abs(share(566) - 4 / 12) < 0.02);
  assert.equal(share(60) + share(566) + share(1514), 1);
});

test("checksums are right for every kind of packet", () => {
  for (const kind of ["udp", "tcp", "udp6", "tcp6", "vlan-udp", "qinq-udp", "exthdr-udp6"]) {
    for (const size of [60, 61, 777]) {
      for (const frame of frames(completeSpec({ mix: [[kind, 1]], size }), 20)) assertChecksums(frame);
    }
  }
});

test("port ranges become prefixes that cover exactly the range", () => {
  const random = new Random(5, "ranges");
  for (let round = 0; round < 200; round++) {
    const first = random.below(65536);
    const last = first + random.below(65536 - first);
    let covered = 0;
    let next = first;
    for (const [value, mask] of portPrefixes({ first, last })) {
      assert.equal(value, next);
      assert.equal(value & ~mask, 0);
      covered += 65536 - mask;
      next = value + 65536 - mask;
    }
    assert.equal(covered, last - first + 1);
  }
});

test("options out of range are refused by name", () => {
  assert.throws(() => completeSpec({ flows: 0 }), /--flows: expected a whole number from 1/);
  assert.throws(() => completeSpec({ flows: 10, masks: 11 }), /--masks/);
  assert.throws(() => completeSpec({ mix: [["ipx", 1]] }), /unknown packet kind "ipx": one of udp/);
  assert.throws(() => parseCount("flows", "12x"), /--flows: expected a count like/);
  assert.equal(parseCount("flows", "1.5M"), 1_500_000);
});

test("Open vSwitch makes as many masks as the workload says", { skip: needs(NEED_OVS) }, async () => {
  await using ovs = await OvsOracle.start({ ports: 3 });
  const cases: Partial<WorkloadSpec>[] = [
    { flows: 64, masks: 16 },
    { flows: 256, masks: 64 },
    { flows: 512, masks: 512, megaflowsPerMask: 1 },
    { flows: 200, masks: 50, mix: [["tcp6", 1]] },
    { flows: 50, scheme: "exact" },
  ];
  for (const partial of cases) {
    const spec = completeSpec(partial);
    await ovs.load({ flows: [...workloadRules(spec)] });
    let forwarded = 0;
    for (const frame of frames(spec, spec.flows))
      forwarded += (await ovs.send(1, frame.toString("hex"))).out.length;
    assert.equal(forwarded, spec.flows);
    const masks = new Set(
      (await ovs.megaflows("-m"))
        .filter((line) => line.includes("in_port(p1)") || line.includes("in_port(1)"))
        .map(maskShape),
    );
    assert.equal(masks.size, spec.masks, JSON.stringify(partial));
  }
});

/** The masks of a megaflow of the scheme `masks`: prefix lengths by field, values left out. */
function maskShape(line: string): string {
  return line
    .replace(/^ufid:[^,]*, /, "")
    .replace(/, packets:.*$/, "")
    .replace(/=[^,()/]+/g, "=");
}

/** Checks the IPv4 header's and the transport's checksum; sums run over the whole datagram. */
function assertChecksums(frame: Buffer): void {
  let at = 12;
  while ([0x8100, 0x88a8].includes(frame.readUInt16BE(at))) at += 4;
  const ipv4 = frame.readUInt16BE(at) === 0x0800;
  const network = at + 2;
  if (ipv4) assert.equal(ones(frame.subarray(network, network + 20)), 0xffff);
  let protocol = frame[network + (ipv4 ? 9 : 6)]!;
  let transport = network + (ipv4 ? 20 : 40);
  while (protocol === 0 || protocol === 60) {
    protocol = frame[transport]!;
    transport += 8 * (frame[transport + 1]! + 1);
  }
  const end = network + (ipv4 ? frame.readUInt16BE(network + 2) : 40 + frame.readUInt16BE(network + 4));
  const addresses = ipv4
    ? frame.subarray(network + 12, network + 20)
    : frame.subarray(network + 8, network + 40);
  const pseudo = Buffer.from([0, protocol, (end - transport) >> 8, (end - transport) & 255]);
  assert.equal(ones(Buffer.concat([addresses, pseudo, frame.subarray(transport, end)])), 0xffff);
  assert.ok(end <= frame.length);
}

function ones(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
