// What the key of named packets must be, field by field: every field not named is zero. Values are the
// bytes of the key in hexadecimal.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cornerFrames } from "../../../support/corner-frames.ts";
import { keyFields } from "../../../support/key-fields.ts";
import { ethernet, ipv4, ipv6, packet, padTo, tcp, udp, vlan } from "../../../support/packet-builder.ts";
import { dirtyLanes, extract } from "./harness.ts";

type Fields = Record<string, string>;

const UDP_PORTS = { tpSrc: "03e8", tpDst: "07d0" };
const TCP_SYN = { ...UDP_PORTS, tcpFlags: "0002" };
const IPV4 = { ethType: "0800", nwSrc: "0a000001", nwDst: "0a000002", nwTtl: "40" };
const IPV6 = {
  ethType: "86dd",
  ipv6Src: "20010db8000000000000000000000001",
  ipv6Dst: "20010db8000000000000000000000002",
};
const IPV6_WHOLE = { ...IPV6, nwTtl: "40" };
const ND_TARGET = "20010db8000000000000000000000003";
const MAC = "021122334455";
const OTHER_MAC = "0266778899aa";

const expectations: Record<string, Record<string, Fields>> = {
  link: {
    "an unknown EtherType": { ethType: "88b5" },
    "a spanning tree frame": { ethType: "05ff" },
    "SNAP with IPv4": { ...IPV4, ...UDP_PORTS, nwProto: "11" },
    "SNAP with a VLAN EtherType": { ethType: "8100" },
    "SNAP of another organisation": { ethType: "05ff" },
    "SNAP whose type is a length": { ethType: "05ff" },
    "SNAP behind a tag": { ...IPV6_WHOLE, ...TCP_SYN, nwProto: "06", tpid0: "8100", tci0: "1001" },
    "type 0x05ff": { ethType: "05ff" },
    "type 0x0600": { ethType: "0600" },
    "one tag": { ...IPV4, ...UDP_PORTS, nwProto: "11", tpid0: "8100", tci0: "b00a" },
    "a tag with DEI": { ...IPV4, ...TCP_SYN, nwProto: "06", tpid0: "8100", tci0: "100a" },
    "a priority tag": { ...IPV4, ...UDP_PORTS, nwProto: "11", tpid0: "8100", tci0: "f000" },
    "a service and a customer tag": {
      ...IPV4,
      ...TCP_SYN,
      nwProto: "06",
      tpid0: "88a8",
      tci0: "10c8",
      tpid1: "8100",
      tci1: "1064",
    },
    "three tags": { tpid0: "88a8", tci0: "1001", tpid1: "8100", tci1: "1002", ethType: "8100" },
    "one label": { ethType: "8847", mpls0: "12345740" },
    "four labels": { ethType: "8847", mpls0: "00001040", mpls1: "00002040", mpls2: "00003040" },
    "MPLS without a label": { ethType: "8847" },
  },
  arp: {
    "an ARP reply": {
      ethType: "0806",
      nwProto: "02",
      nwSrc: "0a000001",
      nwDst: "0a000002",
      arpSha: MAC,
      arpTha: OTHER_MAC,
    },
    "an ARP opcode of 256": {
      ethType: "0806",
      nwSrc: "0a000001",
      nwDst: "0a000002",
      arpSha: "020000000001",
      arpTha: OTHER_MAC,
    },
    "ARP with another hardware length": { ethType: "0806" },
    "a RARP request": {
      ethType: "8035",
      nwProto: "03",
      nwSrc: "0a000001",
      nwDst: "0a000002",
      arpSha: MAC,
      arpTha: MAC,
    },
  },
  ipv4: {
    "plain UDP": { ...IPV4, nwProto: "11", nwTos: "b9", nwTtl: "3f", tpSrc: "0035", tpDst: "fedc" },
    "TCP with all twelve flag bits": { ...IPV4, ...UDP_PORTS, nwProto: "06", tcpFlags: "0fff" },
    "TCP with data offset 4": { ...IPV4, nwProto: "06" },
    "TCP whose data offset is too far": { ...IPV4, nwProto: "06" },
    "TCP whose data offset just fits": { ...IPV4, ...TCP_SYN, nwProto: "06" },
    "TCP whose data offset reaches into padding": { ...IPV4, nwProto: "06" },
    "UDP of 7 bytes": { ...IPV4, nwProto: "11" },
    "UDP whose length lies": { ...IPV4, ...UDP_PORTS, nwProto: "11" },
    SCTP: { ...IPV4, nwProto: "84", tpSrc: "0007", tpDst: "0008" },
    "SCTP of 11 bytes": { ...IPV4, nwProto: "84" },
    "an unreachable port": { ...IPV4, nwProto: "01", tpSrc: "0003", tpDst: "0003" },
    "an IGMP report": { ...IPV4, nwProto: "02", nwTtl: "01", tpSrc: "0016", ndReserved: "ef010203" },
    "ICMPv6 inside IPv4": {
      ...IPV4,
      nwProto: "3a",
      tpSrc: "0087",
      ndTarget: ND_TARGET,
      arpSha: MAC,
      ndOptionsType: "01",
    },
    "a first fragment": { ...IPV4, ...UDP_PORTS, nwProto: "11", nwFrag: "01" },
    "a later fragment": { ...IPV4, nwProto: "11", nwFrag: "03" },
    "a last fragment": { ...IPV4, nwProto: "06", nwFrag: "03" },
    "the reserved flag": { ...IPV4, ...TCP_SYN, nwProto: "06" },
    "IPv4 options": { ...IPV4, ...UDP_PORTS, nwProto: "06", tcpFlags: "0010" },
    "a header length of 4": { ethType: "0800" },
    "a header length over the total length": { ethType: "0800" },
    "a total length over the packet": { ethType: "0800" },
    "a total length of the header alone": { ...IPV4, nwProto: "11" },
    "a total length inside UDP": { ...IPV4, nwProto: "11" },
    "version 6 in IPv4": { ...IPV4, ...UDP_PORTS, nwProto: "11" },
  },
  ipv6: {
    "UDP over IPv6": {
      ...IPV6,
      ...UDP_PORTS,
      nwProto: "11",
      nwTos: "b8",
      nwTtl: "03",
      ipv6Label: "000abcde",
    },
    "no next header": { ...IPV6_WHOLE, nwProto: "3b", ipv6Exthdr: "0100" },
    ESP: { ...IPV6_WHOLE, nwProto: "32", ipv6Exthdr: "0200" },
    "every extension header in order": {
      ...IPV6_WHOLE,
      ...UDP_PORTS,
      nwProto: "06",
      tcpFlags: "0011",
      ipv6Label: "00000001",
      ipv6Exthdr: "7c00",
    },
    "extension headers out of order": { ...IPV6_WHOLE, ...UDP_PORTS, nwProto: "11", ipv6Exthdr: "6001" },
    "two routing headers": { ...IPV6_WHOLE, ...UDP_PORTS, nwProto: "11", ipv6Exthdr: "a000" },
    "two destination options at the end": { ...IPV6_WHOLE, ...UDP_PORTS, nwProto: "11", ipv6Exthdr: "2800" },
    "three destination options": { ...IPV6_WHOLE, ...UDP_PORTS, nwProto: "11", ipv6Exthdr: "8800" },
    "an atomic fragment": { ...IPV6_WHOLE, ...UDP_PORTS, nwProto: "11", ipv6Exthdr: "1000" },
    "a first IPv6 fragment": {
      ...IPV6_WHOLE,
      ...UDP_PORTS,
      nwProto: "11",
      nwFrag: "01",
      ipv6Exthdr: "1000",
    },
    "a later IPv6 fragment": { ...IPV6_WHOLE, nwProto: "2c", nwFrag: "03", ipv6Exthdr: "1000" },
    "a fragment of reserved bits alone": {
      ...IPV6_WHOLE,
      ...TCP_SYN,
      nwProto: "06",
      nwFrag: "01",
      ipv6Exthdr: "1000",
    },
    "an extension header over the payload": IPV6,
    "an extension header into padding": IPV6,
    "half an extension header": IPV6,
    "a jumbogram's length of 0": IPV6,
    "an empty payload": { ...IPV6_WHOLE, nwProto: "11" },
    "a payload length over the packet": { ethType: "86dd" },
    "a payload length inside TCP": { ...IPV6_WHOLE, nwProto: "06" },
  },
  "neighbour discovery": {
    "a neighbour advertisement": {
      ...IPV6,
      nwProto: "3a",
      nwTtl: "ff",
      tpSrc: "0088",
      ipv6Label: "00012345",
      ndTarget: ND_TARGET,
      arpTha: OTHER_MAC,
      ndReserved: "e0000001",
      ndOptionsType: "02",
    },
    "both options": {
      ...IPV6_WHOLE,
      nwProto: "3a",
      tpSrc: "0088",
      ndTarget: ND_TARGET,
      arpSha: OTHER_MAC,
      arpTha: MAC,
      ndOptionsType: "02",
    },
    "the same option twice": { ...IPV6_WHOLE, nwProto: "3a", tpSrc: "0087", ndOptionsType: "01" },
    "a solicitation with a code": { ...IPV6_WHOLE, nwProto: "3a", tpSrc: "0087", tpDst: "0001" },
    "a solicitation without a target": {
      ...IPV6_WHOLE,
      nwProto: "3a",
      tpSrc: "0087",
      ndReserved: "00000007",
    },
    "a solicitation behind extension headers": {
      ...IPV6_WHOLE,
      tpid0: "8100",
      tci0: "1001",
      nwProto: "3a",
      tpSrc: "0087",
      ndTarget: ND_TARGET,
      arpSha: MAC,
      ndReserved: "00000001",
      ndOptionsType: "01",
      ipv6Exthdr: "4000",
    },
  },
};

for (const [group, cases] of Object.entries(expectations)) {
  for (const [name, expected] of Object.entries(cases)) {
    test(`the key of ${name} (${group})`, () => {
      const { dlSrc, dlDst, ...fields } = keyFields(extract(cornerFrames[group]![name]!));
      assert.deepEqual(fields, expected);
      assert.equal(dlSrc, "020000000001");
      assert.ok(dlDst !== undefined);
    });
  }
}

test("a frame shorter than an Ethernet header has metadata alone", () => {
  const key = extract(Buffer.alloc(13, 0xff), { inPort: 0x01020304, recircId: 7, around: 0xff });
  assert.deepEqual(keyFields(key), { inPort: "04030201", recircId: "07000000" });
});

test("port and recirculation id are kept by the fast path and by the general one", () => {
  for (const frame of [
    packet(ethernet(), ipv4(), udp(), 18),
    packet(ethernet(), vlan(), ipv4(), udp(), 18),
  ]) {
    const fields = keyFields(extract(frame, { inPort: 9, recircId: 0x80000001 }));
    assert.equal(fields["inPort"], "09000000");
    assert.equal(fields["recircId"], "01000080");
  }
});

test("padding of the link is no part of the packet", () => {
  const short = packet(ethernet(), ipv4({ protocol: 6 }), 10);
  assert.equal(keyFields(extract(padTo(short), { around: 0x55 }))["tpSrc"], undefined);
});

test("a packet writes the optional lanes that it has, and no others", () => {
  const lanesOf = (frame: Buffer): number[] => {
    extract(frame);
    return dirtyLanes();
  };
  assert.deepEqual(lanesOf(packet(ethernet(), ipv4(), tcp())), []);
  assert.deepEqual(lanesOf(packet(ethernet(), vlan(), ipv4(), tcp())), []);
  assert.deepEqual(lanesOf(packet(ethernet(), ipv6(), tcp())), [4, 5, 6]);
  assert.deepEqual(lanesOf(cornerFrames["arp"]!["an ARP request"]!), [6]);
  assert.deepEqual(lanesOf(cornerFrames["link"]!["one label"]!), [8]);
  assert.deepEqual(
    lanesOf(cornerFrames["neighbour discovery"]!["a neighbour solicitation"]!),
    [4, 5, 6, 7, 8, 9],
  );
});
