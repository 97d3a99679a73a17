// Second entry of the datapath module: opens internals to test/ and bench/. Not shipped.

import { applyModification } from "./actions/modify.ts";
import { copyBytes } from "./core/bytes.ts";
import { l4Hash, symmetricHash } from "./key/dp-hash.ts";
import { extractBatch, extractKey, extractKeyAndHash } from "./key/extract.ts";
import { hashSeed, skbHash } from "./key/hash.ts";
import { changeAll, changeRun } from "./pmd/run-actions.ts";

export {
  applyModification,
  changeAll,
  changeRun,
  copyBytes,
  extractBatch,
  extractKey,
  extractKeyAndHash,
  hashSeed,
  l4Hash,
  skbHash,
  symmetricHash,
};
