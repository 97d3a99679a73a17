// Answers the upcalls of one PMD: a miss is translated and its megaflow installed, a punted packet goes to
// whoever listens, a reply tells how a command went.

import { CommandStatus } from "../../assembly/layout/command.ts";
import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import {
  MISS_KEY,
  MISS_LANES,
  MISS_LENGTH,
  MISS_PENDING,
  PUNT_CAPTURED,
  PUNT_COOKIE,
  PUNT_DATA,
  PUNT_KEY,
  PUNT_LENGTH,
  PUNT_SEQUENCE,
  REPLY_BYTES,
  REPLY_COOKIE,
  REPLY_PACKETS,
  REPLY_STATUS,
  REPLY_TOKEN,
  REPLY_VALUE,
  UpcallKind,
} from "../../assembly/layout/upcall.ts";
import type { PmdChannel } from "../datapath/pmd-channel.ts";
import { ufidInto } from "../odp/ufid.ts";
import { everythingMask } from "../xlate/finish-mask.ts";
import { MaskSet } from "../xlate/mask-limit.ts";
import { translate } from "../xlate/translate.ts";
import type { ControllerRecord, SideEffect, TranslateContext, Translation } from "../xlate/translation.ts";
import { type Answer, AnswerTable } from "./answers.ts";
import { CommandTokens } from "./command-tokens.ts";
import { FlowCredit } from "./credit.ts";
import { KeyStore } from "./key-store.ts";
import { Ukey } from "./ukey.ts";
import { UkeyTable } from "./ukey-table.ts";

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
  readonly ukeys = new UkeyTable();
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
  readonly #answers = new AnswerTable();
  readonly #keys = new KeyStore();
  /** What a reply is about, by token. */
  readonly #waiting = new CommandTokens<Ukey>();
  /** A key that is being worked on. */
  readonly #key = new Uint32Array(KEY_WORD_COUNT);
  readonly #ufid = new Uint32Array(4);
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
    return this.#waiting.count;
  }

  /** Credits the rules with what a live megaflow has counted since the last time. */
  credit(ukey: Ukey): void {
    this.#credit.live(ukey);
  }

  /** Translates the megaflow's key again, as the rules are now. */
  retranslate(ukey: Ukey): Translation {
    this.counters.translations++;
    ukey.keyInto(this.#key);
    return translate(this.#options.translation, this.#key);
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

  /**
   * Gives a live megaflow the actions of a new translation that needs no wider mask; returns whether they
   * are others than before.
   */
  replace(ukey: Ukey, translation: Translation): boolean {
    this.#credit.live(ukey);
    const { answer: before } = ukey;
    const answer = this.#answers.of(translation);
    const same = sameWords(answer.program, before.program);
    this.#retain(answer);
    if (!same) {
      const block = this.channel.capacity.reserveProgram(answer.program);
      this.channel.modifyFlow(ukey.flow, ukey.cookie, answer.program);
      this.channel.capacity.releaseProgram(ukey.block);
      ukey.block = block;
    }
    this.#release(before);
    ukey.answer = answer;
    ukey.hasEffects = translation.effects.length > 0;
    ukey.generation = this.generation;
    ukey.rules = translation.rules;
    return !same;
  }

  /** Installs the megaflows of a PMD that is no more; their counters start anew. */
  reinstall(other: UpcallHandler): void {
    for (const old of other.ukeys.values()) {
      if (old.state !== "live") continue;
      old.keyInto(this.#key);
      this.#put(0, this.#key, this.#keys.add(this.#key, 0), old.mask, this.#answers.of(old), old);
    }
    for (const old of other.ukeys.values()) {
      other.credit(old);
      other.#release(old.answer);
    }
  }

  #miss(record: number): void {
    const { u32 } = this.channel.memory;
    const at = (record + MISS_KEY) >>> 2;
    const keyNumber = this.#keys.add(u32, at, u32[(record + MISS_LANES) >>> 2]!);
    const key = this.#key;
    this.#keys.read(keyNumber, key);
    const pending = u32[(record + MISS_PENDING) >>> 2]!;
    const length = u32[(record + MISS_LENGTH) >>> 2]!;
    this.counters.misses++;
    this.counters.translations++;
    const translation = translate(this.#options.translation, key);
    for (const rule of translation.rules) {
      rule.packets++;
      rule.bytes += length;
    }
    const hasEffects = translation.effects.length > 0;
    if (hasEffects && this.#options.applyEffects(translation.effects)) this.stale = true;
    const answer = this.#answers.of(translation);
    if (translation.cacheable) {
      const { rules, mask } = translation;
      const { generation } = this;
      this.#put(pending, key, keyNumber, mask, answer, {
        rules,
        hasEffects,
        generation,
        createdMs: this.#options.nowMs(),
      });
    } else {
      this.#keys.remove(keyNumber);
      this.counters.notInstalled++;
      this.channel.answer(pending, answer.program);
    }
  }

  #put(
    pending: number,
    key: Uint32Array,
    keyNumber: number,
    mask: Uint32Array,
    answer: Answer,
    about: Pick<Ukey, "rules" | "hasEffects" | "generation" | "createdMs">,
  ): void {
    const shape = this.#masks.choose(mask, EVERYTHING);
    const cookie = this.ukeys.nextCookie;
    const { lanes, bits } = shape;
    const { program } = answer;
    const ukey = new Ukey({
      cookie,
      shape,
      keys: this.#keys,
      keyNumber,
      answer,
      rules: about.rules,
      block: this.channel.capacity.reserveFlow(lanes.length, program),
      hasEffects: about.hasEffects,
      generation: about.generation,
      createdMs: about.createdMs,
    });
    this.ukeys.add(ukey);
    this.#masks.retain(shape);
    this.#retain(answer);
    const ufid = this.#ufid;
    ufidInto(ufid, key, bits, shape.words);
    this.#waiting.set(this.channel.putFlow({ pending, cookie, ufid, lanes, mask: bits, key, program }), ukey);
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
    const ukey = this.#waiting.take(token);
    if (ukey === undefined) return;
    const status = u32[(record + REPLY_STATUS) >>> 2]! as CommandStatus;
    if (ukey.state === "putting") {
      const place = status === CommandStatus.REPLACED ? REPLY_COOKIE : REPLY_VALUE;
      this.#putAnswered(ukey, status, u32[(record + place) >>> 2]!);
      return;
    }
    const packets = Number(u64[(record + REPLY_PACKETS) / 8]!);
    const bytes = Number(u64[(record + REPLY_BYTES) / 8]!);
    if (status === CommandStatus.OK) this.#credit.final(ukey, packets, bytes);
    this.counters.deleted++;
    this.#forget(ukey);
  }

  /**
   * OK: it lives, at the address `value`. REPLACED: an older megaflow with this mask and key, whose number is
   * `value`, goes on in its place.
   */
  #putAnswered(ukey: Ukey, status: CommandStatus, value: number): void {
    if (status === CommandStatus.OK) {
      ukey.state = "live";
      ukey.flow = value;
      // A pass that came while the PMD had not answered left it out.
      if (ukey.generation !== this.generation) this.stale = true;
      this.counters.installed++;
      return;
    }
    const older = status === CommandStatus.REPLACED ? this.ukeys.get(value) : undefined;
    if (older !== undefined) this.#adopt(older, ukey);
    this.counters.notInstalled++;
    this.#forget(ukey);
  }

  /** The PMD has given the older megaflow the younger one's actions: so do its books. */
  #adopt(older: Ukey, younger: Ukey): void {
    this.#credit.live(older);
    const { answer, block } = older;
    older.answer = younger.answer;
    older.block = younger.block;
    older.rules = younger.rules;
    older.hasEffects = younger.hasEffects;
    older.generation = younger.generation;
    younger.answer = answer;
    younger.block = block;
  }

  #forget(ukey: Ukey): void {
    this.channel.capacity.releaseFlow(ukey.lanes.length, ukey.block);
    this.#release(ukey.answer);
    this.ukeys.delete(ukey.cookie);
    this.#masks.release(ukey.shape);
    this.#keys.remove(ukey.keyNumber);
  }

  #retain(answer: Answer): void {
    this.#answers.retain(answer);
    for (const id of answer.recircIds) this.#options.recirc.retain(id);
    for (const id of answer.cookies) this.#options.records.retain(id);
  }

  #release(answer: Answer): void {
    this.#answers.release(answer);
    for (const id of answer.recircIds) this.#options.recirc.release(id);
    for (const id of answer.cookies) this.#options.records.release(id);
  }
}

function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  return a === b || (a.length === b.length && a.every((word, i) => word === b[i]));
}
