// Flow set-up: how many new flows a second are translated and installed when every packet begins one, in a
// closed loop; and what a megaflow costs the controller in memory.
import type { HistogramReport } from "../../src/upcall/histogram.ts";
import {
  exactSpec,
  place,
  SpentTime,
  STORM_PORT,
  type StormOptions,
  startRig,
  stormRules,
  until,
  WINDOW,
} from "./rig.ts";
import { measureRuleChanges, type RuleChanges } from "./rule-changes.ts";

/** What one storm of new flows took. */
export interface SetUp {
  readonly tables: number;
  readonly flows: number;
  /** Flows installed a second, from the first packet to the last reply. */
  readonly flowsPerSecond: number;
  readonly lost: number;
  readonly translations: number;
  /** Bytes of the controller's heap and buffers a megaflow; NaN where nothing collects garbage on demand. */
  readonly bytesPerFlow: number;
  /** The same, had the controller had its core to itself: by its processor time. */
  readonly flowsPerSecondAlone: number;
  /** Microseconds of processor time a new flow: the controller's, and the PMD's busy polling included. */
  readonly controllerUs: number;
  readonly pmdUs: number;
  readonly queueing: HistogramReport;
  readonly translation: HistogramReport;
  readonly installation: HistogramReport;
  /** What changing rules costs with all these flows installed; only where it was asked for. */
  readonly changes: RuleChanges | null;
}

const PATIENCE_SECONDS = 120;

/** Measures a storm of `options.flows` new flows through `tables` tables. */
export async function measureSetUp(
  options: StormOptions,
  tables: number,
  withChanges: boolean,
): Promise<SetUp> {
  const { flows } = options;
  const owner = startRig(options);
  try {
    const spec = exactSpec(flows);
    owner.addFlows(stormRules(spec, tables));
    const trace = place(owner, spec);
    await settle();
    const heldBefore = heldBytes();
    const time = new SpentTime();
    owner.addTrace(STORM_PORT, trace, { rounds: 1, window: WINDOW });
    const done = (): boolean => {
      const { installed, notInstalled } = owner.pmds[0]!.handler.counters;
      return installed + notInstalled >= flows;
    };
    await until(`${flows} flows`, PATIENCE_SECONDS, done);
    const { ms, controllerMs, pmdMs } = time.spent;
    const stats = owner.upcallStats();
    const installed = owner.pmds[0]!.stats.flows;
    await settle();
    const bytesPerFlow = (heldBytes() - heldBefore) / installed;
    const { translations, queueing, translation, installation } = stats;
    return {
      tables,
      flows: installed,
      flowsPerSecond: (installed / ms) * 1000,
      flowsPerSecondAlone: (installed / controllerMs) * 1000,
      lost: owner.portCounters(STORM_PORT).upcallsLost,
      translations,
      bytesPerFlow,
      controllerUs: (controllerMs / installed) * 1000,
      pmdUs: (pmdMs / installed) * 1000,
      queueing,
      translation,
      installation,
      changes: withChanges ? await measureRuleChanges(owner, options.seconds) : null,
    };
  } finally {
    await owner.close();
  }
}

/** What a job made is only garbage once the job is over. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

function heldBytes(): number {
  if (globalThis.gc === undefined) return Number.NaN;
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
