// The steps of a translation as a tree, as Open vSwitch's ofproto/trace keeps and prints them.

/** What a step is; decides how it is printed. */
export type TraceKind = "bridge" | "table" | "thaw" | "action" | "bucket" | "detail" | "warn" | "error";

/** One step with what happened inside it. */
export interface TraceNode {
  readonly kind: TraceKind;
  readonly text: string;
  readonly children: TraceNode[];
}
