// npm run bench:idle [-- --core 1 --out PATH]: what an idle switch costs, and how long the first packet after a
// pause takes, in each idle mode. Needs root; makes its namespaces and removes them.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readEnvironment } from "../../src/bench/environment.ts";
import { median } from "../../src/bench/statistics.ts";
import { findProfile, resolveSettings } from "../../src/config/profiles.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { IdleMode } from "../../src/pmd/idle.ts";
import { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { NetLab } from "../../test/support/netns.ts";
import { ping } from "../../test/support/netns-tools.ts";

const modes: readonly (readonly [name: string, mode: IdleMode])[] = [
  ["block (default)", { mode: "block" }],
  ["sleep, 100 us", { mode: "sleep", maxUs: 100 }],
  ["busy", { mode: "busy" }],
];
const IDLE_MS = 5000;
const ECHOES = 40;
/** Between two echoes: longer than any mode takes to fall asleep. */
const PAUSE_S = 0.1;
const TICKS_A_SECOND = 100;

const { values } = parseArgs({
  options: { core: { type: "string", default: "1" }, out: { type: "string" } },
});
const rows: { name: string; share: number; pmdShare: number; firstUs: number }[] = [];
for (const [name, mode] of modes) rows.push({ name, ...(await measure(mode, Number(values.core))) });
const environment = readEnvironment();
const lines = [
  "# An idle switch, and the first packet after a pause",
  "",
  `One PMD on CPU ${values.core}, two AF_XDP ports on veth, nothing to do for ${IDLE_MS / 1000} s; then ${ECHOES} echoes, ${PAUSE_S * 1000} ms apart: the median round trip, which passes the switch twice.`,
  "",
  "| idle | share of a core, all threads | share of a core, the PMD | round trip of a first packet |",
  "| --- | ---: | ---: | ---: |",
  ...rows.map(
    ({ name, share, pmdShare, firstUs }) =>
      `| ${name} | ${(share * 100).toFixed(1)} % | ${(pmdShare * 100).toFixed(1)} % | ${firstUs.toFixed(0)} us |`,
  ),
  "",
  `${environment.date}; ${environment.cpu}, ${environment.cores} cores; ${environment.kernel}; Node ${environment.node}; load ${environment.load}.`,
];
process.stdout.write(`${lines.join("\n")}\n`);
if (values.out !== undefined) {
  writeFileSync(`${values.out}.md`, `${lines.join("\n")}\n`);
  writeFileSync(`${values.out}.json`, `${JSON.stringify({ rows, environment })}\n`);
}

async function measure(
  mode: IdleMode,
  core: number,
): Promise<{ share: number; pmdShare: number; firstUs: number }> {
  await using lab = new NetLab();
  const [left, right, middle] = [lab.add("l"), lab.add("r"), lab.add("m")];
  lab.veth({ netns: left, name: "eth0", addresses: ["10.4.0.1/24"] }, { netns: middle, name: "p1" });
  lab.veth({ netns: right, name: "eth0", addresses: ["10.4.0.2/24"] }, { netns: middle, name: "p2" });
  const owner = new ThreadedSwitch({
    settings: resolveSettings(findProfile("default")),
    cores: [core],
    idle: mode,
  });
  try {
    owner.addFlows("actions=NORMAL");
    for (const n of [1, 2]) {
      const port = { number: n as OfPort, name: `p${n}` };
      await owner.addRealPort(port, { kind: "afxdp", dev: `p${n}`, netns: middle });
    }
    await ping(lab, left, "10.4.0.2", { count: 3, interval: 0.2 });
    await sleep(1000);
    const before = threadTicks();
    await sleep(IDLE_MS);
    const after = threadTicks();
    const used = [...after].map(([thread, ticks]) => ticks - (before.get(thread) ?? 0));
    const seconds = IDLE_MS / 1000;
    const { text } = await ping(lab, left, "10.4.0.2", { count: ECHOES, interval: PAUSE_S });
    const times = [...text.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]) * 1000);
    return {
      share: used.reduce((a, b) => a + b, 0) / TICKS_A_SECOND / seconds,
      pmdShare: Math.max(...used.slice(1)) / TICKS_A_SECOND / seconds,
      firstUs: median(times),
    };
  } finally {
    await owner.close();
  }
}

/** CPU time of every thread of this process, in ticks of 10 ms; the first is the controller. */
function threadTicks(): Map<string, number> {
  const ticks = new Map<string, number>();
  for (const thread of readdirSync("/proc/self/task").sort((a, b) => Number(a) - Number(b))) {
    const fields = readFileSync(`/proc/self/task/${thread}/stat`, "utf8").split(") ")[1]!.split(" ");
    ticks.set(thread, Number(fields[11]) + Number(fields[12]));
  }
  return ticks;
}
