// The verdict of --compare on recorded shapes of noise, made from seeds: a machine that changes its speed, shares its cores and has luck of its
// own is not mistaken for the build, and a build slowed by 10 % is found beneath all of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { verdictLine } from "../../src/bench/report/views.ts";
import type { BenchResult, Window } from "../../src/bench/result.ts";
import { compareResults, type Verdict } from "../../src/bench/verdict.ts";
import { Random } from "../../src/bench/workload/random.ts";
import { yardstickWindow } from "../../src/bench/yardstick-window.ts";

/** A machine as it is during one result. */
interface Machine {
  /** Cycles of a block of the yardstick on an idle neighbourhood; differs by frequency. */
  readonly block: number;
  /** Share of the windows that a neighbour on the same physical core slows. */
  readonly contended: number;
  /** Share of the core that the PMD has. */
  readonly running: number;
}

const quiet: Machine = { block: 18.6, contended: 0, running: 1 };
const SEEDS = 300;

/** A result of `runs` runs of ten windows, of a build that takes `cost` blocks a packet. */
function result(cost: number, machine: Machine, seed: number, runs = 6): BenchResult {
  const random = new Random(seed, "verdict");
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
  const windows = Array.from({ length: runs }, () => {
    const luck = 1 + 0.01 * normal();
    return Array.from({ length: 10 }, (): Window => {
      const slowed = random.unit() < machine.contended ? 1.35 + 0.25 * random.unit() : 1;
      const block = machine.block * slowed * (1 + 0.003 * normal());
      // A slowed core does not slow both by quite the same.
      const packet = cost * luck * machine.block * slowed ** (1 + 0.05 * normal()) * (1 + 0.008 * normal());
      const running = Math.min(1, Math.max(0.1, machine.running * (1 + 0.1 * normal())));
      const readings = 1 + Math.round(12 * running * random.unit());
      // The packet source comes on top, and waits for caches that neighbours use.
      const source = 8 + 8 * random.unit();
      const yardstick = { block, packet: packet + source, source, cost: packet / block, readings };
      return { mpps: (2600 / (packet + source)) * running, running, yardstick };
    });
  });
  return { yardstick: "one", windows } as unknown as BenchResult;
}

/** Verdicts by seed, of builds whose costs are these on such machines. */
function verdicts(costs: [number, number], machines: [Machine, Machine]): Verdict["verdict"][] {
  return Array.from({ length: SEEDS }, (_, seed) => {
    const before = result(costs[0], machines[0], seed + 1);
    return compareResults(before, result(costs[1], machines[1], seed + 10_001)).verdict;
  });
}

function share(all: readonly Verdict["verdict"][], which: Verdict["verdict"]): number {
  return all.filter((one) => one === which).length / all.length;
}

const pairs: Record<string, [Machine, Machine]> = {
  "a quiet machine": [quiet, quiet],
  "a machine that has become 15 % slower": [quiet, { ...quiet, block: 18.6 * 1.02, contended: 0.3 }],
  "a machine whose neighbour has left": [{ ...quiet, contended: 0.6 }, quiet],
  "a machine shared half the time in both": [
    { ...quiet, contended: 0.5 },
    { ...quiet, contended: 0.5 },
  ],
};

for (const [name, machines] of Object.entries(pairs)) {
  test(`on ${name} the same build is the same, and 10 % are found`, () => {
    const same = verdicts([4.3, 4.3], machines);
    assert.equal(share(same, "slower") + share(same, "faster"), 0);
    assert.ok(share(same, "no difference") > 0.9, `${share(same, "no difference")} decided`);
    const slowed = verdicts([4.3, 4.73], machines);
    assert.equal(share(slowed, "faster") + share(slowed, "no difference"), 0);
    assert.ok(share(slowed, "slower") > 0.95, `${share(slowed, "slower")} found`);
    const hastened = verdicts([4.73, 4.3], machines);
    assert.ok(share(hastened, "faster") > 0.95, `${share(hastened, "faster")} found`);
  });
}

test("where one result had a neighbour all the time, or its core was shared, nothing false is said", () => {
  const troubled: Machine[] = [
    { ...quiet, contended: 1 },
    { ...quiet, contended: 0.5, running: 0.3 },
  ];
  for (const machine of troubled) {
    const same = verdicts([4.3, 4.3], [quiet, machine]);
    assert.equal(share(same, "slower") + share(same, "faster"), 0);
    const slowed = verdicts([4.3, 4.73], [quiet, machine]);
    assert.equal(share(slowed, "no difference") + share(slowed, "faster"), 0);
  }
});

test("by the clock alone, the slower machine is taken for a slower build: that is what the yardstick is for", () => {
  const before = result(4.3, quiet, 1);
  const later = result(4.3, { ...quiet, block: 20.5 }, 2);
  const other = { ...later, yardstick: "another" };
  const blind = compareResults(before, other);
  assert.deepEqual([blind.basis, blind.verdict], ["clock", "slower"]);
  assert.match(
    verdictLine("x", blind),
    /^x: slower \(-[789]\.\d %, .*without a yardstick: a machine that changed its speed/,
  );
  const seeing = compareResults(before, later);
  assert.deepEqual([seeing.basis, seeing.verdict], ["yardstick", "no difference"]);
  assert.match(
    verdictLine("x", seeing),
    /^x: no difference .*by the yardstick, to which the machine was 10 % slower/,
  );
  assert.ok(Math.abs(seeing.machineSlower - (20.5 / 18.6 - 1)) < 0.01);
});

test("results from before the yardstick are compared by their rates", () => {
  const old = ({ windows }: BenchResult): BenchResult =>
    ({
      windows: windows.map((run) => run.map(({ mpps, running }) => ({ mpps, running }))),
    }) as unknown as BenchResult;
  const before = old(result(4.3, quiet, 1));
  assert.equal(compareResults(before, old(result(4.73, quiet, 2))).verdict, "slower");
  assert.equal(compareResults(before, result(4.3, quiet, 3)).basis, "clock");
});

test("windows with few steady moments weigh little", () => {
  const before = result(4.3, quiet, 1);
  const after = result(4.3, quiet, 2);
  const windows = after.windows.map((run) =>
    run.map((window, i) => {
      const { block, packet, source, cost } = window.yardstick!;
      const wild = { block, packet: packet * 2, source, cost: cost * 2, readings: 1 };
      return i < 4
        ? { ...window, yardstick: wild }
        : { ...window, yardstick: { ...window.yardstick!, readings: 12 } };
    }),
  );
  assert.equal(compareResults(before, { ...after, windows }).verdict, "no difference");
});

test("a window counts the readings between which the machine kept its speed, and takes the machine out", () => {
  const readings = [20, 20, 20, 30, 30].map((block, i) => ({
    end: i,
    block,
    packet: block * 4 + i,
    source: i,
  }));
  const expected = { block: 20, packet: 82, source: 2, cost: 4, readings: 3 };
  assert.deepEqual(yardstickWindow([readings]), expected);
  assert.equal(yardstickWindow([[{ end: 1, block: 20, packet: 80, source: 0 }]]), undefined);
  assert.equal(yardstickWindow([]), undefined);
});
