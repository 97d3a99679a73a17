// Flow syntax judged by the real ovs-ofctl: every line of the corpus is taken or refused by both, and what
// this parser understood means the same to ovs-ofctl as the line itself.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { test } from "node:test";
import { MegaflowError } from "../../../../src/errors.ts";
import { ruleOfFlowMod } from "../../../../src/openflow/flow-mod.ts";
import { formatFlow, formatGroup, formatMeter } from "../../../../src/openflow/format-flow.ts";
import { formatMatch } from "../../../../src/openflow/format-match.ts";
import { parseFlow } from "../../../../src/openflow/parse-flow.ts";
import { parseGroup } from "../../../../src/openflow/parse-group.ts";
import { parseMeter } from "../../../../src/openflow/parse-meter.ts";
import fc from "../../../support/fast-check.ts";
import { testSeed } from "../../../support/seed.ts";
import { BAD_FLOWS } from "./bad-flows.ts";
import { GOOD_FLOWS } from "./good-flows.ts";
import { arbitraryMatch } from "./random-flow.ts";

/** Lines that ovs-ofctl 3.1 takes although they are wrong: it cuts the number off. */
const TOO_LENIENT = new Set(["ip,nw_src=1.2.3.256,actions=1"]);

const installed = spawnSync("ovs-ofctl", ["--version"]).status === 0;
const options = { skip: installed ? false : "ovs-ofctl is not installed", concurrency: false };

interface Verdict {
  readonly accepted: boolean;
  /** The flow as ovs-ofctl prints it, without the message around it; or its error. */
  readonly text: string;
}

function run(args: readonly string[]): Promise<Verdict> {
  return new Promise((resolve) => {
    execFile("ovs-ofctl", args, (error, stdout, stderr) => {
      const accepted = error === null && !stdout.includes("***");
      const flow = stdout.split("\n").slice(2).join("\n");
      const text = flow.replace(/^\S+ (\(OF1.\d\) )?\(xid=0x1\): ADD ?/, "").trim();
      resolve({ accepted, text: accepted ? text : stderr + stdout });
    });
  });
}

/** Asks for OpenFlow 1.5, which can say most, and then for whatever version will do. */
async function judge(line: string): Promise<Verdict> {
  const modern = await run(["-O", "OpenFlow15", "parse-flow", line]);
  return modern.accepted ? modern : run(["parse-flow", line]);
}

function understood(line: string): Verdict {
  try {
    return { accepted: true, text: formatFlow(ruleOfFlowMod(parseFlow(line))) };
  } catch (error) {
    assert.ok(error instanceof MegaflowError, `${line}: ${String(error)}`);
    return { accepted: false, text: error.message };
  }
}

/** Runs `check` for every line, a few at a time; returns what it complained of. */
async function eachLine(lines: readonly string[], check: (line: string) => Promise<string | undefined>) {
  const complaints: string[] = [];
  const queue = [...lines];
  const worker = async () => {
    for (let line = queue.shift(); line !== undefined; line = queue.shift()) {
      const complaint = await check(line);
      if (complaint !== undefined) complaints.push(`${line}\n    ${complaint}`);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  return complaints.join("\n");
}

test("lines that ovs-ofctl takes are taken, and mean the same", options, async () => {
  const complaints = await eachLine(GOOD_FLOWS, async (line) => {
    const theirs = await judge(line);
    const ours = understood(line);
    if (!theirs.accepted) return `ovs-ofctl refuses it: ${theirs.text}`;
    if (!ours.accepted) return `refused: ${ours.text}`;
    const again = await judge(ours.text);
    return again.text === theirs.text ? undefined : `${theirs.text}\n    ${ours.text}\n    ${again.text}`;
  });
  assert.equal(complaints, "");
});

test("lines that ovs-ofctl refuses are refused", options, async () => {
  const complaints = await eachLine(BAD_FLOWS, async (line) => {
    const theirs = await judge(line);
    const ours = understood(line);
    if (theirs.accepted && !TOO_LENIENT.has(line)) return `ovs-ofctl takes it: ${theirs.text}`;
    return ours.accepted ? `taken: ${ours.text}` : undefined;
  });
  assert.equal(complaints, "");
});

/** What ovs-ofctl 3.1 does not read as meant: masks that look like prefix lengths, and untested matches. */
const BEYOND_IT = /:[0-9a-f:]*\/[0-9][0-9a-f]*:|ipv6_exthdr|ct_(nw|tp|ipv6)_/;

test("random matches print as ovs-ofctl prints them", options, () => {
  const seed = testSeed;
  const matches = fc.sample(arbitraryMatch, { seed, numRuns: 1000 }).map((match) => formatMatch(match));
  const lines = matches
    .filter((text) => !BEYOND_IT.test(text))
    .map((text) => `${text} actions=drop`.trimStart());
  const { stdout, stderr } = spawnSync("ovs-ofctl", ["parse-flows", "-"], {
    encoding: "utf8",
    input: `${lines.join("\n")}\n`,
    maxBuffer: 1 << 26,
  });
  assert.equal(stderr, "", `seed ${seed}`);
  const printed = [...stdout.matchAll(/\(xid=0x[0-9a-f]+\): (?:ADD (?:table:255)? ?)?(.*)$/gm)].map(
    (found) => found[1],
  );
  assert.deepEqual(printed, lines, `seed ${seed}`);
});

function groupVerdict(line: string): Verdict {
  const { status, stdout, stderr } = spawnSync("ovs-ofctl", ["-O", "OpenFlow15", "parse-group", line], {
    encoding: "utf8",
  });
  return { accepted: status === 0 && !stdout.includes("***"), text: status === 0 ? stdout : stderr };
}

const GOOD_GROUPS = [
  "group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:2",
  "group_id=1234,type=select,bucket=output:10,weight:5,bucket=bucket_id:7,output:11",
  "group_id=5,type=select,selection_method=hash,fields(eth_dst,ip_dst,tcp_dst),bucket=weight:50,actions=output:1",
  "group_id=5,type=select,selection_method=hash,selection_method_param=7,fields=ip_dst,bucket=actions=1,2",
  "group_id=5,type=select,selection_method=hash,fields(eth_dst,ip_src=255.255.0.0),bucket=actions=1",
  "group_id=5,type=select,selection_method=dp_hash,bucket=weight:0,actions=drop",
  "group_id=7,type=indirect,bucket=actions=set_field:1->reg0,output:3",
  "group_id=8,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:2,watch_group:3,actions=output:2",
  "group_id=8,type=fast_failover,bucket=watch_group=5,output:1",
  "group_id=9,type=all",
  "group_id=1,type=all,bucket=actions=mod_vlan_vid:5,group:3",
];

const BAD_GROUPS = [
  "type=all,bucket=actions=1",
  "group_id=1,bucket=actions=1",
  "group_id=x,type=all",
  "group_id=4294967041,type=all",
  "group_id=1,type=foo",
  "group_id=1,type=all,bucket=weight:5",
  "group_id=1,type=all,bucket=weight:5,actions=1",
  "group_id=1,type=indirect,bucket=actions=1,bucket=actions=2",
  "group_id=1,type=ff,bucket=actions=1",
  "group_id=1,type=select,fields(ip_src),bucket=actions=1",
  "group_id=1,type=select,selection_method=hash,fields(foo),bucket=actions=1",
  "group_id=1,type=select,selection_method=hash,fields(ip_src,ip_src),bucket=actions=1",
  "group_id=1,type=select,selection_method=foo,bucket=actions=1",
  "group_id=1,type=select,selection_method_param=5,bucket=actions=1",
  "group_id=1,type=all,bucket=actions=foo",
  "group_id=1,type=all,bucket=actions=goto_table:1",
  "group_id=1,type=all,foo=1,bucket=actions=1",
  "group_id=1,type=all,command_bucket_id=1,bucket=actions=1",
  "group_id=1,type=ff,bucket=watch_port:foo,actions=1",
  "group_id=1,type=select,bucket=weight:65536,actions=1",
];

test("groups are judged as ovs-ofctl judges them, and mean the same", options, () => {
  for (const line of GOOD_GROUPS) {
    const theirs = groupVerdict(line);
    assert.ok(theirs.accepted, `ovs-ofctl refuses ${line}: ${theirs.text}`);
    assert.equal(groupVerdict(formatGroup(parseGroup(line))).text, theirs.text, line);
  }
  for (const line of BAD_GROUPS) {
    assert.ok(!groupVerdict(line).accepted, `ovs-ofctl takes ${line}`);
    assert.throws(() => parseGroup(line), MegaflowError, line);
  }
});

const GOOD_METERS = [
  "meter=1 kbps bands=type=drop rate=1000",
  "meter=1,pktps,burst,stats,bands=type=drop,rate=10,burst_size=20",
  "meter=4294901760 kbps burst bands=type=dscp_remark rate=1 burst_size=2 prec_level=1 type=drop rate=5 burst_size=6",
  "meter=controller pktps band=type=drop rate=1",
];

const BAD_METERS = [
  "meter=1 kbps",
  "kbps bands=type=drop rate=1",
  "meter=0 kbps bands=type=drop rate=1",
  "meter=1 bands=type=drop rate=1",
  "meter=1 kbps bands=",
  "meter=1 kbps bands=rate=1",
  "meter=1 kbps bands=type=foo rate=1",
  "meter=1 kbps bands=type=drop",
  "meter=1 kbps bands=type=drop rate=1 burst_size=1",
  "meter=1 kbps burst bands=type=drop rate=1",
  "meter=1 kbps bands=type=dscp_remark rate=1",
  "meter=1 kbps bands=type=drop rate=1 prec_level=1",
  "meter=1 kbps foo=1 bands=type=drop rate=1",
  "meter=1 kbps bands=type=drop rate",
  "meter=4294901761 kbps bands=type=drop rate=1",
];

test("meters read back as they were printed, and wrong ones are refused", () => {
  for (const line of GOOD_METERS)
    assert.deepEqual(parseMeter(formatMeter(parseMeter(line))), parseMeter(line));
  for (const line of BAD_METERS) assert.throws(() => parseMeter(line), MegaflowError, line);
});
