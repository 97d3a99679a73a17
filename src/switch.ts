// The switch: memory, one bridge, its ports and rules, and the PMDs that forward for it. The only file that
// knows all the parts; inline-switch.ts and threaded-switch.ts say who runs the PMDs.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PortKind } from "../assembly/layout/port.ts";
import type { Settings } from "./config/settings.ts";
import { SwitchMemory } from "./datapath/memory.ts";
import { MeterTable } from "./datapath/meters.ts";
import type { PmdOptions } from "./datapath/pmd-memory.ts";
import type { PmdStats } from "./datapath/pmd-stats.ts";
import { PortBooks } from "./datapath/port-books.ts";
import type { PortCounters } from "./datapath/port-stats.ts";
import { MegaflowError } from "./errors.ts";
import { changeFlows, type FlowChange, type FlowText, replaceFlows } from "./flow-changes.ts";
import type { OdpPort } from "./odp/action.ts";
import type { Group } from "./openflow/group.ts";
import type { Meter } from "./openflow/meter.ts";
import { parseGroups } from "./openflow/parse-group.ts";
import { parseMeter } from "./openflow/parse-meter.ts";
import { type OfPort, ofPortToOdp } from "./openflow/port.ts";
import { applySettings, changedSettings, type SettingsOwner } from "./pmd/live-settings.ts";
import { Pmd, type PmdPortRecord } from "./pmd/pmd.ts";
import type { PacketIn } from "./upcall/handler.ts";
import { Revalidator } from "./upcall/revalidator.ts";
import type { RevalidatorStats } from "./upcall/revalidator-stats.ts";
import { RulesInUse } from "./upcall/rules-in-use.ts";
import type { Ukey } from "./upcall/ukey.ts";
import { sumUpcalls, type UpcallStats } from "./upcall/upcall-stats.ts";
import { Bridge } from "./xlate/bridge.ts";
import { bridgePort } from "./xlate/bridge-port.ts";
import type { RuleRemoval } from "./xlate/changes.ts";
import { applyEffects } from "./xlate/effects.ts";
import { applyGroupMods } from "./xlate/group-mod.ts";
import { InternTable } from "./xlate/registry.ts";
import type { ControllerRecord, FrozenState, TranslateContext } from "./xlate/translation.ts";

/** What a switch is made with. */
export interface SwitchOptions {
  /** Name of the bridge. */
  readonly bridge?: string;
  readonly settings: Settings;
  /** Translation un-wildcards everything: one megaflow a connection. */
  readonly exactMegaflows?: boolean;
  /** Decides hashes, sampling and selection; from a secure random source when absent. */
  readonly seed?: bigint | undefined;
  /** Explain named packets in the trace ring. */
  readonly trace?: boolean;
  /** Frames are used first in, first out. */
  readonly fifoFrames?: boolean;
  readonly packetIn?: (packet: PacketIn) => void;
  /** Told of every rule that is gone (OpenFlow's flow removed), when its counters are complete. */
  readonly ruleRemoved?: (removal: RuleRemoval) => void;
  readonly log?: (line: string) => void;
}

/** A port to add. */
export interface PortOptions {
  /** OpenFlow port number; 65534 is LOCAL. */
  readonly number: OfPort;
  readonly name: string;
  /** `null` counts and recycles; `ring` hands what is sent to the controller. */
  readonly transmit: "null" | "ring";
}

/** Port share of the pending upcalls: half of the table, so that a scan on one port leaves room for others. */
const UPCALL_SHARE = 2048;

/** See the head of the file. */
export class Switch {
  readonly memory = new SwitchMemory();
  readonly meters = new MeterTable(this.memory);
  readonly bridge: Bridge;
  readonly pmds: Pmd[] = [];
  /** Milliseconds since the start. */
  nowMs = 0;
  protected readonly options: SwitchOptions;
  #settings: Settings;
  /** The change of settings under way: they come one after another. */
  #changing: Promise<unknown> = Promise.resolve();
  readonly translation: TranslateContext;
  readonly #translateOptions: { megaflows: boolean; conformance: "ovs" | "openflow" };
  readonly #seed: bigint;
  readonly #recirc = new InternTable<FrozenState>();
  readonly #records = new InternTable<ControllerRecord>();
  readonly #rulesInUse = new RulesInUse();
  protected readonly ports: PmdPortRecord[] = [];
  readonly #portNames = new Map<string, number>();
  protected readonly revalidator: Revalidator;
  /** Counters of PMDs that are no more. */
  readonly #past: PmdStats[] = [];
  readonly #portBooks = new PortBooks(this.memory, () => this.pmds.map(({ layout }) => layout));

  protected constructor(options: SwitchOptions) {
    this.options = options;
    this.#settings = options.settings;
    this.bridge = new Bridge(options.bridge ?? "br0");
    this.bridge.creditRules = () => this.creditRules();
    this.#seed = options.seed ?? randomBytes(8).readBigUInt64LE();
    this.#translateOptions = {
      megaflows: options.exactMegaflows !== true,
      conformance: options.settings.conformance,
    };
    this.translation = {
      bridge: this.bridge,
      recirc: this.#recirc,
      controllerRecords: this.#records,
      options: this.#translateOptions,
    };
    this.revalidator = new Revalidator({
      bridge: this.bridge,
      handlers: () => this.pmds.map((pmd) => pmd.handler),
      rulesInUse: this.#rulesInUse,
      nowMs: () => this.nowMs,
      settings: () => this.settings,
      ruleRemoved: options.ruleRemoved ?? (() => {}),
      sweepRegistries: () => {
        this.#recirc.sweep();
        this.#records.sweep();
      },
    });
  }

  /** Adds a port to the bridge and to every PMD. */
  addPort(port: PortOptions): void {
    const number = this.addBridgePort(port);
    const kind = port.transmit === "null" ? PortKind.NULL : PortKind.RING;
    const record = { number, words: [kind, 0, 0, 0] };
    this.ports.push(record);
    for (const pmd of this.pmds) this.givePort(pmd, record);
  }

  /**
   * Adds rules given in `ovs-ofctl` syntax, one a line, or changes or deletes them where a line says so: all of
   * them or none. Throws FlowSyntaxError or FlowOverlapError, which name the line. `settled` tells when the last
   * packet has gone by the old rules.
   */
  addFlows(text: string, file?: string): FlowChange {
    return this.#changeFlows(() => changeFlows(this.bridge, { text, file }, this.nowMs));
  }

  /** Changes the actions of the rules that lines of flow syntax name, as `ovs-ofctl mod-flows`; else as addFlows. */
  modFlows(text: string, file?: string, strict = false): FlowChange {
    const command = strict ? "modify_strict" : "modify";
    return this.#changeFlows(() => changeFlows(this.bridge, { text, file }, this.nowMs, command));
  }

  /** Deletes the rules that lines of flow syntax name, as `ovs-ofctl del-flows`; all of them when there is no text. */
  delFlows(text = "table=255", file?: string, strict = false): FlowChange {
    const command = strict ? "delete_strict" : "delete";
    return this.#changeFlows(() => changeFlows(this.bridge, { text, file }, this.nowMs, command));
  }

  /**
   * Gives the bridge just these rules, as `ovs-ofctl replace-flows`, with as little change as possible: rules that
   * stay the same keep their counters. All or nothing, as addFlows.
   */
  replaceFlows(source: string | readonly FlowText[], file?: string): FlowChange {
    const sources = typeof source === "string" ? [{ text: source, file }] : source;
    return this.#changeFlows(() => replaceFlows(this.bridge, sources, this.nowMs));
  }

  /** Resolves when every PMD has acknowledged what all changes up to now of rules, groups and ports have caused. */
  settled(): Promise<void> {
    return this.revalidator.settled();
  }

  /** What the revalidator has done and how things stand, as a plain object. */
  revalidatorStats(): RevalidatorStats {
    return this.revalidator.stats();
  }

  /** Takes all megaflows out; packets bring new ones. */
  flushMegaflows(): void {
    this.revalidator.flush();
    this.changed();
  }

  /** Adds, changes or deletes groups given in `ovs-ofctl` syntax: all of them or none. */
  addGroups(text: string, file?: string): void {
    applyGroupMods(this.bridge, parseGroups(text, { file, ports: this.bridge.portNames }));
    this.changed();
  }

  /** Sets meters up, one a line in `ovs-ofctl` syntax (`meter=1 pktps bands=type=drop rate=100`): all or none. */
  addMeters(text: string, file?: string): void {
    const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
    for (const meter of lines.map((line) => parseMeter(line, file))) this.#setMeter(meter);
    this.revalidate();
  }

  /** Off: translation un-wildcards every bit, one megaflow a connection (Open vSwitch's upcall/disable-megaflows). */
  enableMegaflows(on: boolean): void {
    this.#translateOptions.megaflows = on;
    this.revalidate();
  }

  /** As they are wanted now: what PMDs that are started from now on are made with. */
  get settings(): Settings {
    return this.#settings;
  }

  /**
   * Changes settings while packets flow; resolves with all of them when every PMD works with the new ones. No packet
   * is lost by it. Only live settings (docs/settings.md) can be changed.
   * @throws ConfigError for a value that the setting does not take; MegaflowError `SETTING_FIXED`,
   *   `MEMORY_EXHAUSTED` (nothing has changed in any of these), `PMD_STALLED`.
   */
  changeSettings(changes: Partial<Settings>): Promise<Settings> {
    const owner = this;
    const target: SettingsOwner = {
      get pmds() {
        return owner.pmds;
      },
      get settings() {
        return owner.#settings;
      },
      set settings(settings: Settings) {
        owner.#settings = settings;
      },
      turn: () => this.turn(),
    };
    const change = async (): Promise<Settings> => {
      await applySettings(target, changedSettings(this.#settings, changes));
      return this.#settings;
    };
    const changed = this.#changing.then(change, change);
    this.#changing = changed;
    return changed;
  }

  /** Lets the PMDs get on with what they were told. */
  protected async turn(): Promise<void> {
    await sleep(1);
  }

  /** Whether translation wildcards what no rule looks at. */
  get megaflowsEnabled(): boolean {
    return this.#translateOptions.megaflows;
  }

  /** Whether every PMD has a thread of its own. */
  get isThreaded(): boolean {
    return false;
  }

  /** CPU of a PMD; -1 = not pinned. */
  coreOf(_index: number): number {
    return -1;
  }

  /** Has every megaflow translated again, and those removed or changed that are no longer true. */
  revalidate(): void {
    this.bridge.changes.all = true;
    this.changed();
  }

  /** Something has changed that the revalidator should see to. */
  protected changed(): void {}

  #changeFlows(change: () => FlowChange): FlowChange {
    const result = change();
    this.changed();
    return result;
  }

  /** Credits the rules with all that megaflows have counted. */
  creditRules(): void {
    for (const pmd of this.pmds) for (const ukey of pmd.handler.ukeys.values()) pmd.handler.credit(ukey);
  }

  /** Live megaflows, over all PMDs. */
  megaflows(): Ukey[] {
    this.creditRules();
    return this.pmds.flatMap((pmd) =>
      [...pmd.handler.ukeys.values()].filter((ukey) => ukey.state === "live"),
    );
  }

  /** Counters of every PMD, those that are no more included. */
  stats(): PmdStats[] {
    return [...this.#past, ...this.pmds.map((pmd) => pmd.stats)];
  }

  /** What the slow path has done, over all PMDs that are there now. */
  upcallStats(): UpcallStats {
    const ports = this.ports.map((port) => port.number);
    return sumUpcalls(
      this.pmds.map((pmd) => pmd.handler),
      ports,
    );
  }

  /** Counters of a port, over all PMDs, those that are no more included. */
  portCounters(port: OfPort): PortCounters {
    const odp = ofPortToOdp(port);
    if (odp === undefined) throw new MegaflowError("NO_PORT", `${port} is not the number of a port`);
    return this.#portBooks.read(odp);
  }

  /** The groups with what they and their buckets have counted; copies. */
  groups(): Group[] {
    this.creditRules();
    return [...this.bridge.groups.values()].map((group) => ({
      ...group,
      buckets: group.buckets.map((bucket) => ({ ...bucket })),
    }));
  }

  /** Keeps what a PMD counted that is no more. */
  protected keepCounters(dead: Pmd): void {
    this.#past.push(dead.lastStats());
    this.#portBooks.keep(dead.layout);
  }

  #setMeter(meter: Meter): void {
    const { meterSlots, meters } = this.bridge;
    const slot = meterSlots.get(meter.meterId) ?? meterSlots.size;
    this.meters.set(
      slot,
      {
        packets: meter.unit === "pktps",
        bands: meter.bands.map((band) => ({
          remark: band.type === "dscp_remark",
          level: band.precLevel,
          rate: band.rate,
          burst: meter.burst ? band.burst : 0,
        })),
      },
      this.nowMs,
    );
    meterSlots.set(meter.meterId, slot);
    meters.set(meter.meterId, meter);
  }

  /** Lays out another PMD and tells it the ports; whoever calls gives it a runner. */
  protected createPmd(index: number, shared?: PmdOptions["shared"]): Pmd {
    const pmd = new Pmd(
      this.memory,
      this.#settings,
      {
        index,
        seed: this.#seed,
        meters: this.meters.region,
        trace: this.options.trace === true,
        fifoFrames: this.options.fifoFrames === true,
        shared,
        upcallShare: UPCALL_SHARE,
      },
      {
        translation: this.translation,
        recirc: this.#recirc,
        records: this.#records,
        rulesInUse: this.#rulesInUse,
        packetIn: this.options.packetIn ?? (() => {}),
        applyEffects: (effects) => {
          applyEffects(this.bridge, effects, this.nowMs);
        },
        nowMs: () => this.nowMs,
      },
    );
    return pmd;
  }

  /** Gives the real ports' queues to PMDs by what they cost lately; returns how many moved. */
  async rebalanceRxqs(): Promise<number> {
    return 0;
  }

  /** Adds a port to the bridge alone; returns its datapath number. */
  protected addBridgePort(port: Omit<PortOptions, "transmit">): OdpPort {
    const of = bridgePort(port.number, { name: port.name });
    if (this.bridge.ports.has(port.number)) {
      throw new MegaflowError("PORT_EXISTS", `port ${port.number} is there already`);
    }
    if (this.#portNames.has(port.name)) {
      throw new MegaflowError("PORT_EXISTS", `a port named ${port.name} is there already`);
    }
    this.bridge.setPort(of);
    this.#portBooks.open(of.odpPort);
    this.#portNames.set(port.name, port.number);
    return of.odpPort;
  }

  /** Takes a port out of the bridge. */
  protected removeBridgePort(number: OfPort): void {
    const port = this.bridge.ports.get(number);
    if (port === undefined) throw new MegaflowError("NO_PORT", `there is no port ${number}`);
    this.bridge.removePort(number);
    this.#portNames.delete(port.name);
    this.changed();
  }

  protected givePort(pmd: Pmd, port: PmdPortRecord): void {
    const [kind, , ...rest] = port.words as [number, number, number, number];
    pmd.setPort({ number: port.number, words: [kind, pmd.txRing.base, ...rest] });
  }
}
