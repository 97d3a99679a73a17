// Headers pushed, popped and set: the cases that have a name, with their bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BIG_FRAME_SIZE,
  FRAME_HEADROOM,
  FRAME_RECORD_SIZE,
  FRAME_SIZE,
} from "../../../../assembly/layout/frame.ts";
import type { OdpAction } from "../../../../src/odp/action.ts";
import { applyInFrame, type FrameOptions, type Outcome, packetOf, packetOfHex } from "./harness.ts";
import { actionWords } from "./operands.ts";

const ADDRESSES = "020000000002020000000001";
const PUSH_VLAN: OdpAction = { type: "pushVlan", tpid: 0x8100, tci: 0x7064 };
const PUSH_MPLS: OdpAction = { type: "pushMpls", ethertype: 0x8847, lse: 0x00064140 };

/** Every push, and the bytes that it adds. */
const PUSHES: readonly { action: OdpAction; bytes: number }[] = [
  { action: PUSH_VLAN, bytes: 4 },
  { action: PUSH_MPLS, bytes: 4 },
  { action: { type: "pushEth", src: 1n, dst: 2n, ethertype: 0x0800 }, bytes: 14 },
];

function run(hex: string, action: OdpAction, options?: FrameOptions): Outcome {
  return applyInFrame(packetOfHex(hex), actionWords(action), options);
}

/** The packet after the action, which it takes. */
function after(hex: string, action: OdpAction): string {
  const outcome = run(hex, action);
  assert.ok(outcome.accepted, `${action.type} is taken`);
  return outcome.packet.bytes.toString("hex");
}

/** Checks that the packet refuses the action and stays as it is. */
function refuses(hex: string, action: OdpAction, options?: FrameOptions): void {
  const outcome = run(hex, action, options);
  assert.equal(outcome.accepted, false, `${action.type} is refused`);
  assert.equal(outcome.packet.bytes.toString("hex"), hex.replaceAll(" ", ""));
  assert.equal(outcome.dataOffset, options?.dataOffset ?? FRAME_HEADROOM);
}

test("a tag goes in front of the EtherType, its CFI bit clear", () => {
  assert.equal(after(`${ADDRESSES}0800aabb`, PUSH_VLAN), `${ADDRESSES}810060640800aabb`);
  assert.equal(
    after(`${ADDRESSES}810000010800aabb`, { type: "pushVlan", tpid: 0x88a8, tci: 0x1fff }),
    `${ADDRESSES}88a80fff810000010800aabb`,
  );
});

test("a header without payload takes a tag and a label", () => {
  assert.equal(after(`${ADDRESSES}0800`, PUSH_VLAN), `${ADDRESSES}810060640800`);
  assert.equal(after(`${ADDRESSES}0800`, PUSH_MPLS), `${ADDRESSES}884700064140`);
});

test("of three tags the outermost is popped and set", () => {
  const tagged = `${ADDRESSES}88a80001810000028100000308004500`;
  assert.equal(after(tagged, { type: "popVlan" }), `${ADDRESSES}810000028100000308004500`);
  const set: OdpAction = { type: "setVlan", value: 0x1005, mask: 0x1fff };
  assert.equal(
    after(tagged.replace("88a80001", "88a8f001"), set),
    `${ADDRESSES}88a8e005810000028100000308004500`,
  );
});

test("a packet without a whole tag has none to pop or set", () => {
  for (const hex of [
    `${ADDRESSES}0800aabbccdd`,
    `${ADDRESSES}81000001`,
    `${ADDRESSES}8100000108`,
    `${ADDRESSES}9100000108004500`,
  ]) {
    refuses(hex, { type: "popVlan" });
    refuses(hex, { type: "setVlan", value: 1, mask: 0xfff });
  }
});

test("a label goes behind the tags and the innermost type names it", () => {
  assert.equal(after(`${ADDRESSES}08004500`, PUSH_MPLS), `${ADDRESSES}8847000641404500`);
  assert.equal(after(`${ADDRESSES}8100000508004500`, PUSH_MPLS), `${ADDRESSES}810000058847000641404500`);
  assert.equal(
    after(`${ADDRESSES}88a8000681000005884700010140`, { ...PUSH_MPLS, ethertype: 0x8848 } as OdpAction),
    `${ADDRESSES}88a800068100000588480006414000010140`,
  );
  refuses(`${ADDRESSES}08004500`, { ...PUSH_MPLS, ethertype: 0x0800 } as OdpAction);
});

test("popping a label names what follows, whether or not it was the last", () => {
  const pop = (ethertype: number): OdpAction => ({ type: "popMpls", ethertype });
  assert.equal(after(`${ADDRESSES}8847000641404500`, pop(0x0800)), `${ADDRESSES}08004500`);
  assert.equal(
    after(`${ADDRESSES}81000005884700064040000641404500`, pop(0x8847)),
    `${ADDRESSES}810000058847000641404500`,
  );
  refuses(`${ADDRESSES}8847000641`, pop(0x0800));
  refuses(`${ADDRESSES}0800000641404500`, pop(0x0800));
});

test("a label is set under its mask", () => {
  const ttl: OdpAction = { type: "setMpls", value: 0x0000003f, mask: 0x000000ff };
  assert.equal(after(`${ADDRESSES}8848000641404500`, ttl), `${ADDRESSES}88480006413f4500`);
  refuses(`${ADDRESSES}8848000641`, ttl);
});

test("popping the Ethernet header takes the tags with it and stops at labels", () => {
  assert.equal(after(`${ADDRESSES}88a80001810000020800450000`, { type: "popEth" }), "450000");
  assert.equal(after(`${ADDRESSES}8847000641404500`, { type: "popEth" }), "000641404500");
  assert.equal(after(`${ADDRESSES}0008aaaa0300000008004500`, { type: "popEth" }), "4500");
  const push: OdpAction = { type: "pushEth", dst: 0x0a0b0c0d0e0fn, src: 0x010203040506n, ethertype: 0x86dd };
  assert.equal(after("6000", push), "0a0b0c0d0e0f01020304050686dd6000");
  assert.equal(after("", push), "0a0b0c0d0e0f01020304050686dd");
});

test("addresses are set on the shortest packets, and a runt refuses", () => {
  const set: OdpAction = {
    type: "setEth",
    value: { dst: 0x112233445566n, src: 0x0000000000ffn },
    mask: { dst: 0xffffffffffffn, src: 0x0000000000ffn },
  };
  for (const rest of ["0800", "0800aa", "0800aabb", "0800aabbcc"]) {
    assert.equal(after(ADDRESSES + rest, set), `1122334455660200000000ff${rest}`);
  }
  for (const action of [set, PUSH_VLAN, PUSH_MPLS, { type: "popEth" }, { type: "decTtl" }] as OdpAction[]) {
    refuses(`${ADDRESSES}08`, action);
    refuses("", action);
  }
});

test("a push with no headroom left moves the packet to where received packets start", () => {
  const full = { dataOffset: FRAME_RECORD_SIZE };
  const outcome = run(`${ADDRESSES}0800aabb`, PUSH_VLAN, full);
  assert.equal(outcome.packet.bytes.toString("hex"), `${ADDRESSES}810060640800aabb`);
  assert.equal(outcome.dataOffset, FRAME_HEADROOM - 4);
  assert.equal(
    run(`${ADDRESSES}0800aabb`, PUSH_VLAN, { dataOffset: FRAME_RECORD_SIZE + 4 }).dataOffset,
    FRAME_RECORD_SIZE,
  );
});

test("a push into a frame that is nearly full uses the last byte, and then refuses", () => {
  for (const big of [false, true]) {
    const size = big ? BIG_FRAME_SIZE : FRAME_SIZE;
    for (const spare of [0, 3, 4, 13, 14, 100]) {
      const length = size - FRAME_RECORD_SIZE - spare;
      const data = Buffer.alloc(length, 0x5a);
      data.write(`${ADDRESSES}0800`, "hex");
      const options = { dataOffset: FRAME_RECORD_SIZE, big };
      for (const { action, bytes } of PUSHES) {
        const outcome = applyInFrame(packetOf(data), actionWords(action), options);
        assert.equal(outcome.accepted, spare >= bytes, `${action.type} with ${spare} bytes to spare`);
        assert.equal(outcome.packet.bytes.length, length + (spare >= bytes ? bytes : 0));
        const tail = outcome.packet.bytes.subarray(outcome.packet.bytes.length - length + 14);
        assert.ok(tail.equals(data.subarray(14)), "the payload is whole");
      }
    }
  }
});

test("tags can be pushed until the frame is full, and popped again", () => {
  let packet = packetOfHex(`${ADDRESSES}0800${"aa".repeat(1778)}`);
  const original = packet.bytes;
  let dataOffset = FRAME_HEADROOM;
  let pushed = 0;
  for (;;) {
    const outcome = applyInFrame(packet, actionWords(PUSH_VLAN), { dataOffset });
    if (!outcome.accepted) break;
    packet = outcome.packet;
    dataOffset = outcome.dataOffset;
    pushed++;
  }
  assert.equal(pushed, (FRAME_SIZE - FRAME_RECORD_SIZE - original.length) / 4);
  for (let i = 0; i < pushed; i++) {
    const outcome = applyInFrame(packet, actionWords({ type: "popVlan" }), { dataOffset });
    packet = outcome.packet;
    dataOffset = outcome.dataOffset;
  }
  assert.deepEqual(packet.bytes, original);
});
