// One Open vSwitch and one switch of ours that get the same random changes of rules, groups and ports and the same
// packets, and are compared after each.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultSettings } from "../../src/config/settings.ts";
import type { InlineSwitch, PacketFate } from "../../src/inline-switch.ts";
import { formatFlow } from "../../src/openflow/format-flow.ts";
import { OFPP_LOCAL, type OfPort } from "../../src/openflow/port.ts";
import { bridgePort } from "../../src/xlate/bridge-port.ts";
import { CASE_PORTS, compareRuns, describeDifference, loadAccepted, Oracle } from "./differential.ts";
import { isAccident } from "./known-deviations.ts";
import { labSwitch } from "./lab-switch.ts";
import { type OvsOracle, OvsRefusal, type OvsResult } from "./ovs.ts";
import { randomPackets } from "./random-packets.ts";
import { type RandomRules, randomRules } from "./random-rules.ts";
import { distinctPriorities, isAccepted } from "./rule-churn.ts";
import { SeededRandom } from "./seeded-random.ts";

const CHANGES = 6;
const PACKETS = 10;
/** Learned rules have priorities of their own from here on. */
const LEARNED_PRIORITY = 40_000;

/** Open vSwitch's NORMAL leaves an inner tag of VLAN 0 out, but its megaflows take packets with one for others. */
const EMPTY_INNER_TAG = /^.{24}(8100|88a8)....(8100|88a8).000/;

/** See the head of the file. */
export class ChangeOracle implements AsyncDisposable {
  packets = 0;
  forwarded = 0;
  changes = 0;
  killed = 0;
  readonly #oracle = new Oracle();

  async runCase(seed: number): Promise<void> {
    const ovs = await this.#oracle.live();
    const sw = labSwitch(defaultSettings);
    sw.addPort({ number: OFPP_LOCAL, name: "br0", transmit: "ring" });
    const run = new ChangeCase(new SeededRandom(seed), ovs, sw);
    try {
      await run.start();
      for (let i = 0; i < CHANGES; i++) {
        const change = await run.change();
        const report = await run.compare();
        assert.equal(report, undefined, `seed ${seed}, change ${i}: ${change}\n${report}`);
        this.changes++;
        this.packets += PACKETS;
        this.forwarded += run.forwarded;
      }
      await run.restorePorts();
    } catch (error) {
      await this.#oracle.close();
      // Open vSwitch 3.1 has assertions that packets reach.
      if (error instanceof assert.AssertionError || error instanceof OvsRefusal) throw error;
      this.killed++;
    }
    await sw.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#oracle.close();
  }
}

class ChangeCase {
  /** Packets of the last comparison that went somewhere. */
  forwarded = 0;
  readonly #random: SeededRandom;
  readonly #ovs: OvsOracle;
  readonly #sw: InlineSwitch;
  readonly #drawn: RandomRules;
  readonly #pool: { port: number; hex: string }[];

  constructor(random: SeededRandom, ovs: OvsOracle, sw: InlineSwitch) {
    this.#random = random;
    this.#ovs = ovs;
    this.#sw = sw;
    let drawn = randomRules(random, "full");
    while (!drawn.stateful || drawn.version !== "OpenFlow15") drawn = randomRules(random, "full");
    // What no drawn rule takes is for NORMAL.
    const tables = new Set(drawn.flows.map(tableOf));
    const rest = [...tables].map((table) => `table=${table},priority=1 actions=normal`);
    const flows = distinctPriorities([...drawn.flows.map(withOwnPriorities), ...rest]).filter(
      (flow) => !/sample\(|conj/.test(flow) && isAccepted(flow),
    );
    this.#drawn = { ...drawn, flows };
    const packets = randomPackets(random, { count: 40, ports: 6 });
    this.#pool = packets.filter(({ hex }) => !isAccident(hex, flows) && !EMPTY_INNER_TAG.test(hex));
  }

  /** Gives both all rules, strikes out those that Open vSwitch refuses, and leaves a part. */
  async start(): Promise<void> {
    const { flows, groups, meters } = this.#drawn;
    await loadAccepted(this.#ovs, this.#drawn);
    if (meters.length > 0) this.#sw.addMeters(meters.join("\n"));
    if (groups.length > 0) this.#sw.addGroups(groups.join("\n"));
    this.#sw.addFlows(flows.join("\n"));
    await this.#replace(this.#some(60));
  }

  /** Makes a change in both; returns what it was. */
  async change(): Promise<string> {
    const random = this.#random;
    return random.weighted<() => Promise<string>>([
      [4, () => this.#add(this.#some(15))],
      [4, () => this.#delete(headOf(random.pick(this.#drawn.flows)), true)],
      [1, () => this.#delete(`table=${random.int(0, 4)}`, false)],
      [5, () => this.#modify(random.pick(this.#drawn.flows))],
      [2, () => this.#replace(this.#some(60))],
      [this.#drawn.groups.length > 0 ? 4 : 0, () => this.#modifyGroup()],
      [4, () => this.#configurePort()],
    ])();
  }

  /** Sends packets to both; returns a report where they do something else, or have other rules or counters then. */
  async compare(): Promise<string | undefined> {
    await this.#ovs.settle();
    const packets = Array.from({ length: PACKETS }, () => this.#random.pick(this.#pool));
    const theirs: OvsResult[] = [];
    const ours: OvsResult[] = [];
    for (const { port, hex } of packets) {
      theirs.push(await this.#ovs.send(port, hex));
      await this.#ovs.settle();
      ours.push(resultOf(this.#sw.send(port as OfPort, Buffer.from(hex, "hex"))));
    }
    this.forwarded = ours.filter(({ out }) => out.length > 0).length;
    const run = (results: OvsResult[]) => ({ results, megaflows: [], masks: 0 });
    const [first] = compareRuns({ ...this.#drawn, packets }, run(theirs), run(ours));
    if (first !== undefined) return describeDifference(this.#ovs, first);
    return this.#compareRules();
  }

  async restorePorts(): Promise<void> {
    for (let port = 1; port <= CASE_PORTS; port++) {
      await this.#ovs.ofctl("mod-port", "br0", `p${port}`, "flood");
      await this.#ovs.ofctl("mod-port", "br0", `p${port}`, "forward");
    }
  }

  async #compareRules(): Promise<string | undefined> {
    const dump = await this.#ovs.ofctl("-O", "OpenFlow15", "dump-flows", "br0");
    this.#sw.creditRules();
    const ours: string[] = [];
    this.#sw.bridge.forEachRule((rule) => ours.push(countedRule(formatFlow(rule, { nowMs: 0 }))));
    const theirs = dump
      .split("\n")
      .filter((line) => line.includes("actions="))
      .map(countedRule);
    const only = (some: string[], others: string[]) => some.filter((line) => !others.includes(line));
    const [more, fewer] = [only(ours, theirs), only(theirs, ours)];
    if (more.length + fewer.length === 0) return undefined;
    return `rules of ours alone:\n${more.join("\n")}\nof Open vSwitch's alone:\n${fewer.join("\n")}`;
  }

  async #add(flows: string): Promise<string> {
    await this.#ofctlFile("add-flows", flows);
    this.#sw.addFlows(flows);
    return `add ${flows}`;
  }

  async #delete(flow: string, strict: boolean): Promise<string> {
    await this.#ovs.ofctl("-O", "OpenFlow15", ...(strict ? ["--strict"] : []), "del-flows", "br0", flow);
    this.#sw.delFlows(flow, undefined, strict);
    return `delete ${flow}`;
  }

  /** Of a rule that is there: from OpenFlow 1.1 on, a modify that finds nothing does nothing. */
  async #modify(flow: string): Promise<string> {
    const head = headOf(flow);
    const other = this.#random.pick(this.#drawn.flows);
    const longer = `${head} ${other.slice(other.indexOf("actions="))}`;
    const short = `${head} actions=${this.#random.pick(["drop", "normal", "flood", "output:3"])}`;
    const text = tableOf(other) === tableOf(flow) && isAccepted(longer) ? longer : short;
    await this.#ovs.ofctl("-O", "OpenFlow15", "--strict", "add-flow", "br0", flow);
    this.#sw.addFlows(flow);
    try {
      await this.#ovs.ofctl("-O", "OpenFlow15", "--strict", "mod-flows", "br0", text);
    } catch {
      // It refuses some fields that the match does not guarantee.
      return "nothing";
    }
    this.#sw.modFlows(text, undefined, true);
    return `modify ${text}`;
  }

  async #replace(flows: string): Promise<string> {
    await this.#ofctlFile("replace-flows", flows);
    this.#sw.replaceFlows(flows);
    return `replace ${flows}`;
  }

  async #modifyGroup(): Promise<string> {
    const [id] = /group_id=\d+/.exec(this.#random.pick(this.#drawn.groups))!;
    const port = () => this.#random.int(1, 6);
    const group = this.#random.pick([
      `${id},type=all,bucket=output:${port()},bucket=output:${port()}`,
      `${id},type=indirect,bucket=set_field:02:00:00:00:00:07->eth_dst,output:${port()}`,
    ]);
    await this.#ovs.ofctl("-O", "OpenFlow15", "mod-group", "br0", group);
    this.#sw.addGroups(`modify ${group}`);
    return group;
  }

  async #configurePort(): Promise<string> {
    const number = this.#random.int(1, 6) as OfPort;
    // Not noReceive: Open vSwitch counts what comes there for the first rule before it drops it.
    const words = { noFlood: "flood", noForward: "forward" } as const;
    const name = this.#random.pick(["noFlood", "noForward"] as const);
    const port = this.#sw.bridge.ports.get(number) ?? bridgePort(number);
    const off = !port[name];
    await this.#ovs.ofctl("mod-port", "br0", `p${number}`, `${off ? "no-" : ""}${words[name]}`);
    this.#sw.bridge.setPort({ ...port, [name]: off });
    this.#sw.settle();
    return `port ${number} ${name} ${off}`;
  }

  async #ofctlFile(command: string, flows: string): Promise<void> {
    const file = join(this.#ovs.directory, "changed-flows");
    writeFileSync(file, `${flows}\n`);
    await this.#ovs.ofctl("-O", "OpenFlow15", command, "br0", file);
  }

  #some(percent: number): string {
    return this.#drawn.flows.filter(() => this.#random.chance(percent)).join("\n");
  }
}

/** Rules that are learned by different actions never have equal priorities: which one wins is nobody's business. */
function withOwnPriorities(flow: string, index: number): string {
  let nth = 0;
  return flow
    .replace(/cookie=0x[0-9a-f]+,/, "")
    .replaceAll(/(learn\(table=\d+),priority=\d+/g, (_all, head: string) => {
      return `${head},priority=${LEARNED_PRIORITY + index * 4 + nth++}`;
    });
}

/**
 * Table, priority and packets: what two dumps say alike. `ovs-ofctl replace-flows` takes some matches on tags for
 * others than they are, and so has the rule begin anew that ours keeps.
 */
function countedRule(line: string): string {
  const table = /table=(\d+)/.exec(line)?.[1] ?? "0";
  const match = line.slice(0, line.indexOf("actions="));
  const packets = /vlan/.test(match) ? "?" : /n_packets=(\d+)/.exec(line)![1];
  const priority = /priority=(\d+)/.exec(line)?.[1] ?? "32768";
  return `table=${table} priority=${priority} n_packets=${packets}`;
}

function resultOf({ sent, packetIns }: PacketFate): OvsResult {
  return {
    out: sent.map(({ port, bytes }) => [port & 0xffff, Buffer.from(bytes).toString("hex")]),
    controller: packetIns.map(({ record, packet, totalLength }) => ({
      // What OpenFlow 1.3 has no word of its own for, as the replay tells it.
      reason: record.reason === "action_set" ? "action" : (record.reason as "action"),
      table: record.tableId,
      cookie: `0x${record.ruleCookie.toString(16)}`,
      totalLen: totalLength,
      hex: Buffer.from(packet).toString("hex"),
    })),
  };
}

function headOf(flow: string): string {
  return flow.slice(0, flow.indexOf("actions=")).trim();
}

function tableOf(flow: string): string {
  return /table=(\d+)/.exec(flow)![1]!;
}
