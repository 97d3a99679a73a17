// One command for the slow path under load: flow set-up, established traffic beside storms, memory, rule
// changes, and Open vSwitch's flow set-up beside them.
//
//   npm run bench:storm -- [--flows 200000] [--seconds 2] [--runs 3] [--pmd-core 1] [--controller-core 0]
//                          [--no-peers] [--out bench/results/storm]
//
// Writes NAME.json and NAME.md.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { projectFile } from "../../src/project.ts";
import { exitOnSignals } from "../peers/process.ts";
import { stormReport } from "./report.ts";
import { runStorm } from "./storm.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      flows: { type: "string", default: "200000" },
      seconds: { type: "string", default: "2" },
      runs: { type: "string", default: "3" },
      "pmd-core": { type: "string", default: "1" },
      "controller-core": { type: "string", default: "0" },
      "no-peers": { type: "boolean", default: false },
      out: { type: "string" },
    },
  });
  const options = {
    flows: Number(values.flows),
    seconds: Number(values.seconds),
    runs: Number(values.runs),
    pmdCore: Number(values["pmd-core"]),
    controllerCore: Number(values["controller-core"]),
    log: (line: string) => process.stderr.write(`${line}\n`),
  };
  const out = values.out ?? projectFile("bench/results/storm");
  mkdirSync(dirname(out), { recursive: true });
  const result = await runStorm(options, !values["no-peers"], (soFar) => {
    writeFileSync(`${out}.json`, `${JSON.stringify(soFar)}\n`);
    writeFileSync(`${out}.md`, stormReport(soFar));
  });
  process.stdout.write(stormReport(result));
}

exitOnSignals();
await main();
