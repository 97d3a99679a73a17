// Megaflow as a server: the systemd unit's capabilities are enough and needed, SIGTERM ends it cleanly with the account
// of every packet, and the unit is one that systemd understands.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { projectFile } from "../../src/project.ts";
import { megaflowWords } from "../support/megaflow-command.ts";
import { NEED_IP, NEED_PING, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { ping } from "../support/netns-tools.ts";

const skip = needs("root", NEED_IP, NEED_PING);
const lab = skip === false ? new NetLab() : undefined;
const folder = mkdtempSync(join(tmpdir(), "mf-service-"));
after(async () => {
  await lab?.remove();
  rmSync(folder, { recursive: true });
});

const unit = readFileSync(projectFile("docs/megaflow.service"), "utf8");

/** The values of a key of the unit. */
function unitWords(key: string): string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].flatMap(([, words = ""]) => words.split(" "));
}

/** The words that run a command as nobody with these capabilities and no others, as systemd would. */
function asNobody(capabilities: readonly string[]): string[] {
  const names = capabilities.map((name) => name.replace(/^CAP_/, "").toLowerCase());
  const list = ["-all", ...names.map((name) => `+${name}`)].join(",");
  const ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
  return [
    "setpriv",
    ...ids,
    "--inh-caps",
    list,
    "--ambient-caps",
    list,
    "--bounding-set",
    list,
    "--no-new-privs",
  ];
}

test("the unit names the same capabilities as ambient and as the bound, and what doctor asks for", () => {
  assert.deepEqual(unitWords("AmbientCapabilities"), unitWords("CapabilityBoundingSet"));
  for (const name of ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_BPF", "CAP_IPC_LOCK"])
    assert.ok(unitWords("AmbientCapabilities").includes(name), name);
  assert.match(unit, /^ExecStart=\S+ megaflow run \S+\.yaml/m);
  const families = unitWords("RestrictAddressFamilies");
  for (const family of ["AF_XDP", "AF_PACKET", "AF_NETLINK", "AF_UNIX"]) assert.ok(families.includes(family));
});

test("nobody with the unit's capabilities runs a switch, and SIGTERM ends it with the whole account", {
  skip,
}, async () => {
  assert.ok(lab);
  const [left, middle, right] = [lab.add("l"), lab.add("m"), lab.add("r")];
  lab.veth({ netns: left, name: "eth0", addresses: ["10.5.0.1/24"] }, { netns: middle, name: "p0" });
  lab.veth({ netns: right, name: "eth0", addresses: ["10.5.0.2/24"] }, { netns: middle, name: "p1" });
  const file = join(folder, "switch.yaml");
  const ports = ["p0", "p1"].map(
    (dev, i) => `  - {number: ${i + 1}, kind: afxdp, dev: ${dev}, netns: ${middle}}`,
  );
  writeFileSync(
    file,
    ["cores: [0]", "control: off", "ports:", ...ports, "flows: |", "  actions=NORMAL", ""].join("\n"),
  );
  chmodSync(folder, 0o755);
  const run = [
    ...asNobody(unitWords("AmbientCapabilities")),
    ...megaflowWords,
    "run",
    file,
    "--every",
    "200ms",
  ];
  const child = lab.start(undefined, ...(run as [string, ...string[]]));
  await child.says(/Mpps/);
  const { sent, received } = await ping(lab, left, "10.5.0.2", { count: 10 });
  assert.deepEqual([sent, received], [10, 10], child.stderr);
  assert.equal(await child.stop("SIGTERM"), 0, child.stderr);
  const [, accounted, all] = /every packet is accounted for: ([\d,]+) of ([\d,]+)/.exec(child.stdout) ?? [];
  assert.equal(accounted, all, child.stdout);
  assert.ok(Number(all?.replaceAll(",", "")) >= 20, `${all} packets`);
  for (const name of ["p0", "p1"]) assert.doesNotMatch(lab.ip(middle, "link", "show", "dev", name), /xdp/);
});

test("without one of the capabilities the port is refused, and it says what is missing", {
  skip,
}, async () => {
  assert.ok(lab);
  const netns = lab.add("w");
  lab.veth({ netns, name: "p0" }, { netns, name: "q0" });
  const file = join(folder, "without.yaml");
  writeFileSync(
    file,
    [
      "cores: [0]",
      "control: off",
      "ports:",
      "  - {number: 1, kind: afxdp, dev: p0}",
      "flows: |",
      "  actions=drop",
      "",
    ].join("\n"),
  );
  for (const [missing, says] of [
    ["CAP_NET_ADMIN", /EPERM|CAP_NET_ADMIN|root/],
    ["CAP_NET_RAW", /CAP_NET_RAW|root/],
  ] as const) {
    const rest = unitWords("AmbientCapabilities").filter((name) => name !== missing);
    const words = [...asNobody(rest), ...megaflowWords, "run", file, "--for", "1s"];
    const child = lab.start(netns, ...(words as [string, ...string[]]));
    assert.notEqual(await child.ended, 0, missing);
    assert.match(child.stderr, says, missing);
  }
});

test("systemd, where it is, finds no mistake in the unit", (context) => {
  if (spawnSync("systemd-analyze", ["--version"]).status !== 0) {
    context.diagnostic("systemd is not here: nothing to verify the unit for");
    return;
  }
  const file = join(folder, "megaflow.service");
  writeFileSync(file, unit.replace("/usr/bin/env", "/bin/true").replace("User=megaflow", "User=daemon"));
  const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
  const complaints = stderr.split("\n").filter((line) => line.includes("megaflow.service"));
  assert.deepEqual(complaints, []);
});
