// A workload for several PMDs, each with ports of its own: the rules once more for each PMD's ports.

/** Ports that a workload uses: 1 to receive, 2 and 3 to send. */
export const WORKLOAD_PORTS = 3;

/** The port that PMD `index` receives on. */
export function ownInPort(index: number): number {
  return index * WORKLOAD_PORTS + 1;
}

/**
 * Rules for PMDs 0 to `pmds` - 1. The first table's are there for each with its ports; later tables, and the port that they send
 * to, are shared, which costs PMDs nothing: each has its own record of the port.
 */
export function ownPortRules(rules: readonly string[], pmds: number): string[] {
  const first = rules.filter((rule) => !rule.startsWith("table="));
  const moved = Array.from({ length: pmds - 1 }, (_, i) => first.map((rule) => movedRule(rule, i + 1)));
  return [...rules, ...moved.flat()];
}

function movedRule(rule: string, index: number): string {
  const [match = "", actions = ""] = rule.split(" actions=");
  const port = `in_port=${ownInPort(index)}`;
  const moved = /\bin_port=1\b/.test(match) ? match.replace(/\bin_port=1\b/, port) : `${match},${port}`;
  const sends = actions.replace(
    /\boutput:(\d+)/g,
    (_, to: string) => `output:${Number(to) + index * WORKLOAD_PORTS}`,
  );
  return `${moved} actions=${sends}`;
}
