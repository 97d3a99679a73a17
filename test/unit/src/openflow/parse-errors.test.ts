// A mistake in a file of flows, groups or meters: where it is, what was expected, nothing taken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FlowSyntaxError, FlowUnsupportedError } from "../../../../src/errors.ts";
import { fieldOf } from "../../../../src/openflow/field.ts";
import { fieldGet } from "../../../../src/openflow/field-value.ts";
import { formatMatch } from "../../../../src/openflow/format-match.ts";
import { FlowText } from "../../../../src/openflow/key-value.ts";
import { expandMatch } from "../../../../src/openflow/match.ts";
import { parseFlow, parseFlows } from "../../../../src/openflow/parse-flow.ts";
import { parseGroups } from "../../../../src/openflow/parse-group.ts";
import { parseExactFlow, parseMatch } from "../../../../src/openflow/parse-match.ts";
import { OFPP_LOCAL, type OfPort } from "../../../../src/openflow/port.ts";

function failure(run: () => unknown): FlowSyntaxError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof FlowSyntaxError, String(error));
    return error;
  }
  return assert.fail("nothing was wrong");
}

test("a mistake in a file names file, line, column and what was expected, and nothing is taken", () => {
  const text = "# rules\n\npriority=5,tcp,actions=2\n  ip,nw_dst=10.0.0.256,actions=3 # no such address\n";
  const error = failure(() => parseFlows(text, { file: "rules.flows" }));
  assert.equal(error.file, "rules.flows");
  assert.equal(error.line, 4);
  assert.equal(error.column, 13);
  assert.equal(error.got, "10.0.0.256");
  assert.match(error.message, /^rules\.flows:4:13: bad value for ip_dst; expected an IPv4 address/);
});

/** A wrong flow, and the text at which the error points. */
const columns: readonly (readonly [flow: string, at: string])[] = [
  ["table=1,foo=2,actions=1", "foo=2"],
  ["priority=70000,actions=1", "70000"],
  ["tcp,actions=2,bar", "bar"],
  ["actions=learn(table=1,NXM_OF_ETH_DST[]=foo,output:reg0[])", "foo"],
  ["actions=clone(2,mod_vlan_vid:9999)", "9999"],
  ["actions=write_actions(2,set_field:1->foo)", "foo"],
  ["actions=2,set_field:80->tcp_src", "set_field"],
  ["actions=load:0x1ff->reg0[0..7]", "0x1ff"],
  ["actions=move:reg0[0..7]->reg1[0..40]", "[0..40]"],
  ["actions=check_pkt_larger(70000)->reg0[0]", "70000"],
  ["actions=controller(max_len=5,foo=1)", "foo"],
  ["actions=1,goto_table:2,3", "3"],
  ["reg0[0..40]=1,actions=1", "[0..40]"],
  ["actions=bundle(eth_src,0,hrw,ofport,members:1,x)", "x)"],
];

test("errors point at the word that is wrong, however deep it lies", () => {
  for (const [flow, at] of columns) {
    const error = failure(() => parseFlow(flow));
    assert.equal(error.column, flow.lastIndexOf(at) + 1, `${flow}: ${error.message}`);
  }
});

test("what Open vSwitch does and this switch does not is refused by name", () => {
  const refused: readonly (readonly [flow: string, name: RegExp])[] = [
    ["ip,actions=ct(commit,table=1)", /action ct: connection tracking is not supported/],
    ["actions=ct_clear", /ct_clear/],
    ["actions=set_tunnel:5,1", /set_tunnel: tunnels are not supported/],
    ["actions=set_field:1.2.3.4->tun_dst", /tun_dst: tunnels are not supported/],
    ["actions=load:5->NXM_NX_CT_MARK[]", /ct_mark: connection tracking is not supported/],
    ["actions=dec_nsh_ttl", /dec_nsh_ttl: NSH is not supported/],
    ["actions=encap(nsh)", /encap/],
    ["actions=decap()", /decap/],
    ["actions=resubmit(,2,ct)", /connection tracking is not supported/],
    ["tun_metadata0=5,actions=1", /tun_metadata0 is not supported/],
    ["nsh_spi=5,actions=1", /nsh_spi is not supported/],
  ];
  for (const [flow, name] of refused) {
    assert.throws(
      () => parseFlow(flow),
      (error) => error instanceof FlowUnsupportedError && name.test(error.message),
      flow,
    );
  }
});

test("a match that its own prerequisites rule out is dropped with a warning, as Open vSwitch does", () => {
  const warnings: string[] = [];
  const options = { file: "f", onWarning: (message: string) => warnings.push(message) };
  const [mod] = parseFlows("reg0=1,tp_dst=80,nw_src=1.2.3.4,actions=1\n", options);
  assert.equal(formatMatch(expandMatch(mod!.match)), "reg0=0x1");
  assert.deepEqual(warnings, ["f:1: ignored nw_src, tp_dst: the match does not say what they belong to"]);
});

test("lines may begin with a command", () => {
  const mods = parseFlows(
    "add ip,actions=1\ndelete tcp\nmodify_strict priority=3,udp,actions=2\ndelete_strict priority=5,arp\n",
  );
  assert.deepEqual(
    mods.map((mod) => [mod.command, mod.priority, formatMatch(expandMatch(mod.match)), mod.newCookie]),
    [
      ["add", 32768, "ip", 0n],
      ["delete", 32768, "tcp", undefined],
      ["modify_strict", 3, "udp", 0n],
      ["delete_strict", 5, "arp", undefined],
    ],
  );
});

test("deleting chooses by cookie, port and group, and takes nothing that adding takes", () => {
  const mod = parseFlow("table=3,cookie=0x10/0xff,out_port=LOCAL,out_group=7,ip", {}, "delete");
  assert.deepEqual(
    [mod.tableId, mod.cookie, mod.cookieMask, mod.outPort, mod.outGroup],
    [3, 0x10n, 0xffn, OFPP_LOCAL, 7],
  );
  for (const wrong of ["priority=5", "cookie=5", "idle_timeout=5", "send_flow_rem"]) {
    assert.throws(() => parseFlow(wrong, {}, "delete"), FlowSyntaxError, wrong);
  }
  assert.throws(() => parseFlow("out_port=1,actions=1"), FlowSyntaxError);
});

test("ports are known by their names", () => {
  const ports = {
    byName: new Map<string, OfPort>([
      ["eth0", 7 as OfPort],
      ["a b", 8 as OfPort],
    ]),
    byPort: new Map<OfPort, string>([[7 as OfPort, "eth0"]]),
  };
  const mod = parseFlow('in_port=eth0,actions=output:"eth0",eth0', { ports });
  assert.equal(formatMatch(expandMatch(mod.match), undefined, ports), "in_port=eth0");
  assert.deepEqual(mod.actions, [
    { type: "output", port: 7, maxLen: 0 },
    { type: "output", port: 7, maxLen: 0 },
  ]);
  assert.throws(() => parseFlow("in_port=eth1,actions=1", { ports }), FlowSyntaxError);
});

test("a packet's flow takes exact values, each once and after what it belongs to", () => {
  const words = parseExactFlow(new FlowText("in_port=3,tcp,nw_src=10.0.0.1,tp_dst=80"));
  assert.equal(fieldGet(words, fieldOf("ip_src")), 0x0a000001n);
  assert.equal(fieldGet(words, fieldOf("in_port")), 3n);
  for (const wrong of ["tcp,nw_src=10.0.0.0/8", "tp_dst=80", "tcp,tp_dst=1,tp_dst=2", "tcp,udp", "foo=1"]) {
    assert.throws(() => parseExactFlow(new FlowText(wrong)), FlowSyntaxError, wrong);
  }
});

test("a match alone reads as it does within a flow", () => {
  const match = parseMatch(new FlowText("tcp,nw_dst=10.0.0.0/8,reg0[0..3]=5"));
  assert.equal(formatMatch(match), "tcp,reg0=0x5/0xf,nw_dst=10.0.0.0/8");
  assert.throws(() => parseMatch(new FlowText("tcp,actions=1")), FlowSyntaxError);
});

test("equal action lists of a file are one object", () => {
  const [a, b] = parseFlows("ip,actions=1,2\narp,actions=1,2\n");
  assert.equal(a!.actions, b!.actions);
});

test("a mistake in a bucket names its line and column", () => {
  const text =
    "group_id=1,type=all,bucket=actions=1\ngroup_id=2,type=select,bucket=weight:5,actions=1,bucket=actions=foo\n";
  const error = failure(() => parseGroups(text, { file: "groups" }));
  assert.deepEqual([error.file, error.line, error.column, error.got], ["groups", 2, 65, "foo"]);
});
