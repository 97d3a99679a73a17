// What a megaflow takes of linear memory: its record, its places in the two tables, its share of programs.
import { TABLE_BUCKET_SIZE, TABLE_MASK } from "../../assembly/layout/hash-table.ts";
import { PMD_FLOW_TABLE, PMD_UFID_TABLE, RegionId } from "../../assembly/layout/pmd.ts";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { type MemoryKind, memoryTraffic } from "./kinds.ts";

/** Bytes of linear memory for `megaflows` of a kind. */
export interface LinearUse {
  readonly kind: MemoryKind;
  readonly megaflows: number;
  /** 16-byte lanes of the mask. */
  readonly lanes: number;
  /** Slabs of records and programs, whole granules of 2 MiB. */
  readonly recordBytes: number;
  readonly tableBytes: number;
  readonly bytesPerMegaflow: number;
}

/** Packets that are settled together. */
const BURST = 256;

/** Installs them as every megaflow is installed, by a packet that missed, and looks at what was given out. */
export async function measureLinear(kind: MemoryKind, megaflows: number): Promise<LinearUse> {
  const { spec, rules } = memoryTraffic(kind, megaflows);
  const owner = new InlineSwitch({ settings: { ...defaultSettings, flowLimit: megaflows }, seed: 1n });
  try {
    for (const number of [1, 2]) {
      owner.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
    }
    owner.addFlows(rules);
    const { layout } = owner.pmds[0]!;
    const owned = () => layout.owned.reduce((sum, region) => sum + region.size, 0);
    const tables = () =>
      [PMD_FLOW_TABLE, PMD_UFID_TABLE].reduce((sum, descriptor) => {
        const buckets = owner.memory.u32[(layout.control + descriptor + TABLE_MASK) / 4]! + 1;
        return sum + buckets * TABLE_BUCKET_SIZE;
      }, 0);
    const firstTables = layout.regions.get(RegionId.FLOW_TABLE)!.size * 2;
    const before = owned();
    const frames = FrameStore.ofWorkload(spec);
    for (let first = 0; first < frames.count; first += BURST) {
      const count = Math.min(BURST, frames.count - first);
      owner.sendBurst(
        Array.from({ length: count }, (_, i) => ({ port: 1 as OfPort, bytes: frames.packet(first + i) })),
      );
    }
    const installed = owner.pmds[0]!.stats.flows;
    if (installed !== megaflows) throw new Error(`${kind}: ${installed} megaflows instead of ${megaflows}`);
    const tableBytes = tables();
    const recordBytes = owned() - before + firstTables - tableBytes;
    const { lanes } = owner.megaflows()[0]!;
    const bytesPerMegaflow = (recordBytes + tableBytes) / megaflows;
    return { kind, megaflows, lanes: lanes.length, recordBytes, tableBytes, bytesPerMegaflow };
  } finally {
    await owner.close();
  }
}
