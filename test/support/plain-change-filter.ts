// Which megaflows a change touches, by the plain words of docs/life-of-a-megaflow.md: every new rule against
// every megaflow, one after the other. What the switch does faster must come out the same.

import { KEY_IN_PORT, KEY_RECIRC_ID, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { OdpPort } from "../../src/odp/action.ts";
import { FLOW_ACTSET_OUTPUT, FLOW_CONJ_ID, FLOW_OF_IN_PORT } from "../../src/openflow/flow-layout.ts";
import { type OfPort, odpPortToOf } from "../../src/openflow/port.ts";
import type { Ukey } from "../../src/upcall/ukey.ts";
import { reachOf } from "../../src/xlate/action-reach.ts";
import type { Bridge } from "../../src/xlate/bridge.ts";
import { type BridgeChanges, MAC_TAG_ANY } from "../../src/xlate/changes.ts";
import type { TableRule } from "../../src/xlate/table-rule.ts";

const CONJ_ID_WORD = FLOW_CONJ_ID / 4;

/** Whether the change can touch the megaflow. */
export function plainlyTouches(bridge: Bridge, changes: BridgeChanges, ukey: Ukey): boolean {
  if (changes.all || touchesMac(changes, ukey.macTag)) return true;
  const changed = [...changes.modified, ...changes.removed.map(({ rule }) => rule)];
  if (ukey.rules.some((rule) => changed.includes(rule))) return true;
  const clauses = changed.filter(({ conjunctions }) => conjunctions !== null);
  if ([...changes.added, ...clauses].some((rule) => meets(ukey, rule) && overlaps(ukey, rule))) return true;
  return touchesOutput(bridge, changes, ukey);
}

function touchesMac({ macTags, rulesChanged }: BridgeChanges, tag: number): boolean {
  if (tag === 0) return false;
  return tag === MAC_TAG_ANY ? rulesChanged || macTags.size > 0 : macTags.has(tag);
}

function looksAtConjunction(rule: TableRule): boolean {
  return rule.match.mask.indexes.includes(CONJ_ID_WORD);
}

/** It looked the rule's table up, and found nothing of a higher priority. */
function meets(ukey: Ukey, rule: TableRule): boolean {
  if ((ukey.missedTables & (1 << (rule.tableId & 31))) !== 0) return true;
  const loose = rule.conjunctions !== null || looksAtConjunction(rule);
  return ukey.rules.some(
    (found) =>
      found.tableId === rule.tableId &&
      (loose || found.priority <= rule.priority || looksAtConjunction(found)),
  );
}

/** Some packet of it may match the rule. */
function overlaps(ukey: Ukey, rule: TableRule): boolean {
  const { key, mask } = ukey;
  if (key[KEY_RECIRC_ID / 4] !== 0) return true;
  const { indexes, bits } = rule.match.mask;
  return indexes.every((word, i) => {
    if (word === CONJ_ID_WORD || word === FLOW_ACTSET_OUTPUT / 4) return true;
    if (ukey.rules.some(({ actions }) => reachOf(actions).writes?.has(word) ?? true)) return true;
    const inPort = odpPortToOf(key[KEY_IN_PORT / 4] as OdpPort);
    const value = word < KEY_WORD_COUNT ? key[word]! : word === FLOW_OF_IN_PORT / 4 ? inPort : 0;
    const seen = word < KEY_WORD_COUNT ? mask[word]! : -1;
    return ((value ^ rule.match.values[i]!) & bits[i]! & seen) === 0;
  });
}

function touchesOutput(bridge: Bridge, { groups, ports }: BridgeChanges, ukey: Ukey): boolean {
  if (groups.size + ports.size === 0) return false;
  if (ukey.key[KEY_RECIRC_ID / 4] !== 0) return true;
  if (ports.has(odpPortToOf(ukey.key[KEY_IN_PORT / 4] as OdpPort))) return true;
  return ukey.rules.some(({ actions }) => {
    const reach = reachOf(actions);
    if ([...reach.groups].some((group) => leadsTo(bridge, group, groups, new Set()))) return true;
    return (
      ports.size > 0 && (reach.ports === null || [...reach.ports].some((port: OfPort) => ports.has(port)))
    );
  });
}

function leadsTo(bridge: Bridge, from: number, to: ReadonlySet<number>, seen: Set<number>): boolean {
  if (to.has(from)) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return (bridge.groups.get(from)?.buckets ?? []).some(
    ({ actions, watchGroup }) =>
      leadsTo(bridge, watchGroup, to, seen) ||
      [...reachOf(actions).groups].some((group) => leadsTo(bridge, group, to, seen)),
  );
}
