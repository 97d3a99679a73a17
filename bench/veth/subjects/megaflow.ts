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
  /** Where packets go. */
  readonly actions?: "drop";
  readonly idle?: "busy";
}

export const megaflowAfxdp = subject(
  "afxdp",
  "native mode, checksums completed where a sender left them out (the default on veth), in_port=1,udp -> output:2",
  { kind: "afxdp", mode: "native" },
);

export const megaflowNoChecksums = subject("afxdp, csum: off", "the same without completing checksums", {
  kind: "afxdp",
  mode: "native",
  csum: "off",
});

export const megaflowBusy = subject("afxdp, idle: busy", "the same, its PMD never sleeping", {
  kind: "afxdp",
  mode: "native",
  idle: "busy",
});

export const megaflowGeneric = subject("afxdp generic", "generic mode, as for drivers without XDP", {
  kind: "afxdp",
  mode: "generic",
});

export const megaflowPacket = subject("afpacket", "AF_PACKET ports", { kind: "afpacket" });

export const megaflowReceiver: Subject = {
  ...subject("receive only", "afxdp, native mode, one rule that drops: key, caches, statistics, frame back", {
    kind: "afxdp",
    mode: "native",
    actions: "drop",
  }),
  receivesOnly: true,
};

function subject(name: string, note: string, shape: Shape): Subject {
  return {
    name: `Megaflow, ${name}`,
    note,
    missing: compilerMissing,
    start: (topology) => start(topology, shape),
  };
}

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
    `  in_port=1,udp,actions=${shape.actions ?? "output:2"}`,
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
