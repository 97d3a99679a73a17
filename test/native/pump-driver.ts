// The PMD's side of a queue block that a pump works: gives empty frames, takes received packets, gives
// packets to send and takes their frames back. Frames are numbered; none is ever in two places.

import assert from "node:assert/strict";
import { FRAME_DATA_MAX, FRAME_HEADROOM, FRAME_SIZE } from "../../assembly/layout/frame.ts";
import {
  QUEUE_COMPLETION,
  QUEUE_DESCRIPTOR_SIZE,
  QUEUE_FILL,
  QUEUE_OFFSET_SIZE,
  QUEUE_OPTION_CONTINUED,
  QUEUE_PUMP_BLOCK_COUNT,
  QUEUE_PUMP_BLOCK_SIZE,
  QUEUE_PUMP_HEADER,
  QUEUE_PUMP_PACKET_MAX,
  QUEUE_PUMP_RING,
  QUEUE_PUMP_RX_DROPS,
  QUEUE_PUMP_TX_DROPS,
  QUEUE_RING_CONSUMER,
  QUEUE_RING_ENTRIES,
  QUEUE_RING_MASK,
  QUEUE_RING_PRODUCER,
  QUEUE_RX,
  QUEUE_TX,
  QUEUE_UMEM,
  QUEUE_UMEM_SIZE,
} from "../../assembly/layout/queue.ts";
import { addon } from "./xsk-driver.ts";

const BLOCK = 4096;
const RINGS = 8192;
const RING_STRIDE = 32768;
const PACKET_RING = 1 << 18;
const UMEM = 8 << 20;
const UMEM_SIZE = 4 << 20;
const ALL_RINGS = [QUEUE_FILL, QUEUE_COMPLETION, QUEUE_RX, QUEUE_TX] as const;

/** What is on the other side: a TAP queue, or an AF_PACKET socket on an interface. */
export type PumpEnd =
  | { readonly tap: number; readonly headerSize: number; readonly packetMax?: number }
  | { readonly netns: string; readonly name: string; readonly blockSize?: number };

/** See the head of the file. */
export class PumpDriver {
  readonly fd: number;
  readonly bytes = new Uint8Array(
    new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true }).buffer,
  );
  readonly #view = new DataView(this.bytes.buffer);
  readonly #size: number;
  readonly #free: number[] = [];
  readonly #tap: boolean;
  #filled = 0;
  #sending = 0;

  constructor(end: PumpEnd, size = 256) {
    this.#size = size;
    this.#tap = "tap" in end;
    for (let frame = 0; frame < UMEM_SIZE; frame += FRAME_SIZE) this.#free.push(frame);
    ALL_RINGS.forEach((ring, i) => {
      const at = RINGS + i * RING_STRIDE;
      this.#set(BLOCK + ring + QUEUE_RING_PRODUCER, at);
      this.#set(BLOCK + ring + QUEUE_RING_CONSUMER, at + 64);
      this.#set(BLOCK + ring + QUEUE_RING_ENTRIES, at + 128);
      this.#set(BLOCK + ring + QUEUE_RING_MASK, size - 1);
    });
    this.#set(BLOCK + QUEUE_UMEM, UMEM);
    this.#set(BLOCK + QUEUE_UMEM_SIZE, UMEM_SIZE);
    this.fd = "tap" in end ? this.#useTap(end) : this.#usePacket(end);
  }

  /** One call of the pump. */
  pump(budget = 64): number {
    const pump = this.#tap ? addon.pumpTap : addon.pumpPacket;
    return pump(this.fd, this.bytes, BLOCK, budget);
  }

  /** Gives empty frames, up to `count` in the fill ring. */
  fill(count: number): void {
    while (this.#filled < count) {
      const frame = this.#free.pop();
      assert.ok(frame !== undefined, "the driver has no frame left");
      // The pump rounds to the frame, as the kernel does.
      this.#push(QUEUE_FILL, QUEUE_OFFSET_SIZE, (at) => this.#set(at, frame + 7));
      this.#filled++;
    }
  }

  /** Takes the packets received, put together again. */
  receive(): Buffer[] {
    const packets: Buffer[] = [];
    let pieces: Buffer[] = [];
    this.#takeAll(QUEUE_RX, QUEUE_DESCRIPTOR_SIZE, (at) => {
      const [address, length] = [this.#get(at), this.#get(at + 8)];
      assert.equal(address % FRAME_SIZE, FRAME_HEADROOM, "a packet starts behind the headroom");
      pieces.push(Buffer.from(this.bytes.slice(UMEM + address, UMEM + address + length)));
      this.#free.push(address - FRAME_HEADROOM);
      this.#filled--;
      if ((this.#get(at + 12) & QUEUE_OPTION_CONTINUED) !== 0) {
        assert.equal(length, FRAME_DATA_MAX, "all pieces but the last are full");
        return;
      }
      packets.push(Buffer.concat(pieces));
      pieces = [];
    });
    assert.equal(pieces.length, 0, "a packet is handed over whole");
    return packets;
  }

  /** Puts packets into the tx ring, in pieces of at most `pieceMax`; returns how many there was room for. */
  send(packets: readonly Uint8Array[], pieceMax: number = FRAME_DATA_MAX): number {
    let given = 0;
    for (const packet of packets) {
      const parts = Math.max(1, Math.ceil(packet.length / pieceMax));
      if (this.#sending + parts > this.#size) break;
      for (let i = 0; i < parts; i++) {
        const piece = packet.subarray(i * pieceMax, (i + 1) * pieceMax);
        const frame = this.#free.pop();
        assert.ok(frame !== undefined, "the driver has no frame left");
        this.bytes.set(piece, UMEM + frame + FRAME_HEADROOM);
        this.pushDescriptor(frame + FRAME_HEADROOM, piece.length, i + 1 < parts);
      }
      given++;
    }
    return given;
  }

  /** An entry of the tx ring, good or bad. */
  pushDescriptor(address: number, length: number, continued: boolean): void {
    this.#sending++;
    this.#push(QUEUE_TX, QUEUE_DESCRIPTOR_SIZE, (at) => {
      this.#set(at, address);
      this.#set(at + 8, length);
      this.#set(at + 12, continued ? QUEUE_OPTION_CONTINUED : 0);
    });
  }

  /** Takes back the frames of packets that are done with; returns how many. */
  complete(): number {
    let count = 0;
    this.#takeAll(QUEUE_COMPLETION, QUEUE_OFFSET_SIZE, (at) => {
      this.#free.push(this.#get(at) & -FRAME_SIZE);
      this.#sending--;
      count++;
    });
    return count;
  }

  /** Frames that nobody has lost. */
  get frames(): number {
    return this.#free.length + this.#filled + this.#sending;
  }

  get rxDrops(): number {
    return Number(this.#view.getBigUint64(BLOCK + QUEUE_PUMP_RX_DROPS, true));
  }

  get txDrops(): number {
    return Number(this.#view.getBigUint64(BLOCK + QUEUE_PUMP_TX_DROPS, true));
  }

  /** A word of the queue block, to break it. */
  setWord(offset: number, value: number): void {
    this.#set(BLOCK + offset, value);
  }

  close(): void {
    if (this.#tap) addon.closeFd(this.fd);
    else addon.closePort(this.fd);
  }

  #useTap({ tap, headerSize, packetMax = 1522 }: Extract<PumpEnd, { tap: number }>): number {
    this.#set(BLOCK + QUEUE_PUMP_HEADER, headerSize);
    this.#set(BLOCK + QUEUE_PUMP_PACKET_MAX, packetMax);
    return tap;
  }

  #usePacket({ netns, name, blockSize = 1 << 17 }: Extract<PumpEnd, { name: string }>): number {
    const blockCount = (4 << 20) / blockSize;
    this.#set(BLOCK + QUEUE_PUMP_RING, PACKET_RING);
    this.#set(BLOCK + QUEUE_PUMP_BLOCK_SIZE, blockSize);
    this.#set(BLOCK + QUEUE_PUMP_BLOCK_COUNT, blockCount);
    const { index } = addon.linkInfo({ netns, name });
    const ring = { block: PACKET_RING, blockSize, blockCount, header: true };
    return addon.openPacketRing(this.bytes, { netns, index, ...ring });
  }

  #push(ring: number, entrySize: number, write: (at: number) => void): void {
    const producer = this.#get(BLOCK + ring + QUEUE_RING_PRODUCER);
    const index = this.#get(producer);
    write(this.#entry(ring, index, entrySize));
    this.#set(producer, index + 1);
  }

  #takeAll(ring: number, entrySize: number, read: (at: number) => void): void {
    const consumer = this.#get(BLOCK + ring + QUEUE_RING_CONSUMER);
    const producer = this.#get(this.#get(BLOCK + ring + QUEUE_RING_PRODUCER));
    let index = this.#get(consumer);
    for (; index !== producer; index = (index + 1) >>> 0) read(this.#entry(ring, index, entrySize));
    this.#set(consumer, index);
  }

  #entry(ring: number, index: number, entrySize: number): number {
    return this.#get(BLOCK + ring + QUEUE_RING_ENTRIES) + (index & (this.#size - 1)) * entrySize;
  }

  #get(address: number): number {
    return this.#view.getUint32(address, true);
  }

  #set(address: number, value: number): void {
    this.#view.setUint32(address, value >>> 0, true);
  }
}
