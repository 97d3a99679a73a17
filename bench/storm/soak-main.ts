// The command of the soak.
//
//   npm run bench:soak -- [--minutes 10] [--pmd-core 1] [--controller-core 0] [--out bench/results/soak] [--json]
//
// Writes NAME.json and NAME.md; ends with 1 when something is wrong.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { LoadWatch, readEnvironment } from "../../src/bench/environment.ts";
import { projectFile } from "../../src/project.ts";
import { soak } from "./soak.ts";
import { soakLines, soakReport } from "./soak-report.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      "pmd-core": { type: "string", default: "1" },
      "controller-core": { type: "string", default: "0" },
      out: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const load = new LoadWatch();
  const result = await soak({
    seconds: Number(values.minutes) * 60,
    pmdCore: Number(values["pmd-core"]),
    controllerCore: Number(values["controller-core"]),
    connections: 4096,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  const environment = readEnvironment(load.others());
  const out = values.out ?? projectFile("bench/results/soak");
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.json`, `${JSON.stringify({ ...result, environment })}\n`);
  writeFileSync(`${out}.md`, soakReport(result, environment));
  if (values.json) console.log(JSON.stringify({ ...result, environment }));
  else for (const line of soakLines(result)) console.log(line);
  if (result.faults.length > 0) process.exitCode = 1;
}

await main();
