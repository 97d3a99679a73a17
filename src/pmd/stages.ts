// The stages of the datapath that can be run and timed one by one: assembly/index.ts exports them.
import type { DatapathExports } from "../datapath/instance.ts";

/** A stage's export and the name that reports give it. */
export interface DatapathStage {
  readonly name: keyof DatapathExports;
  readonly title: string;
}

/** In the order a batch passes them; the first receives and gives the context to the others. */
export const datapathStages: readonly DatapathStage[] = [
  { name: "stageReceive", title: "receive" },
  { name: "stageExtract", title: "extract and hash" },
  { name: "stageHash", title: "microflow name" },
  { name: "stageMicroflow", title: "microflow cache" },
  { name: "stageMaskCache", title: "mask cache" },
  { name: "stageMasked", title: "masked lookup" },
  { name: "stageForward", title: "actions and transmit" },
];
