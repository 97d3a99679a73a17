// Choices by hash and by chance, end to end: one way for a whole connection, shares as asked for, and
// every hashed field in the mask.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Action } from "../../assembly/layout/action.ts";
import { KEY_NW_DST, KEY_NW_SRC, KEY_TP_SRC } from "../../assembly/layout/flow-key.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { assertAccounted } from "../support/accounting.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, tcp } from "../support/packet-builder.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const one = 1 as OfPort;
const CONNECTIONS = 3000;

/** TCP, because symmetric_l4 leaves the ports of UDP out (Open vSwitch's flow_hash_symmetric_l4). */
function connection(random: SeededRandom): Buffer {
  const src = `10.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(1, 254)}`;
  const dst = `10.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(1, 254)}`;
  return packet(
    ethernet(),
    ipv4({ src, dst }),
    tcp({ src: random.int(1, 65535), dst: random.int(1, 65535) }),
    18,
  );
}

/** Asserts that `count` of `of` is within three standard deviations of the share. */
function assertShare(what: string, count: number, of: number, share: number): void {
  const sigma = Math.sqrt(of * share * (1 - share));
  assert.ok(
    Math.abs(count - of * share) <= 3 * sigma,
    `${what}: ${count} of ${of}, wanted ${of * share} +- ${3 * sigma}`,
  );
}

const choices: Record<string, { rules: string; groups?: string; shares: Record<number, number> }> = {
  multipath: {
    rules:
      "table=0,ip,actions=multipath(symmetric_l4,7,modulo_n,4,0,NXM_NX_REG0[]),resubmit(,1)\n" +
      [0, 1, 2, 3].map((way) => `table=1,reg0=${way},actions=output:${way + 2}\n`).join(""),
    shares: { 2: 0.25, 3: 0.25, 4: 0.25, 5: 0.25 },
  },
  bundle: {
    rules: "ip,actions=bundle(symmetric_l4,3,hrw,ofport,members:2,3,4)\n",
    shares: { 2: 1 / 3, 3: 1 / 3, 4: 1 / 3 },
  },
  "select group": {
    groups:
      "group_id=1,type=select,selection_method=hash,bucket=weight:10,output:2,bucket=weight:30,output:3\n",
    rules: "ip,actions=group:1\n",
    shares: { 2: 0.25, 3: 0.75 },
  },
};

for (const [name, { rules, groups, shares }] of Object.entries(choices)) {
  test(`${name}: a connection keeps its way, the ways have their shares, what is hashed is looked at`, async () => {
    const sw = labSwitch(defaultSettings);
    if (groups !== undefined) sw.addGroups(groups);
    sw.addFlows(rules);
    const random = new SeededRandom(77);
    const counts = new Map<number, number>();
    for (let i = 0; i < CONNECTIONS; i++) {
      const frame = connection(random);
      const [first, again] = [sw.send(one, frame), sw.send(one, frame)];
      assert.equal(first.sent.length, 1);
      assert.equal(again.sent[0]!.port, first.sent[0]!.port, "the same way by upcall and by cache");
      counts.set(first.sent[0]!.port, (counts.get(first.sent[0]!.port) ?? 0) + 1);
    }
    for (const [port, share] of Object.entries(shares)) {
      assertShare(`${name}, port ${port}`, counts.get(Number(port)) ?? 0, CONNECTIONS, share);
    }
    const masks = sw.megaflows().map(({ mask }) => mask);
    assert.ok(masks.length > 0);
    for (const mask of masks) {
      for (const field of [KEY_NW_SRC, KEY_NW_DST, KEY_TP_SRC])
        assert.equal(mask[field / 4], 0xffffffff, `${field}`);
    }
    assertAccounted(sw, 2 * CONNECTIONS);
    await sw.close();
  });
}

test("the datapath's sample action takes its share of the packets", async () => {
  const sw = labSwitch(defaultSettings);
  sw.addFlows("ip,actions=2\n");
  const frame = connection(new SeededRandom(1));
  sw.send(one, frame);
  const [flow] = sw.megaflows();
  // sample(25 %, output 3), output 2
  const sample = Action.SAMPLE | (4 << 8);
  const program = Uint32Array.of(
    6,
    sample,
    0x40000000,
    Action.OUTPUT | (2 << 8),
    3,
    Action.OUTPUT | (2 << 8),
    2,
  );
  sw.pmds[0]!.channel.capacity.reserveProgram(program);
  sw.pmds[0]!.channel.modifyFlow(flow!.flow, flow!.cookie, program);
  let sampled = 0;
  for (let i = 0; i < CONNECTIONS; i++) {
    const ports = sw.send(one, frame).sent.map(({ port }) => Number(port));
    assert.equal(ports.at(-1), 2);
    sampled += ports.length - 1;
  }
  assertShare("sampled", sampled, CONNECTIONS, 0.25);
  assertAccounted(sw, CONNECTIONS + 1);
  await sw.close();
});
