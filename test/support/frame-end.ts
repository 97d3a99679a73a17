// A raw end of a veth pair, as generator and witness: sends frames byte for byte through AF_PACKET from its own
// linear memory, and reads or only counts what arrives in its receive ring.

import { setTimeout as sleep } from "node:timers/promises";
import { type NativeAddon, requireNative } from "../../src/native.ts";
import type { LinkInfo } from "../../src/native-netdev.ts";
import { PATIENCE_MS } from "./eventually.ts";

const MEMORY_PAGES = 576;
const LIST = 0;
const LIST_MAX = 512;
/** Frames that any ring has room for. */
const SLICE = 128;
const FRAMES = 1 << 16;
const FRAMES_SIZE = (3 << 20) - FRAMES;
const RING = 4 << 20;
const BLOCK_SIZE = 1 << 18;
const BLOCK_COUNT = 128;

// TPACKET_V3, linux/if_packet.h: offsets in a block's header and in a packet's.
const BLOCK_STATUS = 8;
const BLOCK_PACKETS = 12;
const BLOCK_FIRST = 16;
const PACKET_NEXT = 0;
const PACKET_SNAPLEN = 12;
const PACKET_STATUS = 20;
const PACKET_MAC = 24;
const PACKET_TCI = 32;
const PACKET_TPID = 36;
const STATUS_USER = 1;
const STATUS_CHECKSUM_NOT_READY = 1 << 3;
const STATUS_VLAN = 1 << 4;
const STATUS_TPID = 1 << 6;
const ETHERTYPE_VLAN = 0x8100;
const MAC_ADDRESSES = 12;

/** A frame as it was on the wire, with its tag put back. */
export interface SeenFrame {
  readonly bytes: Buffer;
  /** Its sender left the checksum to hardware that is not there. */
  readonly checksumMissing: boolean;
}

/** See the head of the file. The interface must be up. */
export class FrameEnd {
  readonly fd: number;
  readonly link: LinkInfo;
  readonly #addon: NativeAddon;
  readonly #bytes = new Uint8Array(
    new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true }).buffer,
  );
  readonly #view = new DataView(this.#bytes.buffer);
  #block = 0;

  constructor(netns: string, name: string) {
    this.#addon = requireNative("a frame end");
    this.link = this.#addon.linkInfo({ netns, name });
    const ring = { block: RING, blockSize: BLOCK_SIZE, blockCount: BLOCK_COUNT };
    this.fd = this.#addon.openPacketRing(this.#bytes, { netns, index: this.link.index, ...ring });
  }

  /**
   * Sends every frame, in order. `rate` (frames a second) spreads them in steps of a millisecond, so that a receiver
   * on the same core keeps up; 0 sends as fast as it goes. Throws when the kernel refuses a frame.
   */
  async send(frames: readonly Uint8Array[], rate = 200_000): Promise<void> {
    const started = performance.now();
    for (let sent = 0; sent < frames.length; ) {
      const due = rate === 0 ? frames.length : Math.ceil(((performance.now() - started + 1) * rate) / 1000);
      const end = Math.min(frames.length, due, sent + LIST_MAX);
      if (end > sent) sent += this.sendNow(frames.slice(sent, end));
      if (sent >= due || rate === 0) await sleep(rate === 0 ? 0 : 1);
    }
  }

  /**
   * Sends frames in slices, each when the one before has come out at `witness`: however long the machine is busy with
   * something else, no ring on the way overflows. Returns what came.
   */
  async sendThrough(witness: FrameEnd, frames: readonly Uint8Array[]): Promise<Buffer[]> {
    const seen: Buffer[] = [];
    for (let at = 0; at < frames.length; at += SLICE) {
      const slice = frames.slice(at, at + SLICE);
      await this.send(slice, 0);
      seen.push(...(await witness.wait(slice.length)));
      if (seen.length < at + slice.length) break;
    }
    return seen;
  }

  /** Sends frames in one call, at most 512; returns how many went before the kernel had no room. Throws when it refuses one. */
  sendNow(frames: readonly Uint8Array[]): number {
    let at = FRAMES;
    let count = 0;
    for (const frame of frames.slice(0, LIST_MAX)) {
      if (at + frame.length > FRAMES + FRAMES_SIZE) break;
      this.#bytes.set(frame, at);
      this.#view.setUint32(LIST + count * 8, at, true);
      this.#view.setUint32(LIST + count * 8 + 4, frame.length, true);
      at += frame.length;
      count++;
    }
    const sent = this.#addon.sendFrames(this.fd, this.#bytes, LIST, count);
    if (sent < 0) throw new Error(`${this.link.name}: sending ${frames[0]?.length} bytes: errno ${-sent}`);
    return sent;
  }

  /** Takes what was received. */
  receive(): SeenFrame[] {
    const taken: SeenFrame[] = [];
    this.#blocks((first, count) => {
      let at = first;
      for (let left = count; left > 0; left--) {
        taken.push(this.#frame(at));
        at += this.#view.getUint32(at + PACKET_NEXT, true);
      }
    });
    return taken;
  }

  /** Takes what was received and only counts it: fast enough for millions. */
  count(): number {
    let total = 0;
    this.#blocks((_, count) => {
      total += count;
    });
    return total;
  }

  /** Waits until so many frames were received or patience is over; returns those there are. */
  async wait(count: number): Promise<Buffer[]> {
    const taken: Buffer[] = [];
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      taken.push(...this.receive().map((one) => one.bytes));
      if (taken.length >= count || performance.now() > deadline) return taken;
      await sleep(1);
    }
  }

  /** Frames that the kernel had no room for in the ring, since the last call. */
  missed(): number {
    return this.#addon.packetStatistics(this.fd).drops;
  }

  /** The status of the ring's first block, to be looked at after it was closed. */
  peek(): number {
    return this.#bytes[RING + BLOCK_STATUS] ?? -1;
  }

  close(): void {
    this.#addon.closePort(this.fd);
  }

  #blocks(visit: (first: number, count: number) => void): void {
    for (;;) {
      const block = RING + this.#block * BLOCK_SIZE;
      if ((this.#view.getUint32(block + BLOCK_STATUS, true) & STATUS_USER) === 0) return;
      const first = block + this.#view.getUint32(block + BLOCK_FIRST, true);
      visit(first, this.#view.getUint32(block + BLOCK_PACKETS, true));
      this.#view.setUint32(block + BLOCK_STATUS, 0, true);
      this.#block = (this.#block + 1) % BLOCK_COUNT;
    }
  }

  #frame(at: number): SeenFrame {
    const start = at + this.#view.getUint16(at + PACKET_MAC, true);
    const end = start + this.#view.getUint32(at + PACKET_SNAPLEN, true);
    const status = this.#view.getUint32(at + PACKET_STATUS, true);
    const checksumMissing = (status & STATUS_CHECKSUM_NOT_READY) !== 0;
    const bytes = Buffer.from(this.#bytes.slice(start, end));
    if ((status & STATUS_VLAN) === 0) return { bytes, checksumMissing };
    const tag = Buffer.alloc(4);
    const tpid = this.#view.getUint16(at + PACKET_TPID, true);
    tag.writeUInt16BE((status & STATUS_TPID) !== 0 ? tpid : ETHERTYPE_VLAN, 0);
    tag.writeUInt16BE(this.#view.getUint32(at + PACKET_TCI, true), 2);
    const tagged = [bytes.subarray(0, MAC_ADDRESSES), tag, bytes.subarray(MAC_ADDRESSES)];
    return { bytes: Buffer.concat(tagged), checksumMissing };
  }
}
