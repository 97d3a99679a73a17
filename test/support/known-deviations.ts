// Where Open vSwitch 3.1's userspace datapath is known to be wrong and Megaflow does otherwise, on purpose.
// Both sides' packets pass through here before they are compared; docs list the points.

/** The packet in hex without the bytes that may differ: the payload bytes of a later IPv4 fragment that Open vSwitch
 * takes for the checksum of a TCP or UDP header when it rewrites an address (RFC 791: the header is in the first
 * fragment only; the kernel leaves later ones alone) or for type and code of ICMP, and the checksum of an IPv6 packet that is the only
 * fragment of its datagram (RFC 6946), which it forgets to correct. */
export function withoutKnownDeviations(hex: string): string {
  const frame = Buffer.from(hex, "hex");
  const ipv6 = ipv6Offset(frame);
  if (ipv6 !== undefined) return withoutAtomicChecksum(frame, ipv6);
  const l3 = ipv4Offset(frame);
  if (l3 === undefined || l3 + 20 > frame.length) return hex;
  const isLater = (frame.readUInt16BE(l3 + 6) & 0x1fff) !== 0;
  if (!isLater) return hex;
  const l4 = l3 + (frame[l3]! & 0xf) * 4;
  if (frame[l3 + 9] === 1) frame.fill(0, l4, Math.min(l4 + 4, frame.length));
  const at = { 6: 16, 17: 6 }[frame[l3 + 9]!];
  if (at !== undefined && l4 + at + 2 <= frame.length) frame.fill(0, l4 + at, l4 + at + 2);
  return frame.toString("hex");
}

const CHECKSUM_AT: Record<number, number> = { 6: 16, 17: 6, 58: 2 };
const ARP_SIZE = 28;
const SKIPPED = new Set([0, 43, 60]);
const FRAGMENT = 44;
const AUTHENTICATION = 51;

function withoutAtomicChecksum(frame: Buffer, l3: number): string {
  let next = frame[l3 + 6]!;
  let at = l3 + 40;
  let atomic = false;
  while (at + 8 <= frame.length && (SKIPPED.has(next) || next === FRAGMENT || next === AUTHENTICATION)) {
    if (next === FRAGMENT) atomic = (frame.readUInt16BE(at + 2) & 0xfff9) === 0;
    const size =
      next === FRAGMENT ? 8 : next === AUTHENTICATION ? (frame[at + 1]! + 2) * 4 : (frame[at + 1]! + 1) * 8;
    next = frame[at]!;
    at += size;
  }
  const checksum = CHECKSUM_AT[next];
  if (atomic && checksum !== undefined && at + checksum + 2 <= frame.length)
    frame.fill(0, at + checksum, at + checksum + 2);
  return frame.toString("hex");
}

/** Where the IPv6 header begins, behind tags; undefined when there is none, or not a whole one. */
function ipv6Offset(frame: Buffer): number | undefined {
  const at = typeOffset(frame);
  if (at + 42 > frame.length || frame.readUInt16BE(at) !== 0x86dd) return undefined;
  return at + 2;
}

/** Whether a packet is one whose treatment under the rules is an accident in Open vSwitch: a label pushed on an 802.2
 * frame ends up behind the LLC header, where later label actions of the same pass, but no receiver, look for it;
 * fields set in an ARP frame that is cut short are written whether they are there or not; and the labels of a stack
 * without a bottom are counted by their values, which the megaflow then leaves out; and an IP packet that is cut short
 * gets the answer that is cached for a whole one. */
export function isAccident(hex: string, flows: string[]): boolean {
  const frame = Buffer.from(hex, "hex");
  const at = typeOffset(frame);
  if (at + 2 > frame.length) return false;
  const type = frame.readUInt16BE(at);
  const rules = (part: RegExp) => flows.some((flow) => part.test(flow));
  if (type < 0x600) return rules(/push_mpls/);
  if (type === 0x8847 || type === 0x8848) return rules(/(push|pop)_mpls/) && !hasBottom(frame, at + 2);
  if (type === 0x0800 && rules(CHANGES_TOS_OR_TTL)) return !hasWholeHeader(frame, at + 2);
  const isArp = type === 0x0806 || type === 0x8035;
  return isArp && frame.length < at + 2 + ARP_SIZE && rules(/->(arp_|NXM_(OF|NX)_ARP_)/);
}

/** Actions that Open vSwitch's cached answer carries out on a cut packet, too: translated for itself it is left alone. */
const CHANGES_TOS_OR_TTL =
  /mod_nw_(tos|ttl|ecn)|dec_ttl|->(ip_dscp|ip_ecn|nw_(tos|ecn|ttl)|NXM_(OF_IP_TOS|NX_IP_))/;

/** Whether an IPv4 header is there and its lengths fit the frame. */
function hasWholeHeader(frame: Buffer, l3: number): boolean {
  const size = frame.length - l3;
  if (size < 20) return false;
  const header = (frame[l3]! & 0xf) * 4;
  const total = frame.readUInt16BE(l3 + 2);
  return header >= 20 && header <= total && total <= size;
}

/** Whether one of the first three labels is the bottom of the stack. */
function hasBottom(frame: Buffer, stack: number): boolean {
  return [0, 4, 8].some((at) => stack + at + 4 <= frame.length && (frame[stack + at + 2]! & 1) === 1);
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
