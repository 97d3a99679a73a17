// Rule changes between any two steps of the PMD and the controller: no packet is sent by a mixture of rule sets, none by
// one that was settled away before it came or that never was, and every rule has counted just the packets that carry
// its mark.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleRemoval } from "../../src/xlate/changes.ts";
import type { TableRule } from "../../src/xlate/table-rule.ts";
import { assertAccounted } from "../support/accounting.ts";
import { MarkedRules, type MarkedVersion } from "../support/marked-rules.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { testSeed } from "../support/seed.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { SteppedSwitch } from "../support/stepped-switch.ts";

const CASES = Number(process.env["MEGAFLOW_CASES"] ?? 14);
const STEPS = 400;
const UDP_PAYLOAD = 14 + 20 + 8;
const base = testSeed;
/** A rule goes while a megaflow is being changed to it, which the PMD answers for once the change is taken in. */
const FOUND = [16_136];

/** A packet under way. */
interface Sent {
  readonly source: number;
  readonly tpSrc: number;
  readonly inPort: number;
  /** The rules that had settled when it came. */
  readonly settled: MarkedVersion;
}

/** One random run; see the head of the file. */
class Interleaving {
  readonly #random: SeededRandom;
  readonly #seed: number;
  readonly #rules: MarkedRules;
  readonly #sw: SteppedSwitch;
  readonly #packets: Sent[] = [];
  /** Place of the last packet of every connection. */
  readonly #last = new Map<string, number>();
  /** Packets that every rule has counted, and that carry its mark. */
  readonly #counted = new Map<string, number>();
  readonly #marked = new Map<string, number>();
  #settled: MarkedVersion;

  constructor(seed: number) {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#rules = new MarkedRules(random);
    const ruleRemoved = ({ rule, reason }: RuleRemoval): void => {
      if (reason !== "replaced") this.#count(rule);
    };
    this.#sw = new SteppedSwitch(
      {
        frames: 16_384,
        batch: random.int(1, 32),
        "microflow.entries": random.pick([0, 64, 8192]),
        flowLimit: random.pick([8, 60, 200_000]),
        maskLimit: random.pick([3, 1024]),
      },
      { ruleRemoved },
    );
    this.#rules.start(this.#sw);
    this.#sw.settle();
    this.#settled = this.#rules.current;
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) this.#step();
    this.#sw.settle();
    this.#take();
    assert.equal(this.#seen, this.#packets.length, `seed ${this.#seed}: packets that came out`);
    this.#sw.creditRules();
    this.#sw.bridge.forEachRule((rule) => this.#count(rule));
    assert.deepEqual(
      sorted(this.#counted),
      sorted(this.#marked),
      `seed ${this.#seed}: packets of every rule`,
    );
    assertAccounted(this.#sw, this.#sw.received);
  }

  #step(): void {
    const random = this.#random;
    const sw = this.#sw;
    random.weighted<() => void>([
      [30, () => this.#put(random.int(1, 30))],
      [30, () => sw.poll(random.int(1, 3))],
      [25, () => sw.answer(random.int(1, 12))],
      [25, () => sw.turnRevalidator(random.int(1, 12))],
      [12, () => this.#rules.change(sw)],
      [3, () => sw.creditRules()],
      [3, () => this.#removeSome()],
      [1, () => sw.flushMegaflows()],
      [2, () => sw.settle()],
    ])();
    if (!sw.revalidatorStats().revalidating) this.#settled = this.#rules.current;
    this.#take();
  }

  #put(count: number): void {
    const random = this.#random;
    for (let i = 0; i < count; i++) {
      const [source, tpSrc, inPort] = [random.int(0, 31), random.int(1, 4), random.int(1, 3)];
      const told = Buffer.alloc(18);
      told.writeUInt32BE(this.#packets.length);
      const bytes = packet(ethernet(), ipv4({ src: `10.0.0.${source}` }), udp({ src: tpSrc, dst: 9 }), told);
      if (this.#sw.put(inPort, bytes)) this.#packets.push({ source, tpSrc, inPort, settled: this.#settled });
    }
  }

  #removeSome(): void {
    for (const ukey of this.#sw.megaflows()) if (this.#random.chance(50)) this.#sw.pmd.handler.remove(ukey);
  }

  #seen = 0;

  #take(): void {
    for (const { port, bytes } of this.#sw.takeSent()) {
      this.#seen++;
      const frame = Buffer.from(bytes);
      const number = frame.readUInt32BE(UDP_PAYLOAD);
      const sent = this.#packets[number]!;
      const where = `seed ${this.#seed}, packet ${number} (${JSON.stringify({ ...sent, settled: sent.settled.number })})`;
      const marks = [frame.readUInt32BE(2), frame.readUInt32BE(8)];
      const { inPort } = sent;
      const possible = this.#rules.since(sent.settled).some((version) => {
        const expected = version.path(sent.source, sent.tpSrc, sent.inPort);
        return expected.marks.join() === marks.join() && expected.port === port;
      });
      assert.ok(possible, `${where} went to ${port} by ${marks.map((mark) => this.#rules.tell(mark))}`);
      for (const mark of marks) {
        const name = this.#rules.nameOf(mark);
        this.#marked.set(name, (this.#marked.get(name) ?? 0) + 1);
      }
      const connection = `${inPort}/${sent.source}/${sent.tpSrc}`;
      assert.ok(number > (this.#last.get(connection) ?? -1), `${where} was overtaken`);
      this.#last.set(connection, number);
    }
  }

  #count(rule: TableRule): void {
    const name = `rule ${rule.cookie}`;
    this.#counted.set(name, (this.#counted.get(name) ?? 0) + rule.packets);
  }
}

function sorted(counts: ReadonlyMap<string, number>): unknown {
  return [...counts].filter(([, packets]) => packets > 0).sort();
}

test(`no packet goes by rules that are not there, and every rule counts its own (seed ${base})`, () => {
  for (const seed of FOUND) new Interleaving(seed).run();
  for (let i = 0; i < CASES; i++) new Interleaving(base + i).run();
});
