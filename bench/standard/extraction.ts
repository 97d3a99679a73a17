// Extraction alone: cycles of the stage that makes a key (and its hash) of a packet, by kind of packet, in both languages.
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec } from "../../src/bench/workload/spec.ts";
import { datapathStages } from "../../src/pmd/stages.ts";
import { compareTwin } from "../twin/compare.ts";
import { extractionWorkloads } from "./cases.ts";

/** Cycles a packet of the extraction stage. */
export interface ExtractionCost {
  readonly title: string;
  readonly wasm: number;
  readonly c: number;
}

/** Measures every kind. */
export async function measureExtraction(core: number): Promise<ExtractionCost[]> {
  const costs: ExtractionCost[] = [];
  for (const { title, workload } of extractionWorkloads) {
    const spec = completeSpec(presets[workload] ?? {});
    const { stages } = await compareTwin(workload, spec, { core, rounds: 2, windows: 3, seconds: 0.5 });
    const { wasm, c } = stages[datapathStages.findIndex((stage) => stage.name === "stageExtract")]!;
    costs.push({ title, wasm, c });
  }
  return costs;
}
