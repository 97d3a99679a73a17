// Where a replay's packets come from: a packet list, or captures merged by time. Either is sent `--repeat`
// times, and its clock never runs backwards.

import { readText } from "../config/read-text.ts";
import { type ListedPacket, parsePacketList } from "../netdev/packet-list.ts";
import { CaptureMerge, type CaptureSource, type MergedBatch } from "../netdev/pcap/merge.ts";
import { CaptureReader } from "../netdev/pcap/reader.ts";
import type { PortRange } from "./ports.ts";

/** A packet on its way into the switch; its bytes are valid until the next one. */
export interface InputPacket {
  /** Place in the list, from 0; the same in every pass. */
  readonly index: number;
  /** Times the list was sent before. */
  readonly pass: number;
  readonly port: number;
  readonly bytes: Buffer;
  /** Length on the wire, more than `bytes` where the capture cut the packet. */
  readonly wireLength: number;
  /** Milliseconds since the first packet. */
  readonly clockMs: number;
  /** Time stamp of the input. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Packets for a replay. */
export interface ReplayInput {
  /** Whether outputs keep nanoseconds. */
  readonly nanosecond: boolean;
  /** Hands out every packet of every pass. A mistake in a capture is thrown after all whole packets. */
  packets(passes: number): AsyncGenerator<InputPacket, void, void>;
  close(): Promise<void>;
}

/** Reads a packet list. Throws PacketSyntaxError, or the file system's error. */
export function openPacketList(file: string, ports: PortRange): ReplayInput {
  const find = (text: string) => ports.find(text);
  const list = parsePacketList(readText(file), file, { find, expected: ports.text });
  return { nanosecond: true, packets: (passes) => listedPackets(list, passes), close: async () => {} };
}

/** Opens captures. Throws CaptureError, or the file system's error. */
export async function openCaptures(
  files: readonly { readonly port: number; readonly file: string }[],
): Promise<ReplayInput> {
  const input = new CaptureInput(files);
  await input.open();
  return input;
}

/** The clock stands still for a packet list. */
async function* listedPackets(list: readonly ListedPacket[], passes: number): AsyncGenerator<InputPacket> {
  for (let pass = 0; pass < passes; pass++) {
    for (const [index, { port, bytes }] of list.entries()) {
      const wireLength = bytes.length;
      yield { index, pass, port, bytes, wireLength, clockMs: 0, seconds: 0, nanoseconds: 0 };
    }
  }
}

class CaptureInput implements ReplayInput {
  nanosecond = false;
  readonly #files: readonly { readonly port: number; readonly file: string }[];
  #sources: CaptureSource[] = [];
  #clock = new CaptureClock();

  constructor(files: readonly { readonly port: number; readonly file: string }[]) {
    this.#files = files;
  }

  /** Opens every capture at its first packet. */
  async open(): Promise<void> {
    await this.close();
    for (const { port, file } of this.#files) {
      const reader = await CaptureReader.open(file);
      this.#sources.push({ port, reader });
      if (reader.nanosecond) this.nanosecond = true;
    }
  }

  async *packets(passes: number): AsyncGenerator<InputPacket, void, void> {
    for (let pass = 0; pass < passes; pass++) {
      if (pass > 0) {
        await this.open();
        this.#clock.startPass();
      }
      const merge = new CaptureMerge(this.#sources);
      let index = 0;
      for (let batch = await merge.next(); batch !== undefined; batch = await merge.next()) {
        for (let i = 0; i < batch.count; i++) yield this.#packet(batch, i, index++, pass);
      }
    }
  }

  async close(): Promise<void> {
    const sources = this.#sources;
    this.#sources = [];
    for (const source of sources) await source.reader.close();
  }

  #packet(batch: MergedBatch, i: number, index: number, pass: number): InputPacket {
    const seconds = batch.seconds[i] as number;
    const nanoseconds = batch.nanoseconds[i] as number;
    return {
      index,
      pass,
      port: batch.ports[i] as number,
      bytes: batch.packet(i),
      wireLength: batch.wireLengths[i] as number,
      clockMs: this.#clock.at(seconds, nanoseconds),
      seconds,
      nanoseconds,
    };
  }
}

/** Milliseconds since the first packet; stands still where the captures step back, goes on in a next pass. */
class CaptureClock {
  #firstSeconds: number | undefined;
  #passStart = 0;
  #now = 0;

  startPass(): void {
    this.#passStart = this.#now;
    this.#firstSeconds = undefined;
  }

  at(seconds: number, nanoseconds: number): number {
    this.#firstSeconds ??= seconds + nanoseconds / 1e9;
    const time = this.#passStart + (seconds - this.#firstSeconds) * 1000 + nanoseconds / 1e6;
    this.#now = Math.max(this.#now, time);
    return this.#now;
  }
}
