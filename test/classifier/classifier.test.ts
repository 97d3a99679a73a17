// The classifier finds what a linear search finds, and the mask it reports is sound, in every
// combination of its optimisations, while rules come and go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FLOW_WORD_COUNT } from "../../src/openflow/flow-layout.ts";
import { compactMatch, expandMatch } from "../../src/openflow/match.ts";
import { Classifier } from "../../src/xlate/classifier/classifier.ts";
import { CLASSIFIER_DEFAULTS, type ClassifierOptions } from "../../src/xlate/classifier/options.ts";
import { linearLookup, type OracleRule } from "./linear-oracle.ts";
import { randomFlow, randomRule, seededRandom } from "./rule-sets.ts";

const OPTION_SETS: ClassifierOptions[] = Array.from({ length: 16 }, (_, bits) => ({
  prioritySorting: (bits & 1) !== 0,
  staged: (bits & 2) !== 0,
  tries: (bits & 4) !== 0,
  portTries: (bits & 8) !== 0,
}));

function sameRule(a: OracleRule, b: OracleRule): boolean {
  return (
    a.priority === b.priority &&
    a.match.mask.every((word, i) => word === b.match.mask[i]) &&
    a.match.words.every((word, i) => word === b.match.words[i])
  );
}

/** A flow that agrees with `flow` in the mask's bits and is as `other` elsewhere. */
function blend(flow: Uint32Array, other: Uint32Array, mask: Uint32Array): Uint32Array {
  return flow.map(
    (word, i) => ((word & (mask[i] as number)) | ((other[i] as number) & ~(mask[i] as number))) >>> 0,
  );
}

function checkSeed(seed: number, options: ClassifierOptions, conjunctive: boolean): void {
  const random = seededRandom(seed);
  const classifier = new Classifier<OracleRule>(options);
  const rules: OracleRule[] = [];
  for (let step = 0; step < 60; step++) {
    if (rules.length > 0 && random(4) === 0) {
      const [gone] = rules.splice(random(rules.length), 1);
      classifier.remove(gone as OracleRule);
    } else {
      const rule = randomRule(random, `r${step}`, conjunctive);
      if (!rules.some((other) => sameRule(other, rule))) {
        rules.push(rule);
        classifier.insert(rule, compactMatch(rule.match), 1);
      }
    }
    assert.equal(classifier.count, rules.length);
    const flow = randomFlow(random);
    const label = `seed ${seed} step ${step} ${JSON.stringify(options)}`;
    const mask = new Uint32Array(FLOW_WORD_COUNT);
    const found = classifier.lookup(flow, 1, mask);
    const expected = linearLookup(rules, flow);
    if (found === null) assert.equal(expected.size, 0, label);
    else assert.ok(expected.has(found.name), `${label}: ${found.name} not in ${[...expected]}`);
    assert.equal(classifier.lookup(flow, 1, null)?.priority, found?.priority, label);
    for (let i = 0; i < 4; i++) {
      const twin = blend(flow, randomFlow(random), mask);
      assert.equal(classifier.lookup(twin, 1, null)?.name, found?.name, `${label}: unsound mask`);
    }
  }
}

test("finds what a linear search finds, with a sound mask, whatever is switched off", () => {
  for (const options of OPTION_SETS) {
    for (let seed = 1; seed <= 15; seed++) checkSeed(seed, options, false);
  }
});

test("resolves conjunctions like a linear search, with a sound mask", () => {
  for (let seed = 1; seed <= 150; seed++) {
    checkSeed(seed * 7919, OPTION_SETS[seed % 16] as ClassifierOptions, true);
  }
});

test("optimisations only ever leave bits out", () => {
  const bits = (mask: Uint32Array) =>
    mask.reduce((sum, word) => sum + word.toString(2).replaceAll("0", "").length, 0);
  const totals = { plain: 0, all: 0 };
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const all = new Classifier<OracleRule>(CLASSIFIER_DEFAULTS);
    const plain = new Classifier<OracleRule>(OPTION_SETS[0] as ClassifierOptions);
    for (let i = 0; i < 40; i++) {
      const rule = randomRule(random, `r${i}`, false);
      if (all.findExact(compactMatch(rule.match), rule.priority, 1) !== null) continue;
      all.insert(rule, compactMatch(rule.match), 1);
      plain.insert({ ...rule, subtable: null, slot: -1 }, compactMatch(rule.match), 1);
    }
    for (let i = 0; i < 20; i++) {
      const flow = randomFlow(random);
      const wide = new Uint32Array(FLOW_WORD_COUNT);
      const narrow = new Uint32Array(FLOW_WORD_COUNT);
      assert.equal(all.lookup(flow, 1, wide)?.priority, plain.lookup(flow, 1, narrow)?.priority);
      for (let w = 0; w < FLOW_WORD_COUNT; w++) {
        assert.equal((wide[w] as number) & ~(narrow[w] as number), 0, `seed ${seed}`);
      }
      totals.all += bits(wide);
      totals.plain += bits(narrow);
    }
  }
  assert.ok(totals.all < totals.plain * 0.8, `${totals.all} of ${totals.plain} bits`);
});

test("a bundle of changes appears at once, in its version", () => {
  const random = seededRandom(99);
  const classifier = new Classifier<OracleRule>();
  const old = randomRule(random, "old", false);
  const young: OracleRule = { ...old, name: "young", subtable: null, slot: -1 };
  classifier.insert(old, compactMatch(old.match), 1);
  classifier.hide(old, 2);
  classifier.insert(young, compactMatch(young.match), 2);
  assert.equal(classifier.lookup(old.match.words.slice(), 1, null)?.name, "old");
  assert.equal(classifier.lookup(old.match.words.slice(), 2, null)?.name, "young");
  assert.equal(classifier.findExact(compactMatch(old.match), old.priority, 2)?.name, "young");
  classifier.remove(old);
  assert.equal(classifier.lookup(old.match.words.slice(), 2, null)?.name, "young");
  classifier.remove(young);
  assert.equal(classifier.count, 0);
  assert.equal(classifier.maskCount, 0);
});

test("selects rules strictly, non-strictly and by overlap", () => {
  const random = seededRandom(5);
  const classifier = new Classifier<OracleRule>();
  const rules: OracleRule[] = [];
  for (let i = 0; i < 60; i++) {
    const rule = randomRule(random, `r${i}`, false);
    if (classifier.findExact(compactMatch(rule.match), rule.priority, 1) !== null) continue;
    rules.push(rule);
    classifier.insert(rule, compactMatch(rule.match), 1);
  }
  for (const target of rules) {
    assert.equal(classifier.findExact(compactMatch(target.match), target.priority, 1), target);
    assert.deepEqual(expandMatch(classifier.matchOf(target)), target.match);
    const { words, mask } = target.match;
    const loose = rules.filter(
      (rule) =>
        mask.every((bits, i) => (bits & ~(rule.match.mask[i] as number)) === 0) &&
        words.every((word, i) => ((word ^ (rule.match.words[i] as number)) & (mask[i] as number)) === 0),
    );
    const seen: OracleRule[] = [];
    classifier.forEach(1, (rule) => seen.push(rule), target.match);
    assert.deepEqual(new Set(seen), new Set(loose));
    const overlapping = rules.some(
      (rule) =>
        rule.priority === target.priority &&
        words.every(
          (word, i) =>
            ((word ^ (rule.match.words[i] as number)) &
              (mask[i] as number) &
              (rule.match.mask[i] as number)) ===
            0,
        ),
    );
    assert.equal(
      classifier.findOverlap(compactMatch(target.match), target.priority, 1) !== null,
      overlapping,
    );
  }
});
