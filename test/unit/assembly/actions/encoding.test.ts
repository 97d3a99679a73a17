// Programs as the controller encodes them: every kind of action has the words that the layout says, and
// the datapath does with them what the plain model does with the action.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Action } from "../../../../assembly/layout/action.ts";
import { DropReason } from "../../../../assembly/layout/stat.ts";
import type { OdpAction, OdpPort } from "../../../../src/odp/action.ts";
import { encodeActions } from "../../../../src/odp/encode-actions.ts";
import { applyPlain } from "../../../support/plain-actions.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";
import { applyInFrame, packetOf } from "./harness.ts";
import { actionWords } from "./operands.ts";
import { MODIFICATIONS, randomAction, randomModification } from "./random-modifications.ts";
import { validPacket } from "./valid-packets.ts";

/** The words of a single action, without the program's first word. */
function encoded(action: OdpAction): Uint32Array {
  const program = encodeActions([action]);
  assert.equal(program[0], program.length - 1, "the first word counts the others");
  return program.subarray(1);
}

function word(opcode: Action, count: number): number {
  return opcode | (count << 8);
}

test("every modification has the words of the layout", () => {
  const random = new SeededRandom(1);
  for (let i = 0; i < 2000; i++) {
    const action = randomAction(random, MODIFICATIONS[i % MODIFICATIONS.length]!);
    assert.deepEqual(encoded(action), actionWords(action), action.type);
  }
});

test("an encoded modification does to a packet what the plain model does", () => {
  for (let seed = 1; seed <= 1500; seed++) {
    const random = new SeededRandom(seed);
    const packet = packetOf(validPacket(random));
    const action = randomModification(random, packet.bytes);
    const expected = applyPlain(packet, action);
    const outcome = applyInFrame(packet, encoded(action));
    assert.equal(outcome.accepted, expected !== undefined, `seed ${seed}: ${action.type}`);
    assert.deepEqual(outcome.packet, expected ?? packet, `seed ${seed}: ${action.type}`);
  }
});

test("every other action has the words of the layout", () => {
  const output: OdpAction = { type: "output", port: 7 as OdpPort };
  const popVlan: OdpAction = { type: "popVlan" };
  const cases: [OdpAction, number[]][] = [
    [output, [word(Action.OUTPUT, 2), 7]],
    [{ type: "drop", reason: DropReason.POLICY }, [word(Action.DROP, 2), DropReason.POLICY]],
    [{ type: "userspace", cookie: 0xfffffff1, maxLen: 128 }, [word(Action.USERSPACE, 3), 0xfffffff1, 128]],
    [{ type: "recirc", recircId: 0x80000001 }, [word(Action.RECIRC, 2), 0x80000001]],
    [{ type: "trunc", maxLen: 64 }, [word(Action.TRUNC, 2), 64]],
    [{ type: "hash", algorithm: "l4", basis: 5 }, [word(Action.HASH, 3), 0, 5]],
    [{ type: "hash", algorithm: "symL4", basis: 6 }, [word(Action.HASH, 3), 1, 6]],
    [{ type: "meter", meterId: 9 }, [word(Action.METER, 2), 9]],
    [
      { type: "sample", probability: 0xffffffff, actions: [popVlan, output] },
      [word(Action.SAMPLE, 5), 0xffffffff, word(Action.POP_VLAN, 1), word(Action.OUTPUT, 2), 7],
    ],
    [{ type: "clone", actions: [] }, [word(Action.CLONE, 1)]],
    [
      { type: "clone", actions: [{ type: "clone", actions: [output] }] },
      [word(Action.CLONE, 4), word(Action.CLONE, 3), word(Action.OUTPUT, 2), 7],
    ],
    [
      { type: "checkPktLen", pktLen: 1500, greater: [popVlan], lessEqual: [output] },
      [word(Action.CHECK_PKT_LEN, 6), 1500, 1, word(Action.POP_VLAN, 1), word(Action.OUTPUT, 2), 7],
    ],
  ];
  for (const [action, words] of cases)
    assert.deepEqual(encoded(action), Uint32Array.from(words), action.type);
});

test("the actions of a program follow one another", () => {
  const random = new SeededRandom(3);
  const actions = MODIFICATIONS.map((type) => randomAction(random, type));
  const words = actions.flatMap((action) => [...actionWords(action)]);
  assert.deepEqual(encodeActions(actions), Uint32Array.from([words.length, ...words]));
  assert.deepEqual(encodeActions([]), Uint32Array.from([0]));
});
