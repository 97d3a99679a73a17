// The settings table: what is taken, what is refused and how the refusal reads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCount, parseCount, parseDuration } from "../../../../src/config/number.ts";
import {
  findProfile,
  parseAssignments,
  profileNames,
  resolveSettings,
} from "../../../../src/config/profiles.ts";
import {
  defaultSettings,
  parseAssignment,
  parseSetting,
  settingKeys,
  settingRange,
  settingSpec,
} from "../../../../src/config/settings.ts";

test("the keys are those that scripts rely on", () => {
  assert.deepEqual([...settingKeys].sort(), [
    "batch",
    "conformance",
    "flowLimit",
    "frames",
    "maskCache.entries",
    "maskCache.victim",
    "maskLimit",
    "maxIdleMs",
    "microflow.bypass",
    "microflow.entries",
    "microflow.insertInverse",
    "microflow.mode",
    "pruning",
    "rank.intervalMs",
    "revalidateMs",
    "upcall.portRate",
  ]);
});

test("every default is a value that the setting takes, in every profile", () => {
  for (const name of profileNames) {
    const settings = resolveSettings(findProfile(name));
    for (const key of settingKeys)
      assert.equal(parseSetting(key, settings[key]), settings[key], `${name} ${key}`);
  }
});

test("limits are taken, what is beyond them is refused", () => {
  for (const key of settingKeys) {
    const spec = settingSpec(key);
    if (spec.kind === "word") {
      for (const word of spec.words) assert.equal(parseSetting(key, word), word);
      assert.throws(() => parseSetting(key, "sideways"), { code: "CONFIG" });
      continue;
    }
    assert.equal(parseSetting(key, spec.min), spec.min);
    assert.equal(parseSetting(key, String(spec.max)), spec.max);
    assert.throws(() => parseSetting(key, spec.max * 2), { code: "CONFIG" });
    assert.throws(() => parseSetting(key, -1), { code: "CONFIG" });
    assert.throws(() => parseSetting(key, 1.5), { code: "CONFIG" });
    assert.throws(() => parseSetting(key, ""), { code: "CONFIG" });
    if (spec.zero === undefined) assert.throws(() => parseSetting(key, 0), { code: "CONFIG" });
    else assert.equal(parseSetting(key, "0"), 0);
    if (spec.powerOfTwo) assert.throws(() => parseSetting(key, 1000), { code: "CONFIG" });
  }
});

test("sizes are written as people write them", () => {
  assert.deepEqual(parseAssignment("microflow.entries=256k"), ["microflow.entries", 262_144]);
  assert.deepEqual(parseAssignment("maskCache.entries = 1M"), ["maskCache.entries", 1_048_576]);
  assert.deepEqual(parseAssignment("batch=0x20"), ["batch", 32]);
  assert.deepEqual(parseAssignment("microflow.bypass=on"), ["microflow.bypass", "auto"]);
  assert.deepEqual(parseAssignments(["batch=1", "batch=2", "pruning=off"]), { batch: 2, pruning: "off" });
});

test("a refusal says what was expected and what came", () => {
  const message = (text: string): string => {
    try {
      parseAssignment(text);
    } catch (error) {
      return (error as Error).message;
    }
    return "taken";
  };
  assert.equal(
    message("microflow.entries=1000"),
    'setting microflow.entries; expected 0 (off) or a power of two, 4 to 4M, got "1000"',
  );
  assert.equal(message("batch=0"), 'setting batch; expected 1 to 256, got "0"');
  assert.equal(message("pruning=maybe"), 'setting pruning; expected on or off, got "maybe"');
  assert.match(
    message("colour=red"),
    /^unknown setting; expected one of microflow\.entries, .*, got "colour"$/,
  );
  assert.equal(message("batch"), 'setting; expected KEY=VALUE, got "batch"');
  assert.match(message("toString=1"), /unknown setting/);
});

test("profiles are what they stand for", () => {
  const kernel = resolveSettings(findProfile("kernel"));
  assert.equal(kernel["microflow.entries"], 0);
  assert.equal(kernel["maskCache.entries"], 256);
  assert.equal(kernel["maskCache.victim"], "kernel");
  const userspace = resolveSettings(findProfile("userspace"));
  assert.equal(userspace["microflow.entries"], 8192);
  assert.equal(userspace["microflow.mode"], "exact");
  assert.equal(userspace["microflow.insertInverse"], 100);
  assert.equal(userspace["maskCache.entries"], 0);
  assert.deepEqual(
    profileNames.filter((name) => findProfile(name).exactMegaflows),
    ["microflow"],
  );
  assert.deepEqual(resolveSettings(findProfile("default")), defaultSettings);
  assert.equal(resolveSettings(findProfile("kernel"), { batch: 7 }).batch, 7);
  assert.throws(
    () => findProfile("fast"),
    /expected one of default, kernel, userspace, microflow, got "fast"/,
  );
  assert.throws(() => findProfile("constructor"), { code: "CONFIG" });
});

test("ranges read as sentences", () => {
  assert.equal(settingRange("rank.intervalMs"), "0 (never) or 1 to 3600000");
  assert.equal(settingRange("frames"), "512 to 1M");
});

test("numbers and durations are read exactly, or not at all", () => {
  assert.equal(parseCount("4k"), 4096);
  assert.equal(parseCount("2g"), 2_147_483_648);
  assert.equal(formatCount(4096), "4k");
  assert.equal(formatCount(200_000), "200000");
  for (const text of ["", "k", "4kk", "-1", "1.5", "1e3", "0x", "99999999999999999999"]) {
    assert.equal(parseCount(text), undefined, text);
  }
  assert.equal(parseDuration("10"), 10_000);
  assert.equal(parseDuration("1.5s"), 1500);
  assert.equal(parseDuration("250ms"), 250);
  assert.equal(parseDuration("2m"), 120_000);
  for (const text of ["", "s", "-1s", "10x"]) assert.equal(parseDuration(text), undefined, text);
});
