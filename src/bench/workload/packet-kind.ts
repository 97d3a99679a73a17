// The kinds of packets a workload can be made of, and how many header bytes each one has.

/** What one kind of packet looks like from the outside in. */
export interface PacketKind {
  readonly name: string;
  /** VLAN tags: TPID of each, outermost first. */
  readonly tags: readonly number[];
  readonly family: 4 | 6;
  /** IPv6 extension headers in front of the transport header: a hop-by-hop and a destination options header. */
  readonly extensions: boolean;
  readonly protocol: "tcp" | "udp";
}

const TPID_8021Q = 0x8100;
const TPID_8021AD = 0x88a8;

/** Every kind, by name. */
export const packetKinds: readonly PacketKind[] = [
  { name: "udp", tags: [], family: 4, extensions: false, protocol: "udp" },
  { name: "tcp", tags: [], family: 4, extensions: false, protocol: "tcp" },
  { name: "udp6", tags: [], family: 6, extensions: false, protocol: "udp" },
  { name: "tcp6", tags: [], family: 6, extensions: false, protocol: "tcp" },
  { name: "vlan-udp", tags: [TPID_8021Q], family: 4, extensions: false, protocol: "udp" },
  { name: "vlan-tcp", tags: [TPID_8021Q], family: 4, extensions: false, protocol: "tcp" },
  { name: "vlan-udp6", tags: [TPID_8021Q], family: 6, extensions: false, protocol: "udp" },
  { name: "vlan-tcp6", tags: [TPID_8021Q], family: 6, extensions: false, protocol: "tcp" },
  { name: "qinq-udp", tags: [TPID_8021AD, TPID_8021Q], family: 4, extensions: false, protocol: "udp" },
  { name: "exthdr-udp6", tags: [], family: 6, extensions: true, protocol: "udp" },
];

/** The kind called `name`, or undefined. */
export function packetKind(name: string): PacketKind | undefined {
  return packetKinds.find((kind) => kind.name === name);
}

/** Bytes from the start of the frame to the end of the transport header. */
export function headerSize(kind: PacketKind): number {
  const network = kind.family === 4 ? 20 : 40 + (kind.extensions ? 16 : 0);
  return 14 + 4 * kind.tags.length + network + (kind.protocol === "tcp" ? 20 : 8);
}
