// The small forms of datapath-flow syntax: `name=value/mask` with what is wildcarded left out.

import { formatIpv4, formatIpv6, formatMac } from "./address.ts";

/** Returns a number as C's `%#x`: 0 without prefix. */
export function hex(value: number): string {
  return value === 0 ? "0" : `0x${value.toString(16)}`;
}

/** Returns a bigint as C's `%#x`. */
export function bigHex(value: bigint): string {
  return value === 0n ? "0" : `0x${value.toString(16)}`;
}

/** Returns 16 bits as 0x and four digits. */
export function hex4(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}

/** Returns `value` with `/mask` unless the mask is `full`. */
export function masked(value: string, mask: number, full: number): string {
  return mask === full ? value : `${value}/${hex(mask)}`;
}

/** Gathers `name=value` fields of one attribute. */
export class Parts {
  private readonly parts: string[] = [];
  private readonly verbose: boolean;

  /** `verbose` keeps the fields that are wholly wildcarded. */
  constructor(verbose: boolean) {
    this.verbose = verbose;
  }

  /** The fields so far, between commas. */
  get text(): string {
    return this.parts.join(",");
  }

  add(part: string): void {
    this.parts.push(part);
  }

  decimal(name: string, value: number, mask: number, full: number): void {
    if (mask !== 0 || this.verbose) this.add(`${name}=${masked(String(value), mask, full)}`);
  }

  hex(name: string, value: number, mask: number, full: number): void {
    if (mask !== 0 || this.verbose) this.add(`${name}=${masked(hex(value), mask, full)}`);
  }

  mac(name: string, value: bigint, mask: bigint): void {
    if (mask === 0n && !this.verbose) return;
    const suffix = mask === 0xffffffffffffn ? "" : `/${formatMac(mask)}`;
    this.add(`${name}=${formatMac(value)}${suffix}`);
  }

  ipv4(name: string, value: number, mask: number): void {
    if (mask === 0 && !this.verbose) return;
    const suffix = mask === 0xffffffff ? "" : `/${formatIpv4(mask)}`;
    this.add(`${name}=${formatIpv4(value)}${suffix}`);
  }

  ipv6(name: string, value: bigint, mask: bigint): void {
    if (mask === 0n && !this.verbose) return;
    const suffix = mask === (1n << 128n) - 1n ? "" : `/${formatIpv6(mask)}`;
    this.add(`${name}=${formatIpv6(value)}${suffix}`);
  }
}

/** Returns a label stack entry as `label=...,tc=...,ttl=...,bos=...`. */
export function formatLse(lse: number): string {
  return `label=${lse >>> 12},tc=${(lse >>> 9) & 7},ttl=${lse & 0xff},bos=${(lse >>> 8) & 1}`;
}

/** Returns a label stack entry with its mask: every part, whatever the mask. */
export function formatLseMasked(lse: number, mask: number): string {
  const tc = `tc=${(lse >>> 9) & 7}/${((mask >>> 9) & 7).toString(16)}`;
  const bos = `bos=${(lse >>> 8) & 1}/${((mask >>> 8) & 1).toString(16)}`;
  const ttl = `ttl=${lse & 0xff}/0x${(mask & 0xff).toString(16)}`;
  return `label=${lse >>> 12}/0x${(mask >>> 12).toString(16)},${tc},${ttl},${bos}`;
}
