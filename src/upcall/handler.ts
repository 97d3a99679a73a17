// Answers the upcalls of one PMD: a miss is translated and its megaflow installed, a punted packet goes to
// whoever listens, a reply tells how a command went.

import { Action } from "../../assembly/layout/action.ts";
import { CommandStatus } from "../../assembly/layout/command.ts";
import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import {
  MISS_KEY,
  MISS_LENGTH,
  MISS_PENDING,
  PUNT_CAPTURED,
  PUNT_COOKIE,
  PUNT_DATA,
  PUNT_KEY,
  PUNT_LENGTH,
  PUNT_SEQUENCE,
  REPLY_BYTES,
  REPLY_PACKETS,
  REPLY_STATUS,
  REPLY_TOKEN,
  REPLY_VALUE,
  UpcallKind,
} from "../../assembly/layout/upcall.ts";
import type { PmdChannel } from "../datapath/pmd-channel.ts";
import { encodeActions } from "../odp/encode-actions.ts";
import { ufidOf } from "../odp/ufid.ts";
import { everythingMask } from "../xlate/finish-mask.ts";
import { MaskSet } from "../xlate/mask-limit.ts";
import { translate } from "../xlate/translate.ts";
import type { ControllerRecord, SideEffect, TranslateContext, Translation } from "../xlate/translation.ts";
import { FlowCredit } from "./credit.ts";
import { maskedKey, maskLanes, type Ukey } from "./ukey.ts";

/** A packet that an action sent to the controller. */
export interface PacketIn {
  readonly record: ControllerRecord;
  readonly inPort: number;
  /** Bytes before the packet was cut. */
  readonly totalLength: number;
  /** A copy. */
  readonly packet: Uint8Array;
  /** Names the packet in a replay; 0 otherwise. */
  readonly sequence: number;
}

/** Registry whose entries live as long as something leads to them. */
interface Retaining {
  retain(id: number): void;
  release(id: number): void;
}

/** What a handler needs of the switch. */
export interface HandlerOptions {
  readonly translation: TranslateContext;
  readonly recirc: Retaining;
  readonly records: Retaining;
  readonly packetIn: (packet: PacketIn) => void;
  /** Applies what a translation caused; returns whether answers given before may be stale now. */
  readonly applyEffects: (effects: readonly SideEffect[]) => boolean;
  readonly nowMs: () => number;
}

/** Counters of the slow path of one PMD. */
export interface HandlerCounters {
  misses: number;
  translations: number;
  installed: number;
  /** Misses answered without a megaflow: not cacheable, or no room. */
  notInstalled: number;
  deleted: number;
  unknownCookies: number;
}

/** Stands in for any mask where there is no room for more. */
const EVERYTHING = everythingMask();

/** See the head of the file. */
export class UpcallHandler {
  readonly channel: PmdChannel;
  /** Megaflows by the controller's number. */
  readonly ukeys = new Map<number, Ukey>();
  readonly counters: HandlerCounters = {
    misses: 0,
    translations: 0,
    installed: 0,
    notInstalled: 0,
    deleted: 0,
    unknownCookies: 0,
  };
  /** Set when a translation changed what others depend on; the owner revalidates. */
  stale = false;
  /** Passes of the revalidator. */
  generation = 0;
  readonly #options: HandlerOptions;
  readonly #credit: FlowCredit;
  /** Masks of all megaflows in `ukeys`. */
  readonly #masks: MaskSet;
  /** What a reply is about, by token. */
  readonly #waiting = new Map<number, Ukey>();
  /** Live megaflows by the address of their record. */
  readonly #byFlow = new Map<number, Ukey>();
  #nextCookie = 1;
  /** Answering may need room in the command ring, whose relief must not take up another record. */
  #draining = false;

  /** `maskLimit`: masks of the PMD from which on megaflows share those there are. */
  constructor(channel: PmdChannel, options: HandlerOptions, maskLimit: number) {
    this.channel = channel;
    this.#masks = new MaskSet(maskLimit);
    this.#options = options;
    this.#credit = new FlowCredit(channel.memory);
  }

  /** Takes up to `most` records off the upcall ring; returns how many there were. */
  drain(most?: number): number {
    if (this.#draining) return 0;
    this.#draining = true;
    const taken = this.channel.upcalls.drain((record, kind) => {
      if (kind === UpcallKind.MISS) this.#miss(record);
      else if (kind === UpcallKind.ACTION) this.#punt(record);
      else this.#reply(record);
    }, most);
    this.#draining = false;
    return taken;
  }

  /** Megaflows that the PMD has confirmed. */
  get liveCount(): number {
    let count = 0;
    for (const ukey of this.ukeys.values()) if (ukey.state === "live") count++;
    return count;
  }

  /** Commands sent whose reply has not come. */
  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Credits the rules with what a live megaflow has counted since the last time. */
  credit(ukey: Ukey): void {
    this.#credit.live(ukey);
  }

  /** Translates the megaflow's key again, as the rules are now. */
  retranslate(ukey: Ukey): Translation {
    this.counters.translations++;
    return translate(this.#options.translation, ukey.key);
  }

  /**
   * Applies the effects of the packets that caches have answered since the last time: learned rules and
   * addresses are as fresh as if every packet had been translated. Returns whether there were any.
   */
  refreshEffects(): boolean {
    let refreshed = false;
    for (const ukey of this.ukeys.values()) {
      if (!ukey.hasEffects || ukey.state !== "live") continue;
      this.#credit.live(ukey);
      if (ukey.packets === ukey.effectPackets) continue;
      ukey.effectPackets = ukey.packets;
      refreshed = true;
      if (this.#options.applyEffects(this.retranslate(ukey).effects)) this.stale = true;
    }
    return refreshed;
  }

  /** Takes a live megaflow out of the PMD; its last packets are credited when the reply comes. */
  remove(ukey: Ukey): void {
    if (ukey.state !== "live") return;
    ukey.state = "deleting";
    this.#waiting.set(this.channel.deleteFlow(ukey.flow, ukey.cookie), ukey);
  }

  /** Gives a live megaflow the actions of a new translation that needs no wider mask. */
  replace(ukey: Ukey, translation: Translation): void {
    this.#credit.live(ukey);
    this.#retain(translation);
    this.#release(ukey);
    const program = programOf(translation);
    if (!sameWords(program, ukey.program)) {
      const block = this.channel.capacity.reserveProgram(program);
      this.channel.modifyFlow(ukey.flow, ukey.cookie, program);
      this.channel.capacity.releaseProgram(ukey.block);
      ukey.block = block;
      ukey.program = program;
    }
    ukey.hasEffects = translation.effects.length > 0;
    ukey.generation = this.generation;
    ukey.actions = translation.actions;
    ukey.dropReason = translation.dropReason;
    ukey.rules = translation.rules;
    ukey.recircIds = translation.recircIds;
    ukey.cookies = translation.cookies;
  }

  /** Installs the megaflows of a PMD that is no more; their counters start anew. */
  reinstall(other: UpcallHandler): void {
    for (const old of other.ukeys.values()) {
      if (old.state !== "live") continue;
      const block = this.channel.capacity.reserveFlow(old.lanes.length, old.program);
      const cookie = this.#nextCookie++;
      const counters = { packets: 0, bytes: 0, effectPackets: 0 };
      const ukey: Ukey = { ...old, ...counters, cookie, block, state: "putting", flow: 0 };
      this.#retain(ukey);
      this.#put(ukey, 0);
    }
    for (const old of other.ukeys.values()) {
      other.credit(old);
      this.#release(old);
    }
  }

  #miss(record: number): void {
    const { u32 } = this.channel.memory;
    const at = (record + MISS_KEY) >>> 2;
    const key = u32.slice(at, at + KEY_WORD_COUNT);
    const pending = u32[(record + MISS_PENDING) >>> 2]!;
    const length = u32[(record + MISS_LENGTH) >>> 2]!;
    this.counters.misses++;
    this.counters.translations++;
    const translation = translate(this.#options.translation, key);
    for (const rule of translation.rules) {
      rule.packets++;
      rule.bytes += length;
    }
    if (translation.effects.length > 0 && this.#options.applyEffects(translation.effects)) this.stale = true;
    const program = programOf(translation);
    if (translation.cacheable) this.#install(pending, key, translation, program);
    else {
      this.counters.notInstalled++;
      this.channel.answer(pending, program);
    }
  }

  #install(pending: number, key: Uint32Array, translation: Translation, program: Uint32Array): void {
    const mask = this.#masks.choose(translation.mask, EVERYTHING);
    const lanes = maskLanes(mask);
    const cookie = this.#nextCookie;
    this.#nextCookie = (this.#nextCookie + 1) >>> 0 || 1;
    const ukey: Ukey = {
      cookie,
      ufid: ufidOf(maskedKey({ key, mask }), mask),
      lanes,
      mask,
      key,
      actions: translation.actions,
      dropReason: translation.dropReason,
      program,
      block: this.channel.capacity.reserveFlow(lanes.length, program),
      rules: translation.rules,
      recircIds: translation.recircIds,
      cookies: translation.cookies,
      state: "putting",
      flow: 0,
      packets: 0,
      bytes: 0,
      hasEffects: translation.effects.length > 0,
      effectPackets: 0,
      generation: this.generation,
      createdMs: this.#options.nowMs(),
    };
    this.#retain(translation);
    this.#put(ukey, pending);
  }

  #put(ukey: Ukey, pending: number): void {
    this.ukeys.set(ukey.cookie, ukey);
    this.#masks.add(ukey.mask);
    this.#waiting.set(this.channel.putFlow({ ...ukey, key: maskedKey(ukey), pending }), ukey);
  }

  #punt(record: number): void {
    const { u32, u8 } = this.channel.memory;
    const word = (offset: number): number => u32[(record + offset) >>> 2]!;
    const known = this.#options.translation.controllerRecords.get(word(PUNT_COOKIE));
    if (known === undefined) {
      this.counters.unknownCookies++;
      return;
    }
    const data = record + PUNT_DATA;
    this.#options.packetIn({
      record: known,
      inPort: word(PUNT_KEY + KEY_IN_PORT),
      totalLength: word(PUNT_LENGTH),
      packet: u8.slice(data, data + word(PUNT_CAPTURED)),
      sequence: word(PUNT_SEQUENCE),
    });
  }

  #reply(record: number): void {
    const { u32, u64 } = this.channel.memory;
    const token = u32[(record + REPLY_TOKEN) >>> 2]!;
    const ukey = this.#waiting.get(token);
    if (ukey === undefined) return;
    this.#waiting.delete(token);
    const status = u32[(record + REPLY_STATUS) >>> 2]! as CommandStatus;
    if (ukey.state === "putting") {
      this.#putAnswered(ukey, status, u32[(record + REPLY_VALUE) >>> 2]!);
      return;
    }
    const packets = Number(u64[(record + REPLY_PACKETS) / 8]!);
    const bytes = Number(u64[(record + REPLY_BYTES) / 8]!);
    if (status === CommandStatus.OK) this.#credit.final(ukey, packets, bytes);
    this.counters.deleted++;
    this.#forget(ukey);
  }

  /** OK: it lives. REPLACED: an older megaflow with this mask and key goes on under its own number. */
  #putAnswered(ukey: Ukey, status: CommandStatus, flow: number): void {
    if (status === CommandStatus.OK) {
      ukey.state = "live";
      ukey.flow = flow;
      // A pass that came while the PMD had not answered left it out.
      if (ukey.generation !== this.generation) this.stale = true;
      this.#byFlow.set(flow, ukey);
      this.counters.installed++;
      return;
    }
    const older = status === CommandStatus.REPLACED ? this.#byFlow.get(flow) : undefined;
    if (older !== undefined) this.#adopt(older, ukey);
    this.counters.notInstalled++;
    this.#forget(ukey);
  }

  /** The PMD has given the older megaflow the younger one's actions: so do its books. */
  #adopt(older: Ukey, younger: Ukey): void {
    this.#credit.live(older);
    const { actions, dropReason, program, block, rules, recircIds, cookies } = older;
    const { recircIds: ids, cookies: marks, hasEffects, generation } = younger;
    Object.assign(older, {
      hasEffects,
      generation,
      actions: younger.actions,
      dropReason: younger.dropReason,
      program: younger.program,
      block: younger.block,
      rules: younger.rules,
      recircIds: ids,
      cookies: marks,
    });
    Object.assign(younger, { actions, dropReason, program, block, rules, recircIds, cookies });
  }

  #forget(ukey: Ukey): void {
    this.channel.capacity.releaseFlow(ukey.lanes.length, ukey.block);
    this.#release(ukey);
    this.ukeys.delete(ukey.cookie);
    this.#masks.remove(ukey.mask);
    if (this.#byFlow.get(ukey.flow) === ukey) this.#byFlow.delete(ukey.flow);
  }

  #retain({ recircIds, cookies }: Pick<Ukey, "recircIds" | "cookies">): void {
    for (const id of recircIds) this.#options.recirc.retain(id);
    for (const id of cookies) this.#options.records.retain(id);
  }

  #release({ recircIds, cookies }: Pick<Ukey, "recircIds" | "cookies">): void {
    for (const id of recircIds) this.#options.recirc.release(id);
    for (const id of cookies) this.#options.records.release(id);
  }
}

/** The datapath's program for a translation; a packet that goes nowhere gets its reason. */
export function programOf({ actions, dropReason }: Pick<Translation, "actions" | "dropReason">): Uint32Array {
  if (dropReason === DropReason.NONE) return encodeActions(actions);
  const drop = Uint32Array.of(2, Action.DROP | (2 << 8), dropReason);
  if (actions.length === 0) return drop;
  const program = encodeActions(actions);
  const both = new Uint32Array(program.length + 2);
  both.set(program);
  both.set(drop.subarray(1), program.length);
  both[0] = both.length - 1;
  return both;
}

function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}
