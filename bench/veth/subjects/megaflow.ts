// Megaflow as a person runs it: `megaflow run switch.yaml` with two afxdp ports and one rule.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { megaflowWords } from "../../../test/support/megaflow-command.ts";
import { compilerMissing } from "../programs.ts";
import type { RunningSubject, Subject } from "../subject.ts";
import { IN, OUT, type Topology } from "../topology.ts";

/** What a switch has to be. */
interface Shape {
  readonly kind: "afxdp" | "afpacket";
  readonly mode?: "native" | "generic";
  /** Completing checksums of local senders. */
  readonly csum?: "auto" | "off";
  readonly rule: string;
  readonly idle?: "busy";
}

export const megaflowAfxdp: Subject = {
  name: "Megaflow, afxdp",
  note: "native mode, checksums completed where a sender left them out (the default on veth), in_port=1,udp -> output:2",
  missing: compilerMissing,
  start: (topology) =>
    start(topology, { kind: "afxdp", mode: "native", rule: "in_port=1,udp,actions=output:2" }),
};

export const megaflowNoChecksums: Subject = {
  name: "Megaflow, afxdp, csum: off",
  note: "the same without completing checksums",
  missing: compilerMissing,
  start: (topology) =>
    start(topology, { kind: "afxdp", mode: "native", csum: "off", rule: "in_port=1,udp,actions=output:2" }),
};

export const megaflowBusy: Subject = {
  name: "Megaflow, afxdp, idle: busy",
  note: "the same, its PMD never sleeping",
  missing: compilerMissing,
  start: (topology) =>
    start(topology, {
      kind: "afxdp",
      mode: "native",
      idle: "busy",
      rule: "in_port=1,udp,actions=output:2",
    }),
};

export const megaflowGeneric: Subject = {
  name: "Megaflow, afxdp generic",
  note: "generic mode, as for drivers without XDP",
  missing: compilerMissing,
  start: (topology) =>
    start(topology, { kind: "afxdp", mode: "generic", rule: "in_port=1,udp,actions=output:2" }),
};

export const megaflowPacket: Subject = {
  name: "Megaflow, afpacket",
  note: "AF_PACKET ports",
  missing: compilerMissing,
  start: (topology) => start(topology, { kind: "afpacket", rule: "in_port=1,udp,actions=output:2" }),
};

export const megaflowReceiver: Subject = {
  name: "Megaflow, receive only",
  note: "afxdp, native mode, one rule that drops: key, caches, statistics, frame back",
  receivesOnly: true,
  missing: compilerMissing,
  start: (topology) => start(topology, { kind: "afxdp", mode: "native", rule: "in_port=1,udp,actions=drop" }),
};

function yaml(shape: Shape, core: number): string {
  const words = [
    `kind: ${shape.kind}`,
    "queues: 1",
    ...(shape.mode === undefined ? [] : [`mode: ${shape.mode}`]),
    ...(shape.csum === undefined ? [] : [`csum: ${shape.csum}`]),
  ].join(", ");
  return [
    `cores: [${core}]`,
    "seed: 1",
    "control: off",
    `idle: ${shape.idle ?? "block"}`,
    "ports:",
    `  - {number: 1, name: in, dev: ${IN}, ${words}}`,
    `  - {number: 2, name: out, dev: ${OUT}, ${words}}`,
    "flows: |",
    `  ${shape.rule}`,
    "",
  ].join("\n");
}

async function start({ lab, middle, switchCore }: Topology, shape: Shape): Promise<RunningSubject> {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-veth-"));
  const file = join(folder, "switch.yaml");
  writeFileSync(file, yaml(shape, switchCore));
  const words = [...megaflowWords, "run", file, "--json", "--every", "250ms"];
  const child = lab.start(middle, ...(words as [string, ...string[]]));
  await child.says(/"mpps"/);
  return {
    async stop() {
      const status = await child.stop();
      rmSync(folder, { recursive: true, force: true });
      const summary = child.stdout
        .split("\n")
        .filter((line) => line.startsWith('{"summary"'))
        .at(-1);
      if (summary === undefined) throw new Error(`megaflow ended with status ${status}: ${child.stderr}`);
      return (JSON.parse(summary) as { summary: { received: number } }).summary.received;
    },
  };
}
