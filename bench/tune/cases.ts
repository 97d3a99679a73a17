// The traffic that the adviser is held to: generated workloads of every kind, and captures of real traffic.

import { workloadFrames, workloadRules } from "../../src/bench/workload/generate.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { readText } from "../../src/config/read-text.ts";
import type { Settings } from "../../src/config/settings.ts";
import { projectFile } from "../../src/project.ts";
import { Lab } from "../../src/tune/lab.ts";
import { placeCapture, TracePlacer } from "../../src/tune/place-trace.ts";

/** A case: how it is made. */
export interface TuneCase {
  readonly name: string;
  readonly kind: "uniform" | "skewed" | "churn" | "scan" | "rules" | "capture";
  readonly spec?: Partial<WorkloadSpec>;
  /** Capture and rules, from the project's folder. */
  readonly files?: readonly [pcap: string, flows: string];
}

/** Every case. */
export const cases: readonly TuneCase[] = [
  { name: "uniform-1k", kind: "uniform", spec: { flows: 1000, masks: 16 } },
  { name: "uniform-10k", kind: "uniform", spec: { flows: 10_000, masks: 16 } },
  { name: "uniform-100k", kind: "uniform", spec: { flows: 100_000, masks: 64 } },
  { name: "uniform-500k", kind: "uniform", spec: { flows: 500_000, masks: 16, packets: 1 << 20 } },
  { name: "zipf-10k", kind: "skewed", spec: { flows: 10_000, masks: 16, zipf: 0.9 } },
  { name: "zipf-100k", kind: "skewed", spec: { flows: 100_000, masks: 64, zipf: 1.1 } },
  { name: "churn-1-percent", kind: "churn", spec: { flows: 10_000, masks: 16, churn: 0.01 } },
  { name: "churn-20-percent", kind: "churn", spec: { flows: 10_000, masks: 16, zipf: 0.9, churn: 0.2 } },
  { name: "scan", kind: "scan", spec: { flows: 1000, scheme: "scan", churn: 0.5 } },
  { name: "access-list", kind: "rules", spec: { flows: 10_000, scheme: "acl", zipf: 1 } },
  { name: "exact-rules", kind: "rules", spec: { flows: 50_000, scheme: "exact" } },
  {
    name: "mixed-packets",
    kind: "uniform",
    spec: {
      flows: 10_000,
      mix: [
        ["udp", 3],
        ["tcp", 3],
        ["udp6", 1],
        ["tcp6", 1],
        ["vlan-udp", 2],
      ],
    },
  },
  {
    name: "lab-capture",
    kind: "capture",
    files: ["examples/captures/lab.pcap", "examples/three-tables.flows"],
  },
  {
    name: "busy-capture",
    kind: "capture",
    files: ["test/captures/busy.pcap.gz", "examples/three-tables.flows"],
  },
  {
    name: "trunk-capture",
    kind: "capture",
    files: ["test/captures/trunk.pcap", "test/captures/trunk.flows"],
  },
  { name: "edge-capture", kind: "capture", files: ["test/captures/edge.pcap", "test/captures/mixed.flows"] },
];

const PORTS = 8;

/** A lab with the case's rules and trace in it. */
export async function openCase(one: TuneCase, settings: Settings): Promise<Lab> {
  const lab = new Lab({ settings, exactMegaflows: false, seed: 1n, ports: PORTS, inPort: 1 });
  if (one.files !== undefined) {
    const [pcap, flows] = one.files;
    lab.addFlows(readText(projectFile(flows)), flows);
    lab.setTrace(await placeCapture(lab.memory, projectFile(pcap)));
    return lab;
  }
  const spec = completeSpec(one.spec ?? {});
  lab.addFlows([...workloadRules(spec)].join("\n"));
  const placer = new TracePlacer(lab.memory);
  const next = workloadFrames(spec);
  const frame = new Uint8Array(4096);
  for (let i = 0; i < spec.packets; i++) placer.add(frame.subarray(0, next(frame, 0)));
  lab.setTrace(placer.finish(one.name));
  return lab;
}
