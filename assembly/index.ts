// The datapath's ABI: everything the host may call, and nothing else.

import { LAYOUT_SEQ } from "./layout/memory-map.ts";
import { stageExtract, stageHash } from "./pmd/extract.ts";
import { stageForward } from "./pmd/forward.ts";
import { stageMaskCache, stageMasked } from "./pmd/masked.ts";
import { stageMicroflow } from "./pmd/microflow.ts";
import { pmdInit, poll } from "./pmd/poll.ts";
import { stageReceive } from "./pmd/stages.ts";

/** The layout this module was built with. */
export function layoutSeq(): u32 {
  return LAYOUT_SEQ;
}

export {
  pmdInit,
  poll,
  stageExtract,
  stageForward,
  stageHash,
  stageMaskCache,
  stageMasked,
  stageMicroflow,
  stageReceive,
};
