// The datapath by itself, without translation: megaflows are put by hand, packets go in one burst at a
// time, and what the lookup found is read out of the batch context.

import { Action } from "../../assembly/layout/action.ts";
import {
  BATCH_FLOWS,
  BATCH_HASHES,
  BATCH_LEVELS,
  BATCH_MISS_COUNT,
  BATCH_MISSES,
  BATCH_VISITED,
} from "../../assembly/layout/batch.ts";
import { Command, CommandStatus } from "../../assembly/layout/command.ts";
import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { RegionId } from "../../assembly/layout/pmd.ts";
import {
  PortKind,
  RX_RECORD,
  RX_RECORD_DATA,
  RX_RECORD_LENGTH,
  RX_RECORD_SEQUENCE,
  RxqKind,
} from "../../assembly/layout/port.ts";
import { LookupLevel } from "../../assembly/layout/stat.ts";
import {
  MISS_PENDING,
  REPLY_COOKIE,
  REPLY_STATUS,
  REPLY_TOKEN,
  REPLY_VALUE,
  UpcallKind,
} from "../../assembly/layout/upcall.ts";
import { defaultSettings, type Settings } from "../../src/config/settings.ts";
import { type DatapathExports, startDatapath } from "../../src/datapath/instance.ts";
import { SwitchMemory } from "../../src/datapath/memory.ts";
import { PmdChannel } from "../../src/datapath/pmd-channel.ts";
import { layOutPmd, type PmdMemory } from "../../src/datapath/pmd-memory.ts";
import { type PmdStats, readPmdStats } from "../../src/datapath/pmd-stats.ts";
import { RingWriter, ringInit } from "../../src/datapath/ring.ts";
import { maskLanes } from "../../src/odp/mask-lanes.ts";
import { ufidOf } from "../../src/odp/ufid.ts";

/** What the lookup said of one packet. */
export interface Found {
  /** Address of the flow; 0 = none. */
  readonly flow: number;
  readonly level: LookupLevel;
  readonly visited: number;
  readonly hash: number;
}

const DROP_ALL = Uint32Array.of(0);

/** See the head of the file. */
export class RawDatapath {
  readonly memory = new SwitchMemory();
  readonly pmd: PmdMemory;
  readonly exports: DatapathExports;
  readonly channel: PmdChannel;
  clock = 1;
  readonly #rx: RingWriter;
  readonly #replies = new Map<number, { status: CommandStatus; value: number; cookie: number }>();
  /** Addresses of flows by cookie. */
  readonly #flows = new Map<number, number>();
  readonly #misses: number[] = [];
  #cookie = 1;

  constructor(settings: Partial<Settings> = {}, seed = 1n) {
    const all = { ...defaultSettings, frames: 1024, ...settings };
    const options = { index: 0, seed, trace: false, fifoFrames: false, upcallShare: 4096 };
    this.pmd = layOutPmd(this.memory, all, options);
    this.exports = startDatapath(this.memory, this.pmd.control);
    this.channel = new PmdChannel(this.memory, this.pmd, () => this.poll());
    const ring = this.memory.allocate(1 << 20, "receive ring");
    ringInit(this.memory, ring);
    this.#rx = new RingWriter(this.memory, ring.base);
    for (let port = 1; port <= 8; port++) this.channel.record(Command.PORT, port, [PortKind.NULL, 0, 0, 0]);
    this.channel.record(Command.RXQ, 0, [RxqKind.RING, 1, ring.base, 0, 0, 0, 0, 0]);
    this.poll();
  }

  get stats(): PmdStats {
    return readPmdStats(this.memory, this.pmd.control);
  }

  /** One turn; takes replies and misses in. */
  poll(): void {
    this.exports.poll(1, this.clock);
    this.channel.upcalls.drain((record, kind) => {
      const word = (offset: number): number => this.memory.u32[(record + offset) >>> 2]!;
      if (kind === UpcallKind.REPLY) {
        const [status, value, cookie] = [word(REPLY_STATUS), word(REPLY_VALUE), word(REPLY_COOKIE)];
        this.#replies.set(word(REPLY_TOKEN), { status, value, cookie });
      } else if (kind === UpcallKind.MISS) this.#misses.push(word(MISS_PENDING));
    });
  }

  /** Puts a flow; returns its address, that of the flow that it replaced if there was one, and its cookie. */
  put(
    key: Uint32Array,
    mask: Uint32Array,
    port = 2,
  ): { flow: number; cookie: number; status: CommandStatus } {
    const lanes = maskLanes(mask);
    const program = Uint32Array.of(2, Action.OUTPUT | (2 << 8), port);
    const cookie = this.#cookie++;
    this.channel.capacity.reserveFlow(lanes.length, program);
    const ufid = ufidOf(key, mask);
    const token = this.channel.putFlow({ pending: 0, cookie, ufid, lanes, mask, key, program });
    const { status, value, cookie: older } = this.reply(token);
    if (status === CommandStatus.OK) this.#flows.set(cookie, value);
    const flow = status === CommandStatus.REPLACED ? this.#flows.get(older) : value;
    return { flow: flow ?? 0, cookie, status };
  }

  /** Removes a flow. */
  remove(flow: number, cookie: number): CommandStatus {
    return this.reply(this.channel.deleteFlow(flow, cookie)).status;
  }

  /** Sends a burst into port 1 and tells what was found. Packets that miss are let go, unanswered. */
  lookup(packets: readonly Uint8Array[]): Found[] {
    const { u32, u8 } = this.memory;
    for (const packet of packets) {
      const record = this.#rx.reserve(RX_RECORD_DATA + packet.length, RX_RECORD);
      u32[(record + RX_RECORD_SEQUENCE) >>> 2] = 0;
      u32[(record + RX_RECORD_LENGTH) >>> 2] = packet.length;
      u8.set(packet, record + RX_RECORD_DATA);
    }
    this.#rx.commit();
    this.poll();
    const found = packets.map((_, i) => this.#found(i));
    // Packets with another key than the first one of their microflow ask again.
    while (this.#misses.length > 0) {
      for (const pending of this.#misses.splice(0)) this.channel.answer(pending, DROP_ALL);
      this.poll();
    }
    return found;
  }

  /** Waits for a command's reply. */
  reply(token: number): { status: CommandStatus; value: number; cookie: number } {
    for (let i = 0; i < 100; i++) {
      const reply = this.#replies.get(token);
      this.#replies.delete(token);
      if (reply !== undefined) return reply;
      this.poll();
    }
    throw new Error(`no reply to command ${token}`);
  }

  /** Reads the i'th packet of the last burst out of the receive context. */
  #found(i: number): Found {
    const context = this.pmd.regions.get(RegionId.BATCHES)!.base;
    const word = (array: number, index: number): number => this.memory.u32[(context + array) / 4 + index]!;
    const misses = word(BATCH_MISS_COUNT, 0);
    let missed = false;
    for (let m = 0; m < misses; m++) if (word(BATCH_MISSES, m) === i) missed = true;
    return {
      flow: word(BATCH_FLOWS, i),
      level: missed ? word(BATCH_LEVELS, i) : LookupLevel.MICROFLOW,
      visited: missed ? word(BATCH_VISITED, i) : 0,
      hash: word(BATCH_HASHES, i),
    };
  }
}

/** Whether a key matches a flow's mask and key, word by word: the plain oracle of every lookup. */
export function matchesPlainly(key: Uint32Array, flowKey: Uint32Array, mask: Uint32Array): boolean {
  for (let i = 0; i < KEY_WORD_COUNT; i++) if (((key[i]! ^ flowKey[i]!) & mask[i]!) !== 0) return false;
  return true;
}
