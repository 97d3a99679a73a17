// Rules that write marks into the packets that go through them, in two tables, with the list of all rule sets that
// there ever were and a plain search in it.

import type { Switch } from "../../src/switch.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A rule; 0 leaves a field out of the match. */
interface MarkedRule {
  /** Stays when its actions change. */
  readonly id: number;
  readonly table: number;
  readonly priority: number;
  readonly source: number;
  /** Bits of the source's last byte. */
  readonly sourceBits: number;
  readonly tpSrc: number;
  readonly inPort: number;
  /** Changes with the actions. */
  readonly mark: number;
  readonly port: number;
}

/** A rule set; the number grows. */
export class MarkedVersion {
  readonly number: number;
  readonly rules: readonly MarkedRule[];

  constructor(number: number, rules: readonly MarkedRule[]) {
    this.number = number;
    this.rules = rules;
  }

  /** Marks that a packet carries when it leaves, one a table, and the port. */
  path(source: number, tpSrc: number, inPort: number): { marks: number[]; port: number } {
    const found = [0, 1].map((table) => {
      let best: MarkedRule | undefined;
      for (const rule of this.rules) {
        if (rule.table !== table || ((rule.source ^ source) & rule.sourceBits) !== 0) continue;
        if (rule.tpSrc !== 0 && rule.tpSrc !== tpSrc) continue;
        if (rule.inPort !== 0 && rule.inPort !== inPort) continue;
        if (best === undefined || rule.priority > best.priority) best = rule;
      }
      return best as MarkedRule;
    });
    return { marks: found.map(({ mark }) => mark), port: found[1]!.port };
  }
}

const OUT = 4;
/** Matches that there may be: their numbers are priorities, too. */
const POOL = 24;

/** See the head of the file. */
export class MarkedRules {
  readonly #random: SeededRandom;
  readonly #versions: MarkedVersion[] = [];
  /** Rule of every mark. */
  readonly #ids: number[] = [0];
  readonly #pool: Omit<MarkedRule, "mark" | "port">[];

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#pool = [];
    for (let id = 1; id <= POOL; id++) {
      this.#pool.push({
        id,
        table: id & 1,
        // The first one of each table takes what no other does.
        priority: id <= 2 ? 0 : random.int(0, 99) * 100 + id,
        source: random.int(0, 31),
        sourceBits: id <= 2 ? 0 : random.pick([0, 16, 24, 28, 30, 31]),
        tpSrc: id <= 2 || random.chance(50) ? 0 : random.int(1, 4),
        inPort: id <= 2 || random.chance(60) ? 0 : random.int(1, 3),
      });
    }
  }

  get current(): MarkedVersion {
    return this.#versions.at(-1) as MarkedVersion;
  }

  /** This rule set and all later ones. */
  since(version: MarkedVersion): readonly MarkedVersion[] {
    return this.#versions.slice(this.#versions.indexOf(version));
  }

  nameOf(mark: number): string {
    return `rule ${this.#ids[mark]}`;
  }

  /** A mark, for messages. */
  tell(mark: number): string {
    const versions = this.#versions.filter(({ rules }) => rules.some((rule) => rule.mark === mark));
    return `${this.nameOf(mark)} (rule sets ${versions.map(({ number }) => number).join(" ")})`;
  }

  start(sw: Switch): void {
    const rules = this.#pool
      .filter(({ id }) => id <= 2 || this.#random.chance(50))
      .map((rule) => this.#mark(rule));
    sw.addFlows(rules.map(textOf).join("\n"));
    this.#appear(rules);
  }

  /** Makes a change in the switch and in the list. */
  change(sw: Switch): void {
    const random = this.#random;
    const { rules } = this.current;
    const some = this.#pool.filter(() => random.chance(random.pick([5, 20, 60])));
    const here = (id: number): MarkedRule | undefined => rules.find((rule) => rule.id === id);
    const drawn = some.map((rule) => this.#mark(rule));
    const others = (ids: readonly { id: number }[]) =>
      rules.filter((rule) => !ids.some(({ id }) => id === rule.id));
    random.weighted<() => void>([
      [
        4,
        () => {
          sw.addFlows(drawn.map(textOf).join("\n"));
          this.#appear([...others(drawn), ...drawn]);
        },
      ],
      [
        3,
        () => {
          const changed = drawn.filter(({ id }) => here(id) !== undefined);
          sw.modFlows(changed.map(textOf).join("\n"), undefined, true);
          this.#appear([...others(changed), ...changed]);
        },
      ],
      [
        4,
        () => {
          const gone = some.filter(({ id }) => id > 2);
          sw.delFlows(gone.map(headOf).join("\n") || "table=9", undefined, true);
          this.#appear(others(gone));
        },
      ],
      [
        2,
        () => {
          const kept = rules.filter(({ id }) => id <= 2 || random.chance(70));
          const wanted = [...kept, ...drawn.filter(({ id }) => !kept.some((rule) => rule.id === id))];
          sw.replaceFlows(wanted.map(textOf).join("\n"));
          this.#appear(wanted);
        },
      ],
    ])();
  }

  #mark(rule: Omit<MarkedRule, "mark" | "port">): MarkedRule {
    const mark = this.#ids.length;
    this.#ids.push(rule.id);
    return { ...rule, mark, port: OUT };
  }

  #appear(rules: readonly MarkedRule[]): void {
    this.#versions.push(new MarkedVersion(this.#versions.length, rules));
  }
}

function headOf({
  table,
  priority,
  source,
  sourceBits,
  tpSrc,
  inPort,
}: Omit<MarkedRule, "mark" | "port">): string {
  const parts = [`table=${table},priority=${priority},udp`];
  if (sourceBits !== 0) parts.push(`nw_src=10.0.0.${source & sourceBits}/255.255.255.${sourceBits}`);
  if (tpSrc !== 0) parts.push(`tp_src=${tpSrc}`);
  if (inPort !== 0) parts.push(`in_port=${inPort}`);
  return parts.join(",");
}

function textOf(rule: MarkedRule): string {
  const bytes = rule.mark
    .toString(16)
    .padStart(8, "0")
    .replace(/..(?=.)/g, "$&:");
  const field = rule.table === 0 ? "eth_dst" : "eth_src";
  const next = rule.table === 0 ? "resubmit(,1)" : `output:${rule.port}`;
  return `cookie=${rule.id},${headOf(rule)} actions=set_field:02:00:${bytes}->${field},${next}`;
}
