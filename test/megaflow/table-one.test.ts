// The experiment of "The Design and Implementation of Open vSwitch" (NSDI 2015), Table 1: four rules,
// many short TCP connections, and how many megaflows they make with each optimisation.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_NW_DST,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TTL,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_WORD_COUNT,
} from "../../assembly/layout/flow-key.ts";
import { setBe16, setBe32, setLe32, setMac, setU8 } from "../../src/odp/flow-key.ts";
import { CLASSIFIER_DEFAULTS, type ClassifierOptions } from "../../src/xlate/classifier/options.ts";
import { translate } from "../../src/xlate/translate.ts";
import { testEnv } from "./test-bridge.ts";

const RULES = `
priority=40,arp actions=normal
priority=30,ip,nw_dst=11.1.1.1/16 actions=output:2
priority=20,tcp,nw_dst=9.1.1.1,tp_src=10,tp_dst=10 actions=output:2
priority=10,ip,nw_dst=9.1.1.1/24 actions=output:1
`;
const CONNECTIONS = 3000;
const FLAGS = [0x002, 0x012, 0x010, 0x018, 0x011];
const NONE: ClassifierOptions = { prioritySorting: false, staged: false, tries: false, portTries: false };

interface Count {
  readonly flows: number;
  readonly masks: number;
  readonly setUps: number;
}

/** Connect, request, response, close: packets both ways between two hosts, from ever new ports. */
function* traffic(): Generator<Uint32Array> {
  for (let i = 0; i < CONNECTIONS; i++) {
    const port = 1024 + ((i * 7919) % 60000);
    const client = 0x09010102 + (i % 8);
    for (const flags of FLAGS) {
      yield packet(1, client, 0x09010121, port, 12865, flags);
      yield packet(2, 0x09010121, client, 12865, port, flags);
    }
  }
}

function packet(
  inPort: number,
  from: number,
  to: number,
  src: number,
  dst: number,
  flags: number,
): Uint32Array {
  const key = new Uint32Array(KEY_WORD_COUNT);
  setLe32(key, KEY_IN_PORT, inPort);
  setMac(key, KEY_DL_SRC, 0x020000000000n + BigInt(inPort));
  setMac(key, KEY_DL_DST, 0x020000000010n - BigInt(inPort));
  setBe16(key, KEY_ETH_TYPE, 0x0800);
  setBe32(key, KEY_NW_SRC, from);
  setBe32(key, KEY_NW_DST, to);
  setU8(key, KEY_NW_PROTO, 6);
  setU8(key, KEY_NW_TTL, 64);
  setBe16(key, KEY_TP_SRC, src);
  setBe16(key, KEY_TP_DST, dst);
  setBe16(key, KEY_TCP_FLAGS, flags);
  return key;
}

/** Sends the traffic through a cache of megaflows. */
function run(classifier: ClassifierOptions, megaflows = true): Count {
  const env = testEnv(RULES, "", { megaflows }, classifier);
  const cache = new Map<string, { mask: Uint32Array; keys: Set<string> }>();
  let setUps = 0;
  for (const key of traffic()) {
    if ([...cache.values()].some(({ mask, keys }) => keys.has(masked(key, mask)))) continue;
    setUps++;
    const { mask } = translate(env, key);
    let table = cache.get(mask.join());
    if (table === undefined) {
      table = { mask, keys: new Set() };
      cache.set(mask.join(), table);
    }
    table.keys.add(masked(key, mask));
  }
  const flows = [...cache.values()].reduce((sum, { keys }) => sum + keys.size, 0);
  return { flows, masks: cache.size, setUps };
}

function masked(key: Uint32Array, mask: Uint32Array): string {
  let text = "";
  for (let i = 0; i < key.length; i++) text += `${((key[i] as number) & (mask[i] as number)) >>> 0},`;
  return text;
}

test("Table 1: optimisations turn a flow a connection into tens", (t) => {
  const only = (option: keyof ClassifierOptions) => run({ ...NONE, [option]: true });
  const counts = {
    microflows: run(CLASSIFIER_DEFAULTS, false),
    none: run(NONE),
    prioritySorting: only("prioritySorting"),
    staged: only("staged"),
    tries: only("tries"),
    portTries: only("portTries"),
    all: run(CLASSIFIER_DEFAULTS),
  };
  for (const [name, count] of Object.entries(counts)) t.diagnostic(`${name}: ${JSON.stringify(count)}`);
  assert.ok(counts.microflows.flows >= CONNECTIONS * 2 * FLAGS.length * 0.9, "a flow a packet's headers");
  assert.ok(counts.none.flows >= CONNECTIONS * 2 * 0.9, "a flow a connection and direction");
  assert.ok(counts.prioritySorting.flows >= CONNECTIONS * 2 * 0.9, "the rule with ports comes first");
  for (const better of [counts.staged, counts.tries, counts.all]) assert.ok(better.flows < 40);
  assert.ok(counts.portTries.flows < counts.none.flows / 2);
  assert.ok(counts.all.masks <= 4);
  assert.ok(counts.all.flows <= Math.min(counts.staged.flows, counts.tries.flows));
});
