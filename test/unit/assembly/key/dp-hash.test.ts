// The hashes of the HASH action: Open vSwitch's numbers, so that select groups choose as its own do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { allCornerFrames } from "../../../support/corner-frames.ts";
import { keyFields } from "../../../support/key-fields.ts";
import { OvsOracle, ovsMissing } from "../../../support/ovs.ts";
import { ethernet, ipv4, packet, tcp, udp, vlan } from "../../../support/packet-builder.ts";
import { parsePlainly } from "../../../support/plain-parser.ts";
import { l4HashOf, symmetricHashOf } from "./harness.ts";

/** Moves dp_hash into the low half of the source address, where the output shows it. */
const SHOW_HASH = "actions=move:NXM_NX_DP_HASH[0..31]->NXM_OF_ETH_SRC[0..31],output:2";
const PAIRS = [
  [0, 0],
  [0, 0x12345678],
  [1, 0],
  [1, 0xfedcba98],
] as const;

test("both hashes are those of Open vSwitch's datapath", { skip: ovsMissing() ?? false }, async () => {
  await using ovs = await OvsOracle.start({ ports: 2 });
  const frames = allCornerFrames().filter(([, frame]) => frame.length >= 14);
  for (const [algorithm, basis] of PAIRS) {
    const parameter = (BigInt(algorithm) << 32n) | BigInt(basis);
    await ovs.load({
      groups: [
        `group_id=1,type=select,selection_method=dp_hash,selection_method_param=${parameter},bucket=${SHOW_HASH},bucket=${SHOW_HASH}`,
      ],
      flows: ["actions=group:1"],
    });
    for (const [name, frame] of frames) {
      if (algorithm === 0 && isExtendedConnection(frame)) continue;
      const { out } = await ovs.send(1, frame.toString("hex"));
      assert.equal(out.length, 1, name);
      const told = Number.parseInt(out[0]![1].slice(16, 24), 16);
      const ours = algorithm === 0 ? l4HashOf(frame, basis) : symmetricHashOf(frame, basis);
      assert.equal(ours.toString(16), told.toString(16), `algorithm ${algorithm}, basis ${basis}, ${name}`);
    }
  }
});

/**
 * Whether it is TCP or UDP behind IPv6 extension headers: there Open vSwitch hashes the number of the first
 * extension header, which the key does not hold, in the place of the protocol.
 */
function isExtendedConnection(frame: Buffer): boolean {
  const { ipv6Exthdr, nwProto, tpSrc } = keyFields(parsePlainly(frame));
  return ipv6Exthdr !== undefined && tpSrc !== undefined && (nwProto === "06" || nwProto === "11");
}

test("the symmetric hash is the same for both directions, the other one is not", () => {
  const there = packet(
    ethernet({ src: "02:00:00:00:00:0a", dst: "02:00:00:00:00:0b" }),
    vlan({ vid: 5 }),
    ipv4({ src: "10.0.0.1", dst: "10.9.9.9" }),
    tcp({ src: 5, dst: 80 }),
  );
  const back = packet(
    ethernet({ src: "02:00:00:00:00:0b", dst: "02:00:00:00:00:0a" }),
    vlan({ vid: 5 }),
    ipv4({ src: "10.9.9.9", dst: "10.0.0.1" }),
    tcp({ src: 80, dst: 5 }),
  );
  assert.equal(symmetricHashOf(there, 3), symmetricHashOf(back, 3));
  assert.notEqual(l4HashOf(there, 3), l4HashOf(back, 3));
});

test("the basis changes both hashes", () => {
  const frame = packet(ethernet(), ipv4(), udp());
  assert.notEqual(l4HashOf(frame, 1), l4HashOf(frame, 2));
  assert.notEqual(symmetricHashOf(frame, 1), symmetricHashOf(frame, 2));
});
