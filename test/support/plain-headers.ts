// Packets taken apart into headers and put together again, for the plain model of the actions. What does
// not fit the packet is not there, by the rules of Open vSwitch's flow extraction.

const TPIDS = [0x8100, 0x88a8];
const EXTENSIONS = [0, 43, 44, 51, 60];

/** An Ethernet frame. */
export interface PlainEthernet {
  addresses: Buffer;
  tags: { tpid: number; tci: number }[];
  /** The 16 bits behind addresses and tags. */
  typeOrLength: number;
  /** LLC and SNAP organisation, and the type behind them; absent in an Ethernet II frame. */
  snap: { llc: Buffer; type: number } | undefined;
  payload: Buffer;
}

/** An IPv4 or IPv6 packet; `header` is the fixed header. */
export interface PlainIp {
  version: 4 | 6;
  header: Buffer;
  /** IPv4 options or IPv6 extension headers. */
  extra: Buffer;
  protocol: number;
  /** Transport header and payload, as far as the IP length goes. */
  body: Buffer;
  padding: Buffer;
  fragment: "no" | "first" | "later";
  /** Destination behind a routing header with segments left; undefined without one. */
  finalDestination: Buffer | undefined;
  /** Numbers of the IPv6 extension headers, in order. */
  chain: number[];
}

/** Returns undefined for a runt. */
export function parseEthernet(bytes: Buffer): PlainEthernet | undefined {
  if (bytes.length < 14) return undefined;
  const tags: PlainEthernet["tags"] = [];
  let at = 12;
  while (tags.length < 2 && TPIDS.includes(bytes.readUInt16BE(at)) && bytes.length - at >= 6) {
    tags.push({ tpid: bytes.readUInt16BE(at), tci: bytes.readUInt16BE(at + 2) });
    at += 4;
  }
  const typeOrLength = bytes.readUInt16BE(at);
  at += 2;
  let snap: PlainEthernet["snap"];
  if (
    typeOrLength < 0x600 &&
    bytes.subarray(at, at + 6).toString("hex") === "aaaa03000000" &&
    bytes.length >= at + 8
  ) {
    snap = { llc: bytes.subarray(at, at + 6), type: bytes.readUInt16BE(at + 6) };
    at += 8;
  }
  return { addresses: bytes.subarray(0, 12), tags, typeOrLength, snap, payload: bytes.subarray(at) };
}

export function formatEthernet(frame: PlainEthernet): Buffer {
  const parts = [
    frame.addresses,
    ...frame.tags.map((tag) => be16(tag.tpid, tag.tci)),
    be16(frame.typeOrLength),
  ];
  if (frame.snap !== undefined) parts.push(frame.snap.llc, be16(frame.snap.type));
  return Buffer.concat([...parts, frame.payload]);
}

/** The EtherType of the payload; 0x05ff where an 802.3 frame names none. */
export function etherTypeOf(frame: PlainEthernet): number {
  if (frame.typeOrLength >= 0x600) return frame.typeOrLength;
  return frame.snap !== undefined && frame.snap.type >= 0x600 ? frame.snap.type : 0x05ff;
}

/** Returns undefined where the headers are cut short or their lengths lie. */
export function parseIp(etherType: number, bytes: Buffer): PlainIp | undefined {
  return etherType === 0x0800 ? parseIpv4(bytes) : parseIpv6(bytes);
}

export function formatIp(ip: PlainIp): Buffer {
  return Buffer.concat([ip.header, ip.extra, ip.body, ip.padding]);
}

/** What TCP, UDP and ICMPv6 sum besides their own bytes (RFC 9293, RFC 8200 section 8.1). */
export function pseudoHeader(ip: PlainIp): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(ip.body.length);
  const tail = Buffer.concat([length, Buffer.from([0, 0, 0, ip.protocol])]);
  if (ip.version === 4) return Buffer.concat([ip.header.subarray(12, 20), tail]);
  return Buffer.concat([ip.header.subarray(8, 24), ip.finalDestination ?? ip.header.subarray(24, 40), tail]);
}

/** Big-endian 16-bit values. */
export function be16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value, index * 2);
  });
  return bytes;
}

function parseIpv4(bytes: Buffer): PlainIp | undefined {
  if (bytes.length < 20) return undefined;
  const headerLength = (bytes[0]! % 16) * 4;
  const total = bytes.readUInt16BE(2);
  if (headerLength < 20 || total < headerLength || total > bytes.length) return undefined;
  const fragmentation = bytes.readUInt16BE(6);
  const more = (fragmentation & 0x2000) !== 0;
  return {
    version: 4,
    header: bytes.subarray(0, 20),
    extra: bytes.subarray(20, headerLength),
    protocol: bytes[9]!,
    body: bytes.subarray(headerLength, total),
    padding: bytes.subarray(total),
    fragment: (fragmentation & 0x1fff) !== 0 ? "later" : more ? "first" : "no",
    finalDestination: undefined,
    chain: [],
  };
}

function parseIpv6(bytes: Buffer): PlainIp | undefined {
  if (bytes.length < 40) return undefined;
  const end = 40 + bytes.readUInt16BE(4);
  if (end > bytes.length) return undefined;
  let next = bytes[6]!;
  let at = 40;
  let fragment: PlainIp["fragment"] = "no";
  let finalDestination: Buffer | undefined;
  const chain: number[] = [];
  while (EXTENSIONS.includes(next) && fragment !== "later") {
    if (end - at < 8) return undefined;
    const length = next === 44 ? 8 : next === 51 ? (bytes[at + 1]! + 2) * 4 : (bytes[at + 1]! + 1) * 8;
    if (end - at < length) return undefined;
    const header = bytes.subarray(at, at + length);
    if (next === 43 && header[3] !== 0) finalDestination = lastAddress(header);
    if (next === 44 && header.readUInt16BE(2) !== 0)
      fragment = header.readUInt16BE(2) >= 8 ? "later" : "first";
    chain.push(next);
    next = header[0]!;
    at += length;
  }
  return {
    version: 6,
    header: bytes.subarray(0, 40),
    extra: bytes.subarray(40, at),
    protocol: next,
    body: bytes.subarray(at, end),
    padding: bytes.subarray(end),
    fragment,
    finalDestination,
    chain,
  };
}

/** The last address of a type 0 routing header (RFC 2460 section 4.4); zeros where none fits. */
function lastAddress(header: Buffer): Buffer {
  return header.length >= 24 ? header.subarray(header.length - 16) : Buffer.alloc(16);
}
