// What a layer of the packet builder is, and the bytes that layers are written with.

import { parseIpv4, parseIpv6, parseMac } from "../../../src/odp/address.ts";

/** One header, or the payload: knows its own bytes around what it carries. */
export interface Layer {
  /** What a link layer in front calls this layer. */
  readonly etherType?: number;
  /** What an IP layer in front calls this layer. */
  readonly protocol?: number;
  /** IP layers only: the pseudo header of a transport checksum (RFC 9293 3.1, RFC 8200 8.1). */
  pseudoHeader?(protocol: number, length: number): Buffer;
  /** The layer's bytes, those that it carries included. */
  encode(inside: Buffer, context: LayerContext): Buffer;
}

/** Where a layer stands. */
export interface LayerContext {
  /** The layers in front, outermost first. */
  readonly outer: readonly Layer[];
  readonly next: Layer | undefined;
}

/** A checksum field: computed by default, computed and then made wrong, or as given. */
export type ChecksumOption = number | "wrong" | undefined;

/** The field that `option` asks for. */
export function checksumField(option: ChecksumOption, compute: () => number): number {
  if (typeof option === "number") return option;
  const right = compute();
  return option === "wrong" ? right ^ 0x5a5a : right;
}

/** Big-endian bytes, appended. */
export class ByteWriter {
  readonly #parts: number[] = [];

  u8(...values: number[]): this {
    for (const value of values) this.#parts.push(value & 0xff);
    return this;
  }

  u16(...values: number[]): this {
    for (const value of values) this.u8(value >>> 8, value);
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.u16(value >>> 16, value);
    return this;
  }

  bytes(bytes: Iterable<number>): this {
    this.#parts.push(...bytes);
    return this;
  }

  done(): Buffer {
    return Buffer.from(this.#parts);
  }
}

/** Six bytes of `aa:bb:cc:dd:ee:ff`. */
export function macBytes(text: string): Buffer {
  return addressBytes(text, parseMac(text), 6);
}

/** Four bytes of a dotted quad. */
export function ipv4Bytes(text: string): Buffer {
  return addressBytes(text, parseIpv4(text), 4);
}

/** Sixteen bytes of an IPv6 address. */
export function ipv6Bytes(text: string): Buffer {
  return addressBytes(text, parseIpv6(text), 16);
}

function addressBytes(text: string, address: bigint | number | undefined, size: number): Buffer {
  if (address === undefined) throw new Error(`${text} is no address of ${size} bytes`);
  return Buffer.from(address.toString(16).padStart(size * 2, "0"), "hex");
}
