// The megaflows that are installed in one PMD, with the books that the controller keeps of them: installing,
// changing, removing, and what the PMD replies.

import { CommandStatus } from "../../assembly/layout/command.ts";
import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import {
  REPLY_BYTES,
  REPLY_COOKIE,
  REPLY_PACKETS,
  REPLY_STATUS,
  REPLY_TCP_FLAGS,
  REPLY_TOKEN,
  REPLY_VALUE,
} from "../../assembly/layout/upcall.ts";
import { NO_ROOM } from "../datapath/pmd-capacity.ts";
import type { PmdChannel } from "../datapath/pmd-channel.ts";
import { ufidInto } from "../odp/ufid.ts";
import { everythingMask } from "../xlate/finish-mask.ts";
import { MaskSet } from "../xlate/mask-limit.ts";
import { translate } from "../xlate/translate.ts";
import type { SideEffect, TranslateContext, TranslateOptions, Translation } from "../xlate/translation.ts";
import { type Answer, AnswerTable } from "./answers.ts";
import { CommandTokens } from "./command-tokens.ts";
import { counterAt, FlowCredit, hostFlags } from "./credit.ts";
import { type Dependence, DependenceTable, PlaceState } from "./dependence-table.ts";
import { KeyStore } from "./key-store.ts";
import { dependenceOf, Modification } from "./modification.ts";
import type { RulesInUse } from "./rules-in-use.ts";
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
  /** Rules that megaflows of any PMD came from. */
  readonly rulesInUse: RulesInUse;
  /** Applies what a translation caused. */
  readonly applyEffects: (effects: readonly SideEffect[]) => void;
  readonly nowMs: () => number;
}

const TCP_FIN = 1;
const TCP_RST = 4;

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
    refused: 0,
    noMemory: 0,
    deleted: 0,
    unknownCookies: 0,
  };
  readonly times = new UpcallTimes();
  /** Most megaflows; above it packets go by the controller's answer alone. */
  flowLimit = Number.POSITIVE_INFINITY;
  protected readonly answers = new AnswerTable();
  protected readonly keys = new KeyStore();
  /** A key that is being worked on. */
  protected readonly key = new Uint32Array(KEY_WORD_COUNT);
  /** Another, of a megaflow that is translated again: a reply may ask for that while `key` is in use. */
  readonly #oldKey = new Uint32Array(KEY_WORD_COUNT);
  readonly #newMask = new Uint32Array(KEY_WORD_COUNT);
  /** UFID and command of the megaflow that was put last. */
  protected readonly ufid = new Uint32Array(4);
  protected putToken = 0;
  readonly #options: InstalledOptions;
  readonly #credit: FlowCredit;
  /** Masks of all megaflows in `ukeys`. */
  readonly #masks: MaskSet;
  /** What the megaflows in `ukeys` depend on, by place. */
  readonly dependences: DependenceTable;
  /** What a reply is about, by token. */
  readonly #waiting = new CommandTokens<Ukey>();
  /** Megaflows that become something else when the PMD has their new actions. */
  #modifying = 0;
  /** Megaflows that took over what another one was to do, while a round of revalidation looks at all of them. */
  adopted: Ukey[] | null = null;
  /** Token of the last reply. */
  #acknowledged: number;
  #effectful = 0;

  /** `maskLimit`: masks of the PMD from which on megaflows share those there are. */
  constructor(channel: PmdChannel, options: InstalledOptions, maskLimit: number) {
    this.channel = channel;
    this.#masks = new MaskSet(maskLimit);
    this.dependences = new DependenceTable(options.rulesInUse, this.keys, this.#masks);
    this.#options = options;
    this.#credit = new FlowCredit(channel.memory);
    this.#acknowledged = channel.lastToken;
  }

  /** Megaflows that the PMD has confirmed. */
  get liveCount(): number {
    let count = 0;
    for (const ukey of this.ukeys.values()) if (ukey.state === "live") count++;
    return count;
  }

  /** Whether some megaflow is to get other actions, which depend on other things. */
  get isModifying(): boolean {
    return this.#modifying > 0;
  }

  /** Commands sent whose reply has not come. */
  get outstanding(): number {
    return this.#waiting.count;
  }

  /** Credits the rules with what a live megaflow has counted since the last time. */
  credit(ukey: Ukey): void {
    this.#credit.live(ukey);
  }

  /** Milliseconds at a live megaflow's last packet, or at its installation where there was none. */
  usedMs(ukey: Ukey): number {
    return this.#credit.usedMs(ukey);
  }

  /** Translates the megaflow's key again, as the rules are now. The answer's mask is good until the next time. */
  retranslate(ukey: Ukey, options?: TranslateOptions): Translation {
    ukey.keyInto(this.#oldKey);
    const { translation } = this.#options;
    const env = options === undefined ? translation : { ...translation, options };
    return translate(env, this.#oldKey, this.#newMask);
  }

  /** Megaflows that may have effects beyond their packets: an upper bound, 0 when there are none. */
  get effectCount(): number {
    return this.#effectful;
  }

  /**
   * Applies the effects of the packets that the megaflow has answered since the last time: learned rules and
   * addresses are as fresh as if every packet had been translated. Returns whether there were any.
   */
  refresh(ukey: Ukey): boolean {
    if (!ukey.hasEffects || ukey.state !== "live") return false;
    this.#credit.live(ukey);
    if (ukey.packets === ukey.effectPackets) return false;
    ukey.effectPackets = ukey.packets;
    const { options } = this.#options.translation;
    const translation = this.retranslate(ukey, { ...options, tcpFlags: this.#credit.tcpFlags(ukey) });
    this.#options.applyEffects(translation.effects);
    return true;
  }

  /** Takes a live megaflow out of the PMD; its last packets are credited when the reply comes. */
  remove(ukey: Ukey): void {
    if (ukey.state !== "live") return;
    ukey.state = "deleting";
    this.#waiting.set(this.channel.deleteFlow(ukey.flow, ukey.cookie), ukey);
  }

  /**
   * Gives a live megaflow the actions of a new translation that needs no wider mask; returns whether they
   * are others than before. What it counts until the PMD has them belongs to the rules that it had.
   */
  replace(ukey: Ukey, translation: Translation): boolean {
    this.#credit.live(ukey);
    const answer = this.answers.of(translation);
    const next = new Modification(answer, translation, ukey.block);
    this.#retain(answer);
    // A FIN that a rule has seen is none of the next rule's business: a change makes the PMD forget it.
    const closed = next.hasEffects && (this.#credit.tcpFlags(ukey) & (TCP_FIN | TCP_RST)) !== 0;
    if (!closed && sameWords(answer.program, ukey.program)) {
      this.#lastEffects(ukey, this.#credit.tcpFlags(ukey));
      this.#adoptModification(ukey, next);
      return false;
    }
    ukey.state = "modifying";
    this.dependences.states[ukey.place] = PlaceState.BUSY;
    ukey.next = next;
    this.#modifying++;
    next.block = this.channel.capacity.reserveProgram(answer.program);
    if (next.block === NO_ROOM) {
      // The old actions are no longer true: none is better.
      this.counters.noMemory++;
      this.#takeNext(ukey);
      this.#release(answer);
      this.#lives(ukey);
      this.remove(ukey);
      return true;
    }
    this.#waiting.set(this.channel.modifyFlow(ukey.flow, ukey.cookie, answer.program), ukey);
    return true;
  }

  /** Whether the PMD has applied the command with this token and all before it. */
  hasAcknowledged(token: number): boolean {
    return ((this.#acknowledged - token) | 0) >= 0;
  }

  /** Installs a megaflow of a PMD that is no more, as the rules are now; its counters start anew. */
  reinstall(old: Ukey): void {
    const translation = this.retranslate(old);
    if (!translation.cacheable || this.ukeys.size >= this.flowLimit) return;
    old.keyInto(this.key);
    const about = { ...dependenceOf(translation), createdMs: this.#options.nowMs() };
    const answer = this.answers.of(translation);
    const keyNumber = this.keys.add(this.key, 0);
    if (this.put(0, keyNumber, translation.mask, answer, about) === null) this.keys.remove(keyNumber);
  }

  /** The PMD is no more: its memory is as it left it, and what it counted is not lost. */
  retire(): void {
    for (const ukey of this.ukeys.values()) {
      if (ukey.state !== "putting") this.#credit.standing(ukey);
      if (ukey.next !== undefined) this.#release(ukey.next.answer);
      this.#release(ukey.answer);
      this.dependences.forgetRules(ukey.place);
    }
  }

  /**
   * Installs a megaflow for the key in `key`, whose number in `keys` it takes over, and answers the upcall
   * `pending` (0 = none) with it; returns it. Where linear memory is full nothing happens, and null is returned.
   */
  protected put(
    pending: number,
    keyNumber: number,
    mask: Uint32Array,
    answer: Answer,
    about: Dependence & { readonly createdMs: number },
  ): Ukey | null {
    const shape = this.#masks.choose(mask, EVERYTHING);
    this.#masks.retain(shape);
    this.#retain(answer);
    const { lanes, bits } = shape;
    const { program } = answer;
    // Making room may take replies in, and these give numbers back: the number comes after it.
    const block = this.channel.capacity.reserveFlow(lanes.length, program);
    if (block === NO_ROOM) {
      this.counters.noMemory++;
      this.#masks.release(shape);
      this.#release(answer);
      return null;
    }
    const cookie = this.ukeys.nextCookie;
    const { dependences: table, ufid } = this;
    const { hasEffects, createdMs } = about;
    const ukey = new Ukey({ cookie, shape, table, answer, hasEffects, createdMs, block });
    table.take(ukey.place, keyNumber, shape, about);
    this.ukeys.add(ukey);
    if (about.hasEffects) this.#effectful++;
    ufidInto(ufid, this.key, bits, shape.words);
    const put = { pending, cookie, ufid, lanes, mask: bits, key: this.key, program };
    this.putToken = this.channel.putFlow(put);
    this.#waiting.set(this.putToken, ukey);
    return ukey;
  }

  /** Takes the reply to a command. */
  protected reply(record: number): void {
    const { u32 } = this.channel.memory;
    const token = u32[(record + REPLY_TOKEN) >>> 2]!;
    this.#acknowledged = token;
    const ukey = this.#waiting.take(token);
    if (ukey === undefined) return;
    const status = u32[(record + REPLY_STATUS) >>> 2]! as CommandStatus;
    if (ukey.state === "putting") {
      this.#putAnswered(ukey, status, record);
      return;
    }
    if (status === CommandStatus.OK) this.#countUntil(ukey, record);
    if (ukey.state === "modifying") {
      this.#modified(ukey, status);
      return;
    }
    this.counters.deleted++;
    this.#forget(ukey);
  }

  /** Takes what a megaflow had counted when its actions changed or it went. */
  #countUntil(ukey: Ukey, reply: number): void {
    const { u32 } = this.channel.memory;
    const packets = counterAt(u32, reply + REPLY_PACKETS);
    const bytes = counterAt(u32, reply + REPLY_BYTES);
    const usedMs = Math.max(ukey.createdMs, u32[(reply + REPLY_VALUE) >>> 2]!);
    // What was read meanwhile may be more: that was not for the rules it had.
    this.#credit.final(ukey, packets, bytes, usedMs);
    this.#lastEffects(ukey, hostFlags(u32[(reply + REPLY_TCP_FLAGS) >>> 2]!));
  }

  /** Applies the effects of a megaflow's last packets under the rules that it had, if these are there still. */
  #lastEffects(ukey: Ukey, tcpFlags: number): void {
    if (!ukey.hasEffects || ukey.packets === ukey.effectPackets) return;
    ukey.effectPackets = ukey.packets;
    const { options } = this.#options.translation;
    const { rules, effects } = this.retranslate(ukey, { ...options, tcpFlags });
    const before = ukey.rules;
    if (rules.length === before.length && rules.every((rule, i) => rule === before[i])) {
      this.#options.applyEffects(effects);
    }
  }

  /** Without room for the new actions the old ones would stay for ever: better none. */
  #modified(ukey: Ukey, status: CommandStatus): void {
    const next = this.#takeNext(ukey);
    this.#lives(ukey);
    if (status === CommandStatus.OK) {
      this.channel.capacity.releaseProgram(ukey.block);
      this.#adoptModification(ukey, next);
      return;
    }
    this.channel.capacity.releaseProgram(next.block);
    this.#release(next.answer);
    this.remove(ukey);
  }

  #takeNext(ukey: Ukey): Modification {
    const next = ukey.next!;
    ukey.next = undefined;
    this.#modifying--;
    return next;
  }

  /** The megaflow does something else now; the new answer is retained already. */
  #adoptModification(ukey: Ukey, next: Modification): void {
    // Packets until now have none of the new rules' effects.
    ukey.effectPackets = ukey.packets;
    this.#release(ukey.answer);
    ukey.answer = next.answer;
    ukey.block = next.block;
    ukey.dependOn(next);
    if (next.hasEffects) this.#effectful++;
  }

  /** OK: it lives. REPLACED: an older megaflow with this mask and key goes on in its place. */
  #putAnswered(ukey: Ukey, status: CommandStatus, reply: number): void {
    const { u32 } = this.channel.memory;
    if (status === CommandStatus.OK) {
      this.#lives(ukey);
      ukey.flow = u32[(reply + REPLY_VALUE) >>> 2]!;
      this.counters.installed++;
      return;
    }
    if (status === CommandStatus.REPLACED) {
      const older = this.ukeys.get(u32[(reply + REPLY_COOKIE) >>> 2]!);
      if (older !== undefined) this.#adopt(older, ukey, reply);
    }
    this.counters.notInstalled++;
    this.putFailed(ukey);
    this.#forget(ukey);
  }

  /** The PMD did not install it, or had it already. */
  protected putFailed(_ukey: Ukey): void {}

  /** The PMD has given the older megaflow the younger one's actions: so do its books. */
  #adopt(older: Ukey, younger: Ukey, reply: number): void {
    this.#countUntil(older, reply);
    older.effectPackets = older.packets;
    const { answer, block } = older;
    older.answer = younger.answer;
    older.block = younger.block;
    older.dependOn(younger);
    this.adopted?.push(older);
    younger.answer = answer;
    younger.block = block;
  }

  #forget(ukey: Ukey): void {
    this.channel.capacity.releaseFlow(ukey.lanes.length, ukey.block);
    this.#release(ukey.answer);
    this.#masks.release(ukey.shape);
    this.keys.remove(ukey.keyNumber);
    this.dependences.leave(ukey.place);
    this.ukeys.delete(ukey.cookie);
    ukey.state = "gone";
  }

  #lives(ukey: Ukey): void {
    ukey.state = "live";
    this.dependences.states[ukey.place] = PlaceState.LIVE;
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
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
