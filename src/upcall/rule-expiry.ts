// Rules whose time is over: idle or hard time-outs (OpenFlow 1.3 section 5.5). A rule's last packet may have
// been counted by megaflows alone, so expiry looks only at times up to the last complete sweep.

import type { Bridge } from "../xlate/bridge.ts";
import type { RuleRemovalReason } from "../xlate/changes.ts";
import { removeRules } from "../xlate/flow-mod.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import { isOver, type Slice } from "./pass.ts";

/** Rules looked at between two looks at the clock; at most so many go at once. */
const STRIDE = 256;

/** See the head of the file. */
export class RuleExpiry {
  readonly #bridge: Bridge;
  readonly #nowMs: number;
  readonly #rules: IterableIterator<TableRule>;

  /** `nowMs`: all packets before this have been credited. */
  constructor(bridge: Bridge, nowMs: number) {
    this.#bridge = bridge;
    this.#nowMs = nowMs;
    this.#rules = bridge.timed.values();
  }

  /** Goes on; returns whether it is through. */
  run(slice: Slice): boolean {
    do {
      const idle: TableRule[] = [];
      const hard: TableRule[] = [];
      const more = this.#look(idle, hard);
      this.#remove(idle, "idle timeout");
      this.#remove(hard, "hard timeout");
      if (!more) return true;
    } while (!isOver(slice));
    return false;
  }

  #look(idle: TableRule[], hard: TableRule[]): boolean {
    for (let i = 0; i < STRIDE; i++) {
      const { value: rule, done } = this.#rules.next();
      if (done === true) return false;
      const { hardTimeout, idleTimeout } = rule;
      // As Open vSwitch, which looks at the hard time-out first.
      if (hardTimeout > 0 && this.#nowMs - rule.modifiedMs >= hardTimeout * 1000) hard.push(rule);
      else if (idleTimeout > 0 && this.#nowMs - rule.usedMs >= idleTimeout * 1000) idle.push(rule);
    }
    return true;
  }

  #remove(rules: TableRule[], reason: RuleRemovalReason): void {
    if (rules.length > 0) removeRules(this.#bridge, rules, reason);
  }
}
