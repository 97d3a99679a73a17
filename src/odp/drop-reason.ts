// The names of drop reasons, as reports, JSON and metrics print them.

import { DropReason } from "../../assembly/layout/stat.ts";

const names: Readonly<Record<Exclude<DropReason, DropReason.COUNT>, string>> = {
  [DropReason.NONE]: "none",
  [DropReason.NO_RULE]: "no rule",
  [DropReason.POLICY]: "policy",
  [DropReason.UPCALL_LOST]: "upcall lost",
  [DropReason.OVERSIZE]: "oversize",
  [DropReason.NO_FRAME]: "no frame",
  [DropReason.NO_PORT]: "no port",
  [DropReason.TXQ_FULL]: "txq full",
  [DropReason.RECIRC_DEPTH]: "recirc depth",
  [DropReason.RECIRC_UNKNOWN]: "recirc unknown",
  [DropReason.RESUBMIT_DEPTH]: "resubmit depth",
  [DropReason.RESUBMIT_LIMIT]: "resubmit limit",
  [DropReason.STACK_LIMIT]: "stack limit",
  [DropReason.MPLS_DEPTH]: "mpls depth",
  [DropReason.TTL]: "ttl",
  [DropReason.METER]: "meter",
  [DropReason.ACTION]: "action",
  [DropReason.RUNT]: "runt",
  [DropReason.PORT_DOWN]: "port down",
  [DropReason.GROUP]: "group",
  [DropReason.NORMAL]: "normal",
  [DropReason.RXQ_FULL]: "rxq full",
  [DropReason.MTU]: "mtu",
  [DropReason.PMD_LOST]: "pmd lost",
};

/** Returns the printed name of a reason: lower-case words, stable. */
export function dropReasonName(reason: DropReason): string {
  return names[reason as Exclude<DropReason, DropReason.COUNT>] ?? `reason ${reason}`;
}

/** Returns the reason that a printed name stands for, or undefined. */
export function dropReasonFromName(name: string): DropReason | undefined {
  for (const [reason, text] of Object.entries(names)) {
    if (text === name) return Number(reason) as DropReason;
  }
  return undefined;
}

/** Every name, in the order of the enum, `none` included. */
export function dropReasonNames(): string[] {
  return Object.values(names);
}
