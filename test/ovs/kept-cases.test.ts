// Small cases in which Megaflow once differed from Open vSwitch: both must send the same packets.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { compareRuns, type DifferentialCase, Oracle, runMegaflow } from "../support/differential.ts";
import { ovsMissing } from "../support/ovs.ts";

const MACS = "525400123456020000000001";
/** IPv4 with TTL 1 and UDP without a checksum. */
const LAST_HOP = "4500001c00000000011166c70a0000010a000002000100020008000000000000000000000000000000000000";

/** A router solicitation's IPv6 header and a payload of 8 bytes, then padding. */
const PADDED_IPV6 = "6000000000083aff".padEnd(78, "0") + "2".padEnd(74, "0");

interface KeptCase {
  readonly what: string;
  readonly flows: readonly string[];
  readonly packet: string;
  /** Packets change rules. */
  readonly stateful?: boolean;
  /** The packet is dropped the second time. */
  readonly ends?: boolean;
}

const CASES: readonly KeptCase[] = [
  {
    what: "a learned rule takes the place of one that was given with the same match",
    flows: [
      "table=0,dl_dst=52:54:00:12:34:56,actions=resubmit(,2)",
      "table=2,actions=learn(table=0,NXM_OF_ETH_DST[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]),output:1",
    ],
    packet: `${MACS}0800${LAST_HOP}`,
    stateful: true,
    ends: true,
  },
  ...[41, 42, 43, 60].map((size) => ({
    what: `an IPv4 packet of 42 bytes in a padded frame is ${size < 42 ? "" : "not "}larger than ${size}`,
    flows: [
      `actions=check_pkt_larger(${size})->reg0[0],resubmit(,1)`,
      "table=1,reg0=1,actions=2",
      "table=1,actions=3",
    ],
    packet: `${MACS}0800${LAST_HOP}`,
  })),
  ...[61, 62, 70].map((size) => ({
    what: `an IPv6 packet of 62 bytes in a padded frame is ${size < 62 ? "" : "not "}larger than ${size}`,
    flows: [
      `actions=check_pkt_larger(${size})->reg0[0],resubmit(,1)`,
      "table=1,reg0=1,actions=2",
      "table=1,actions=3",
    ],
    packet: `${MACS}86dd${PADDED_IPV6}`,
  })),
  {
    what: "dec_ttl that runs out behind a recirculation ends the lists of the rules around it, too",
    flows: [
      "table=0,actions=resubmit(,1),output:3",
      "table=1,mpls,actions=pop_mpls:0x0800,output:4,dec_ttl,output:5",
    ],
    packet: `${MACS}884700064140${LAST_HOP}`,
  },
  {
    what: "dec_ttl that runs out before a recirculation ends its own list only",
    flows: [
      "table=0,ip,actions=resubmit(,1),push_mpls:0x8847,output:3",
      "table=1,ip,actions=output:4,dec_ttl,output:5",
    ],
    packet: `${MACS}0800${LAST_HOP}`,
  },
  {
    what: "a packet-in of an action set behind a recirculation names the first table",
    flows: [
      "table=0,actions=output:4,resubmit(,1)",
      "table=1,mpls,actions=pop_mpls:0x0800,write_actions(dec_ttl,output:1),write_metadata:0/3",
    ],
    packet: `${MACS}884700064140${LAST_HOP}`,
  },
  {
    what: "type and code of ICMP are not looked for in a later fragment",
    flows: ["icmp,actions=set_field:3->icmp_code,output:4"],
    packet: `${MACS}0800450000250000006eff0100000a0000020a01000108016107be0cee722f44b89675d650c63c`,
  },
  {
    what: "a label goes in front of a third tag when the first is popped",
    flows: ["vlan_tci=0x1000/0x1000,actions=strip_vlan,push_mpls:0x8847,output:3"],
    packet: `${MACS}88a8200181000002810000030800${LAST_HOP}`,
  },
  {
    what: "a label goes in front of a third and a fourth tag when two are popped",
    flows: [
      "table=0,vlan_tci=0x1000/0x1000,actions=strip_vlan,output:2,resubmit(,1)",
      "table=1,vlan_tci=0x1000/0x1000,actions=strip_vlan,output:4,resubmit(,2)",
      "table=2,actions=push_mpls:0x8847,output:3",
    ],
    packet: `${MACS}88a820018100000281000003810000040800${LAST_HOP}`,
  },
  {
    what: "a label goes behind both tags of three when one was popped and one pushed",
    flows: [
      "vlan_tci=0x1000/0x1000,actions=strip_vlan,output:2,push_vlan:0x8100,set_field:4101->vlan_vid,output:4,push_mpls:0x8847,output:3",
    ],
    packet: `${MACS}88a8200181000002810000030800${LAST_HOP}`,
  },
  {
    what: "a label goes behind the one tag that is left of two",
    flows: ["vlan_tci=0x1000/0x1000,actions=strip_vlan,output:2,push_mpls:0x8847,output:3"],
    packet: `${MACS}88a82001810000020800${LAST_HOP}`,
  },
];

describe("Cases that once differed from Open vSwitch", { skip: ovsMissing() ?? false }, () => {
  const oracle = new Oracle();
  after(() => oracle.close());

  for (const { what, flows, packet, stateful = false, ends = false } of CASES) {
    it(what, async () => {
      const drawn: DifferentialCase = {
        flows: [...flows],
        groups: [],
        meters: [],
        stateful,
        version: "OpenFlow15",
        packets: [{ port: 5, hex: packet }],
      };
      const ovs = await oracle.run(drawn);
      assert.deepEqual(drawn.flows, flows, "Open vSwitch refuses a rule");
      assert.ok(
        ovs.results.every(({ out }, pass) => out.length > 0 !== (ends && pass > 0)),
        "Open vSwitch does not send what the case is about",
      );
      assert.deepEqual(compareRuns(drawn, ovs, await runMegaflow(drawn)), []);
    });
  }
});
