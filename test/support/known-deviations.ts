// Where Open vSwitch 3.1's userspace datapath is known to be wrong and Megaflow does otherwise, on purpose.
// Both sides' packets pass through here before they are compared; docs list the points.

/** The packet in hex without the bytes that may differ: the payload bytes of a later IPv4 fragment that Open vSwitch
 * takes for the checksum of a TCP or UDP header when it rewrites an address (RFC 791: the header is in the first
 * fragment only; the kernel's datapath leaves later ones alone). */
export function withoutKnownDeviations(hex: string): string {
  const frame = Buffer.from(hex, "hex");
  const l3 = ipv4Offset(frame);
  if (l3 === undefined || l3 + 20 > frame.length) return hex;
  const isLater = (frame.readUInt16BE(l3 + 6) & 0x1fff) !== 0;
  if (!isLater) return hex;
  const l4 = l3 + (frame[l3]! & 0xf) * 4;
  const at = { 6: 16, 17: 6 }[frame[l3 + 9]!];
  if (at === undefined || l4 + at + 2 > frame.length) return hex;
  frame.fill(0, l4 + at, l4 + at + 2);
  return frame.toString("hex");
}

/** Whether a packet is one whose treatment under the rules is an accident in Open vSwitch: a label pushed on an 802.2
 * frame ends up behind the LLC header, where later label actions of the same pass, but no receiver, look for it. */
export function isAccident(hex: string, flows: string[]): boolean {
  if (!flows.some((flow) => flow.includes("push_mpls"))) return false;
  const frame = Buffer.from(hex, "hex");
  const at = typeOffset(frame);
  return at + 2 <= frame.length && frame.readUInt16BE(at) < 0x600;
}

/** Where the EtherType behind the VLAN tags is. */
function typeOffset(frame: Buffer): number {
  let at = 12;
  while (at + 4 <= frame.length && (frame.readUInt16BE(at) === 0x8100 || frame.readUInt16BE(at) === 0x88a8))
    at += 4;
  return at;
}

/** Where the IPv4 header begins, behind tags and labels; undefined when there is none. */
function ipv4Offset(frame: Buffer): number | undefined {
  let at = typeOffset(frame);
  if (at + 2 > frame.length) return undefined;
  const type = frame.readUInt16BE(at);
  at += 2;
  if (type === 0x0800) return at;
  if (type <= 0x5ff && at + 8 <= frame.length && frame.toString("hex", at, at + 8) === "aaaa030000000800")
    return at + 8;
  if (type !== 0x8847 && type !== 0x8848) return undefined;
  for (; at + 4 <= frame.length; at += 4) {
    if ((frame[at + 2]! & 1) === 1)
      return at + 4 < frame.length && frame[at + 4]! >> 4 === 4 ? at + 4 : undefined;
  }
  return undefined;
}
