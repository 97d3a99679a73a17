// Matches: what setting a field says and takes back, and the compact form that rules keep.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldOf } from "../../../../src/openflow/field.ts";
import { fieldGet } from "../../../../src/openflow/field-value.ts";
import { flowCreate } from "../../../../src/openflow/flow-layout.ts";
import { formatMatch } from "../../../../src/openflow/format-match.ts";
import {
  compactMatch,
  compactMatchEqual,
  expandMatch,
  matchClearField,
  matchCreate,
  matchEqual,
  matchFits,
  matchHasVlan,
  matchSetField,
  matchSetSubfield,
} from "../../../../src/openflow/match.ts";
import { prereqMet } from "../../../../src/openflow/prereq.ts";
import fc from "../../../support/fast-check.ts";
import { arbitraryMatch } from "./random-flow.ts";

test("the compact form of a match is the match, and shares its mask with its like", () => {
  fc.assert(
    fc.property(arbitraryMatch, arbitraryMatch, (a, b) => {
      assert.ok(matchEqual(expandMatch(compactMatch(a)), a));
      assert.equal(compactMatch(a).mask, compactMatch({ words: flowCreate(), mask: a.mask }).mask);
      assert.equal(compactMatchEqual(compactMatch(a), compactMatch(b)), matchEqual(a, b));
    }),
    { numRuns: 300 },
  );
});

test("a flow fits a match exactly when it agrees in every bit of the mask", () => {
  fc.assert(
    fc.property(arbitraryMatch, fc.nat(), (match, bit) => {
      const flow = match.words.slice();
      assert.ok(matchFits(match, flow));
      const word = (bit >>> 5) % flow.length;
      flow[word] = (flow[word]! ^ (1 << (bit & 31))) >>> 0;
      assert.equal(matchFits(match, flow), (match.mask[word]! & (1 << (bit & 31))) === 0);
    }),
    { numRuns: 300 },
  );
});

test("setting a field again replaces what was said, setting a part of it adds", () => {
  const match = matchCreate();
  const reg0 = fieldOf("reg0");
  matchSetField(match, reg0, 0x12345678n);
  matchSetField(match, reg0, 0x5n, 0xfn);
  assert.equal(formatMatch(match), "reg0=0x5/0xf");
  matchSetSubfield(match, { field: reg0, offset: 8, width: 4 }, 0xan);
  assert.equal(formatMatch(match), "reg0=0xa05/0xf0f");
  matchClearField(match, reg0);
  assert.equal(formatMatch(match), "");
});

test("a VLAN id implies the tag, 0xffff its absence", () => {
  const match = matchCreate();
  assert.ok(!matchHasVlan(match));
  matchSetField(match, fieldOf("dl_vlan"), 5n);
  assert.ok(matchHasVlan(match));
  matchSetField(match, fieldOf("dl_vlan_pcp"), 3n);
  assert.equal(formatMatch(match), "dl_vlan=5,dl_vlan_pcp=3");
  matchSetField(match, fieldOf("dl_vlan"), 0xffffn);
  assert.equal(formatMatch(match), "vlan_tci=0x0000");
});

test("prerequisites mark the bits that decided them", () => {
  const flow = flowCreate();
  matchSetField({ words: flow, mask: flowCreate() }, fieldOf("eth_type"), 0x86ddn);
  const wc = flowCreate();
  assert.ok(!prereqMet("tcp", flow, wc));
  assert.equal(fieldGet(wc, fieldOf("nw_proto")), 0xffn);
  const nd = { words: flowCreate(), mask: flowCreate() };
  for (const [name, value] of [
    ["eth_type", 0x86ddn],
    ["nw_proto", 58n],
    ["icmpv6_type", 135n],
  ] as const) {
    matchSetField(nd, fieldOf(name), value);
  }
  const ndWc = flowCreate();
  assert.ok(prereqMet("ndSolicit", nd.words, ndWc));
  assert.ok(!prereqMet("ndAdvert", nd.words));
  assert.equal(fieldGet(ndWc, fieldOf("udp_src")), 0xffffn);
  assert.equal(fieldGet(ndWc, fieldOf("udp_dst")), 0xffffn);
  const vlanWc = flowCreate();
  assert.ok(!prereqMet("vlan", flowCreate(), vlanWc));
  assert.equal(fieldGet(vlanWc, fieldOf("vlan_tci")), 0x1000n);
});
