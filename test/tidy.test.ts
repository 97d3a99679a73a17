// The style guide as code: layers, sizes, opening comments and banned words.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const fileLineMax = 420;

/** Which folders each folder may import besides itself: what is to its left in docs/architecture.md. */
const core = ["assembly/layout"];
const key = [...core, "assembly/core"];
const classifier = [...key, "assembly/key"];
const vocabulary = ["assembly/layout", "src"];
const layers: Record<string, readonly string[]> = {
  "assembly/layout": [],
  "assembly/core": core,
  "assembly/key": key,
  "assembly/classifier": classifier,
  "assembly/cache": [...classifier, "assembly/classifier"],
  "assembly/actions": classifier,
  "assembly/pmd": [...classifier, "assembly/classifier", "assembly/cache", "assembly/actions"],
  assembly: [...classifier, "assembly/classifier", "assembly/cache", "assembly/actions", "assembly/pmd"],
  "src/config": vocabulary,
  "src/odp": vocabulary,
  "src/openflow": [...vocabulary, "src/odp"],
  "src/datapath": [...vocabulary, "src/odp", "src/config"],
  "src/doctor": [...vocabulary, "src/config"],
  "src/netdev": [...vocabulary, "src/datapath"],
  "src/xlate": [...vocabulary, "src/odp", "src/openflow"],
  "src/upcall": [...vocabulary, "src/odp", "src/openflow", "src/datapath", "src/xlate"],
  "src/pmd": [...vocabulary, "src/odp", "src/config", "src/datapath", "src/netdev", "src/upcall"],
  "src/ports": [...vocabulary, "src/config", "src/datapath", "src/pmd"],
  "src/control": [
    ...vocabulary,
    "src/odp",
    "src/config",
    "src/openflow",
    "src/netdev",
    "src/observe",
    "src/xlate",
    "src/tune",
  ],
  "src/observe": [
    ...vocabulary,
    "src/odp",
    "src/config",
    "src/openflow",
    "src/datapath",
    "src/upcall",
    "src/pmd",
    "src/xlate",
  ],
  "src/page": [...vocabulary, "src/odp", "src/config", "src/observe", "src/tune"],
};
/** Folders that may import anything: composition root, commands, benches, the adviser. */
const free = ["src", "src/cli", "src/bench", "src/tune"];

const banned: readonly [RegExp, string][] = [
  [/\b(FIXME|XXX|TODO)\b/, "finish it"],
  [/keep in sync|kept in sync/i, "generate it, or compare the two in a test"],
  [/^@(inline|lazy|unsafe)\b/m, "an @inline static method"],
];

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.[tj]s$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** The row of the layer table that a file belongs to. */
function layerOf(file: string): string {
  const [top, folder] = file.split("/");
  return file.split("/").length > 2 ? `${top}/${folder}` : (top as string);
}

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import) "(\.[^"]+)"/g)].map((match) => match[1] as string);
}

async function product(): Promise<string[]> {
  return [...(await sources("assembly")), ...(await sources("src"))];
}

test("every folder imports only the layers below it", async () => {
  const wrong: string[] = [];
  for (const file of await product()) {
    const layer = layerOf(file);
    if (free.includes(layer)) continue;
    const allowed = layers[layer];
    assert.ok(allowed, `${layer} is missing from the layer table`);
    for (const specifier of imports(await readFile(join(root, file), "utf8"))) {
      const target = relative(root, resolve(root, dirname(file), specifier));
      const targetLayer = layerOf(target);
      if (targetLayer !== layer && !allowed.includes(targetLayer)) wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("the leaves at the top of src stay leaves", async () => {
  const leaves = ["src/errors.ts", "src/project.ts", "src/native.ts", "src/native-netdev.ts"];
  const wrong: string[] = [];
  for (const file of leaves) {
    for (const specifier of imports(await readFile(join(root, file), "utf8"))) {
      const target = relative(root, resolve(root, dirname(file), specifier));
      if (!leaves.includes(target) && !target.startsWith("assembly/layout/"))
        wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("only assembly/layout crosses from src into assembly", async () => {
  const wrong: string[] = [];
  for (const file of await sources("src")) {
    for (const specifier of imports(await readFile(join(root, file), "utf8"))) {
      const target = relative(root, resolve(root, dirname(file), specifier));
      if (target.startsWith("assembly/") && !target.startsWith("assembly/layout/"))
        wrong.push(`${file}: ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("files are short, open by saying what they are for, and use no banned words", async () => {
  const wrong: string[] = [];
  const others = await Promise.all(["test", "scripts", "page"].map(sources));
  for (const file of [...(await product()), ...others.flat()]) {
    if (file === "test/tidy.test.ts") continue;
    const text = await readFile(join(root, file), "utf8");
    if (text.split("\n").length > fileLineMax) wrong.push(`${file}: over ${fileLineMax} lines`);
    if (!text.startsWith("// ") && !text.startsWith("#!")) wrong.push(`${file}: no opening comment`);
    for (const [pattern, instead] of banned) {
      if (pattern.test(text)) wrong.push(`${file}: ${pattern.source}; instead, ${instead}`);
    }
  }
  assert.deepEqual(wrong, []);
});
