// The section of a report that names the machine.
import type { Environment } from "../../src/bench/environment.ts";

/** Lines of Markdown. */
export function machineLines(environment: Environment): string[] {
  const { cpu, cores, topology, kernel, node, date, load, others } = environment;
  const lines = [
    "## Machine",
    "",
    `${cpu}, ${cores} cores, ${topology}; ${kernel}; Node ${node}; ${date}; load ${load.toFixed(1)}`,
  ];
  return others.length === 0 ? lines : [...lines, "", `Other processes meanwhile: ${others.join("; ")}`];
}
