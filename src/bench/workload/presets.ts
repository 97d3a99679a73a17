// The workloads that have names: the standard set's, and a few for experiments.
import type { WorkloadSpec } from "./spec.ts";

/** Packets of a trace: over 100,000, so that no branch predictor learns it. */
const LONG = 131072;
const MILLION = 1_048_576;

/** Workloads by name; what a preset leaves out is the default (`defaultSpec`). */
export const presets: Readonly<Record<string, Partial<WorkloadSpec>>> = {
  "f1-m1": { flows: 1 },
  "f1k-m1": { flows: 1000 },
  "f1k-port": { flows: 1000, scheme: "port" },
  "f8k-m1": { flows: 8000 },
  "f100k-m1": { flows: 100_000 },
  "f1m-m1": { flows: 1_000_000, packets: MILLION },
  "f1k-m16": { flows: 1000, masks: 16 },
  "f10k-m16": { flows: 10_000, masks: 16 },
  "f100k-m16": { flows: 100_000, masks: 16 },
  "f100k-m16-zipf": { flows: 100_000, masks: 16, zipf: 1.1 },
  "f1k-m64": { flows: 1000, masks: 64 },
  "f100k-m64": { flows: 100_000, masks: 64 },
  "f100k-m128": { flows: 100_000, masks: 128 },
  "f100k-exact": { flows: 100_000, scheme: "exact" },
  "f100k-m512": { flows: 100_000, masks: 512 },
  mixed: {
    flows: 10_000,
    mix: [
      ["udp", 3],
      ["tcp", 3],
      ["udp6", 1],
      ["tcp6", 1],
      ["vlan-udp", 1],
      ["vlan-tcp", 1],
    ],
  },
  "set-mac-ttl": { flows: 1000, action: "set-mac-ttl" },
  "push-vlan": { flows: 1000, action: "push-vlan" },
  multicast: { flows: 1000, action: "multicast" },
  imix: { flows: 1000, size: "imix", packets: LONG },
  "ipv6-udp": { flows: 1000, mix: [["udp6", 1]] },
  qinq: { flows: 1000, mix: [["qinq-udp", 1]] },
  "extension-headers": { flows: 1000, mix: [["exthdr-udp6", 1]] },
  churn: { flows: 10_000, masks: 16, churn: 0.01 },
  acl: { flows: 10_000, scheme: "acl", zipf: 1 },
  firewall: { flows: 10_000, scheme: "fw", zipf: 1 },
  "ip-chain": { flows: 10_000, scheme: "ipc", zipf: 1 },
  scan: { flows: 1000, scheme: "scan", churn: 0.5 },
  explosion: { flows: 1000, scheme: "explosion", churn: 0.1 },
};
