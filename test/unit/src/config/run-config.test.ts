// The YAML file of `megaflow run`: good ones, and every mistake named with its line and column.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadRunConfig, parseRunConfig, runConfigKeys } from "../../../../src/config/run-config.ts";
import { settingKeys } from "../../../../src/config/settings.ts";
import { ConfigFileError } from "../../../../src/errors.ts";
import { projectFile } from "../../../../src/project.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-config-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "in.pcap"), "");
writeFileSync(join(folder, "a.flows"), "actions=drop\n");
const file = join(folder, "switch.yaml");

/** Returns the mistakes as `line:column reason`. */
function problems(text: string): string[] {
  try {
    parseRunConfig(text, file);
  } catch (error) {
    assert.ok(error instanceof ConfigFileError, String(error));
    for (const problem of error.problems) assert.equal(problem.file, file);
    return error.problems.map((problem) => problem.message.slice(file.length + 1));
  }
  return [];
}

const smallest = "ports:\n  - {number: 1, kind: null}\nflows: a.flows\n";

test("a whole file is read, paths beside it, numbers with suffixes", () => {
  writeFileSync(
    file,
    `bridge: br7
cores: [1, 3]
profile: kernel
seed: 42
settings:
  microflow.entries: 64k
  batch: 32
  pruning: off
ports:
  - {number: 1, name: lan, kind: trace, file: in.pcap}
  - number: 2
    kind: pcap
    read: in.pcap
    write: out.pcap
  - {number: 3, kind: null}
flows: [a.flows, a.flows]
groups: |
  group_id=1,type=all,bucket=output:2
control: lan7
http: 127.0.0.1:9080
`,
  );
  const config = loadRunConfig(file);
  assert.deepEqual(config, {
    bridge: "br7",
    cores: [1, 3],
    profile: "kernel",
    seed: 42,
    settings: { "microflow.entries": 65_536, batch: 32, pruning: "off" },
    ports: [
      { number: 1, name: "lan", kind: "trace", read: join(folder, "in.pcap") },
      { number: 2, name: "p2", kind: "pcap", read: join(folder, "in.pcap"), write: join(folder, "out.pcap") },
      { number: 3, name: "p3", kind: "null" },
    ],
    flows: [
      { file: join(folder, "a.flows"), text: "actions=drop\n" },
      { file: join(folder, "a.flows"), text: "actions=drop\n" },
    ],
    groups: [{ file, text: `${"\n".repeat(17)}  group_id=1,type=all,bucket=output:2\n` }],
    meters: [],
    control: "lan7",
    http: { listen: "127.0.0.1:9080", remote: false },
    idle: { mode: "block", maxUs: 100 },
  });
});

test("real ports take the keys of their kind", () => {
  const config = parseRunConfig(
    `idle: sleep
pmd-sleep-max: 40
ports:
  - {number: 1, kind: afxdp, dev: eth1, netns: blue, queues: 2, rxq-affinity: "0:1, 1:0", mode: native, ring: 2048, csum: off, promiscuous: false, force: true, mtu: 9000}
  - {number: 2, kind: tap, persist: true}
  - {number: LOCAL, kind: internal}
flows: a.flows
`,
    file,
  );
  assert.deepEqual(config.idle, { mode: "sleep", maxUs: 40 });
  assert.deepEqual(config.ports, [
    {
      number: 1,
      kind: "afxdp",
      name: "eth1",
      real: {
        kind: "afxdp",
        dev: "eth1",
        netns: "blue",
        queues: 2,
        rxqAffinity: { 0: 1, 1: 0 },
        mode: "native",
        ringSize: 2048,
        csum: "off",
        promiscuous: false,
        force: true,
        mtu: 9000,
      },
    },
    { number: 2, kind: "tap", name: "p2", real: { kind: "tap", persist: true } },
    { number: 65534, kind: "internal", name: "p65534", real: { kind: "internal" } },
  ]);
});

test("a real port's mistakes say what its kind takes", () => {
  const port = (text: string) => problems(`ports: [{number: 1, ${text}}]\nflows: a.flows\n`);
  assert.deepEqual(port("kind: afxdp"), [
    "1:9: a port of kind afxdp without dev; expected dev: NAME, the interface",
  ]);
  const wrong = "dev; expected the name of an interface: 1 to 15 bytes without spaces, / and :, got";
  assert.deepEqual(port("kind: tap, dev: sixteen-letters-"), [`1:37: ${wrong} "sixteen-letters-"`]);
  assert.deepEqual(port("kind: afxdp, dev: a/b"), [`1:39: ${wrong} "a/b"`]);
  assert.deepEqual(port("kind: tap, mode: native"), [
    "1:32: a port of kind tap has no mode: it is for afxdp",
  ]);
  assert.deepEqual(port("kind: null, dev: eth0"), ["1:33: a null port has no dev"]);
  assert.deepEqual(port("kind: afxdp, dev: eth0, file: a.pcap"), ["1:45: a port of kind afxdp has no file"]);
  assert.deepEqual(port("kind: afxdp, dev: eth0, ring: 1000"), [
    '1:51: ring; expected a power of two, got "1000"',
  ]);
  assert.deepEqual(port("kind: afxdp, dev: eth0, force: perhaps"), [
    '1:52: force; expected true or false, got "perhaps"',
  ]);
  assert.deepEqual(port('kind: afxdp, dev: eth0, rxq-affinity: "0:1,1"'), [
    '1:59: rxq-affinity; expected QUEUE:PMD pairs such as "0:1,1:0", PMDs numbered from 0 in the order of cores, got "1"',
  ]);
});

test("the live page's address is one text, a port, or an address with a word on who may reach it", () => {
  const http = (text: string) => parseRunConfig(`${smallest}http: ${text}\n`, file).http;
  assert.deepEqual(http("9080"), { listen: "9080", remote: false });
  assert.deepEqual(http('"[::1]:0"'), { listen: "[::1]:0", remote: false });
  assert.deepEqual(http('{listen: "0.0.0.0:80", remote: true}'), { listen: "0.0.0.0:80", remote: true });
  assert.equal(parseRunConfig(smallest, file).http, undefined);
  assert.deepEqual(problems(`${smallest}http: {remote: maybe}\n`), [
    "4:7: http without listen",
    '4:16: remote; expected true or false, got "maybe"',
  ]);
  assert.match(
    problems(`${smallest}http: 0.0.0.0:9080\n`).join(),
    /^4:7: http: other machines reach 0\.0\.0\.0/,
  );
  assert.match(
    problems(`${smallest}http: {listen: "nowhere"}\n`).join(),
    /^4:16: http; expected ADDRESS:PORT/,
  );
  assert.deepEqual(problems(`${smallest}http: []\n`), [
    '4:7: http; expected an address to listen on, such as 127.0.0.1:9080, got "a list"',
  ]);
});

test("what is left out has a default", () => {
  const config = parseRunConfig(smallest, file);
  assert.equal(config.bridge, "br0");
  assert.deepEqual(config.cores, [0]);
  assert.equal(config.profile, "default");
  assert.equal(config.seed, undefined);
  assert.deepEqual(config.groups, []);
});

test("rules in the file keep the file's line and column numbers", () => {
  const text = `ports: [{number: 1, kind: null}]\nflows: |\n  priority=1,actions=drop\n\n  in_port=1,actions=2\n`;
  const [rules] = parseRunConfig(text, file).flows;
  assert.equal(rules?.file, file);
  const lines = rules?.text.split("\n") ?? [];
  assert.equal(lines[2], "  priority=1,actions=drop");
  assert.equal(lines[4], "  in_port=1,actions=2");
});

test("every mistake of a file is named at once, with its line and column", () => {
  const text = `bridge: [br0]
cores: [0, 0, x, 4096]
profile: fast
colour: red
settings:
  batch: 1000
  microflow.size: 4
ports:
  - {number: 1, kind: trace}
  - {number: 1, kind: null, name: p9}
  - {number: 0, kind: null}
  - {number: 4, kind: tape, name: ""}
  - {kind: pcap}
  - {number: 5, kind: trace, file: none.pcap}
  - {number: 6, kind: null, file: in.pcap}
  - {number: 7, kind: pcap, write: none/out.pcap}
  - {number: 8, kind: pcap}
  - 9
flows: [none.flows]
groups: 7
`;
  assert.deepEqual(problems(text), [
    `1:9: bridge; expected the bridge's name, got "a list"`,
    "2:12: core 0 is named twice",
    `2:15: core; expected a whole number, 0 to 1023, got "x"`,
    `2:18: core; expected a whole number, 0 to 1023, got "4096"`,
    `3:10: profile; expected default or kernel or userspace or microflow, got "fast"`,
    `4:1: unknown key in the configuration; expected one of ${runConfigKeys.join(", ")}, got "colour"`,
    `6:10: setting batch; expected 1 to 256, got "1000"`,
    `7:3: unknown setting; expected one of ${settingKeys.join(", ")}, got "microflow.size"`,
    "9:5: trace port without a file",
    "10:5: port 1 is there twice",
    `11:14: port number; expected a whole number, 1 to 1023, got "0"`,
    `12:23: kind of port; expected trace or pcap or null or afxdp or tap or afpacket or internal, got "tape"`,
    `12:35: port name; expected a text, got nothing`,
    "13:5: port without a number",
    "14:36: no file none.pcap",
    "15:29: a null port has no file",
    `16:36: no folder ${join(folder, "none")}`,
    "17:5: pcap port with neither read nor write",
    `18:5: a port; expected a mapping, got "9"`,
    "19:9: no file none.flows",
    `20:9: groups; expected a file name, a list of them, or rules after |, got "7"`,
  ]);
});

test("broken YAML is named with its line and column", () => {
  assert.match(problems("ports: [\nflows: x")[0] ?? "", /^\d+:\d+: YAML: /);
  assert.match(problems(`${smallest}flows: a.flows\n`)[0] ?? "", /^4:1: YAML: Map keys must be unique/);
  assert.match(problems("a: 'x\n")[0] ?? "", /^\d+:\d+: YAML: /);
});

test("an empty file, a list and a missing part are mistakes", () => {
  assert.match(problems("")[0] ?? "", /^1:1: the configuration; expected a mapping, got nothing$/);
  assert.match(problems("- a\n")[0] ?? "", /^1:1: the configuration; expected a mapping, got "a list"$/);
  assert.deepEqual(problems("bridge: br0\n"), ["1:1: ports missing", "1:1: flows missing"]);
  assert.deepEqual(problems("ports: []\nflows: a.flows\n"), ["1:8: ports: at least one is needed"]);
  assert.deepEqual(problems(`${smallest}cores: []\n`), ['4:8: cores; expected 1 to 64 CPU numbers, got "0"']);
});

test("the file that docs/cli.md shows is a valid one", () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(readFileSync(projectFile("docs/cli.md"), "utf8"))?.[1] ?? "";
  mkdirSync(join(folder, "captures"));
  for (const name of ["captures/in.pcap", "in.pcap.gz", "base.flows", "more.flows"]) {
    writeFileSync(join(folder, name), "");
  }
  const config = parseRunConfig(text, file);
  assert.deepEqual(
    config.ports.map(({ number, kind }) => `${number} ${kind}`),
    ["1 trace", "2 pcap", "3 null"],
  );
  assert.equal(config.flows.length, 2);
  assert.equal(config.groups.length, 1);
});
