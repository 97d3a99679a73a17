// Node, the native addon, and the memory that WebAssembly reserves.

import { existsSync } from "node:fs";
import { loadNative } from "../native.ts";
import { projectFile } from "../project.ts";
import type { Finding } from "./finding.ts";

const NODE_MIN = 20;
/** Pages of 64 KiB that a switch reserves at its start. */
const RESERVED_PAGES = 65_536;

/** Findings about what runs. */
export function softwareFindings(): Finding[] {
  return [node(), system(), addon(), datapath(), linearMemory()];
}

function node(): Finding {
  const common = { area: "software", topic: "Node" } as const;
  const found = `${process.version}, V8 ${process.versions.v8}`;
  if (Number(process.versions.node.split(".")[0]) >= NODE_MIN) return { ...common, state: "ok", found };
  return {
    ...common,
    state: "problem",
    found,
    meaning: `Megaflow needs Node ${NODE_MIN} or later.`,
    remedies: [`sudo npx n ${NODE_MIN}`],
  };
}

function system(): Finding {
  const common = { area: "software", topic: "system" } as const;
  const found = `${process.platform}, ${process.arch}`;
  if (process.platform === "linux") return { ...common, state: "ok", found };
  return {
    ...common,
    state: "note",
    found,
    meaning: "Real interfaces need Linux; replay, trace and bench work here.",
  };
}

function addon(): Finding {
  const common = { area: "software", topic: "native addon" } as const;
  const loaded = loadNative();
  if (loaded.addon !== undefined) return { ...common, state: "ok", found: loaded.path };
  return {
    ...common,
    state: "problem",
    found: "none",
    meaning: `${loaded.reason}. Without it there is no port to a real interface, and PMDs are not pinned to cores.`,
    remedies: ["sudo apt-get install -y g++ make python3 && npm rebuild megaflow"],
  };
}

function datapath(): Finding {
  const { MEGAFLOW_DATAPATH: chosen } = process.env;
  const path = chosen ?? projectFile("build/datapath.wasm");
  const common = { area: "software", topic: "datapath", found: path } as const;
  if (existsSync(path)) return { ...common, state: "ok" };
  return {
    ...common,
    state: "problem",
    meaning: "The compiled datapath is not there.",
    remedies: ["npm run build:wasm"],
  };
}

function linearMemory(): Finding {
  const common = { area: "software", topic: "linear memory" } as const;
  try {
    new WebAssembly.Memory({ initial: RESERVED_PAGES, maximum: RESERVED_PAGES, shared: true });
    return { ...common, state: "ok", found: "4 GiB of addresses can be reserved" };
  } catch (error) {
    return {
      ...common,
      state: "problem",
      found: error instanceof Error ? error.message : String(error),
      meaning: "A switch reserves 4 GiB of addresses at its start; what it does not touch takes no memory.",
      remedies: ["ulimit -v unlimited", "sudo sysctl vm.overcommit_memory=0  # when it is 2"],
    };
  }
}
