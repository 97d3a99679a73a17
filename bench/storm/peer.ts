// Open vSwitch's own flow set-up for the same workload: its PMD is offered the trace round and round as fast
// as it can take it, and we look how many megaflows there are, and when.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeWorkload } from "../../src/bench/workload/generate.ts";
import { ovsConfigurations } from "../peers/configurations.ts";
import { HugePages } from "../peers/huge-pages.ts";
import { DEBIAN_VSWITCHD, OvsDpdk, ovsDpdkMissing, pagesNeeded } from "../peers/ovs-dpdk.ts";
import { exactSpec, type StormOptions, stormRules } from "./rig.ts";

/** Open vSwitch's figure. */
export interface PeerSetUp {
  readonly version: string;
  readonly tables: number;
  /** Megaflows at the end, of as many as there are connections. */
  readonly flows: number;
  readonly wanted: number;
  /** Megaflows a second, from the start of the traffic until nine tenths of the last count were there. */
  readonly flowsPerSecond: number;
}

const LOOK_MS = 50;
/** When the number of megaflows has not grown for so long, no more come. */
const QUIET_MS = 3000;
const LONGEST_MS = 40_000;

/** Measures it; undefined, and a line in the log, where it does not run. */
export async function measurePeerSetUp(
  options: StormOptions,
  tables: number,
): Promise<PeerSetUp | undefined> {
  const missing = ovsDpdkMissing();
  if (missing !== undefined) {
    options.log(`no Open vSwitch: ${missing}`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "megaflow-storm-"));
  try {
    const spec = exactSpec(options.flows);
    const files = writeWorkload(spec, folder, "storm");
    writeFileSync(files.flows, stormRules(spec, tables));
    using _pages = HugePages.reserve(pagesNeeded(files.packets));
    const [configuration] = ovsConfigurations;
    await using ovs = await OvsDpdk.start(
      { ...files, ports: 2 },
      configuration!,
      options.pmdCore,
      DEBIAN_VSWITCHD,
    );
    return { version: await ovs.version(), tables, wanted: options.flows, ...(await watch(ovs)) };
  } catch (error) {
    options.log(`Open vSwitch: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function watch(ovs: OvsDpdk): Promise<Pick<PeerSetUp, "flows" | "flowsPerSecond">> {
  const start = performance.now();
  const seen: [ms: number, flows: number][] = [[0, 0]];
  let grownMs = 0;
  for (let ms = 0; ms < LONGEST_MS && ms - grownMs < QUIET_MS; ms = performance.now() - start) {
    const flows = await ovs.megaflowCount();
    const at = performance.now() - start;
    if (flows > seen[seen.length - 1]![1]) grownMs = at;
    seen.push([at, flows]);
    await sleep(LOOK_MS);
  }
  const most = seen.reduce((max, [, flows]) => Math.max(max, flows), 0);
  const [ms, flows] = seen.find((one) => one[1] >= most * 0.9) ?? [1, 0];
  return { flows: most, flowsPerSecond: (flows / Math.max(1, ms)) * 1000 };
}
