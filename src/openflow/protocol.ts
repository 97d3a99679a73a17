// The protocol words of flow syntax (`tcp`, `icmp6`, `mpls` ...) and what they stand for.

import {
  ETH_TYPE_ARP,
  ETH_TYPE_IP,
  ETH_TYPE_IPV6,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MCAST,
  ETH_TYPE_RARP,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
} from "./prereq.ts";

/** An EtherType and, where not 0, an IP protocol. */
export interface Protocol {
  readonly ethType: number;
  readonly ipProto: number;
}

/** Every protocol word. The first word for a protocol is the one that is printed. */
export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map(
  (
    [
      ["ip", ETH_TYPE_IP, 0],
      ["ipv4", ETH_TYPE_IP, 0],
      ["ip4", ETH_TYPE_IP, 0],
      ["arp", ETH_TYPE_ARP, 0],
      ["icmp", ETH_TYPE_IP, IP_PROTO_ICMP],
      ["tcp", ETH_TYPE_IP, IP_PROTO_TCP],
      ["udp", ETH_TYPE_IP, IP_PROTO_UDP],
      ["sctp", ETH_TYPE_IP, IP_PROTO_SCTP],
      ["ipv6", ETH_TYPE_IPV6, 0],
      ["ip6", ETH_TYPE_IPV6, 0],
      ["icmp6", ETH_TYPE_IPV6, IP_PROTO_ICMPV6],
      ["tcp6", ETH_TYPE_IPV6, IP_PROTO_TCP],
      ["udp6", ETH_TYPE_IPV6, IP_PROTO_UDP],
      ["sctp6", ETH_TYPE_IPV6, IP_PROTO_SCTP],
      ["rarp", ETH_TYPE_RARP, 0],
      ["mpls", ETH_TYPE_MPLS, 0],
      ["mplsm", ETH_TYPE_MPLS_MCAST, 0],
    ] as const
  ).map(([name, ethType, ipProto]) => [name, { ethType, ipProto }]),
);

const wordByProtocol = new Map<number, string>();
for (const [word, { ethType, ipProto }] of PROTOCOLS) {
  const key = ethType * 256 + ipProto;
  if (!wordByProtocol.has(key)) wordByProtocol.set(key, word);
}

/** Returns the word for an EtherType and IP protocol (0 for none), or undefined. */
export function protocolWord(ethType: number, ipProto: number): string | undefined {
  return wordByProtocol.get(ethType * 256 + ipProto);
}
