// Which fields belong to layer 3 and up, by where they lie in the flow.

import type { Field } from "../openflow/field.ts";
import { SEGMENT_MASKS } from "./classifier/flow-segments.ts";

/** Whether a field is an IP, ARP, transport or neighbour discovery field. */
export function isLayer3OrHigher(field: Field): boolean {
  const word = field.offset >>> 2;
  const bits = (0xff << ((field.offset & 3) * 8)) >>> 0;
  return [2, 3].some((segment) => (((SEGMENT_MASKS[segment] as Uint32Array)[word] as number) & bits) !== 0);
}
