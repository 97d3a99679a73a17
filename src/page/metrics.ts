// Prometheus' text exposition format, version 0.0.4, and the document that lists the metrics.

import type { Snapshot } from "../observe/snapshot.ts";
import { type Metric, metrics } from "./metric-table.ts";

/** Returns all metrics of a switch. */
export function metricsText(snapshot: Snapshot, version: string): string {
  return metrics
    .map((metric) => {
      const lines = metric
        .read(snapshot, version)
        .map(([labels, value]) => `${metric.name}${labelText(labels)} ${valueText(value)}\n`);
      return `# HELP ${metric.name} ${escapeHelp(metric.help)}\n# TYPE ${metric.name} ${metric.type}\n${lines.join("")}`;
    })
    .join("");
}

/** Returns docs/metrics.md. */
export function metricsMarkdown(): string {
  const rows = metrics.map(
    ({ name, type, help, labels }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
  );
  return `${intro}\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

const intro = `# Metrics

\`megaflow run --http 127.0.0.1:9080\` serves these at \`http://127.0.0.1:9080/metrics\` in Prometheus' text format. Names, labels and units
do not change; new metrics may be added. Counters of a PMD begin at 0 again when its thread had to be started anew, as Prometheus expects
of a process that was.

\`\`\`yaml
scrape_configs:
  - job_name: megaflow
    static_configs: [{targets: ["127.0.0.1:9080"]}]
\`\`\`

Some questions and their answers:

| question | expression |
| --- | --- |
| packets a second, by core | \`sum by (pmd) (rate(megaflow_pmd_rx_packets_total[1m]))\` |
| share of lookups by level | \`sum by (level) (rate(megaflow_pmd_lookups_total[1m])) / on () group_left sum(rate(megaflow_pmd_lookups_total[1m]))\` |
| how busy each thread is | \`rate(megaflow_pmd_time_seconds_total{state="busy"}[1m])\` |
| cycles a packet, by stage | \`rate(megaflow_pmd_stage_cycles_total[1m]) / on (pmd) group_left rate(megaflow_pmd_stage_packets_total[1m])\` |
| packets lost because the controller did not keep up | \`rate(megaflow_pmd_dropped_packets_total{reason="upcall lost"}[1m])\` |

This table is made from the code; \`npm run gen\` renews it.
`;

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(help: Metric["help"]): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}
