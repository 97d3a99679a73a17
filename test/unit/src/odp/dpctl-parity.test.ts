// Datapath syntax held to the real thing: Open vSwitch's userspace datapath takes the megaflows that are
// printed here and prints them alike; ovs-dpctl reads the actions and prints them alike.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { KEY_ETH_TYPE, KEY_NW_PROTO } from "../../../../assembly/layout/flow-key.ts";
import type { OdpAction, OdpActionType } from "../../../../src/odp/action.ts";
import { getBe16 } from "../../../../src/odp/flow-key.ts";
import { formatOdpMatch } from "../../../../src/odp/format.ts";
import { formatOdpActions } from "../../../../src/odp/format-actions.ts";
import fc from "../../../support/fast-check.ts";
import { OvsOracle, ovsMissing } from "../../../support/ovs.ts";
import { testSeed } from "../../../support/seed.ts";
import { arbitraryMegaflow, arbitraryOdpAction } from "./random-megaflow.ts";

const missing = ovsMissing();
const options = missing === undefined ? {} : { skip: missing };

/** EtherType in the key of an 802.2 frame, which Open vSwitch prints but does not read. */
const ETH_TYPE_802_2 = 0x05ff;
/** ARP and RARP. */
const ARP_TYPES = [0x0806, 0x8035];

test("megaflows print as Open vSwitch's userspace datapath prints them", options, async () => {
  const seed = testSeed;
  const ovs = await OvsOracle.start({ ports: 4 });
  try {
    const [datapath] = (await ovs.appctl("dpctl/dump-dps")).trim().split("\n");
    for (const { key, mask } of fc.sample(arbitraryMegaflow, { seed, numRuns: 200 })) {
      if (getBe16(key, KEY_ETH_TYPE) === ETH_TYPE_802_2 || isArp255(key)) continue;
      const printed = await throughDatapath(ovs, datapath!, formatOdpMatch(key, mask, { verbose: true }));
      assert.equal(printed, formatOdpMatch(key, mask), `seed ${seed}`);
    }
  } finally {
    await ovs.close();
  }
});

/** ARP operation 255: Open vSwitch takes the byte for a whole mask and prints 65535. */
function isArp255(key: Uint32Array): boolean {
  const bytes = new Uint8Array(key.buffer, key.byteOffset, key.byteLength);
  return ARP_TYPES.includes(getBe16(key, KEY_ETH_TYPE)) && bytes[KEY_NW_PROTO] === 0xff;
}

/** Installs a megaflow and returns it as it is printed; tries again where a revalidator swept it away. */
async function throughDatapath(
  ovs: OvsOracle,
  datapath: string,
  megaflow: string,
): Promise<string | undefined> {
  for (let attempt = 0; attempt < 100; attempt++) {
    await ovs.appctl("dpctl/del-flows", datapath);
    await ovs.appctl("dpctl/add-flow", datapath, megaflow, "2");
    const [line] = await ovs.megaflows();
    if (line !== undefined) return line.replace(/, packets:.*/, "");
  }
  return undefined;
}

/** Actions that ovs-dpctl 3.1 prints but does not read, or that its datapath does not have. */
const UNREADABLE: ReadonlySet<OdpActionType> = new Set([
  "recirc",
  "hash",
  "pushMpls",
  "popMpls",
  "decTtl",
  "pushEth",
  "popEth",
]);

/** Returns whether ovs-dpctl reads the action back as it prints it. */
function isReadable(action: OdpAction): boolean {
  switch (action.type) {
    case "clone":
    case "sample":
      return action.actions.length > 0 && action.actions.every(isReadable);
    case "checkPktLen":
      return [action.greater, action.lessEqual].every((list) => list.length > 0 && list.every(isReadable));
    case "setNdExtensions":
      return action.mask.reserved === 0xffffffff && action.mask.optionsType === 0xff;
    case "setPriority":
    case "setMark":
    case "setVlan":
    case "setMpls":
      return true;
    default:
      return !UNREADABLE.has(action.type) && !isEmptySet(action);
  }
}

/** A set of no bits at all prints as `set(eth())`, which is not read. */
function isEmptySet(action: OdpAction): boolean {
  if (!("mask" in action) || typeof action.mask === "number") return false;
  return Object.values(action.mask).every((bits) => Number(bits) === 0);
}

test("actions print as ovs-dpctl prints them", options, () => {
  const seed = testSeed;
  const actions = fc.sample(arbitraryOdpAction, { seed, numRuns: 600 }).filter(isReadable);
  const texts = [...FIXED_ACTIONS, ...actions.map((action) => formatOdpActions([action]))];
  const { stdout, stderr } = spawnSync("ovs-dpctl", ["parse-actions", ...texts], { encoding: "utf8" });
  assert.equal(stderr, "", `seed ${seed}: after ${stdout.trimEnd().split("\n").at(-1)}`);
  assert.deepEqual(stdout.trimEnd().split("\n"), texts, `seed ${seed}`);
});

const FIXED_ACTIONS = [
  "2,3",
  "set(eth(src=00:11:22:33:44:55)),set(ipv4(ttl=63)),2",
  "set(ipv4(dst=1.2.3.0/255.255.255.0)),2",
  "push_vlan(vid=5,pcp=0),2,pop_vlan,3",
  "push_vlan(tpid=0x88a8,vid=5,pcp=3),2",
  "check_pkt_len(size=200,gt(drop),le(set(tcp(dst=80)),2))",
  "sample(sample=12.5%,actions(meter(3),2))",
  "trunc(64),2",
];
