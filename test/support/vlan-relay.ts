// A VLAN interface for kernels that have none: a TAP device whose frames leave an interface with a tag, and get
// the interface's frames of that VLAN without it. It works on this thread, for pings and small transfers.

import { requireNative } from "../../src/native.ts";
import { FrameEnd } from "./frame-end.ts";

const FRAME_MAX = 2048;
const BATCH = 64;
const LIST = 0;
const FRAMES = 4096;
const MAC_ADDRESSES = 12;
const TAG_SIZE = 4;
const ETHERTYPE_VLAN = 0x8100;
const VID_MASK = 0xfff;

/** See the head of the file; runs until `close`. */
export class VlanRelay {
  readonly #addon = requireNative("a VLAN relay");
  readonly #tap: number;
  readonly #end: FrameEnd;
  readonly #vid: number;
  readonly #bytes = new Uint8Array(new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true }).buffer);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #timer: NodeJS.Timeout;

  constructor(netns: string, under: string, name: string, vid: number) {
    this.#vid = vid;
    this.#tap = this.#addon.openTap({ netns, name }).fds[0] ?? -1;
    this.#addon.setLink({ netns, name, up: true });
    this.#end = new FrameEnd(netns, under);
    this.#timer = setInterval(() => this.#relay(), 1);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#end.close();
    this.#addon.closeFd(this.#tap);
  }

  #relay(): void {
    const untagged = this.#end.receive().map(({ bytes }) => this.#untag(bytes));
    for (const frame of untagged) if (frame !== undefined) this.#toTap(frame);
    const frames = this.#fromTap();
    for (let sent = 0; sent < frames.length; ) {
      const now = this.#end.sendNow(frames.slice(sent));
      if (now === 0) break;
      sent += now;
    }
  }

  #untag(frame: Buffer): Buffer | undefined {
    if (frame.length < MAC_ADDRESSES + TAG_SIZE + 2) return undefined;
    const isOurs =
      frame.readUInt16BE(MAC_ADDRESSES) === ETHERTYPE_VLAN &&
      (frame.readUInt16BE(MAC_ADDRESSES + 2) & VID_MASK) === this.#vid;
    if (!isOurs) return undefined;
    return Buffer.concat([frame.subarray(0, MAC_ADDRESSES), frame.subarray(MAC_ADDRESSES + TAG_SIZE)]);
  }

  #toTap(frame: Buffer): void {
    this.#bytes.set(frame, FRAMES);
    this.#entry(0, FRAMES, frame.length);
    this.#addon.writeFrames(this.#tap, this.#bytes, LIST, 1);
  }

  #fromTap(): Buffer[] {
    for (let i = 0; i < BATCH; i++) this.#entry(i, FRAMES + i * FRAME_MAX, FRAME_MAX);
    const count = this.#addon.readFrames(this.#tap, this.#bytes, LIST, BATCH);
    const tag = Buffer.alloc(TAG_SIZE);
    tag.writeUInt16BE(ETHERTYPE_VLAN, 0);
    tag.writeUInt16BE(this.#vid, 2);
    return Array.from({ length: Math.max(count, 0) }, (_, i) => {
      const start = FRAMES + i * FRAME_MAX;
      const end = start + this.#view.getUint32(LIST + i * 8 + 4, true);
      const addresses = this.#bytes.slice(start, start + MAC_ADDRESSES);
      return Buffer.concat([addresses, tag, this.#bytes.slice(start + MAC_ADDRESSES, end)]);
    });
  }

  #entry(index: number, address: number, length: number): void {
    this.#view.setUint32(LIST + index * 8, address, true);
    this.#view.setUint32(LIST + index * 8 + 4, length, true);
  }
}
