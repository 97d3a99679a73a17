// Cores: which ones this process may use, which the kernel keeps free, and what disturbs them.

import { availableParallelism } from "node:os";
import type { Finding } from "./finding.ts";
import { type MachineFiles, parseCpuList } from "./machine-files.ts";

const CPU = "sys/devices/system/cpu";

/** Findings about cores. */
export function coreFindings(files: MachineFiles): Finding[] {
  const online = parseCpuList(files.text(`${CPU}/online`));
  return [
    allowed(files, online),
    isolated(files, online),
    siblings(files, online),
    governor(files),
    interrupts(files),
  ];
}

function allowed(files: MachineFiles, online: readonly number[]): Finding {
  const common = { area: "cores", topic: "usable cores" } as const;
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(files.text("proc/self/status"))?.[1] ?? "";
  const cores = parseCpuList(list);
  const count = cores.length > 0 ? cores.length : availableParallelism();
  const found = `${list || count} of ${online.length || count} online`;
  if (count > 1) return { ...common, state: "ok", found };
  return {
    ...common,
    state: "note",
    found,
    meaning: "PMD and controller share one core: they take it from each other, and first packets are slow.",
    remedies: ["systemctl set-property megaflow.service AllowedCPUs=0-3  # docker run: --cpuset-cpus=0-3"],
  };
}

function isolated(files: MachineFiles, online: readonly number[]): Finding {
  const common = { area: "cores", topic: "isolated cores" } as const;
  const kept = files.text(`${CPU}/isolated`);
  const tickless = files.text(`${CPU}/nohz_full`).replace("(null)", "");
  if (kept !== "") {
    const found = `${kept}; without timer ticks: ${tickless || "none"}`;
    if (tickless !== "") return { ...common, state: "ok", found };
    return {
      ...common,
      state: "note",
      found,
      meaning: "The timer still interrupts them up to 1,000 times a second.",
      remedies: [kernelOptions(kept)],
    };
  }
  const found = "none";
  if (online.length < 3)
    return { ...common, state: "ok", found: "none; there are too few cores to keep one free" };
  const rest = `1-${online.length - 1}`;
  return {
    ...common,
    state: "note",
    found,
    meaning:
      "Other processes run on a PMD's core and cost it packets; core 0 is best left to the system and the controller.",
    remedies: [kernelOptions(rest)],
  };
}

function kernelOptions(cores: string): string {
  return `sudo sed -i 's/^GRUB_CMDLINE_LINUX="/&isolcpus=${cores} nohz_full=${cores} rcu_nocbs=${cores} /' /etc/default/grub && sudo update-grub && sudo reboot`;
}

function siblings(files: MachineFiles, online: readonly number[]): Finding {
  const common = { area: "cores", topic: "threads of one core" } as const;
  const groups = new Set(online.map((cpu) => files.text(`${CPU}/cpu${cpu}/topology/thread_siblings_list`)));
  const shared = [...groups].filter((group) => parseCpuList(group).length > 1);
  if (shared.length === 0) return { ...common, state: "ok", found: "one a core" };
  return {
    ...common,
    state: "note",
    found: shared.join(" and "),
    meaning: "Two PMDs on threads of one core share its units and caches: give PMDs CPUs of different cores.",
    remedies: [],
  };
}

function governor(files: MachineFiles): Finding {
  const common = { area: "cores", topic: "frequency" } as const;
  const name = files.text(`${CPU}/cpu0/cpufreq/scaling_governor`);
  if (name === "" || name === "performance")
    return { ...common, state: "ok", found: name || "left to the hardware or hypervisor" };
  return {
    ...common,
    state: "note",
    found: `governor ${name}`,
    meaning: "An idle PMD's core slows down, and the first packets after a pause wait for it.",
    remedies: ["sudo cpupower frequency-set -g performance"],
  };
}

/** irqbalance moves interrupts onto PMDs' cores. */
function interrupts(files: MachineFiles): Finding {
  const common = { area: "cores", topic: "interrupts" } as const;
  const balancer = files
    .names("proc")
    .find((name) => /^\d+$/.test(name) && files.text(`proc/${name}/comm`) === "irqbalance");
  if (balancer === undefined) return { ...common, state: "ok", found: "irqbalance is not running" };
  return {
    ...common,
    state: "note",
    found: `irqbalance is running (${balancer})`,
    meaning: "It moves network interrupts onto PMDs' cores and away again.",
    remedies: [
      "sudo systemctl disable --now irqbalance",
      "echo IRQBALANCE_BANNED_CPULIST=1-3 | sudo tee -a /etc/default/irqbalance && sudo systemctl restart irqbalance",
    ],
  };
}
