// A bridge as translation sees it: ports, up to 255 tables, groups, meters and learned addresses. How
// flow mods change its tables is in flow-mod.ts.

import type { Group } from "../openflow/group.ts";
import type { Match } from "../openflow/match.ts";
import type { Meter } from "../openflow/meter.ts";
import type { OfPort, PortNames } from "../openflow/port.ts";
import { Rule, type RuleSpec } from "../openflow/rule.ts";
import type { BridgePort } from "./bridge-port.ts";
import { BridgeChanges, macTag } from "./changes.ts";
import { Classifier } from "./classifier/classifier.ts";
import { CLASSIFIER_DEFAULTS, type ClassifierOptions } from "./classifier/options.ts";
import { MacTable } from "./mac-table.ts";
import type { TableRule } from "./table-rule.ts";

/** Tables of a bridge are 0 to 254; 255 means all of them, or the current one. */
const TABLE_COUNT = 255;

/** A bridge; see the head of the file. */
export class Bridge {
  readonly name: string;
  /** Ports by OpenFlow number, in the order in which FLOOD sends. */
  readonly ports = new Map<OfPort, BridgePort>();
  /** Tables that were used; a table that was not has no rules. */
  readonly tables: (Classifier<TableRule> | undefined)[] = [];
  readonly groups = new Map<number, Group>();
  readonly meters = new Map<number, Meter>();
  /** The datapath's number of each meter. */
  readonly meterSlots = new Map<number, number>();
  readonly macs = new MacTable((mac, vlan) => this.changes.macTags.add(macTag(mac, vlan)));
  /** Rules that have a time-out. */
  readonly timed = new Set<TableRule>();
  /** What has changed since `takeChanges`. */
  changes = new BridgeChanges();
  /** Collectors that `sample` may send to. */
  readonly collectorSets = new Set<number>();
  /** Brings the rules' counters up to date; set by whoever caches answers. */
  creditRules: () => void = () => {};
  /** What lookups see: rules added in this version or before, and not yet removed. */
  version = 1;
  readonly #options: ClassifierOptions;
  readonly #numbers = new Map<string, OfPort>();

  constructor(name: string, options: ClassifierOptions = CLASSIFIER_DEFAULTS) {
    this.name = name;
    this.#options = options;
  }

  /** The table of that number, made if need be. */
  table(tableId: number): Classifier<TableRule> {
    let table = this.tables[tableId];
    if (table === undefined) {
      if (!Number.isInteger(tableId) || tableId < 0 || tableId >= TABLE_COUNT) {
        throw new RangeError(`tables are numbered 0 to ${TABLE_COUNT - 1}, got ${tableId}`);
      }
      table = new Classifier<TableRule>(this.#options);
      this.tables[tableId] = table;
    }
    return table;
  }

  /** Hands over what has changed since the last time. */
  takeChanges(): BridgeChanges {
    const { changes } = this;
    this.changes = new BridgeChanges();
    return changes;
  }

  /** Puts a port in, or changes it. */
  setPort(port: BridgePort): void {
    this.#forgetName(port.ofPort);
    this.#numbers.set(port.name, port.ofPort);
    this.ports.set(port.ofPort, port);
    this.changes.ports.add(port.ofPort);
  }

  /** Names of the ports, for rules that say them. */
  get portNames(): PortNames {
    return {
      byName: this.#numbers,
      byPort: new Map([...this.ports].map(([number, { name }]) => [number, name])),
    };
  }

  /** Lets rules name a port that is still to come. */
  announcePort(ofPort: OfPort, name: string): void {
    this.#numbers.set(name, ofPort);
  }

  /** Takes a port out, and forgets the addresses learned on it. */
  removePort(ofPort: OfPort): void {
    this.#forgetName(ofPort);
    this.ports.delete(ofPort);
    this.changes.ports.add(ofPort);
    this.macs.flush(ofPort);
  }

  #forgetName(ofPort: OfPort): void {
    const name = this.ports.get(ofPort)?.name;
    if (name !== undefined) this.#numbers.delete(name);
  }

  /** Rules in all tables. */
  get ruleCount(): number {
    return this.tables.reduce((sum, table) => sum + (table?.count ?? 0), 0);
  }

  /** Calls `visit` with every rule, table by table; only with those in `match`, where it is given. */
  forEachRule(visit: (rule: TableRule) => void, match?: Match, tableId?: number): void {
    this.tables.forEach((table, id) => {
      if (tableId === undefined || tableId === id) table?.forEach(this.version, visit, match);
    });
  }

  /** Whether learn may add a rule: it is there already, or fewer than `limit` carry its cookie. */
  mayLearn(spec: RuleSpec, limit: number): boolean {
    const table = this.tables[spec.tableId];
    if (table === undefined) return true;
    if (table.findExact(new Rule(spec).match, spec.priority, this.version) !== null) return true;
    let count = 0;
    table.forEach(this.version, (rule) => {
      if (rule.cookie === spec.cookie) count++;
    });
    return count < limit;
  }
}
