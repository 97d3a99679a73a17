// The page of the workload generator: a specification in, a capture and a rule file out.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeFrame } from "./frame-builder.ts";
import { type ByteSink, type FrameFiller, withFileSink, writeCapture } from "./pcap-writer.ts";
import { Random } from "./random.ts";
import { Schedule } from "./schedule.ts";
import { aclScheme } from "./scheme-acl.ts";
import { explosionScheme, scanScheme } from "./scheme-hostile.ts";
import { exactScheme, maskScheme, portScheme } from "./scheme-masks.ts";
import type { SchemeName, WorkloadSpec } from "./spec.ts";
import { newTuple, type Scheme } from "./tuple.ts";

/** A generated workload on disk. */
export interface WorkloadFiles {
  readonly pcap: string;
  readonly flows: string;
  readonly packets: number;
  readonly rules: number;
}

const schemes: Record<SchemeName, (spec: WorkloadSpec) => Scheme> = {
  masks: maskScheme,
  port: portScheme,
  exact: exactScheme,
  acl: aclScheme,
  fw: aclScheme,
  ipc: aclScheme,
  scan: scanScheme,
  explosion: explosionScheme,
};

/** Schemes whose churn packets are probes that come once. */
const transientSchemes: readonly SchemeName[] = ["scan", "explosion"];

/** Frame sizes of the simple IMIX, without FCS, as 7:4:1. */
const imix = [
  [60, 7],
  [566, 4],
  [1514, 1],
] as const;

/** Writes `NAME.pcap` and `NAME.flows` into `folder`, which is made if it is not there. */
export function writeWorkload(spec: WorkloadSpec, folder: string, name: string): WorkloadFiles {
  mkdirSync(folder, { recursive: true });
  const pcap = join(folder, `${name}.pcap`);
  const flows = join(folder, `${name}.flows`);
  writePcap(spec, pcap);
  return { pcap, flows, packets: spec.packets, rules: writeRules(spec, flows) };
}

/** Writes the trace alone. */
function writePcap(spec: WorkloadSpec, path: string): void {
  withFileSink(path, (sink) => generateCapture(spec, sink));
}

/** Writes the rules alone and returns how many there are. */
function writeRules(spec: WorkloadSpec, path: string): number {
  let count = 0;
  withFileSink(path, (sink) => {
    let lines: string[] = [];
    const flush = () => {
      sink(Buffer.from(lines.join("")));
      lines = [];
    };
    for (const rule of workloadRules(spec)) {
      count++;
      lines.push(`${rule}\n`);
      if (lines.length === 4096) flush();
    }
    flush();
  });
  return count;
}

/** The rules of a workload, one `ovs-ofctl` line each. */
export function workloadRules(spec: WorkloadSpec): Iterable<string> {
  return schemes[spec.scheme](spec).rules();
}

/** Sends the trace as a capture file's bytes to `sink`. */
export function generateCapture(spec: WorkloadSpec, sink: ByteSink): void {
  writeCapture(sink, spec.packets, workloadFrames(spec));
}

/** Builds the workload's frames one after the other, each call the next. */
export function workloadFrames(spec: WorkloadSpec): FrameFiller {
  const scheme = schemes[spec.scheme](spec);
  const schedule = new Schedule(spec, transientSchemes.includes(spec.scheme));
  const sizes = new Random(spec.seed, "sizes");
  const tuple = newTuple();
  return (bytes, at) => {
    scheme.fill(schedule.next(), tuple);
    return writeFrame(bytes, at, spec.size === "imix" ? sizes.weighted(imix) : spec.size, tuple);
  };
}
