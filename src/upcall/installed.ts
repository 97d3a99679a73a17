// The megaflows that are installed in one PMD, with the books that the controller keeps of them: installing,
// changing, removing, and what the PMD replies.

import { CommandStatus } from "../../assembly/layout/command.ts";
import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import {
  REPLY_BYTES,
  REPLY_COOKIE,
  REPLY_PACKETS,
  REPLY_STATUS,
  REPLY_TOKEN,
  REPLY_VALUE,
} from "../../assembly/layout/upcall.ts";
import type { PmdChannel } from "../datapath/pmd-channel.ts";
import { ufidInto } from "../odp/ufid.ts";
import { everythingMask } from "../xlate/finish-mask.ts";
import { MaskSet } from "../xlate/mask-limit.ts";
import { translate } from "../xlate/translate.ts";
import type { SideEffect, TranslateContext, Translation } from "../xlate/translation.ts";
import { type Answer, AnswerTable } from "./answers.ts";
import { CommandTokens } from "./command-tokens.ts";
import { FlowCredit } from "./credit.ts";
import { KeyStore } from "./key-store.ts";
import { Ukey } from "./ukey.ts";
import { UkeyTable } from "./ukey-table.ts";
import { type HandlerCounters, UpcallTimes } from "./upcall-stats.ts";

/** Registry whose entries live as long as something leads to them. */
interface Retaining {
  retain(id: number): void;
  release(id: number): void;
}

/** What installing megaflows needs of the switch. */
export interface InstalledOptions {
  readonly translation: TranslateContext;
  readonly recirc: Retaining;
  readonly records: Retaining;
  /** Applies what a translation caused; returns whether answers given before may be stale now. */
  readonly applyEffects: (effects: readonly SideEffect[]) => boolean;
  readonly nowMs: () => number;
}

/** Stands in for any mask where there is no room for more. */
const EVERYTHING = everythingMask();
/** See the head of the file. */
export class InstalledMegaflows {
  readonly channel: PmdChannel;
  /** Megaflows by the controller's number. */
  readonly ukeys = new UkeyTable();
  readonly counters: HandlerCounters = {
    misses: 0,
    punts: 0,
    translations: 0,
    deduplicated: 0,
    installed: 0,
    notInstalled: 0,
    deleted: 0,
    unknownCookies: 0,
  };
  readonly times = new UpcallTimes();
  /** Set when a translation changed what others depend on; the owner revalidates. */
  stale = false;
  /** Passes of the revalidator. */
  generation = 0;
  protected readonly answers = new AnswerTable();
  protected readonly keys = new KeyStore();
  /** A key that is being worked on. */
  protected readonly key = new Uint32Array(KEY_WORD_COUNT);
  /** UFID and command of the megaflow that was put last. */
  protected readonly ufid = new Uint32Array(4);
  protected putToken = 0;
  readonly #options: InstalledOptions;
  readonly #credit: FlowCredit;
  /** Masks of all megaflows in `ukeys`. */
  readonly #masks: MaskSet;
  /** What a reply is about, by token. */
  readonly #waiting = new CommandTokens<Ukey>();

  /** `maskLimit`: masks of the PMD from which on megaflows share those there are. */
  constructor(channel: PmdChannel, options: InstalledOptions, maskLimit: number) {
    this.channel = channel;
    this.#masks = new MaskSet(maskLimit);
    this.#options = options;
    this.#credit = new FlowCredit(channel.memory);
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
    ukey.keyInto(this.key);
    return translate(this.#options.translation, this.key);
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
    const answer = this.answers.of(translation);
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
  reinstall(other: InstalledMegaflows): void {
    for (const old of other.ukeys.values()) {
      if (old.state !== "live") continue;
      old.keyInto(this.key);
      this.put(0, this.keys.add(this.key, 0), old.mask, this.answers.of(old), old);
    }
    for (const old of other.ukeys.values()) {
      other.credit(old);
      other.#release(old.answer);
    }
  }

  /**
   * Installs a megaflow for the key in `key`, whose number in `keys` it takes over, and answers the upcall
   * `pending` (0 = none) with it; returns it.
   */
  protected put(
    pending: number,
    keyNumber: number,
    mask: Uint32Array,
    answer: Answer,
    about: Pick<Ukey, "rules" | "hasEffects" | "generation" | "createdMs">,
  ): Ukey {
    const shape = this.#masks.choose(mask, EVERYTHING);
    this.#masks.retain(shape);
    this.#retain(answer);
    const { lanes, bits } = shape;
    const { program } = answer;
    // Making room may take replies in, and these give numbers back: the number comes after it.
    const block = this.channel.capacity.reserveFlow(lanes.length, program);
    const cookie = this.ukeys.nextCookie;
    const { rules, hasEffects, generation, createdMs } = about;
    const { keys, ufid } = this;
    const ukey = new Ukey({
      cookie,
      shape,
      keys,
      keyNumber,
      answer,
      rules,
      block,
      hasEffects,
      generation,
      createdMs,
    });
    this.ukeys.add(ukey);
    ufidInto(ufid, this.key, bits, shape.words);
    const put = { pending, cookie, ufid, lanes, mask: bits, key: this.key, program };
    this.putToken = this.channel.putFlow(put);
    this.#waiting.set(this.putToken, ukey);
    return ukey;
  }

  /** Takes the reply to a command. */
  protected reply(record: number): void {
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
    this.putFailed(ukey);
    this.#forget(ukey);
  }

  /** The PMD did not install it, or had it already. */
  protected putFailed(_ukey: Ukey): void {}

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
    this.keys.remove(ukey.keyNumber);
  }

  #retain(answer: Answer): void {
    this.answers.retain(answer);
    for (const id of answer.recircIds) this.#options.recirc.retain(id);
    for (const id of answer.cookies) this.#options.records.retain(id);
  }

  #release(answer: Answer): void {
    this.answers.release(answer);
    for (const id of answer.recircIds) this.#options.recirc.release(id);
    for (const id of answer.cookies) this.#options.records.release(id);
  }
}

function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  return a === b || (a.length === b.length && a.every((word, i) => word === b[i]));
}
