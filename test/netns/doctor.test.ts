// `megaflow doctor` on machines that are short of something: without root, without capabilities, with little locked
// memory, without the addon; and on interfaces of every sort in namespaces.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { DoctorReport, Finding, PortVerdict } from "../../src/doctor/finding.ts";
import { LabChild } from "../support/lab-child.ts";
import { megaflow, megaflowWords } from "../support/megaflow-command.ts";
import { NEED_ETHTOOL, NEED_IP, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";

const skip = needs("root", NEED_IP, NEED_ETHTOOL);
const lab = skip === false ? new NetLab() : undefined;
after(() => lab?.remove());

interface Outcome {
  readonly status: number;
  readonly report: DoctorReport;
  readonly text: string;
}

/** Runs the doctor behind other words (`setpriv ...`), as JSON. */
async function doctor(before: readonly string[], ...args: string[]): Promise<Outcome> {
  const child = new LabChild([...before, ...megaflowWords, "doctor", "--json", ...args]);
  const status = await child.ended;
  assert.equal(child.stderr, "");
  return { status, report: JSON.parse(child.stdout) as DoctorReport, text: child.stdout };
}

function finding(report: DoctorReport, topic: string): Finding {
  const found = report.findings.find((one) => one.topic === topic);
  assert.ok(found, topic);
  return found;
}

function port(report: DoctorReport, type: PortVerdict["type"]): PortVerdict {
  const found = report.ports.find((one) => one.type === type);
  assert.ok(found, type);
  return found;
}

test("with root every kernel feature is tried, and nothing stays behind", { skip }, async () => {
  const { status, report } = await doctor([]);
  assert.equal(status, 0);
  assert.deepEqual([report.healthy, report.privileged, report.rootWouldAdd], [true, true, []]);
  for (const topic of [
    "AF_XDP",
    "XDP_SHARED_UMEM",
    "need_wakeup",
    "XDP multi-buffer",
    "BPF link for XDP",
    "TAP",
  ])
    assert.deepEqual([topic, finding(report, topic).found], [topic, "tried, works"]);
  assert.ok(report.ports.every((one) => one.usable));
  assert.ok(report.interfaces.every((one) => !one.name.startsWith("mfdoctor")));
});

test("without root it says what it can, what is missing, and what root would add", { skip }, async () => {
  const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const { status, report } = await doctor(nobody);
  assert.equal(status, 1);
  assert.deepEqual([report.healthy, report.privileged], [false, false]);
  for (const topic of ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_BPF"]) {
    const { state, remedies = [] } = finding(report, topic);
    assert.equal(state, "problem", topic);
    assert.match(remedies[0] ?? "", /^sudo .*megaflow run/);
  }
  assert.match(finding(report, "AF_XDP").found, /the kernel has it; tried only with root/);
  assert.match(finding(report, "XDP_SHARED_UMEM").found, /there since Linux 5\.10/);
  assert.ok(report.interfaces.length > 0, "interfaces are described without privilege");
  assert.ok(report.interfaces.every((one) => one.xdp !== "unknown"));
  assert.deepEqual(
    report.ports.map((one) => one.usable),
    [false, false, false, false, true],
  );
  assert.match(port(report, "afxdp").limits.join(), /CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN/);
  assert.match(report.rootWouldAdd.join("\n"), /tried in a namespace.*sudo .*megaflow doctor/s);
});

test("each capability that is taken away is missed by the ports that need it", { skip }, async () => {
  const without = async (name: string): Promise<DoctorReport> => {
    const taken = ["setpriv", "--bounding-set", `-${name}`, "--inh-caps", `-${name}`];
    return (await doctor(taken)).report;
  };
  const raw = await without("net_raw");
  assert.deepEqual(raw.ports.map((one) => [one.type, one.usable]).slice(0, 4), [
    ["afxdp", false],
    ["tap", true],
    ["internal", true],
    ["afpacket", false],
  ]);
  const admin = await without("net_admin");
  assert.deepEqual(admin.ports.map((one) => one.usable).slice(0, 4), [false, false, false, true]);
});

test("little locked memory is a problem exactly when CAP_IPC_LOCK is missing", { skip }, async () => {
  const limited = ["prlimit", "--memlock=1048576"];
  const topic = "locked memory";
  const lifted = finding((await doctor(limited)).report, topic);
  assert.deepEqual([lifted.state, /1 MiB, which CAP_IPC_LOCK lifts/.test(lifted.found)], ["ok", true]);
  const { status, report } = await doctor([
    ...limited,
    "setpriv",
    "--bounding-set",
    "-ipc_lock",
    "--inh-caps",
    "-ipc_lock",
  ]);
  assert.equal(status, 1);
  const { state, meaning = "", remedies = [] } = finding(report, topic);
  assert.equal(state, "problem");
  assert.match(meaning, /64 MiB with one PMD.*32 MiB more.*ENOBUFS/);
  assert.match(remedies[0] ?? "", /prlimit --memlock=unlimited/);
  assert.match(port(report, "afxdp").limits.join(), /locked memory: at most 1 MiB/);
  assert.equal(port(report, "tap").usable, true);
});

test("without the addon it says how to get one", { skip }, async () => {
  const { status, report } = await doctor(["env", "MEGAFLOW_ADDON=off"]);
  assert.equal(status, 1);
  assert.equal(finding(report, "native addon").state, "problem");
  assert.match(port(report, "afpacket").limits.join(), /native addon/);
});

test("named interfaces are tried and described, and each problem has its command", { skip }, async () => {
  assert.ok(lab);
  const netns = lab.add("d");
  lab.veth({ netns, name: "good" }, { netns, name: "shut", down: true }, { queues: 2 });
  lab.veth({ netns, name: "big" }, { netns, name: "far" }, { mtu: 9000 });
  lab.ip(netns, "link", "add", "name", "dull", "type", "bridge");
  lab.ip(netns, "link", "set", "dev", "dull", "up");
  const { status, report } = await doctor([], "--netns", netns, "good", "shut", "big", "dull");
  assert.equal(status, 0);
  const [good, shut, big, dull] = report.interfaces;
  assert.ok(good && shut && big && dull);
  assert.deepEqual(
    [good.driver, good.up, good.rxQueues, good.xdp, good.xdpSource, good.multiBuffer, good.netns],
    ["veth", true, 2, "native", "attempt", true, netns],
  );
  const problem = shut.notes.find((note) => note.text.includes("down"));
  assert.deepEqual(
    [problem?.text, problem?.remedies],
    ["it is down; a port sets it up", [`sudo ip -n ${netns} link set shut up`]],
  );
  assert.match(big.notes.map((note) => note.text).join(), /MTU 9000 take several buffers/);
  assert.equal(dull.xdp, "generic");
  assert.match(dull.notes.map((note) => note.text).join("\n"), /native XDP: .*mode generic/s);
  for (const name of ["good", "shut", "big", "dull"])
    assert.doesNotMatch(lab.ip(netns, "link", "show", "dev", name), /xdp/, "nothing stays attached");
  const alone = await doctor([], "--netns", netns, "good");
  assert.equal(alone.status, 0, alone.text);
});

test("an interface with an XDP program or the default route is left alone, and it says so", {
  skip,
}, async () => {
  assert.ok(lab);
  const netns = lab.add("r");
  lab.veth({ netns, name: "way", addresses: ["10.3.0.1/24"] }, { netns, name: "far" });
  lab.ip(netns, "route", "add", "default", "via", "10.3.0.2");
  const { report } = await doctor([], "--netns", netns, "way");
  const [way] = report.interfaces;
  assert.ok(way);
  assert.deepEqual([way.defaultRoute, way.xdpSource], [true, "kernel"]);
  assert.match(way.notes.map((note) => note.text).join("\n"), /force: true.*not tried/s);
});

test("a name that is not there is misuse, and the text form ends in a verdict", { skip }, async () => {
  assert.ok(lab);
  const netns = lab.add("t");
  lab.veth({ netns, name: "one" }, { netns, name: "two" });
  const wrong = await megaflow(["doctor", "--netns", netns, "three"]);
  assert.deepEqual([wrong.status, wrong.stdout], [2, ""]);
  assert.match(wrong.stderr, /no interface three in namespace .*; there is lo, one, two/);
  const nowhere = await megaflow(["doctor", "--netns", "no-such-place"]);
  assert.equal(nowhere.status, 2);
  assert.match(nowhere.stderr, /no-such-place.*ip netns list/);
  const text = await megaflow(["doctor", "--netns", netns]);
  assert.equal(text.status, 0, text.stderr);
  assert.match(text.stdout, /\nKernel\n.*\nInterfaces\n.*\n {2}one .*veth.*\nPorts\n.*(Ready|All is well)/s);
});
