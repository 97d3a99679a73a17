// The standard set: what every release is measured with, on both sides where the other side can do it.
import type { ProfileName } from "../../src/config/profiles.ts";
import type { OvsConfiguration } from "../peers/configurations.ts";

/** One row of the standard table. */
export interface StandardCase {
  readonly name: string;
  /** Name of the workload (src/bench/workload/presets.ts). */
  readonly workload: string;
  readonly profile: ProfileName;
  /** `--set` of our side. */
  readonly settings: readonly string[];
  readonly fifo: boolean;
  /** Configurations of Open vSwitch that compete; none where it has no such thing. */
  readonly peers: readonly OvsConfiguration["name"][];
  /** Whether the C twin runs. */
  readonly twin: boolean;
}

const all = ["emc-100", "emc-1", "smc", "classifier"] as const;

function plain(workload: string): StandardCase {
  return { name: workload, workload, profile: "default", settings: [], fifo: false, peers: all, twin: true };
}

function kernel(entries: string): StandardCase {
  const settings = [`maskCache.entries=${entries}`];
  const name = `f100k-m64, kernel ${entries}`;
  return { ...plain("f100k-m64"), name, profile: "kernel", settings, peers: ["classifier"] };
}

/** Every case, in the order of the table. */
export const standardCases: readonly StandardCase[] = [
  ...[
    "f1-m1",
    "f1k-port",
    "f1k-m1",
    "f8k-m1",
    "f100k-m1",
    "f1m-m1",
    "f1k-m16",
    "f10k-m16",
    "f100k-m16",
    "f100k-m16-zipf",
    "f1k-m64",
    "f100k-m64",
    "f100k-m128",
    "f100k-exact",
  ].map(plain),
  {
    ...plain("f100k-m512"),
    name: "f100k-m512, no microflow cache",
    settings: ["microflow.entries=0"],
    peers: ["classifier", "smc"],
  },
  {
    ...plain("f100k-m512"),
    name: "f100k-m512, no microflow or mask cache",
    settings: ["microflow.entries=0", "maskCache.entries=0"],
    peers: ["classifier", "smc"],
  },
  ...["mixed", "set-mac-ttl", "push-vlan", "multicast", "imix"].map(plain),
  ...["256", "64k", "1M"].map(kernel),
  { ...plain("f1k-m1"), name: "f1k-m1, 4k frames LIFO", settings: ["frames=4096"], peers: [], twin: false },
  {
    ...plain("f1k-m1"),
    name: "f1k-m1, 4k frames FIFO",
    settings: ["frames=4096"],
    fifo: true,
    peers: [],
    twin: false,
  },
];

/** Workloads whose extraction alone is measured. */
export const extractionWorkloads: readonly { readonly title: string; readonly workload: string }[] = [
  { title: "IPv4 UDP", workload: "f1k-m1" },
  { title: "IPv6 UDP", workload: "ipv6-udp" },
  { title: "QinQ IPv4 UDP", workload: "qinq" },
  { title: "IPv6 with extension headers", workload: "extension-headers" },
];
