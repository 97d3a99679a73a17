// Traffic of which every packet needs a megaflow of its own, and the one rule that makes it so: it reads addresses and ports.
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";

/** What the masks of megaflows have: addresses and ports of this kind. */
export type MemoryKind = "IPv4" | "IPv6";

/** Kinds, with the most bytes of linear memory that a megaflow of it may take. */
export const memoryKinds: readonly { readonly kind: MemoryKind; readonly limit: number }[] = [
  { kind: "IPv4", limit: 192 },
  { kind: "IPv6", limit: 320 },
];

const ports = "move:NXM_OF_UDP_SRC[]->NXM_NX_REG12[0..15],move:NXM_OF_UDP_DST[]->NXM_NX_REG12[16..31]";
const addresses: Record<MemoryKind, string> = {
  IPv4: "move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_IP_DST[]->NXM_NX_REG1[]",
  IPv6: "move:NXM_NX_IPV6_SRC[]->NXM_NX_XXREG0[],move:NXM_NX_IPV6_DST[]->NXM_NX_XXREG1[]",
};

/** As many connections as megaflows are wanted, a packet each; and the rule. */
export function memoryTraffic(
  kind: MemoryKind,
  megaflows: number,
): { readonly spec: WorkloadSpec; readonly rules: string } {
  const spec = completeSpec({
    scheme: "port",
    flows: megaflows,
    packets: megaflows,
    mix: [[kind === "IPv4" ? "udp" : "udp6", 1]],
  });
  const match = kind === "IPv4" ? "udp" : "udp6";
  return { spec, rules: `${match} actions=${addresses[kind]},${ports},output:2` };
}
