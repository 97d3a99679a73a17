// multipath, bundle and bundle_load: choosing a link or a port by a hash of the packet.

import type { BundleAction, MultipathAction } from "../../openflow/action.ts";
import { isReservedPort, OFPP_CONTROLLER, OFPP_LOCAL, OFPP_NONE, type OfPort } from "../../openflow/port.ts";
import type { Xlate } from "../context.ts";
import { hashFields, hashWord } from "./hash-fields.ts";
import { outputAction } from "./output.ts";
import { writeSubfield } from "./set-field.ts";

/** Links up to which highest random weight tries every one (Open vSwitch's NX_MP_ALG_HRW). */
const HRW_LINKS_MAX = 64;

/** `multipath(...)`. */
export function multipath(x: Xlate, action: MultipathAction): void {
  const hash = hashFields(x, action.fields, action.basis);
  writeSubfield(x, action.dst, BigInt(chooseLink(action, hash)));
}

function chooseLink({ algorithm, linkCount, arg }: MultipathAction, hash: number): number {
  switch (algorithm) {
    case "modulo_n":
      return hash % linkCount;
    case "hash_threshold":
      return linkCount === 1 ? 0 : Math.floor(hash / (Math.floor(0xffffffff / linkCount) + 1));
    case "hrw":
      return linkCount <= HRW_LINKS_MAX ? highestWeight(hash, linkCount) : iterate(hash, linkCount, 0);
    case "iter_hash":
      return iterate(hash, linkCount, arg);
  }
}

function highestWeight(hash: number, linkCount: number): number {
  let best = 0;
  let bestWeight = -1;
  for (let link = 0; link < linkCount; link++) {
    const weight = hashWord(hash, link);
    if (weight > bestWeight) {
      bestWeight = weight;
      best = link;
    }
  }
  return best;
}

/** Hashes until a link in range comes out, in a range of the next power of two. */
function iterate(hash: number, linkCount: number, modulo: number): number {
  let range = modulo;
  if (modulo < linkCount || modulo / 2 > linkCount) {
    range = 1;
    while (range < linkCount) range *= 2;
  }
  let link = 0;
  let round = hash;
  do {
    round = hashWord(round, 1);
    link = round % range;
  } while (link >= linkCount);
  return link;
}

/** `bundle(...)` and `bundle_load(...)`. */
export function bundle(x: Xlate, action: BundleAction, inBucket: boolean): void {
  const port = chooseMember(x, action);
  if (action.dst !== undefined) writeSubfield(x, action.dst, BigInt(port & 0xffff));
  else outputAction(x, port, 0, inBucket);
}

function chooseMember(x: Xlate, action: BundleAction): OfPort {
  const { members } = action;
  if (action.algorithm === "active_backup") {
    return members.find((port) => isMemberLive(x, port)) ?? OFPP_NONE;
  }
  const hash = members.length > 1 ? hashFields(x, action.fields, action.basis) : 0;
  let best: OfPort = OFPP_NONE;
  let bestWeight = -1;
  members.forEach((port, index) => {
    if (!isMemberLive(x, port)) return;
    const weight = hashWord(hash, index);
    if (weight > bestWeight) {
      bestWeight = weight;
      best = port;
    }
  });
  return best;
}

function isMemberLive(x: Xlate, port: OfPort): boolean {
  if (port === OFPP_CONTROLLER) return false;
  if (isReservedPort(port) && port !== OFPP_LOCAL) return true;
  return x.env.bridge.ports.get(port)?.live === true;
}
