// What the doctor makes of machines unlike this one, told by files in a folder that stands in for /proc and /sys.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { coreFindings } from "../../../../src/doctor/cores.ts";
import type { Finding } from "../../../../src/doctor/finding.ts";
import { isOlder, kernelFindings } from "../../../../src/doctor/kernel.ts";
import { MachineFiles, parseCpuList } from "../../../../src/doctor/machine-files.ts";
import { memoryFindings } from "../../../../src/doctor/memory.ts";
import { mayUseXdp, privilegeFindings, readPrivileges } from "../../../../src/doctor/privileges.ts";
import type { ProbeResult } from "../../../../src/doctor/probe.ts";

const folder = mkdtempSync(join(tmpdir(), "mf-machine-"));
after(() => rmSync(folder, { recursive: true }));
let machines = 0;

function machine(files: Readonly<Record<string, string>>): MachineFiles {
  const root = join(folder, `${machines++}`);
  mkdirSync(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return new MachineFiles(root);
}

function pick(findings: readonly Finding[], topic: string): Finding {
  const found = findings.find((one) => one.topic === topic);
  assert.ok(found, topic);
  return found;
}

const CPU = "sys/devices/system/cpu";

test("CPU lists are read as the kernel writes them", () => {
  assert.deepEqual(parseCpuList("0,2-4,7"), [0, 2, 3, 4, 7]);
  assert.deepEqual(parseCpuList(""), []);
  assert.deepEqual(parseCpuList("(null)"), []);
});

test("cores: nothing isolated, threads of one core, a saving governor and irqbalance are each noted", () => {
  const findings = coreFindings(
    machine({
      [`${CPU}/online`]: "0-3",
      [`${CPU}/isolated`]: "",
      [`${CPU}/cpu0/topology/thread_siblings_list`]: "0,2",
      [`${CPU}/cpu1/topology/thread_siblings_list`]: "1,3",
      [`${CPU}/cpu2/topology/thread_siblings_list`]: "0,2",
      [`${CPU}/cpu3/topology/thread_siblings_list`]: "1,3",
      [`${CPU}/cpu0/cpufreq/scaling_governor`]: "powersave",
      "proc/self/status": "Cpus_allowed_list:\t3",
      "proc/77/comm": "irqbalance",
    }),
  );
  assert.deepEqual(
    findings.map((one) => one.state),
    ["note", "note", "note", "note", "note"],
  );
  assert.equal(pick(findings, "usable cores").found, "3 of 4 online");
  assert.match(
    pick(findings, "isolated cores").remedies?.[0] ?? "",
    /isolcpus=1-3 nohz_full=1-3 rcu_nocbs=1-3/,
  );
  assert.equal(pick(findings, "threads of one core").found, "0,2 and 1,3");
  assert.match(pick(findings, "frequency").remedies?.[0] ?? "", /cpupower/);
});

test("cores: isolated ones without timer ticks are as they should be", () => {
  const kept = { [`${CPU}/online`]: "0-7", [`${CPU}/isolated`]: "2-7" };
  const quiet = coreFindings(machine({ ...kept, [`${CPU}/nohz_full`]: "2-7" }));
  assert.deepEqual(
    [pick(quiet, "isolated cores").state, pick(quiet, "isolated cores").found],
    ["ok", "2-7; without timer ticks: 2-7"],
  );
  const ticking = coreFindings(machine({ ...kept, [`${CPU}/nohz_full`]: "(null)" }));
  assert.equal(pick(ticking, "isolated cores").state, "note");
});

test("memory: pages that are never huge, idle reserved ones and a full machine are noted", () => {
  const meminfo =
    "MemAvailable:     204800 kB\nHugePages_Total:    1024\nHugePages_Free:     1000\nHugepagesize:       2048 kB";
  const findings = memoryFindings(
    machine({
      "sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]",
      "proc/meminfo": meminfo,
    }),
  );
  assert.deepEqual(
    findings.map((one) => one.state),
    ["note", "note", "note"],
  );
  assert.match(pick(findings, "transparent huge pages").remedies?.[0] ?? "", /echo madvise \| sudo tee/);
  assert.equal(pick(findings, "free memory").found, "200 MiB available");
  assert.equal(pick(findings, "reserved huge pages").found, "1024 of 2 MiB, 1000 free");
});

test("privileges: the capability bits and the limit decide, one by one", () => {
  const limits = (value: string): string =>
    `Max locked memory         ${value}              ${value}              bytes`;
  const of = (bits: string, limit: string): MachineFiles =>
    machine({ "proc/self/status": `CapEff:\t${bits}`, "proc/self/limits": limits(limit) });
  const all = readPrivileges(of("000001ffffffffff", "8388608"));
  assert.equal(mayUseXdp(all), true);
  assert.ok(privilegeFindings(all).every((one) => one.state === "ok"));
  // CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN and no CAP_BPF: the older all-embracing one stands in.
  const older = readPrivileges(of("0000000000203000", "unlimited"));
  assert.equal(mayUseXdp(older), true);
  assert.ok(privilegeFindings(older).every((one) => one.state === "ok"));
  const none = privilegeFindings(readPrivileges(of("0000000000000000", "65536")));
  assert.equal(none.filter((one) => one.state === "problem").length, 5);
  assert.match(pick(none, "locked memory").found, /64 KiB/);
});

test("kernel: versions are compared by number, and what an attempt said is passed on", () => {
  assert.ok(isOlder("5.9.0-generic", 5, 10));
  assert.ok(!isOlder("5.10.0", 5, 10));
  assert.ok(!isOlder("6.1.0-56-cloud-amd64", 5, 10));
  const works = { works: true } as const;
  const fails = { works: false, why: "refused here", code: "EINVAL" } as const;
  const probe: ProbeResult = {
    anchor: works,
    multiBuffer: false,
    sharedUmem: fails,
    nativeLink: fails,
    genericLink: works,
    tap: fails,
    afpacket: works,
  };
  const findings = kernelFindings(machine({ "proc/sys/net/core/bpf_jit_enable": "0" }), undefined, probe);
  assert.deepEqual(findings.map((one) => [one.topic, one.state]).slice(1), [
    ["AF_XDP", "ok"],
    ["XDP_SHARED_UMEM", "problem"],
    ["need_wakeup", "ok"],
    ["XDP multi-buffer", "note"],
    ["BPF link for XDP", "problem"],
    ["BPF compiler", "note"],
    ["TAP", "problem"],
  ]);
  assert.equal(pick(findings, "TAP").found, "refused here");
});
