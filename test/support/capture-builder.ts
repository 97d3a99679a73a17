// Builds captures byte by byte in every format that the reader takes, independently of the reader's and the
// writer's code: the tests say what a file holds, this says how it is spelled.

/** A packet with its time in nanoseconds since 1970. */
export interface CapturedPacket {
  readonly timeNs: bigint;
  readonly bytes: Buffer;
  /** Length on the wire where it was cut. */
  readonly wireLength?: number;
  /** pcapng: interface, and the block type that holds the packet. */
  readonly interface?: number;
  readonly block?: "enhanced" | "simple" | "obsolete";
}

export interface PcapOptions {
  readonly bigEndian?: boolean;
  readonly nanosecond?: boolean;
  readonly linkType?: number;
}

export interface PcapngInterface {
  readonly linkType?: number;
  readonly snapLength?: number;
  /** if_tsresol byte; absent = microseconds. */
  readonly resolution?: number;
  /** if_tsoffset, in seconds. */
  readonly offsetSeconds?: number;
}

class Bytes {
  readonly #bigEndian: boolean;
  readonly #parts: Buffer[] = [];
  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian;
  }
  u16(value: number): this {
    const part = Buffer.alloc(2);
    if (this.#bigEndian) part.writeUInt16BE(value);
    else part.writeUInt16LE(value);
    return this.raw(part);
  }
  u32(value: number): this {
    const part = Buffer.alloc(4);
    if (this.#bigEndian) part.writeUInt32BE(value);
    else part.writeUInt32LE(value);
    return this.raw(part);
  }
  i64(value: bigint): this {
    const part = Buffer.alloc(8);
    if (this.#bigEndian) part.writeBigInt64BE(value);
    else part.writeBigInt64LE(value);
    return this.raw(part);
  }
  raw(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }
  padded(part: Buffer): this {
    return this.raw(part).raw(Buffer.alloc((4 - (part.length % 4)) % 4));
  }
  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Returns a classic capture file. */
export function pcapFile(packets: readonly CapturedPacket[], options: PcapOptions = {}): Buffer {
  const out = new Bytes(options.bigEndian ?? false);
  const unitNs = options.nanosecond ? 1n : 1000n;
  out
    .u32(options.nanosecond ? 0xa1b23c4d : 0xa1b2c3d4)
    .u16(2)
    .u16(4);
  out.u32(0).u32(0).u32(262144);
  out.u32(options.linkType ?? 1);
  for (const packet of packets) {
    out.u32(Number(packet.timeNs / 1_000_000_000n)).u32(Number((packet.timeNs % 1_000_000_000n) / unitNs));
    out
      .u32(packet.bytes.length)
      .u32(packet.wireLength ?? packet.bytes.length)
      .raw(packet.bytes);
  }
  return out.done();
}

/** Returns one pcapng section: its header, its interfaces and its packets. */
export function pcapngSection(
  interfaces: readonly PcapngInterface[],
  packets: readonly CapturedPacket[],
  bigEndian = false,
): Buffer {
  const section = new Bytes(bigEndian).u32(0x1a2b3c4d).u16(1).u16(0).i64(-1n).done();
  const blocks = [pcapngBlock(0x0a0d0d0a, section, bigEndian)];
  for (const one of interfaces) blocks.push(interfaceBlock(one, bigEndian));
  for (const packet of packets) {
    const origin = interfaces[packet.interface ?? 0] ?? {};
    blocks.push(packetBlock(packet, origin, bigEndian));
  }
  return Buffer.concat(blocks);
}

/** Returns one pcapng block around a body that is padded to 32 bits. */
export function pcapngBlock(type: number, body: Buffer, bigEndian = false): Buffer {
  return new Bytes(bigEndian)
    .u32(type)
    .u32(body.length + 12)
    .raw(body)
    .u32(body.length + 12)
    .done();
}

function interfaceBlock(one: PcapngInterface, bigEndian: boolean): Buffer {
  const body = new Bytes(bigEndian)
    .u16(one.linkType ?? 1)
    .u16(0)
    .u32(one.snapLength ?? 0);
  // A name first, so that options have to be walked: if_name "eth0x".
  body.u16(2).u16(5).padded(Buffer.from("eth0x"));
  if (one.resolution !== undefined)
    body
      .u16(9)
      .u16(1)
      .padded(Buffer.from([one.resolution]));
  if (one.offsetSeconds !== undefined) body.u16(14).u16(8).i64(BigInt(one.offsetSeconds));
  body.u16(0).u16(0);
  return pcapngBlock(1, body.done(), bigEndian);
}

function packetBlock(packet: CapturedPacket, origin: PcapngInterface, bigEndian: boolean): Buffer {
  const wireLength = packet.wireLength ?? packet.bytes.length;
  const body = new Bytes(bigEndian);
  if (packet.block === "simple") {
    return pcapngBlock(3, body.u32(wireLength).padded(packet.bytes).done(), bigEndian);
  }
  if (packet.block === "obsolete") body.u16(packet.interface ?? 0).u16(0xffff);
  else body.u32(packet.interface ?? 0);
  const resolution = origin.resolution ?? 6;
  const unitsPerSecond =
    (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution & 0x7f);
  const sinceOffset = packet.timeNs - BigInt(origin.offsetSeconds ?? 0) * 1_000_000_000n;
  const units = (sinceOffset * unitsPerSecond) / 1_000_000_000n;
  body.u32(Number(units >> 32n)).u32(Number(units & 0xffffffffn));
  body.u32(packet.bytes.length).u32(wireLength).padded(packet.bytes);
  // epb_flags: received, unicast.
  if (packet.block !== "obsolete") body.u16(2).u16(4).u32(1).u16(0).u16(0);
  return pcapngBlock(packet.block === "obsolete" ? 2 : 6, body.done(), bigEndian);
}
