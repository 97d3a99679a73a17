// Wrong command lines and wrong input: one line on standard error, nothing on standard output, status 2.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { commands } from "../../src/cli/commands.ts";
import { portKinds, runConfigKeys } from "../../src/config/run-config.ts";
import { pcapFile } from "../support/capture-builder.ts";
import { megaflow } from "../support/megaflow-command.ts";

const names = commands.map((command) => command.spec.name).join(", ");
const folder = mkdtempSync(join(tmpdir(), "megaflow-misuse-"));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);

write("ok.flows", "in_port=1,actions=output:2\n");
write("bad.flows", "in_port=1,actions=output:2\n\n  in_prot=1,actions=output:2\n");
write("action.flows", "in_port=1,actions=output:2,fly\n");
write("bad.groups", "group_id=1,type=fast,bucket=output:2\n");
write("ok.txt", `1 ${"00".repeat(60)} # nothing\n`);
write("port.txt", `# ports\n1 ${"00".repeat(60)}\n9 ${"00".repeat(60)}\n`);
write("hex.txt", `1 ${"00".repeat(60)}\n 2 00g0\n`);
write("odd.txt", "1 000\n");
write("bare.txt", "1\n");
write("more.txt", "1 0000 0000\n");
write("ok.pcap", pcapFile([]));
write("raw.pcap", pcapFile([], { linkType: 101 }));
write("text.pcap", "hello, world\n");
write("empty.pcap", "");
write("broken.yaml", "cores: [\nports:\n");
write("wrong.yaml", "cores: 0\nports:\n  - {number: 1, kind: tape}\nflows: none.flows\ncolour: red\n");
write(
  "rules.yaml",
  "ports:\n  - {number: 1, kind: null}\nflows: |\n  in_port=1,actions=2\n  in_prot=1,actions=2\n",
);
write("cpu.yaml", "cores: [777]\nports:\n  - {number: 1, kind: null}\nflows: ok.flows\n");
write("none.json", "[]\n");
write("other.json", JSON.stringify({ name: "other", windows: [[{}]], environment: {} }));
const earlier = { name: "f1k-m1", windows: [[{ mpps: 1, running: 1 }]], environment: {} };
write("cut.json", JSON.stringify(earlier).slice(0, 30));
write("earlier.json", JSON.stringify(earlier));
write("http.yaml", "ports:\n  - {number: 1, kind: null}\nflows: ok.flows\n");

const flows = ["--flows", "ok.flows"];
const replay = ["replay", ...flows];
const packets = ["--packets", "ok.txt"];

/** Arguments and the message, without its `megaflow: `. */
const cases: readonly (readonly [args: readonly string[], message: string | RegExp])[] = [
  [[], `which command? ${names}`],
  [["repaly"], 'unknown command "repaly"; did you mean replay?'],
  [["fly-to-the-moon"], `unknown command "fly-to-the-moon"; the commands are ${names}`],
  [["help", "moon"], `no help for "moon"; there is ${names}, settings and profiles`],
  [["replay", "--flow", "x"], "unknown option --flow; did you mean --flows?"],
  [["replay", "-f", "x"], "unknown option -f; see megaflow replay --help"],
  [["replay", "--frobnicate"], "unknown option --frobnicate; see megaflow replay --help"],
  [["replay", "--flows"], "--flows needs a value: --flows FILE"],
  [["replay", "--flows", "--json"], "--flows needs a value: --flows FILE"],
  [["replay", "--json=yes"], "--json takes no value"],
  [["replay", ...flows, ...flows, ...packets], "--flows is there twice"],
  [["replay", "rules.flows"], 'unexpected argument "rules.flows"'],
  [["replay", ...packets], "--flows FILE is missing"],
  [replay, "--pcap PORT=FILE or --packets FILE is missing"],
  [[...replay, ...packets, "--pcap", "1=ok.pcap"], "--packets and --pcap exclude each other"],
  [[...replay, "--pcap", "ok.pcap"], '--pcap takes PORT=FILE, got "ok.pcap"'],
  [[...replay, "--pcap", "1="], '--pcap takes PORT=FILE, got "1="'],
  [[...replay, "--pcap", "9=ok.pcap"], "--pcap 9=ok.pcap: no port 9, the ports are 1 to 8"],
  [[...replay, "--pcap", "0=ok.pcap"], "--pcap 0=ok.pcap: no port 0, the ports are 1 to 8"],
  [[...replay, "--pcap", "LOCAL=ok.pcap"], "--pcap LOCAL=ok.pcap: no port LOCAL, the ports are 1 to 8"],
  [
    [...replay, "--pcap", "x=ok.pcap", "--ports", "1", "--local"],
    "--pcap x=ok.pcap: no port x, the ports are 1 or LOCAL",
  ],
  [[...replay, ...packets, "--ports", "0"], '--ports takes a whole number, 1 to 1023, got "0"'],
  [[...replay, ...packets, "--ports", "1024"], '--ports takes a whole number, 1 to 1023, got "1024"'],
  [[...replay, ...packets, "--repeat", "none"], '--repeat takes a whole number, 1 to 1000000000, got "none"'],
  [[...replay, ...packets, "--seed", "-1"], /^--seed|^unknown option|^--seed needs/],
  [
    [...replay, ...packets, "--seed", "0x10000000000000000"],
    '--seed takes a whole number below 2^64, got "0x10000000000000000"',
  ],
  [
    [...replay, ...packets, "--profile", "fast"],
    '--profile: unknown profile; expected one of default, kernel, userspace, microflow, got "fast"',
  ],
  [[...replay, ...packets, "--set", "batch"], '--set: setting; expected KEY=VALUE, got "batch"'],
  [[...replay, ...packets, "--set", "batch=0"], '--set: setting batch; expected 1 to 256, got "0"'],
  [[...replay, ...packets, "--set", "batch=1.5"], '--set: setting batch; expected 1 to 256, got "1.5"'],
  [
    [...replay, ...packets, "--set", "maskCache.entries=1000"],
    '--set: setting maskCache.entries; expected 0 (off) or a power of two, 1 to 1M, got "1000"',
  ],
  [
    [...replay, ...packets, "--set", "microflow.mode=fuzzy"],
    '--set: setting microflow.mode; expected signature or exact, got "fuzzy"',
  ],
  [
    [...replay, ...packets, "--set", "emc.entries=1"],
    /^--set: unknown setting; expected one of microflow\.entries, .*, got "emc\.entries"$/,
  ],
  [["replay", "--flows", "none.flows", ...packets], "none.flows: no such file or folder"],
  [["replay", "--flows", ".", ...packets], ".: is a folder, not a file"],
  [["replay", "--flows", "ok.flows/x", ...packets], "ok.flows/x: is not a folder"],
  [[...replay, "--groups", "none.groups", ...packets], "none.groups: no such file or folder"],
  [[...replay, "--packets", "none.txt"], "none.txt: no such file or folder"],
  [[...replay, "--pcap", "1=none.pcap"], "none.pcap: no such file or folder"],
  [[...replay, "--pcap", "1=."], ".: is a folder, not a file"],
  [["replay", "--flows", "bad.flows", ...packets], /^bad\.flows:3:3: .*in_prot/],
  [["replay", "--flows", "action.flows", ...packets], /^action\.flows:1:28: .*fly/],
  [
    [...replay, "--groups", "bad.groups", ...packets],
    /^bad\.groups:1:17: invalid group type; expected all, .*, got "fast"$/,
  ],
  [[...replay, "--packets", "port.txt"], 'port.txt:3:1: unknown port; expected 1 to 8, got "9"'],
  [[...replay, "--packets", "hex.txt"], 'hex.txt:2:6: packet; expected hex digits, got "g"'],
  [
    [...replay, "--packets", "odd.txt"],
    'odd.txt:1:3: packet; expected two hex digits a byte, got "3 digits"',
  ],
  [
    [...replay, "--packets", "bare.txt"],
    "bare.txt:1:2: no packet after the port; expected hex digits, got nothing",
  ],
  [
    [...replay, "--packets", "more.txt"],
    'more.txt:1:8: more than a port and a packet; expected # note, got "0"',
  ],
  [
    [...replay, "--pcap", "1=raw.pcap"],
    "raw.pcap: packets are raw IP (link type 101), only Ethernet (link type 1) is read; found at byte 20",
  ],
  [
    [...replay, "--pcap", "1=text.pcap"],
    "text.pcap: not a pcap or pcapng capture: the file starts with 68656c6c",
  ],
  [[...replay, "--pcap", "1=empty.pcap"], "empty.pcap: not a pcap or pcapng capture: the file is empty"],
  [[...replay, ...packets, "--out-dir", "ok.flows"], "ok.flows: is there already, and not a folder"],
  [
    [
      ...replay,
      ...packets,
      "--set",
      "frames=1M",
      "--set",
      "microflow.entries=4M",
      "--set",
      "microflow.mode=exact",
    ],
    /^PMD 0: .* needs 2304 MiB of linear memory, of which \d+ MiB are free .*; use smaller caches, fewer frames or fewer cores$/,
  ],
  [["run"], "FILE.yaml is missing; see megaflow run --help"],
  [["run", "a.yaml", "b.yaml"], 'unexpected argument "b.yaml"'],
  [["run", "none.yaml"], "none.yaml: no such file or folder"],
  [["run", "wrong.yaml", "--for", "never"], '--for takes a time such as 10s or 500ms, got "never"'],
  [["run", "cpu.yaml", "--cores", "1,x"], '--cores takes CPU numbers such as 1,3, got "1,x"'],
  [["run", "cpu.yaml", "--cores", "1,1"], "--cores 1,1 names a core twice"],
  [
    ["run", "http.yaml", "--http", "nowhere"],
    '--http: http; expected ADDRESS:PORT such as 127.0.0.1:9080, got "nowhere"',
  ],
  [
    ["run", "http.yaml", "--http", "0.0.0.0:9080"],
    /^--http: http: other machines reach 0\.0\.0\.0.*--http-remote/,
  ],
  [["run", "http.yaml", "--http-remote"], "--http-remote needs an address: --http ADDRESS:PORT"],
  [["run", "cpu.yaml"], /^CPU 777 is not one that this process may use; expected one of \d+.*, got "777"$/],
  [["run", "rules.yaml"], /^rules\.yaml:5:3: .*in_prot/],
  [["bench", ...flows], "--pcap FILE is missing"],
  [["bench", "--pcap", "ok.pcap"], "--flows FILE is missing"],
  [["bench", ...flows, "--pcap", "none.pcap"], "none.pcap: no such file or folder"],
  [["bench", ...flows, "--pcap", "ok.pcap"], "ok.pcap: it holds no packet that a port could send"],
  [["bench", ...flows, "--pcap", "ok.pcap", "--in-port", "9"], "--in-port 9: the ports are 1 to 8 (--ports)"],
  [
    ["bench", ...flows, "--pcap", "ok.pcap", "--seconds", "0"],
    '--seconds takes seconds, 0.1 to 86400, got "0"',
  ],
  [["bench", ...flows, "--pcap", "ok.pcap", "--compare", "none.json"], "none.json: a list without a result"],
  [
    ["bench", ...flows, "--pcap", "ok.pcap", "--compare", "other.json"],
    "other.json: not a result of megaflow bench --json",
  ],
  [["bench", ...flows, "--pcap", "ok.pcap", "--compare", "cut.json"], /^cut\.json: no JSON: /],
  [
    ["bench", ...flows, "--pcap", "ok.pcap", "--compare", "earlier.json"],
    '--compare earlier.json: expected a result named "ok", got "f1k-m1"',
  ],
  [["trace", ...flows], "FLOW or PORT HEX is missing; see megaflow trace --help"],
  [["trace", ...flows, "9", "00"], "no port 9, the ports are 1 to 8"],
  [["trace", ...flows, "1", "0g"], 'HEX:2: packet; expected hex digits, got "g"'],
  [["trace", ...flows, "in_port=1,tpc"], /^FLOW:11: .*tpc/],
];

for (const [args, message] of cases) {
  test(`megaflow ${args.join(" ")}`, async () => {
    const { status, stdout, stderr } = await megaflow(args, folder);
    const lines = stderr.split("\n");
    assert.equal(lines.length, 2, stderr);
    assert.ok(lines[0]?.startsWith("megaflow: "), stderr);
    const got = (lines[0] as string).slice("megaflow: ".length);
    if (typeof message === "string") assert.equal(got, message);
    else assert.match(got, message);
    assert.equal(stdout, "");
    assert.equal(status, 2);
  });
}

test("every mistake of a configuration file is named at once, a line each", async () => {
  const { status, stdout, stderr } = await megaflow(["run", "wrong.yaml"], folder);
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.deepEqual(stderr.trimEnd().split("\n"), [
    `megaflow: wrong.yaml:3:23: kind of port; expected ${portKinds.join(" or ")}, got "tape"`,
    "megaflow: wrong.yaml:4:8: no file none.flows",
    `megaflow: wrong.yaml:5:1: unknown key in the configuration; expected one of ${runConfigKeys.join(", ")}, got "colour"`,
  ]);
});

test("broken YAML is named with its line and column", async () => {
  const { status, stderr } = await megaflow(["run", "broken.yaml"], folder);
  assert.equal(status, 2);
  assert.match(stderr, /^megaflow: broken\.yaml:\d+:\d+: YAML: /);
});

test("--verbose adds the stack", async () => {
  const { status, stderr } = await megaflow(["replay", "--verbose"], folder);
  assert.equal(status, 2);
  assert.match(stderr, /^megaflow: --flows FILE is missing\nUsageError: [\s\S]*\n {4}at /);
});
