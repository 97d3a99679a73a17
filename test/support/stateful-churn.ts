// Seeded random changes of everything that decides where packets go: rules that learn and time out, NORMAL, groups,
// meters, ports and their configuration, and the clock. The same seed makes the same changes in any switch.

import type { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { bridgePort } from "../../src/xlate/bridge-port.ts";
import { type RandomRules, randomRules } from "./random-rules.ts";
import { distinctPriorities, isAccepted } from "./rule-churn.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A change, to be made in any number of switches. */
export interface Change {
  readonly text: string;
  make(sw: InlineSwitch): void;
}

/** Ports that come, go and change; the others stay as they are. */
const CHANGING_PORTS = 6;

/** See the head of the file. */
export class StatefulChurn {
  readonly #random: SeededRandom;
  readonly #drawn: RandomRules;
  readonly #flows: string[];
  readonly #groups: Map<string, string>;
  #nowMs = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    let drawn = randomRules(random, "full");
    while (!drawn.stateful) drawn = randomRules(random, "full");
    this.#drawn = drawn;
    const flows = drawn.flows.map((flow) => withState(random, flow));
    this.#flows = distinctPriorities([...flows, ...this.#extras()]).filter(
      (flow) => !/sample\(/.test(flow) && isAccepted(flow),
    );
    this.#groups = new Map(drawn.groups.map((group) => [/group_id=\d+/.exec(group)![0], group]));
  }

  /** What to begin with. */
  start(): Change {
    const { meters, groups } = this.#drawn;
    const flows = this.#some(60);
    return {
      text: "start",
      make: (sw) => {
        if (meters.length > 0) sw.addMeters(meters.join("\n"));
        if (groups.length > 0) sw.addGroups(groups.join("\n"));
        sw.addFlows(flows);
      },
    };
  }

  /** Draws a change. */
  next(): Change {
    const random = this.#random;
    return random.weighted<() => Change>([
      [5, () => rules("add", this.#some(10))],
      [4, () => rules("delete_strict", headOf(random.pick(this.#flows)))],
      [
        4,
        () => rules("modify_strict", this.#reset(this.#withOtherActions(headOf(random.pick(this.#flows))))),
      ],
      [2, () => rules("modify", this.#withOtherActions(`table=${random.int(0, 2)}`))],
      [1, () => rules("delete", `table=${random.int(0, 5)}`)],
      [2, () => rules("replace", this.#some(60))],
      [this.#groups.size > 0 ? 4 : 0, () => this.#groupChange()],
      [6, () => this.#portChange()],
      [8, () => this.#time()],
      [1, () => ({ text: "forget addresses", make: forgetAddresses })],
      [1, () => ({ text: "flush", make: (sw) => sw.flushMegaflows() })],
    ])();
  }

  #groupChange(): Change {
    const random = this.#random;
    const id = random.pick([...this.#groups.keys()]);
    const drawn = random.weighted<() => string>([
      [3, () => `add_or_mod ${id},type=all,bucket=output:${random.int(1, 6)}`],
      [2, () => `add_or_mod ${id},type=ff,${this.#watching()},${this.#watching()}`],
      [2, () => `add_or_mod ${this.#groups.get(id)}`],
      [3, () => `add_or_mod ${id},type=all,bucket=output:1,${this.#leading(id)}`],
      [1, () => `delete ${id}`],
    ])();
    return { text: drawn, make: (sw) => sw.addGroups(drawn) };
  }

  /** A bucket that leads to a group of a higher number, or watches one. */
  #leading(id: string): string {
    const number = Number(id.replace("group_id=", ""));
    const next = this.#random.int(number + 1, number + 2);
    return this.#random.chance(70)
      ? `bucket=actions=group:${next}`
      : `bucket=watch_group:${next},actions=output:${this.#random.int(1, 6)}`;
  }

  #watching(): string {
    const port = this.#random.int(1, CHANGING_PORTS);
    return `bucket=watch_port:${port},actions=output:${port}`;
  }

  #portChange(): Change {
    const random = this.#random;
    const number = random.int(1, CHANGING_PORTS) as OfPort;
    if (random.chance(25)) {
      return {
        text: `remove port ${number}`,
        make: (sw) => {
          sw.bridge.removePort(number);
          sw.settle();
        },
      };
    }
    const flag = (percent: number) => random.chance(percent);
    const port = bridgePort(number, {
      name: `p${number}`,
      live: !flag(25),
      noFlood: flag(20),
      noForward: flag(15),
      noReceive: flag(10),
      ...random.pick([{}, {}, { vlanMode: "access", tag: 10 } as const, { trunks: new Set([0, 10, 100]) }]),
    });
    return {
      text: `port ${JSON.stringify({ ...port, trunks: port.trunks && [...port.trunks] })}`,
      make: (sw) => {
        sw.bridge.setPort(port);
        sw.settle();
      },
    };
  }

  #time(): Change {
    this.#nowMs += this.#random.pick([300, 1000, 2500, 2500, 6000, 310_000]);
    const now = this.#nowMs;
    return { text: `${now} ms`, make: (sw) => sw.setClock(now) };
  }

  #some(percent: number): string {
    return this.#flows.filter(() => this.#random.chance(percent)).join("\n");
  }

  #reset(flow: string): string {
    const resetting = `reset_counts,${flow}`;
    return this.#random.chance(25) && isAccepted(resetting) ? resetting : flow;
  }

  #withOtherActions(head: string): string {
    const random = this.#random;
    const flow = random.pick(this.#flows);
    const simple = random.pick(["drop", "normal", "flood", `output:${random.int(1, 6)}`, "in_port"]);
    const other = `${head} ${flow.slice(flow.indexOf("actions="))}`;
    return random.chance(40) && isAccepted(other) ? other : `${head} actions=${simple}`;
  }

  /** Rules that draws seldom have: what a port's number comes from, learning of every kind. */
  #extras(): string[] {
    const random = this.#random;
    const port = () => random.int(1, CHANGING_PORTS);
    const { laterTable } = { laterTable: random.int(1, 3) };
    return [
      "table=0,priority=5,actions=normal",
      `table=0,priority=700,in_port=${port()} actions=load:${port()}->NXM_OF_IN_PORT[],in_port`,
      `table=0,priority=700,in_port=${port()} actions=push:NXM_NX_REG0[],load:${port()}->NXM_OF_IN_PORT[],normal`,
      `table=0,priority=700,in_port=${port()} actions=resubmit(${port()},${laterTable}),flood`,
      `table=0,priority=700,in_port=${port()} actions=clone(normal),write_actions(output:${port()})`,
      `table=0,priority=700,tcp,in_port=${port()} actions=fin_timeout(idle_timeout=3),normal`,
      `table=0,priority=700,in_port=${port()} actions=bundle(eth_src,0,active_backup,ofport,members:${port()},${port()})`,
      `table=0,priority=700,in_port=${port()} actions=bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG1[0..15],members:${port()},${port()}),output:NXM_NX_REG1[0..15]`,
      `table=0,priority=700,in_port=${port()} actions=debug_recirc,normal`,
    ]
      .filter(() => random.chance(30))
      .map((flow) => withState(random, flow));
  }
}

function rules(what: string, text: string): Change {
  const make = (sw: InlineSwitch): void => {
    if (what === "replace") sw.replaceFlows(text);
    else if (what.startsWith("delete")) sw.delFlows(text, undefined, what.endsWith("strict"));
    else if (what.startsWith("modify")) sw.modFlows(text, undefined, what.endsWith("strict"));
    else sw.addFlows(text);
  };
  return { text: `${what} ${text}`, make };
}

function forgetAddresses(sw: InlineSwitch): void {
  sw.bridge.macs.flush();
  sw.settle();
}

/** Gives a flow time-outs, and what it learns time-outs and ties to it. */
function withState(random: SeededRandom, flow: string): string {
  const times = (): string => {
    const idle = random.chance(30) ? `idle_timeout=${random.int(1, 10)},` : "";
    const hard = random.chance(30) ? `hard_timeout=${random.int(1, 20)},` : "";
    return idle + hard;
  };
  const learned = flow.replaceAll("learn(table", () => {
    const cookie = random.chance(40) ? `cookie=${random.int(1, 3)},` : "";
    const tied = random.chance(25) ? "delete_learned," : "";
    const limit = random.chance(20) ? `limit=${random.int(1, 3)},` : "";
    const fin = random.chance(20) ? `fin_idle_timeout=${random.int(1, 3)},` : "";
    return `learn(${times()}${fin}${cookie}${tied}${limit}table`;
  });
  const reset = random.chance(10) ? "reset_counts," : "";
  return `${reset}${random.chance(25) ? times() : ""}${learned}`;
}

/** Table, priority and match of a flow. */
function headOf(flow: string): string {
  return flow
    .slice(0, flow.indexOf("actions="))
    .replace(/(cookie=0x[0-9a-f]+|idle_timeout=\d+|hard_timeout=\d+|reset_counts),/g, "")
    .trim();
}
