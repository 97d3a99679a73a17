// What README.md shows is what the commands print.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { projectFile } from "../../src/project.ts";
import { megaflow } from "../support/megaflow-command.ts";

const readme = readFileSync(projectFile("README.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "megaflow-readme-"));
after(() => rmSync(folder, { recursive: true }));

const blocks = [...readme.matchAll(/```\n\$ npx megaflow ([^\n]+)\n([\s\S]*?)```/g)];

test("the README shows outputs", () => assert.ok(blocks.length >= 2));

for (const [, command = "", shown = ""] of blocks) {
  test(`the README's output of megaflow ${command.split(" ")[0]} is what it prints`, async () => {
    const args = command.split(" ").map((arg) => (arg === "out" ? join(folder, "out") : arg));
    const { status, stdout, stderr } = await megaflow(args);
    assert.equal(status, 0, stderr);
    let at = 0;
    // `...` stands for lines left out; all else is there, in order.
    for (const part of shown.split("...\n")) {
      const found = stdout.indexOf(part, at);
      assert.ok(found >= at, `not printed (any more), in this place:\n${part}\nbut:\n${stdout}`);
      at = found + part.length;
    }
  });
}

test("links and files that the README names are there", () => {
  const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1] as string);
  assert.ok(links.length > 8);
  for (const link of links) assert.ok(readFileSync(projectFile(link)).length > 0, link);
});
