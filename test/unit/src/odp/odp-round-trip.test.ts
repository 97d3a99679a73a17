// Megaflows and datapath actions read back as they were printed, programs decode to what was encoded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ActionEncodingError, OdpSyntaxError } from "../../../../src/errors.ts";
import type { OdpAction } from "../../../../src/odp/action.ts";
import { decodeActions } from "../../../../src/odp/decode-actions.ts";
import { encodeActions } from "../../../../src/odp/encode-actions.ts";
import { formatOdpMatch } from "../../../../src/odp/format.ts";
import { formatOdpActions } from "../../../../src/odp/format-actions.ts";
import { parseOdpMatch } from "../../../../src/odp/parse.ts";
import { parseOdpActions } from "../../../../src/odp/parse-actions.ts";
import { formatUfid, parseUfid, ufidOf } from "../../../../src/odp/ufid.ts";
import fc from "../../../support/fast-check.ts";
import { arbitraryMegaflow, arbitraryOdpAction, DROP_IN_TEXT } from "./random-megaflow.ts";

// Cloning turns the generator's records, which have no prototype, into plain objects.
const actionList = fc.array(arbitraryOdpAction, { maxLength: 4 }).map((actions) => structuredClone(actions));

test("a megaflow reads back as it was printed", () => {
  fc.assert(
    fc.property(arbitraryMegaflow, ({ key, mask }) => {
      const text = formatOdpMatch(key, mask);
      const again = parseOdpMatch(text);
      assert.deepEqual(again.mask, mask, text);
      assert.deepEqual(again.key, key, text);
    }),
    { numRuns: 800 },
  );
});

test("verbose text of a megaflow says the same", () => {
  fc.assert(
    fc.property(arbitraryMegaflow, ({ key, mask }) => {
      const again = parseOdpMatch(formatOdpMatch(key, mask, { verbose: true }));
      assert.equal(formatOdpMatch(again.key, again.mask), formatOdpMatch(key, mask));
    }),
    { numRuns: 300 },
  );
});

test("actions read back as they were printed", () => {
  fc.assert(
    fc.property(actionList, (actions) => {
      const text = formatOdpActions(actions);
      assert.deepEqual(parseOdpActions(text), actions, text);
    }),
    { numRuns: 800 },
  );
});

test("programs decode to the actions that were encoded", () => {
  fc.assert(
    fc.property(actionList, (actions) => {
      assert.deepEqual(decodeActions(encodeActions(actions)), actions);
    }),
    { numRuns: 800 },
  );
});

test("a damaged program is refused", () => {
  const program = encodeActions([{ type: "setMark", value: 1, mask: 1 }]);
  assert.throws(() => decodeActions(program.subarray(0, 3)), ActionEncodingError);
  const longer = program.slice();
  longer[1] = longer[1]! + (1 << 8);
  assert.throws(() => decodeActions(longer), ActionEncodingError);
  const unknown = program.slice();
  unknown[1] = (unknown[1]! & ~0xff) | 0xfe;
  assert.throws(() => decodeActions(unknown), ActionEncodingError);
});

test("an action list deeper than the datapath goes is refused", () => {
  let nested: OdpAction = { type: "popVlan" };
  for (let i = 0; i < 20; i++) nested = { type: "clone", actions: [nested] };
  assert.throws(() => encodeActions([nested]), ActionEncodingError);
});

test("drop stands for the empty list, and for itself behind other actions", () => {
  assert.deepEqual(parseOdpActions("drop"), []);
  assert.deepEqual(parseOdpActions("clone(drop),drop"), [{ type: "clone", actions: [] }, DROP_IN_TEXT]);
});

test("a note of a userspace action is kept", () => {
  const text = "userspace(pid=0,controller(reason=1,dont_send=0,max_len=65535)),2";
  assert.equal(formatOdpActions(parseOdpActions(text)), text);
});

test("mistakes name their column", () => {
  const wrong: readonly [string, number][] = [
    ["recirc_id(0),foo(1)", 14],
    ["recirc_id(x)", 11],
    ["in_port(1),ipv4(src=1.2.3)", 21],
    ["in_port(1),ipv4(sorc=1.2.3.4)", 17],
    ["in_port(1", 1],
    ["eth(src)", 5],
    ["vlan(vid=4096)", 10],
    ["tcp_flags(+foo)", 11],
  ];
  for (const [text, column] of wrong) {
    assert.throws(
      () => parseOdpMatch(text),
      (error) => error instanceof OdpSyntaxError && error.column === column,
      text,
    );
  }
  for (const text of [
    "foo",
    "foo(1)",
    "set(ipv4)",
    "set(ipv4(ttl=256))",
    "set(ipv4(ttl=5/3))",
    "hash(l3(0))",
    "trunc(x)",
  ]) {
    assert.throws(() => parseOdpActions(text), OdpSyntaxError, text);
  }
});

test("a UFID depends on what the mask looks at and on nothing else", () => {
  fc.assert(
    fc.property(arbitraryMegaflow, fc.nat(), (flow, bit) => {
      const ufid = ufidOf(flow.key, flow.mask);
      assert.deepEqual(parseUfid(formatUfid(ufid)), ufid);
      const other = flow.key.slice();
      const word = (bit >>> 5) % other.length;
      other[word] = (other[word]! ^ (1 << (bit & 31))) >>> 0;
      const looksAtIt = (flow.mask[word]! & (1 << (bit & 31))) !== 0;
      assert.equal(formatUfid(ufidOf(other, flow.mask)) !== formatUfid(ufid), looksAtIt);
    }),
    { numRuns: 500 },
  );
  assert.equal(parseUfid("ufid:12345678-9abc-def0-1234-56789abcdef0")?.[3], 0x9abcdef0);
  assert.equal(parseUfid("12345678-9abc-def0-1234"), undefined);
});
