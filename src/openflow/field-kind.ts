// The vocabularies that the field table is written in.

/** How a value is written in text; every integer format reads decimal and 0x. */
export type ValueFormat =
  | "decimal"
  | "hex"
  | "ethernet"
  | "ipv4"
  | "ipv6"
  | "port"
  | "frag"
  | "tcpFlags"
  | "ctState"
  | "tunnelFlags"
  | "packetType"
  | "extHeaders";

/** Whether a match may leave some of a field's bits out. */
export type MaskKind = "none" | "bitwise";

/** What else a match has to say before a field makes sense (OpenFlow 1.3 section 7.2.3.6). */
export type Prereq =
  | "none"
  | "ethernet"
  | "vlan"
  | "mpls"
  | "arp"
  | "ipv4"
  | "ipv6"
  | "ip"
  | "ct"
  | "tcp"
  | "udp"
  | "sctp"
  | "icmpv4"
  | "icmpv6"
  | "nd"
  | "ndSolicit"
  | "ndAdvert";
