// What a port's traffic keeps of its rate while another port storms: with new flows, and with a tuple-space
// explosion, which makes as many masks as it can.

import { workloadRules } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { ThreadedSwitch } from "../../src/threaded-switch.ts";
import {
  established,
  exactSpec,
  place,
  QUIET,
  QUIET_PORT,
  quietRules,
  type Rate,
  rateOf,
  STORM_PORT,
  type StormOptions,
  startRig,
  stormRules,
  WINDOW,
} from "./rig.ts";

/** A port's rate beside a storm and without one. */
export interface Neighbour {
  readonly storm: "new flows" | "explosion";
  /** Established traffic on the other port, before and meanwhile. */
  readonly before: Rate;
  readonly meanwhile: Rate;
  /** By the PMD's processor time. */
  readonly keptShare: number;
  /** New flows, or attack packets, a second meanwhile. */
  readonly stormPerSecond: number;
  readonly masks: number;
  readonly megaflows: number;
  /** Upcalls lost meanwhile. */
  readonly lost: { readonly storm: number; readonly neighbour: number };
}

const PATIENCE_SECONDS = 60;

/** Established traffic alone, and while every packet of another port begins a flow. */
export async function measureBesideStorm(options: StormOptions): Promise<Neighbour> {
  const owner = startRig(options);
  try {
    const spec = exactSpec(options.flows);
    owner.addFlows(`${stormRules(spec, 1)}\n${quietRules(QUIET)}`);
    const trace = place(owner, spec);
    owner.addTrace(QUIET_PORT, place(owner, QUIET));
    await established(owner, PATIENCE_SECONDS);
    const before = await rateOf(owner, QUIET_PORT, options.seconds);
    const { counters } = owner.pmds[0]!.handler;
    const { installed, notInstalled } = counters;
    const lost = lossesOf(owner);
    const start = performance.now();
    owner.addTrace(STORM_PORT, trace, { rounds: 1, window: WINDOW });
    const answered = () => counters.installed - installed + counters.notInstalled - notInstalled;
    const ended = () => answered() >= options.flows;
    const meanwhile = await rateOf(owner, QUIET_PORT, PATIENCE_SECONDS, ended);
    const stormPerSecond = (answered() / (performance.now() - start)) * 1000;
    return { storm: "new flows", ...compared(before, meanwhile), stormPerSecond, ...endOf(owner, lost) };
  } finally {
    await owner.close();
  }
}

/**
 * Established traffic while another port sends as much as it can: first honest packets only, then with one
 * attack packet in ten among them.
 */
export async function measureBesideExplosion(options: StormOptions): Promise<Neighbour> {
  const attack = completeSpec(presets["explosion"] ?? {});
  const calm = await besideTrace(options, { ...attack, churn: 0 });
  const stormy = await besideTrace(options, attack);
  return {
    storm: "explosion",
    ...compared(calm.rate, stormy.rate),
    stormPerSecond: stormy.packetsPerSecond * attack.churn,
    ...stormy.end,
  };
}

async function besideTrace(options: StormOptions, spec: WorkloadSpec) {
  const owner = startRig(options);
  try {
    owner.addFlows(`${[...workloadRules(spec)].join("\n")}\n${quietRules(QUIET)}`);
    owner.addTrace(QUIET_PORT, place(owner, QUIET));
    await established(owner, PATIENCE_SECONDS);
    owner.addTrace(STORM_PORT, place(owner, spec));
    await rateOf(owner, QUIET_PORT, options.seconds);
    const lost = lossesOf(owner);
    const before = owner.portCounters(STORM_PORT).rxPackets;
    const start = performance.now();
    const rate = await rateOf(owner, QUIET_PORT, options.seconds);
    const packets = owner.portCounters(STORM_PORT).rxPackets - before;
    const packetsPerSecond = (packets / (performance.now() - start)) * 1000;
    return { rate, packetsPerSecond, end: endOf(owner, lost) };
  } finally {
    await owner.close();
  }
}

function compared(before: Rate, meanwhile: Rate) {
  return { before, meanwhile, keptShare: meanwhile.mppsAlone / before.mppsAlone };
}

function lossesOf(owner: ThreadedSwitch) {
  const lost = (port: OfPort) => owner.portCounters(port).upcallsLost;
  return { storm: lost(STORM_PORT), neighbour: lost(QUIET_PORT) };
}

function endOf(owner: ThreadedSwitch, before: Neighbour["lost"]) {
  const { masks, flows: megaflows } = owner.pmds[0]!.stats;
  const now = lossesOf(owner);
  const lost = { storm: now.storm - before.storm, neighbour: now.neighbour - before.neighbour };
  return { masks, megaflows, lost };
}
