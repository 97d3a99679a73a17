// What chooses by hash keeps to the weights, to the connection, and puts what it hashes into the mask.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KEY_DL_SRC,
  KEY_DP_HASH,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_RECIRC_ID,
  KEY_TP_DST,
  KEY_TP_SRC,
} from "../../../../assembly/layout/flow-key.ts";
import { getBe, getBe16, getBe32, setBe16, setBe32, setMac } from "../../../../src/odp/flow-key.ts";
import { translate } from "../../../../src/xlate/translate.ts";
import type { TranslateContext } from "../../../../src/xlate/translation.ts";
import { seededRandom } from "../../../classifier/rule-sets.ts";
import { testEnv } from "../../../megaflow/test-bridge.ts";
import { keyOf } from "./translated.ts";

const CONNECTIONS = 6000;
const TCP = "in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tcp_src=1000,tcp_dst=80";

/** Whether all bits of a field are in a mask. */
function allBits(mask: Uint32Array, offset: number, size: number): boolean {
  return getBe(mask, offset, size) === (1n << BigInt(size * 8)) - 1n;
}

function outputPort(env: TranslateContext, key: Uint32Array): number {
  const output = translate(env, key).actions.find((action) => action.type === "output");
  return output?.type === "output" ? output.port : 0;
}

/** Keys of connections between random hosts and ports. */
function* connections(): Generator<Uint32Array> {
  const random = seededRandom(17);
  for (let i = 0; i < CONNECTIONS; i++) {
    const key = keyOf(TCP);
    setBe32(key, KEY_NW_SRC, 0x0a000000 + random(0x10000));
    setBe16(key, KEY_TP_SRC, 1024 + random(60000));
    setMac(key, KEY_DL_SRC, 0x020000000000n + BigInt(random(0x10000)));
    yield key;
  }
}

/** Counts must be within three standard deviations of what the weights say. */
function assertShares(counts: ReadonlyMap<number, number>, weights: ReadonlyMap<number, number>): void {
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  for (const [port, weight] of weights) {
    const share = weight / total;
    const sigma = Math.sqrt(CONNECTIONS * share * (1 - share));
    const off = Math.abs((counts.get(port) ?? 0) - CONNECTIONS * share);
    assert.ok(
      off <= 3 * sigma,
      `port ${port}: ${counts.get(port)} of ${CONNECTIONS}, weight ${weight} of ${total}`,
    );
  }
}

test("a select group with the hash method spreads by weight and hashes what is in the mask", () => {
  const group =
    "group_id=1,type=select,selection_method=hash,fields(ip_src,tcp_src),bucket=weight:1,output:2,bucket=weight:3,output:3";
  const env = testEnv("actions=group:1", group);
  const counts = new Map<number, number>();
  for (const key of connections()) {
    const port = outputPort(env, key);
    counts.set(port, (counts.get(port) ?? 0) + 1);
    assert.equal(outputPort(env, key), port);
  }
  assertShares(
    counts,
    new Map([
      [2, 1],
      [3, 3],
    ]),
  );
  const { mask } = translate(env, keyOf(TCP));
  assert.ok(allBits(mask, KEY_NW_SRC, 4) && allBits(mask, KEY_TP_SRC, 2));
  assert.ok(!allBits(mask, KEY_TP_DST, 2) && !allBits(mask, KEY_NW_DST, 4));
});

test("a select group of the default kind has the datapath hash, and follows the hash", () => {
  const group =
    "group_id=1,type=select,bucket=weight:1,output:2,bucket=weight:2,output:3,bucket=weight:0,output:4";
  const env = testEnv("actions=group:1", group);
  const first = translate(env, keyOf(TCP));
  assert.deepEqual(
    first.actions.map((action) => action.type),
    ["hash", "recirc"],
  );
  const counts = new Map<number, number>();
  const random = seededRandom(23);
  for (let i = 0; i < CONNECTIONS; i++) {
    const key = keyOf(TCP);
    key[KEY_RECIRC_ID >>> 2] = first.recircIds[0] as number;
    key[KEY_DP_HASH >>> 2] = 1 + random(0xfffffff0);
    const port = outputPort(env, key);
    counts.set(port, (counts.get(port) ?? 0) + 1);
  }
  assertShares(
    counts,
    new Map([
      [2, 1],
      [3, 2],
    ]),
  );
  assert.equal(counts.get(4), undefined);
});

test("a dead bucket's share goes to the others, and comes back to it", () => {
  const group =
    "group_id=1,type=select,selection_method=hash,fields(tcp_src),bucket=watch_port:2,output:2,bucket=watch_port:3,output:3,bucket=watch_port:9,output:4";
  const env = testEnv("actions=group:1", group);
  for (const key of connections()) assert.ok([2, 3].includes(outputPort(env, key)));
});

test("symmetric hashes send both directions of a connection the same way", () => {
  const env = testEnv("actions=multipath(symmetric_l3l4,7,modulo_n,4,0,NXM_NX_REG0[]),output:NXM_NX_REG1[]");
  const links = new Set<bigint>();
  for (const key of connections()) {
    const back = key.slice();
    setBe32(back, KEY_NW_SRC, getBe32(key, KEY_NW_DST));
    setBe32(back, KEY_NW_DST, getBe32(key, KEY_NW_SRC));
    setBe16(back, KEY_TP_SRC, getBe16(key, KEY_TP_DST));
    setBe16(back, KEY_TP_DST, getBe16(key, KEY_TP_SRC));
    const link = (k: Uint32Array) =>
      translate({ ...env, options: { trace: true } }, k).finalFlow?.at(-16) ?? -1;
    assert.equal(link(key), link(back));
    links.add(BigInt(link(key)));
    if (links.size === 4) break;
  }
  assert.equal(links.size, 4);
});

test("bundles go to live members only", () => {
  const env = testEnv("actions=bundle(symmetric_l4,0,hrw,ofport,members:2,9,3)");
  const ports = new Set<number>();
  for (const key of connections()) ports.add(outputPort(env, key));
  assert.deepEqual([...ports].sort(), [2, 3]);
});
