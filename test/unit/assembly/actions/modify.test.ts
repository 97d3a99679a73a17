// Every modifying action against the plain model, over random packets, whole and broken.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { OdpAction } from "../../../../src/odp/action.ts";
import { applyPlain, type PlainPacket } from "../../../support/plain-actions.ts";
import { randomFrame, randomPackets } from "../../../support/random-packets.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";
import { applyInFrame, packetOf } from "./harness.ts";
import { actionWords } from "./operands.ts";
import { MODIFICATIONS, randomAction, randomModification } from "./random-modifications.ts";
import { validPacket } from "./valid-packets.ts";

/** Applies the action both ways, compares, and returns the packet; undefined when it was refused. */
function applyBoth(packet: PlainPacket, action: OdpAction, seed: string): PlainPacket | undefined {
  const expected = applyPlain(packet, action);
  const outcome = applyInFrame(packet, actionWords(action));
  const why = () =>
    `seed ${seed}: ${JSON.stringify(action, (_, value) => (typeof value === "bigint" ? `0x${value.toString(16)}` : value))}` +
    ` on ${packet.bytes.toString("hex")}\n got ${outcome.packet.bytes.toString("hex")}\nwant ${expected?.bytes.toString("hex")}`;
  assert.equal(outcome.accepted, expected !== undefined, why());
  assert.deepEqual(outcome.packet, expected ?? packet, why());
  return expected;
}

/** A few actions one after the other; returns which of them were taken. */
function applySeveral(random: SeededRandom, first: Buffer, seed: string): string[] {
  const taken: string[] = [];
  let packet = packetOf(first);
  for (let i = random.int(1, 6); i > 0; i--) {
    const action = randomModification(random, packet.bytes);
    const next = applyBoth(packet, action, seed);
    if (next === undefined) continue;
    if (!next.bytes.equals(packet.bytes)) taken.push(action.type);
    packet = next;
  }
  return taken;
}

test("whole packets of every protocol are changed as the plain model changes them", () => {
  const changed = new Map<string, number>();
  for (let seed = 1; seed <= 4000; seed++) {
    const random = new SeededRandom(seed);
    const frame = random.chance(50) ? validPacket(random) : randomFrame(random, true);
    for (const type of applySeveral(random, frame, `${seed}`))
      changed.set(type, (changed.get(type) ?? 0) + 1);
  }
  for (const type of MODIFICATIONS) {
    if (type === "setMark" || type === "setPriority") continue;
    assert.ok(
      (changed.get(type) ?? 0) >= 40,
      `${type} changed ${changed.get(type) ?? 0} packets, expected 40 at least`,
    );
  }
});

test("broken packets are changed as the plain model changes them", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = new SeededRandom(0x10000 + seed);
    for (const { hex } of randomPackets(random, { count: 10, ports: 1 })) {
      applySeveral(random, Buffer.from(hex, "hex"), `0x10000 + ${seed}`);
    }
  }
});

test("a packet cut anywhere takes or refuses every action as the plain model does", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(0x20000 + seed);
    const frame = validPacket(random);
    for (let length = 0; length < Math.min(frame.length, 110); length++) {
      const packet = packetOf(frame.subarray(0, length));
      applyBoth(packet, randomAction(random, random.pick(MODIFICATIONS)), `0x20000 + ${seed}`);
      applyBoth(packet, randomModification(random, frame), `0x20000 + ${seed}`);
    }
  }
});

test("mark and priority are set in the frame's record and leave the packet alone", () => {
  const random = new SeededRandom(3);
  const packet = packetOf(validPacket(random));
  const marked = applyBoth(packet, { type: "setMark", value: 0x00aa0000, mask: 0x00ff0000 }, "3");
  assert.equal(marked?.mark, 0x11aa3344);
  assert.equal(applyBoth(packet, { type: "setPriority", value: 0xfffffff0 }, "3")?.priority, 0xfffffff0);
});

test("an opcode that modifies nothing is refused", () => {
  const packet = packetOf(validPacket(new SeededRandom(4)));
  for (const opcode of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 30, 255]) {
    const outcome = applyInFrame(packet, new Uint32Array([opcode | (4 << 8), 1, 1, 1]));
    assert.equal(outcome.accepted, false, `opcode ${opcode}`);
    assert.deepEqual(outcome.packet, packet);
  }
});
