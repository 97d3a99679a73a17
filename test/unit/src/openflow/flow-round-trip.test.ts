// What is printed reads back as what it was.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { OfAction } from "../../../../src/openflow/action.ts";
import { formatSubfield } from "../../../../src/openflow/field.ts";
import { ruleOfFlowMod } from "../../../../src/openflow/flow-mod.ts";
import { formatFlow, formatGroup } from "../../../../src/openflow/format-flow.ts";
import { formatMatch } from "../../../../src/openflow/format-match.ts";
import { GROUP_ANY } from "../../../../src/openflow/group.ts";
import { FlowText } from "../../../../src/openflow/key-value.ts";
import { parseFlow } from "../../../../src/openflow/parse-flow.ts";
import { parseGroup } from "../../../../src/openflow/parse-group.ts";
import { parseMatch } from "../../../../src/openflow/parse-match.ts";
import { OFPP_NONE, type OfPort } from "../../../../src/openflow/port.ts";
import { Rule } from "../../../../src/openflow/rule.ts";
import fc from "../../../support/fast-check.ts";
import { arbitraryAction, arbitraryMatch } from "./random-flow.ts";

const u16 = fc.integer({ min: 0, max: 65535 });

/** Fields print by name: a subfield's field compares by that. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === "bigint") return `${part}n`;
      if (part instanceof Uint8Array) return Array.from(part);
      const field = part as { field?: { name?: string }; offset?: number; width?: number } | null;
      if (field?.field?.name !== undefined && field.width !== undefined) return formatSubfield(part as never);
      if (field?.field?.name !== undefined) return { ...field, field: field.field.name };
      return part;
    }),
  );
}

test("a match reads back as it was printed", () => {
  fc.assert(
    fc.property(arbitraryMatch, (match) => {
      const text = formatMatch(match);
      const again = parseMatch(new FlowText(text));
      assert.deepEqual(again.mask, match.mask, text);
      assert.deepEqual(again.words, match.words, text);
    }),
    { numRuns: 800 },
  );
});

test("a rule reads back as it was printed", () => {
  const arbitraryRule = fc.record({
    tableId: fc.integer({ min: 0, max: 254 }),
    priority: u16,
    match: arbitraryMatch,
    actions: fc.array(arbitraryAction, { maxLength: 4 }),
    cookie: fc.bigInt(0n, (1n << 64n) - 1n),
    idleTimeout: u16,
    hardTimeout: u16,
    importance: u16,
    flags: fc.integer({ min: 0, max: 31 }),
  });
  fc.assert(
    fc.property(arbitraryRule, (spec) => {
      // Flags and mod_* for packets that may lack the header have no OpenFlow version in common.
      const rule = new Rule({ ...spec, flags: spec.flags & 3 });
      const text = formatFlow(rule);
      const again = ruleOfFlowMod(parseFlow(text));
      assert.deepEqual(comparable(again.actions), comparable(rule.actions), text);
      assert.deepEqual({ ...again, actions: [] }, { ...rule, actions: [] }, text);
    }),
    { numRuns: 800 },
  );
});

test("a group reads back as it was printed", () => {
  const arbitraryBucket = fc.record({
    bucketId: fc.integer({ min: 0, max: 0xffffff00 }),
    weight: u16,
    watchPort: fc.oneof(
      fc.constant(OFPP_NONE),
      fc.integer({ min: 1, max: 100 }).map((n) => n as OfPort),
    ),
    watchGroup: fc.oneof(fc.constant(GROUP_ANY), fc.integer({ min: 0, max: 100 })),
    actions: fc.array(arbitraryAction, { minLength: 1, maxLength: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(arbitraryBucket, { maxLength: 3 }),
      fc.integer({ min: 0, max: 1000 }),
      (buckets, groupId) => {
        const selection = { method: "dp_hash", param: 7n, fields: [] } as const;
        const text = formatGroup({ groupId, type: "select", selection, buckets });
        const again = parseGroup(text);
        assert.deepEqual(comparable(again.buckets), comparable(buckets), text);
        assert.deepEqual(again.selection, selection);
        assert.equal(again.groupId, groupId);
      },
    ),
    { numRuns: 500 },
  );
});

test("statistics print as ovs-ofctl dump-flows prints them", () => {
  const rule = ruleOfFlowMod(parseFlow("table=3,cookie=0x5,priority=7,idle_timeout=9,tcp,actions=2"));
  rule.createdMs = 1000;
  rule.modifiedMs = 1000;
  rule.credit(3, 180, 5500);
  const expected =
    "cookie=0x5, duration=7.25s, table=3, n_packets=3, n_bytes=180, idle_timeout=9, idle_age=2, " +
    "priority=7,tcp actions=output:2";
  assert.equal(formatFlow(rule, { nowMs: 8250 }), expected);
  const again: readonly OfAction[] = parseFlow(expected).actions;
  assert.deepEqual(again, rule.actions);
});
