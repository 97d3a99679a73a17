// Seeded random changes of rules: what a pool of drawn rules has, in and out of a switch, by every way that the
// library has for it.

import { FlowSyntaxError } from "../../src/errors.ts";
import { parseFlow } from "../../src/openflow/parse-flow.ts";
import type { Switch } from "../../src/switch.ts";
import { type RandomRules, randomRules } from "./random-rules.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** Changes the rules and groups of switches, the same way for the same seed. */
export class RuleChurn {
  readonly groups: string[];
  readonly #flows: string[];
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
    let drawn = randomRules(random, "full");
    while (drawn.stateful || drawn.groups.length === 0) drawn = randomRules(random, "full");
    this.groups = [...drawn.groups];
    const meter = drawn.meters.length > 0;
    this.#flows = distinctPriorities([...drawn.flows, ...more(random, drawn)]).filter(
      (flow) => !/sample\(/.test(flow) && (meter || !flow.includes("meter:")) && isAccepted(flow),
    );
    this.meters = drawn.meters;
  }

  readonly meters: readonly string[];

  /** The rules to begin with. */
  start(sw: Switch): void {
    if (this.meters.length > 0) sw.addMeters(this.meters.join("\n"));
    sw.addGroups(this.groups.join("\n"));
    sw.addFlows(this.#some(50));
  }

  /** Makes a change; returns what it was. */
  change(sw: Switch): string {
    const flow = this.#random.pick(this.#flows);
    return this.#random.weighted<() => string>([
      [5, () => this.#say("add", sw.addFlows(this.#some(6)))],
      [4, () => this.#say("delete", sw.delFlows(headOf(flow), undefined, true))],
      [4, () => this.#say("modify", sw.modFlows(this.#withOtherActions(flow), undefined, true))],
      [1, () => this.#say("delete loosely", sw.delFlows(`table=${tableOf(flow)}`))],
      [3, () => this.#say("replace", sw.replaceFlows(this.#some(60)))],
      [3, () => this.#changeGroup(sw)],
    ])();
  }

  #say(what: string, change: object): string {
    return `${what} ${JSON.stringify(change)}`;
  }

  #changeGroup(sw: Switch): string {
    const at = this.#random.int(0, this.groups.length - 1);
    const [id] = /group_id=\d+/.exec(this.groups[at]!)!;
    const port = this.#random.int(1, 6);
    this.groups[at] = `${id},type=all,bucket=output:${port}`;
    sw.addGroups(`modify ${this.groups[at]}`);
    return `modify ${this.groups[at]}`;
  }

  /** So many percent of the pool. */
  #some(percent: number): string {
    return this.#flows.filter(() => this.#random.chance(percent)).join("\n");
  }

  #withOtherActions(flow: string): string {
    const other = this.#random.chance(50) ? `output:${this.#random.int(1, 6)}` : "drop";
    return `${headOf(flow)} actions=${other}`;
  }
}

/** Rules of another draw that use the same groups. */
function more(random: SeededRandom, drawn: RandomRules): string[] {
  const other = randomRules(random, "full");
  if (other.stateful || other.version !== drawn.version) return [];
  return other.flows.filter((flow) => !/group|conj|meter|learn|NORMAL/.test(flow));
}

/** Which of two rules of equal priority wins is nobody's business: every rule gets one of its own. */
export function distinctPriorities(flows: readonly string[]): string[] {
  const taken = new Set<string>();
  return flows.map((flow) => {
    if (flow.includes("conj")) return flow;
    return flow.replace(/priority=(\d+)/, (_all, text: string) => {
      let priority = Number(text);
      while (taken.has(`${tableOf(flow)}/${priority}`)) priority = (priority + 1) % 65536;
      taken.add(`${tableOf(flow)}/${priority}`);
      return `priority=${priority}`;
    });
  });
}

/** Draws do not care for all that makes a flow wrong. */
export function isAccepted(flow: string): boolean {
  try {
    parseFlow(flow);
    return true;
  } catch (error) {
    if (error instanceof FlowSyntaxError) return false;
    throw error;
  }
}

function headOf(flow: string): string {
  return flow
    .slice(0, flow.indexOf("actions="))
    .replace(/cookie=0x[0-9a-f]+,/, "")
    .trim();
}

function tableOf(flow: string): string {
  return /table=(\d+)/.exec(flow)![1]!;
}
