// Network layers of the packet builder: IPv4, IPv6 and its extension headers.

import { internetChecksum } from "../plain-checksums.ts";
import { ByteWriter, type ChecksumOption, checksumField, ipv4Bytes, ipv6Bytes, type Layer } from "./layer.ts";

/** Protocol number for a payload that has none of its own (RFC 3692, experimentation). */
const PROTOCOL_PAYLOAD = 253;
const PROTOCOL_NO_NEXT_HEADER = 59;

export interface Ipv4Options {
  src?: string;
  dst?: string;
  tos?: number;
  ttl?: number;
  identification?: number;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** The reserved flag in front of the two others. */
  reserved?: boolean;
  /** In units of 8 bytes. */
  fragmentOffset?: number;
  protocol?: number;
  /** Header options; padded to a multiple of four bytes. */
  options?: Iterable<number>;
  version?: number;
  /** Header length field in words of 32 bits; the right one by default. */
  headerWords?: number;
  /** Total length field; the right one by default. */
  totalLength?: number;
  checksum?: ChecksumOption;
}

export function ipv4(options: Ipv4Options = {}): Layer {
  const src = ipv4Bytes(options.src ?? "10.0.0.1");
  const dst = ipv4Bytes(options.dst ?? "10.0.0.2");
  return {
    etherType: 0x0800,
    protocol: 4,
    pseudoHeader: (protocol, length) =>
      new ByteWriter().bytes(src).bytes(dst).u8(0, protocol).u16(length).done(),
    encode: (inside, { next }) => {
      const extra = [...(options.options ?? [])];
      while (extra.length % 4 !== 0) extra.push(0);
      const words = 5 + extra.length / 4;
      const flags =
        (options.reserved === true ? 0x8000 : 0) |
        (options.dontFragment === true ? 0x4000 : 0) |
        (options.moreFragments === true ? 0x2000 : 0);
      const header = new ByteWriter()
        .u8(((options.version ?? 4) << 4) | (options.headerWords ?? words), options.tos ?? 0)
        .u16(options.totalLength ?? words * 4 + inside.length, options.identification ?? 0)
        .u16(flags | (options.fragmentOffset ?? 0))
        .u8(options.ttl ?? 64, options.protocol ?? next?.protocol ?? PROTOCOL_PAYLOAD)
        .u16(0)
        .bytes(src)
        .bytes(dst)
        .bytes(extra)
        .done();
      header.writeUInt16BE(
        checksumField(options.checksum, () => internetChecksum(header)),
        10,
      );
      return Buffer.concat([header, inside]);
    },
  };
}

export interface Ipv6Options {
  src?: string;
  dst?: string;
  trafficClass?: number;
  flowLabel?: number;
  hopLimit?: number;
  nextHeader?: number;
  version?: number;
  /** The right one by default. */
  payloadLength?: number;
}

export function ipv6(options: Ipv6Options = {}): Layer {
  const src = ipv6Bytes(options.src ?? "2001:db8::1");
  const dst = ipv6Bytes(options.dst ?? "2001:db8::2");
  return {
    etherType: 0x86dd,
    protocol: 41,
    pseudoHeader: (protocol, length) =>
      new ByteWriter().bytes(src).bytes(dst).u32(length).u32(protocol).done(),
    encode: (inside, { next }) =>
      new ByteWriter()
        .u32(((options.version ?? 6) << 28) | ((options.trafficClass ?? 0) << 20) | (options.flowLabel ?? 0))
        .u16(options.payloadLength ?? inside.length)
        .u8(nextHeader(options, next), options.hopLimit ?? 64)
        .bytes(src)
        .bytes(dst)
        .bytes(inside)
        .done(),
  };
}

export interface ExtensionOptions {
  nextHeader?: number;
  /** Bytes behind the first two; padded to the header's unit. */
  content?: Iterable<number>;
  /** The header length field; the right one by default. */
  length?: number;
}

/** Hop-by-hop options (RFC 8200 section 4.3). */
export function hopByHop(options: ExtensionOptions = {}): Layer {
  return optionsHeader(0, options);
}

/** A routing header (section 4.4); its content starts with the routing type. */
export function routing(options: ExtensionOptions = {}): Layer {
  return optionsHeader(43, options);
}

/** Destination options (section 4.6). */
export function destinationOptions(options: ExtensionOptions = {}): Layer {
  return optionsHeader(60, options);
}

function optionsHeader(protocol: number, options: ExtensionOptions): Layer {
  return {
    protocol,
    encode: (inside, { next }) => {
      const content = [...(options.content ?? [1, 4, 0, 0, 0, 0])];
      while ((content.length + 2) % 8 !== 0) content.push(0);
      return new ByteWriter()
        .u8(nextHeader(options, next), options.length ?? (content.length + 2) / 8 - 1)
        .bytes(content)
        .bytes(inside)
        .done();
    },
  };
}

/** An authentication header (RFC 4302), whose length counts words of 32 bits less two. */
export function authentication(options: ExtensionOptions = {}): Layer {
  return {
    protocol: 51,
    encode: (inside, { next }) => {
      const content = [...(options.content ?? new Array<number>(22).fill(7))];
      while ((content.length + 2) % 4 !== 0) content.push(0);
      return new ByteWriter()
        .u8(nextHeader(options, next), options.length ?? (content.length + 2) / 4 - 2)
        .bytes(content)
        .bytes(inside)
        .done();
    },
  };
}

export interface FragmentOptions {
  nextHeader?: number;
  /** In units of 8 bytes. */
  offset?: number;
  more?: boolean;
  /** The two reserved bits beside the offset. */
  reserved?: number;
  identification?: number;
}

/** A fragment header (RFC 8200 section 4.5). */
export function fragmentHeader(options: FragmentOptions = {}): Layer {
  return {
    protocol: 44,
    encode: (inside, { next }) =>
      new ByteWriter()
        .u8(nextHeader(options, next), 0)
        .u16(((options.offset ?? 0) << 3) | ((options.reserved ?? 0) << 1) | (options.more === true ? 1 : 0))
        .u32(options.identification ?? 1)
        .bytes(inside)
        .done(),
  };
}

/** Encapsulating security payload (RFC 4303): what is inside is as good as random. */
export function esp(options: { spi?: number; sequence?: number } = {}): Layer {
  return {
    protocol: 50,
    encode: (inside) =>
      new ByteWriter()
        .u32(options.spi ?? 0x1000, options.sequence ?? 1)
        .bytes(inside)
        .done(),
  };
}

/** No next header: what follows is to be ignored. */
export function noNextHeader(): Layer {
  return { protocol: PROTOCOL_NO_NEXT_HEADER, encode: (inside) => inside };
}

function nextHeader(options: { nextHeader?: number }, next: Layer | undefined): number {
  return options.nextHeader ?? next?.protocol ?? PROTOCOL_NO_NEXT_HEADER;
}
