// What translates upcalls, here or in a worker: a bridge with its rules, and numbers for what answers share.
import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { changeFlows } from "../../src/flow-changes.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { AnswerTable } from "../../src/upcall/answers.ts";
import { Bridge } from "../../src/xlate/bridge.ts";
import { bridgePort } from "../../src/xlate/bridge-port.ts";
import { everythingMask } from "../../src/xlate/finish-mask.ts";
import { MaskSet } from "../../src/xlate/mask-limit.ts";
import { InternTable } from "../../src/xlate/registry.ts";
import type { TableRule } from "../../src/xlate/table-rule.ts";
import { translate } from "../../src/xlate/translate.ts";
import type {
  ControllerRecord,
  FrozenState,
  TranslateContext,
  Translation,
} from "../../src/xlate/translation.ts";

/** Words of a key that crosses: all that IPv4 traffic has. */
export const KEY_WORDS = 16;
/** Words of an answer that crosses: mask, answer, tables missed, address, rules, and up to 11 of them. */
export const ANSWER_WORDS = 16;
export const BATCH_MAX = 256;
/** Shared words: requests made, requests answered, upcalls of the request; then keys and answers. */
export const REQUESTED = 0;
export const ANSWERED = 1;
export const COUNT = 2;
export const KEYS = 16;
export const ANSWERS = KEYS + BATCH_MAX * KEY_WORDS;
export const SHARED_BYTES = 4 * (ANSWERS + BATCH_MAX * ANSWER_WORDS);

const PORTS = 4;
const EVERYTHING = everythingMask();

/** See the head of the file. */
export class Desk {
  readonly #env: TranslateContext;
  readonly #answers = new AnswerTable();
  readonly #masks = new MaskSet(1024);
  readonly #numbers = new Map<TableRule, number>();
  readonly #answerNumbers = new Map<object, number>();
  readonly #key = new Uint32Array(KEY_WORD_COUNT);
  readonly #mask = new Uint32Array(KEY_WORD_COUNT);

  constructor(rules: string) {
    const bridge = new Bridge("br0");
    for (let port = 1; port <= PORTS; port++) {
      bridge.setPort(bridgePort(port as OfPort, { name: `p${port}` }));
    }
    changeFlows(bridge, { text: rules }, 0);
    bridge.forEachRule((rule) => this.#numbers.set(rule, this.#numbers.size));
    this.#env = {
      bridge,
      recirc: new InternTable<FrozenState>(),
      controllerRecords: new InternTable<ControllerRecord>(),
    };
  }

  /** Translates the key at `from`. The mask is written over by the next. */
  translate(words: Uint32Array, from: number): Translation {
    for (let i = 0; i < KEY_WORDS; i++) this.#key[i] = words[from + i]!;
    return translate(this.#env, this.#key, this.#mask);
  }

  /** What the controller makes of a translation: a shared answer and a shared mask; returns their numbers. */
  take(translation: Pick<Translation, "actions" | "dropReason" | "recircIds" | "cookies" | "mask">): number {
    const answer = this.#answers.of(translation);
    this.#answers.retain(answer);
    const mask = this.#masks.choose(translation.mask, EVERYTHING);
    this.#masks.retain(mask);
    let number = this.#answerNumbers.get(answer);
    if (number === undefined) {
      number = this.#answerNumbers.size;
      this.#answerNumbers.set(answer, number);
    }
    return (number << 10) | mask.number;
  }

  /** Writes an answer as numbers. */
  write(translation: Translation, into: Uint32Array, at: number): void {
    const { rules, missedTables, macTag } = translation;
    const taken = this.take(translation);
    into[at] = taken & 1023;
    into[at + 1] = taken >>> 10;
    into[at + 2] = missedTables;
    into[at + 3] = macTag;
    into[at + 4] = rules.length;
    for (let i = 0; i < rules.length; i++) into[at + 5 + i] = this.number(rules[i]!);
  }

  number(rule: TableRule): number {
    return this.#numbers.get(rule) as number;
  }
}
