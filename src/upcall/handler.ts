// Answers the upcalls of one PMD: a miss is translated and its megaflow installed, a punted packet goes to
// whoever listens, a reply tells how a command went.

import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { UPCALL_PORT_TAKEN } from "../../assembly/layout/pmd.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import {
  MISS_KEY,
  MISS_LANES,
  MISS_LENGTH,
  MISS_PENDING,
  MISS_TIME,
  PUNT_CAPTURED,
  PUNT_COOKIE,
  PUNT_DATA,
  PUNT_KEY,
  PUNT_LENGTH,
  PUNT_SEQUENCE,
  REPLY_TOKEN,
  UpcallKind,
} from "../../assembly/layout/upcall.ts";
import { clockUs } from "../datapath/clock-us.ts";
import type { PmdChannel } from "../datapath/pmd-channel.ts";
import { ActionEncodingError } from "../errors.ts";
import { creditGroups } from "../openflow/group.ts";
import type { BridgeChanges } from "../xlate/changes.ts";
import { translate } from "../xlate/translate.ts";
import type { ControllerRecord, Translation } from "../xlate/translation.ts";
import type { Answer } from "./answers.ts";
import { InstalledMegaflows, type InstalledOptions } from "./installed.ts";
import { dependenceOf } from "./modification.ts";
import { type PortQueue, PortQueues } from "./port-queues.ts";
import { RecentMegaflows } from "./recent.ts";
import type { Ukey } from "./ukey.ts";
import { readLosses, type UpcallLosses, type UpcallSource, upcallPortAt } from "./upcall-stats.ts";

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

/** Upcalls answered between two looks at the ring: what other ports have queued meanwhile gets its turn. */
const TURN = 16;
/** After this time a reply that is being timed must have been overlooked. */
const TIMED_OUT_US = 10_000_000;

/** What a handler needs of the switch. */
export interface HandlerOptions extends InstalledOptions {
  readonly packetIn: (packet: PacketIn) => void;
}

/** See the head of the file. */
export class UpcallHandler extends InstalledMegaflows implements UpcallSource {
  readonly #options: HandlerOptions;
  readonly #queues = new PortQueues();
  /** Mask of the translation at hand. */
  readonly #mask = new Uint32Array(KEY_WORD_COUNT);
  readonly #recent = new RecentMegaflows(this.ukeys);
  /** What has changed since the recent megaflows were translated: nothing, or they are forgotten. */
  #recentChanges: BridgeChanges | undefined;
  /** The one command whose way there and back is being timed; 0 = none. */
  #timedToken = 0;
  #timedFrom = 0;
  #draining = false;

  /** `maskLimit`: masks of the PMD from which on megaflows share those there are. */
  constructor(channel: PmdChannel, options: HandlerOptions, maskLimit: number) {
    super(channel, options, maskLimit);
    this.#options = options;
  }

  /**
   * Takes everything off the upcall ring, and answers up to `most` upcalls, the ports taking turns. Returns
   * how much there was to do.
   */
  drain(most = Number.MAX_SAFE_INTEGER): number {
    let worked = this.#takeIn();
    // Answering may need room in the command ring, whose relief comes back here: replies are all it needs.
    if (this.#draining) return worked;
    this.#draining = true;
    this.channel.cork();
    try {
      let served = 0;
      for (let turn = 1; turn > 0 && served < most; served += turn) {
        turn = this.#serveTurn(Math.min(TURN, most - served));
        worked += this.#takeIn();
      }
      worked += served;
    } finally {
      this.channel.uncork();
      this.#draining = false;
    }
    return worked;
  }

  /** Upcalls that wait to be answered. */
  get waiting(): number {
    return this.#queues.waiting;
  }

  /** Ports that made upcalls, with what became of them. */
  get ports(): PortQueue[] {
    return this.#queues.all();
  }

  /** Why upcalls of a port were lost. */
  lost(port: number): UpcallLosses {
    return readLosses(this.channel.memory, this.channel.control, port);
  }

  /** Sorts what is on the ring: replies are taken at once, upcalls wait in the queue of their port. */
  #takeIn(): number {
    return this.channel.upcalls.drain((record, kind) => {
      if (kind === UpcallKind.REPLY) this.reply(record);
      else if (kind === UpcallKind.MISS) this.#queueMiss(record);
      else this.#queuePunt(record);
    });
  }

  #queueMiss(record: number): void {
    const { u32 } = this.channel.memory;
    const at = record >>> 2;
    const key = at + (MISS_KEY >>> 2);
    const queue = this.#queues.of(u32[key + (KEY_IN_PORT >>> 2)]!);
    const keyNumber = this.keys.add(u32, key, u32[at + (MISS_LANES >>> 2)]!);
    const length = u32[at + (MISS_LENGTH >>> 2)]!;
    queue.addMiss(u32[at + (MISS_PENDING >>> 2)]!, keyNumber, length, u32[at + (MISS_TIME >>> 2)]!);
    this.#queues.added(queue);
  }

  /** Answers up to `most` upcalls, each of the next port in turn; returns how many there were. */
  #serveTurn(most: number): number {
    let served = 0;
    while (served < most) {
      const queue = this.#queues.next;
      if (queue === undefined) break;
      if (queue.pending === 0) this.#servePunt(queue);
      else this.#serveMiss(queue, served === 0);
      this.#queues.served();
      served++;
    }
    return served;
  }

  #serveMiss(queue: PortQueue, timed: boolean): void {
    const { pending, keyNumber, length } = queue;
    const key = this.key;
    this.keys.read(keyNumber, key);
    this.counters.misses++;
    queue.counters.misses++;
    const start = timed ? clockUs() : 0;
    if (timed) this.times.queueing.add((start - queue.timeUs) >>> 0);
    const known = this.#knownFor(key);
    if (known !== undefined) {
      known.creditRules(1, length, this.#options.nowMs());
      this.keys.remove(keyNumber);
      this.counters.deduplicated++;
      queue.counters.deduplicated++;
      this.channel.answer(pending, known.program);
      return;
    }
    this.counters.translations++;
    queue.counters.translations++;
    const translation = translate(this.#options.translation, key, this.#mask);
    if (timed) this.times.translation.add((clockUs() - start) >>> 0);
    const createdMs = this.#options.nowMs();
    for (const rule of translation.rules) rule.credit(1, length, createdMs);
    creditGroups(translation.groups, 1, length);
    if (translation.effects.length > 0) this.#options.applyEffects(translation.effects);
    const answer = this.#answerOf(translation);
    const { cacheable, mask } = translation;
    const isLimited = this.ukeys.size >= this.flowLimit;
    const about = { ...dependenceOf(translation), createdMs };
    const ukey = cacheable && !isLimited ? this.put(pending, keyNumber, mask, answer, about) : null;
    if (ukey !== null) {
      if (this.#recentChanges !== undefined) this.#recent.note(ukey, this.ufid[0]!);
      queue.counters.installed++;
      if (timed && (this.#timedToken === 0 || start - this.#timedFrom > TIMED_OUT_US)) {
        this.#timedToken = this.putToken;
        this.#timedFrom = clockUs();
      }
    } else {
      if (cacheable) this.counters.refused++;
      this.keys.remove(keyNumber);
      this.counters.notInstalled++;
      queue.counters.notInstalled++;
      this.channel.answer(pending, answer.program);
    }
  }

  /** A megaflow installed just now that answers for the key, as the tables are now. */
  #knownFor(key: Uint32Array): Ukey | undefined {
    const { changes } = this.#options.translation.bridge;
    if (!changes.empty) {
      this.#recentChanges = undefined;
      return undefined;
    }
    if (changes !== this.#recentChanges) {
      this.#recent.clear();
      this.#recentChanges = changes;
    }
    return this.#recent.find(key);
  }

  /** What a translation does; one whose actions the datapath cannot hold drops its packets. */
  #answerOf(translation: Translation): Answer {
    try {
      return this.answers.of(translation);
    } catch (error) {
      if (!(error instanceof ActionEncodingError)) throw error;
      return this.answers.of({ actions: [], dropReason: DropReason.ACTION, recircIds: [], cookies: [] });
    }
  }

  #queuePunt(record: number): void {
    const { u32, u8 } = this.channel.memory;
    const word = (offset: number): number => u32[(record + offset) >>> 2]!;
    const inPort = word(PUNT_KEY + KEY_IN_PORT);
    const known = this.#options.translation.controllerRecords.get(word(PUNT_COOKIE));
    const data = record + PUNT_DATA;
    const queue = this.#queues.of(inPort);
    queue.addPunt(
      known === undefined
        ? undefined
        : {
            record: known,
            inPort,
            totalLength: word(PUNT_LENGTH),
            packet: u8.slice(data, data + word(PUNT_CAPTURED)),
            sequence: word(PUNT_SEQUENCE),
          },
    );
    this.#queues.added(queue);
  }

  #servePunt(queue: PortQueue): void {
    const { memory, control } = this.channel;
    // Now the PMD may send the next one of this port.
    memory.u32[(upcallPortAt(memory, control, queue.port) + UPCALL_PORT_TAKEN) >>> 2]!++;
    const { punt } = queue;
    this.counters.punts++;
    queue.counters.punts++;
    if (punt === undefined) this.counters.unknownCookies++;
    else this.#options.packetIn(punt);
  }

  protected override reply(record: number): void {
    if (this.channel.memory.u32[(record + REPLY_TOKEN) >>> 2] === this.#timedToken) {
      this.#timedToken = 0;
      this.times.installation.add((clockUs() - this.#timedFrom) >>> 0);
    }
    super.reply(record);
  }

  protected override putFailed(ukey: Ukey): void {
    const { counters } = this.#queues.of(ukey.key[KEY_IN_PORT >>> 2]!);
    counters.installed--;
    counters.notInstalled++;
  }
}
