// The pipeline flow: the key's words followed by what exists only while OpenFlow tables run. Registers
// and metadata are in network byte order, so that xreg0 is reg0 and reg1 read as one number; ports and
// conj_id are in host order.
//
//   lane 34  of_in_port:4 actset_output:4 conj_id:4 pad:4
//   lane 35  metadata:8 pad:8
//   lane 36-39  reg0..reg15

import { KEY_SIZE } from "../../assembly/layout/flow-key.ts";

/** OpenFlow port number that the packet came in on (u32). */
export const FLOW_OF_IN_PORT = KEY_SIZE;
/** OpenFlow port that the action set would output to (u32); OFPP_UNSET when none. */
export const FLOW_ACTSET_OUTPUT = KEY_SIZE + 4;
/** Conjunction that the rule lookup satisfied (u32). */
export const FLOW_CONJ_ID = KEY_SIZE + 8;
/** OpenFlow metadata, 8 bytes. */
export const FLOW_METADATA = KEY_SIZE + 16;
/** reg0; reg N lies 4 * N bytes behind. */
export const FLOW_REGS = KEY_SIZE + 32;
/** Number of 32-bit registers. */
export const FLOW_REG_COUNT = 16;

/** Bytes of a pipeline flow. */
export const FLOW_SIZE = FLOW_REGS + 4 * FLOW_REG_COUNT;
/** Words of a pipeline flow. */
export const FLOW_WORD_COUNT = FLOW_SIZE / 4;

/** Returns a pipeline flow of zeros. */
export function flowCreate(): Uint32Array {
  return new Uint32Array(FLOW_WORD_COUNT);
}
