// A raw AF_PACKET end of a veth pair, as the tests' generator and witness: sends frames from its own linear
// memory and reads the blocks of its receive ring.

import type { LinkInfo } from "../../src/native-netdev.ts";
import { addon } from "./xsk-driver.ts";

const BLOCK_SIZE = 1 << 16;
const BLOCK_COUNT = 16;
const LIST = 4096;
const FRAMES = 1 << 20;
const RING = 2 << 20;

// TPACKET_V3, linux/if_packet.h: offsets in a block's header and in a packet's.
const BLOCK_STATUS = 8;
const BLOCK_PACKETS = 12;
const BLOCK_FIRST = 16;
const PACKET_NEXT = 0;
const PACKET_SNAPLEN = 12;
const PACKET_STATUS = 20;
const PACKET_MAC = 24;
const STATUS_USER = 1;

/** A received packet and its tp_status. */
export interface Captured {
  readonly bytes: Buffer;
  readonly status: number;
}

/** See the head of the file. */
export class PacketEnd {
  readonly fd: number;
  readonly link: LinkInfo;
  readonly #bytes = new Uint8Array(new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true }).buffer);
  readonly #view = new DataView(this.#bytes.buffer);
  #block = 0;

  constructor(netns: string, name: string) {
    this.link = addon.linkInfo({ netns, name });
    const ring = { block: RING, blockSize: BLOCK_SIZE, blockCount: BLOCK_COUNT };
    this.fd = addon.openPacketRing(this.#bytes, { netns, index: this.link.index, ...ring });
  }

  /** Sends frames; returns what sendFrames said. */
  send(frames: readonly Uint8Array[]): number {
    let at = FRAMES;
    frames.forEach((frame, i) => {
      this.#bytes.set(frame, at);
      this.#view.setUint32(LIST + i * 8, at, true);
      this.#view.setUint32(LIST + i * 8 + 4, frame.length, true);
      at += frame.length;
    });
    return addon.sendFrames(this.fd, this.#bytes, LIST, frames.length);
  }

  /** Takes what was received. */
  receive(): Captured[] {
    const taken: Captured[] = [];
    for (;;) {
      const block = RING + this.#block * BLOCK_SIZE;
      if ((this.#view.getUint32(block + BLOCK_STATUS, true) & STATUS_USER) === 0) return taken;
      let at = block + this.#view.getUint32(block + BLOCK_FIRST, true);
      for (let left = this.#view.getUint32(block + BLOCK_PACKETS, true); left > 0; left--) {
        const start = at + this.#view.getUint16(at + PACKET_MAC, true);
        const end = start + this.#view.getUint32(at + PACKET_SNAPLEN, true);
        taken.push({
          bytes: Buffer.from(this.#bytes.slice(start, end)),
          status: this.#view.getUint32(at + PACKET_STATUS, true),
        });
        at += this.#view.getUint32(at + PACKET_NEXT, true);
      }
      this.#view.setUint32(block + BLOCK_STATUS, 0, true);
      this.#block = (this.#block + 1) % BLOCK_COUNT;
    }
  }

  /** The ring's first byte in linear memory, to look at after it was closed. */
  peek(): number {
    return this.#bytes[RING + BLOCK_STATUS] ?? -1;
  }

  close(): void {
    addon.closePort(this.fd);
  }
}

/** A broadcast frame of an EtherType for experiments (IEEE Std 802, 88B5), numbered, filled from its number. */
export function numberedFrame(number: number, length: number): Buffer {
  const frame = Buffer.alloc(length, number & 0xff);
  frame.fill(0xff, 0, 6);
  frame.writeUIntBE(0x020000000000 + number, 6, 6);
  frame.writeUInt16BE(0x88b5, 12);
  if (length >= 18) frame.writeUInt32BE(number, 14);
  return frame;
}
