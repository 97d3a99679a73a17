// The machine a figure was taken on. Every result carries this block.
import { readdirSync, readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";

/** What a reader needs to know to judge a figure or to repeat it. */
export interface Environment {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  /** Threads of one core, and caches, as the kernel tells: `1 thread a core, L1d 32 KiB, L2 1 MiB, L3 32 MiB`. */
  readonly topology: string;
  readonly hypervisor: boolean;
  readonly governor: string;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  readonly memoryGiB: number;
  /** Transparent huge pages, and the 2 MiB pages reserved. */
  readonly pages: string;
  /** Kernel command line options that keep cores free. */
  readonly isolation: string;
  /** Load average of the last minute when the block was made. */
  readonly load: number;
  /** Processes that used over 2 % of a core while it was measured, with their share. */
  readonly others: readonly string[];
}

/** Describes this machine; `others` as found by a LoadWatch. */
export function readEnvironment(others: readonly string[] = []): Environment {
  const cpu = cpus();
  return {
    date: new Date().toISOString(),
    cpu: cpu[0]?.model.trim() ?? "unknown",
    cores: cpu.length,
    topology: topology(),
    hypervisor: /^flags\s*:.*\bhypervisor\b/m.test(text("/proc/cpuinfo")),
    governor: text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").trim() || "none visible",
    kernel: `${type()} ${release()}`,
    node: process.version,
    v8: process.versions.v8 ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    pages: memoryPages(),
    isolation: isolation(),
    load: loadavg()[0] ?? 0,
    others,
  };
}

/** Sees which other processes use the processor between its construction and `others`. */
export class LoadWatch {
  private readonly before = processTimes();
  private readonly since = performance.now();

  /** `name (pid): 12 %`, the busiest first; this process and its children are left out. */
  others(): string[] {
    const seconds = (performance.now() - this.since) / 1000;
    const own = new Set([process.pid]);
    const shares: [string, number][] = [];
    for (const [pid, now] of processTimes()) {
      if (own.has(now.parent) || own.has(pid)) {
        own.add(pid);
        continue;
      }
      const ticks = now.ticks - (this.before.get(pid)?.ticks ?? 0);
      const share = ticks / TICKS_PER_SECOND / seconds;
      if (share > 0.02) shares.push([`${now.name} (${pid})`, share]);
    }
    shares.sort((x, y) => y[1] - x[1]);
    return shares.slice(0, 8).map(([name, share]) => `${name}: ${(share * 100).toFixed(0)} %`);
  }
}

/** USER_HZ, which is 100 on every Linux this runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessTime {
  readonly name: string;
  readonly parent: number;
  readonly ticks: number;
}

/** Processor time of every process so far, by pid, parents before children. */
function processTimes(): Map<number, ProcessTime> {
  const times = new Map<number, ProcessTime>();
  const pids = entries("/proc").filter((name) => /^\d+$/.test(name));
  for (const pid of pids.map(Number).sort((x, y) => x - y)) {
    const stat = /^\d+ \((.*)\) (.*)$/s.exec(text(`/proc/${pid}/stat`));
    const fields = stat?.[2]?.split(" ");
    if (!stat || !fields) continue;
    times.set(pid, {
      name: stat[1]!,
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
    });
  }
  return times;
}

function topology(): string {
  const base = "/sys/devices/system/cpu/cpu0";
  const siblings = text(`${base}/topology/thread_siblings_list`).trim();
  const threads = siblings === "" ? "?" : String(siblings.split(/[,-]/).length);
  const caches = entries(`${base}/cache`)
    .filter((name) => name.startsWith("index"))
    .map((name) => {
      const read = (file: string) => text(`${base}/cache/${name}/${file}`).trim();
      return { level: read("level"), kind: read("type"), size: read("size") };
    })
    .filter((cache) => cache.kind !== "Instruction")
    .map((cache) => `L${cache.level}${cache.kind === "Data" ? "d" : ""} ${cache.size}`);
  return [`${threads} thread${threads === "1" ? "" : "s"} a core`, ...caches].join(", ");
}

function memoryPages(): string {
  const transparent = /\[(\w+)\]/.exec(text("/sys/kernel/mm/transparent_hugepage/enabled"))?.[1] ?? "unknown";
  const reserved = text("/proc/sys/vm/nr_hugepages").trim() || "?";
  return `transparent huge pages ${transparent}, ${reserved} huge pages reserved`;
}

function isolation(): string {
  const options = text("/proc/cmdline").match(/\b(isolcpus|nohz_full|rcu_nocbs|mitigations|idle)=\S+/g);
  return options?.join(" ") ?? "none";
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
