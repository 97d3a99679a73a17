// What the slow path costs: loading 100,000 rules in 20 masks, and translating a packet through one table
// and through eight.
//
//   node --expose-gc --import tsx bench/slow-path/main.ts [--json]

import { parseArgs } from "node:util";
import { KEY_IN_PORT, KEY_NW_SRC, KEY_TP_SRC, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { readEnvironment } from "../../src/bench/environment.ts";
import { setBe16, setBe32 } from "../../src/odp/flow-key.ts";
import { FLOW_OF_IN_PORT } from "../../src/openflow/flow-layout.ts";
import { FlowText } from "../../src/openflow/key-value.ts";
import { parseFlows } from "../../src/openflow/parse-flow.ts";
import { parseExactFlow } from "../../src/openflow/parse-match.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { Bridge } from "../../src/xlate/bridge.ts";
import { bridgePort } from "../../src/xlate/bridge-port.ts";
import { applyFlowMods } from "../../src/xlate/flow-mod.ts";
import { InternTable } from "../../src/xlate/registry.ts";
import { translate } from "../../src/xlate/translate.ts";

const RULES = 100_000;
const MASKS = 20;
const TRANSLATIONS = 100_000;
const ROUNDS = 5;

interface Loading {
  readonly parseMs: number;
  readonly applyMs: number;
  readonly bytesPerRule: number;
}

function heldBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Rules on protocol, addresses and a port, the prefix length making the mask. */
function ruleText(): string {
  const lines: string[] = [];
  for (let i = 0; i < RULES; i++) {
    const mask = i % MASKS;
    const source = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    lines.push(
      `priority=${100 + mask},tcp,nw_src=${source},nw_dst=${11 + mask}.0.0.0/${12 + mask},tp_dst=${i % 60000} actions=output:${1 + (i % 4)}`,
    );
  }
  return lines.join("\n");
}

async function measureLoading(): Promise<Loading> {
  const text = ruleText();
  const before = heldBytes();
  const { bridge, ...times } = load(text);
  // What the parser made is only garbage once the job that made it is over.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { ...times, bytesPerRule: (heldBytes() - before) / bridge.ruleCount };
}

function load(text: string): Omit<Loading, "bytesPerRule"> & { readonly bridge: Bridge } {
  const bridge = new Bridge("br0");
  const start = performance.now();
  const mods = parseFlows(text);
  const parsed = performance.now();
  applyFlowMods(bridge, mods, 0);
  return { bridge, parseMs: parsed - start, applyMs: performance.now() - parsed };
}

/** Rules that each match one of the packets exactly. */
function oneTable(): string {
  const rule = (i: number) =>
    `priority=10,udp,nw_src=10.0.${i >> 8}.${i & 255},nw_dst=10.1.0.1,tp_src=${1000 + i},tp_dst=53 actions=output:2`;
  return Array.from({ length: 1000 }, (_, i) => rule(i)).join("\n");
}

/** Seven tables with two masks each, and one that rewrites and outputs. */
function eightTables(): string {
  const lines: string[] = [];
  for (let table = 0; table < 7; table++) {
    for (let i = 0; i < 50; i++) {
      lines.push(
        `table=${table},priority=10,ip,nw_dst=10.${table}.${i}.0/24,reg0=0 actions=goto_table:${table + 1}`,
      );
    }
    lines.push(`table=${table},priority=1 actions=load:${table}->NXM_NX_REG7[],goto_table:${table + 1}`);
  }
  lines.push("table=7 actions=mod_dl_dst:02:00:00:00:00:01,output:3");
  return lines.join("\n");
}

/** Microseconds a translation: the best of some rounds. */
function measureTranslation(flows: string): number {
  const bridge = new Bridge("br0");
  for (let port = 1; port <= 4; port++) bridge.ports.set(port as OfPort, bridgePort(port as OfPort));
  applyFlowMods(bridge, parseFlows(flows), 0);
  const env = { bridge, recirc: new InternTable<never>(), controllerRecords: new InternTable<never>() };
  const keys = packets();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < TRANSLATIONS; i++) translate(env, keys[i % keys.length] as Uint32Array);
    best = Math.min(best, ((performance.now() - start) * 1000) / TRANSLATIONS);
  }
  return best;
}

function packets(): Uint32Array[] {
  const text = "in_port=1,udp,nw_src=10.0.0.1,nw_dst=10.1.0.1,nw_ttl=64,udp_src=1000,udp_dst=53";
  const flow = parseExactFlow(new FlowText(text));
  return Array.from({ length: 1000 }, (_, i) => {
    const key = flow.slice(0, KEY_WORD_COUNT);
    key[KEY_IN_PORT >>> 2] = flow[FLOW_OF_IN_PORT >>> 2] as number;
    setBe32(key, KEY_NW_SRC, 0x0a000000 + i);
    setBe16(key, KEY_TP_SRC, 1000 + i);
    return key;
  });
}

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
if (globalThis.gc === undefined)
  throw new Error("run with node --expose-gc: bytes a rule need a garbage collection");
const loading = await measureLoading();
const oneTableUs = measureTranslation(oneTable());
const eightTablesUs = measureTranslation(eightTables());
const result = { ...loading, oneTableUs, eightTablesUs, environment: readEnvironment() };
if (values.json) console.log(JSON.stringify(result));
else {
  console.log(
    `${RULES} rules in ${MASKS} masks: parsed in ${loading.parseMs.toFixed(0)} ms, loaded in ${loading.applyMs.toFixed(0)} ms`,
  );
  console.log(`${loading.bytesPerRule.toFixed(0)} bytes a rule`);
  console.log(
    `a translation through one table ${oneTableUs.toFixed(2)} us, through eight ${eightTablesUs.toFixed(2)} us`,
  );
  console.log(JSON.stringify(result.environment));
}
