// Transport layers of the packet builder: TCP, UDP, SCTP, ICMP, IGMP, ICMPv6 with neighbour discovery.

import { crc32c, internetChecksum } from "../plain-checksums.ts";
import {
  ByteWriter,
  type ChecksumOption,
  checksumField,
  ipv4Bytes,
  ipv6Bytes,
  type Layer,
  type LayerContext,
  macBytes,
} from "./layer.ts";

export interface TcpOptions {
  src?: number;
  dst?: number;
  sequence?: number;
  acknowledgement?: number;
  /** Twelve bits: reserved, ECN and control bits. SYN by default. */
  flags?: number;
  window?: number;
  options?: Iterable<number>;
  /** Data offset field in words of 32 bits; the right one by default. */
  dataOffset?: number;
  checksum?: ChecksumOption;
}

export function tcp(options: TcpOptions = {}): Layer {
  return {
    protocol: 6,
    encode: (inside, context) => {
      const extra = [...(options.options ?? [])];
      while (extra.length % 4 !== 0) extra.push(0);
      const segment = new ByteWriter()
        .u16(options.src ?? 1000, options.dst ?? 2000)
        .u32(options.sequence ?? 1, options.acknowledgement ?? 0)
        .u16(((options.dataOffset ?? 5 + extra.length / 4) << 12) | (options.flags ?? 2))
        .u16(options.window ?? 0x2000, 0, 0)
        .bytes(extra)
        .bytes(inside)
        .done();
      writeChecksum(segment, 16, 6, options.checksum, context);
      return segment;
    },
  };
}

export interface UdpOptions {
  src?: number;
  dst?: number;
  /** Length field; the right one by default. */
  length?: number;
  checksum?: ChecksumOption;
}

export function udp(options: UdpOptions = {}): Layer {
  return {
    protocol: 17,
    encode: (inside, context) => {
      const datagram = new ByteWriter()
        .u16(options.src ?? 1000, options.dst ?? 2000)
        .u16(options.length ?? 8 + inside.length, 0)
        .bytes(inside)
        .done();
      writeChecksum(datagram, 6, 17, options.checksum, context);
      // A sum of zero is sent as all ones; zero says that there is none (RFC 768).
      if (options.checksum === undefined && datagram.readUInt16BE(6) === 0) datagram.writeUInt16BE(0xffff, 6);
      return datagram;
    },
  };
}

export interface SctpOptions {
  src?: number;
  dst?: number;
  tag?: number;
  checksum?: ChecksumOption;
}

/** SCTP's common header (RFC 9260), its CRC-32C in the byte order of the wire. */
export function sctp(options: SctpOptions = {}): Layer {
  return {
    protocol: 132,
    encode: (inside) => {
      const bytes = new ByteWriter()
        .u16(options.src ?? 1000, options.dst ?? 2000)
        .u32(options.tag ?? 0x1234_5678, 0)
        .bytes(inside)
        .done();
      bytes.writeUInt32LE(checksumField(options.checksum, () => crc32c(bytes)) >>> 0, 8);
      return bytes;
    },
  };
}

export interface IcmpOptions {
  type?: number;
  code?: number;
  /** The four bytes behind the checksum. */
  rest?: number;
  checksum?: ChecksumOption;
}

/** ICMP (RFC 792); an echo request by default. */
export function icmp(options: IcmpOptions = {}): Layer {
  return {
    protocol: 1,
    encode: (inside) => {
      const message = icmpBytes(options, options.type ?? 8, inside);
      writeChecksum(message, 2, 1, options.checksum, undefined);
      return message;
    },
  };
}

/** ICMPv6 (RFC 4443); an echo request by default. */
export function icmpv6(options: IcmpOptions = {}): Layer {
  return {
    protocol: 58,
    encode: (inside, context) => {
      const message = icmpBytes(options, options.type ?? 128, inside);
      writeChecksum(message, 2, 58, options.checksum, context);
      return message;
    },
  };
}

function icmpBytes(options: IcmpOptions, type: number, inside: Buffer): Buffer {
  return new ByteWriter()
    .u8(type, options.code ?? 0)
    .u16(0)
    .u32(options.rest ?? 0)
    .bytes(inside)
    .done();
}

export interface NeighbourOptions {
  target?: string;
  code?: number;
  /** The word in front of the target: reserved bits, and flags of an advertisement. */
  reserved?: number;
  /** Options in order: sourceLinkLayer(), targetLinkLayer(), ndOption(). */
  options?: readonly Buffer[];
  checksum?: ChecksumOption;
}

/** A neighbour solicitation (RFC 4861 section 4.3). */
export function neighbourSolicitation(options: NeighbourOptions = {}): Layer {
  return neighbour(135, options);
}

/** A neighbour advertisement (section 4.4). */
export function neighbourAdvertisement(options: NeighbourOptions = {}): Layer {
  return neighbour(136, options);
}

function neighbour(type: number, options: NeighbourOptions): Layer {
  const body = Buffer.concat([ipv6Bytes(options.target ?? "2001:db8::3"), ...(options.options ?? [])]);
  const layer = icmpv6({
    type,
    code: options.code ?? 0,
    rest: options.reserved ?? 0,
    checksum: options.checksum,
  });
  return { protocol: 58, encode: (inside, context) => layer.encode(Buffer.concat([body, inside]), context) };
}

/** Neighbour discovery option 1. */
export function sourceLinkLayer(address: string): Buffer {
  return ndOption(1, macBytes(address));
}

/** Neighbour discovery option 2. */
export function targetLinkLayer(address: string): Buffer {
  return ndOption(2, macBytes(address));
}

/** An option of any type, its length (in units of 8 bytes) the right one unless given. */
export function ndOption(type: number, content: Iterable<number>, length?: number): Buffer {
  const bytes = [...content];
  while ((bytes.length + 2) % 8 !== 0) bytes.push(0);
  return Buffer.from([type, length ?? (bytes.length + 2) / 8, ...bytes]);
}

export interface IgmpOptions {
  type?: number;
  code?: number;
  group?: string;
  checksum?: ChecksumOption;
}

/** IGMP (RFC 2236); a membership report by default. */
export function igmp(options: IgmpOptions = {}): Layer {
  return {
    protocol: 2,
    encode: (inside) => {
      const message = new ByteWriter()
        .u8(options.type ?? 0x16, options.code ?? 0)
        .u16(0)
        .bytes(ipv4Bytes(options.group ?? "239.1.2.3"))
        .bytes(inside)
        .done();
      writeChecksum(message, 2, 2, options.checksum, undefined);
      return message;
    },
  };
}

/** Fills the Internet checksum, over the pseudo header of the innermost IP layer of `context` too. */
function writeChecksum(
  bytes: Buffer,
  offset: number,
  protocol: number,
  option: ChecksumOption,
  context: LayerContext | undefined,
): void {
  const ip = context?.outer.findLast((layer) => layer.pseudoHeader !== undefined);
  const pseudo = ip?.pseudoHeader?.(protocol, bytes.length) ?? Buffer.alloc(0);
  bytes.writeUInt16BE(
    checksumField(option, () => internetChecksum(Buffer.concat([pseudo, bytes]))),
    offset,
  );
}
