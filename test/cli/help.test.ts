// Help, the version, trace, and the documents that come from the same tables.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { generatedDocs } from "../../scripts/gen-docs.ts";
import { commands } from "../../src/cli/commands.ts";
import { settingKeys } from "../../src/config/settings.ts";
import { dropReasonNames } from "../../src/odp/drop-reason.ts";
import { projectFile } from "../../src/project.ts";
import { megaflow } from "../support/megaflow-command.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-help-"));
after(() => rmSync(folder, { recursive: true }));

async function output(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await megaflow(args, folder);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout;
}

test("every command explains itself with options and examples", async () => {
  const overview = await output("--help");
  for (const { spec } of commands) {
    assert.ok(overview.includes(`  ${spec.name} `), `${spec.name} in the overview`);
    const help = await output(spec.name, "--help");
    assert.equal(help, await output("help", spec.name));
    assert.ok(spec.examples.length > 0);
    for (const [line] of spec.examples) assert.ok(help.includes(`  ${line}\n`), line);
    for (const { name } of spec.options) assert.ok(help.includes(`  --${name}`), name);
    for (const line of help.split("\n")) assert.ok(line.length <= 110, line);
  }
});

test("--version prints the package's version", async () => {
  const { version } = JSON.parse(readFileSync(projectFile("package.json"), "utf8")) as { version: string };
  assert.equal(await output("--version"), `megaflow ${version}\n`);
});

test("help settings names every key", async () => {
  const text = await output("help", "settings");
  for (const key of settingKeys) assert.ok(text.includes(`${key} (`), key);
  assert.match(await output("help", "profiles"), /^default .*\nkernel .*\nuserspace .*\nmicroflow .*\n$/);
});

test("the generated documents are current", () => {
  for (const [path, text] of generatedDocs()) {
    assert.equal(readFileSync(projectFile(path), "utf8"), text, `${path} is stale: run npm run gen`);
  }
});

test("docs/json.md lists the drop reasons, all of them and no others", () => {
  const text = readFileSync(projectFile("docs/json.md"), "utf8");
  const [, table = ""] = text.split("## Drop reasons");
  const listed = [...table.split("\n## ")[0]!.matchAll(/^\| `([a-z ]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(
    listed,
    dropReasonNames().filter((name) => name !== "none"),
  );
});

test("the documents name files that exist", () => {
  const text = readFileSync(projectFile("docs/life-of-a-packet.md"), "utf8");
  const files = text.match(/(?:assembly|src)\/[a-z0-9/-]+\.ts/g) ?? [];
  assert.ok(files.length > 10);
  for (const file of files) assert.ok(readFileSync(projectFile(file)).length > 0, file);
});

test("trace explains a packet said by its fields and one said by its bytes alike", async () => {
  writeFileSync(
    join(folder, "a.flows"),
    "in_port=1,arp actions=resubmit(,3)\ntable=3,arp,arp_op=1 actions=2\n",
  );
  const bytes = "ffffffffffff020000000001080600010800060400010200000000010a0000010000000000000a000002";
  const fromBytes = await output("trace", "--flows", "a.flows", "1", bytes);
  assert.match(fromBytes, /^Flow: arp,in_port=1,.*arp_spa=10\.0\.0\.1,arp_tpa=10\.0\.0\.2,arp_op=1/);
  assert.match(fromBytes, /\n {4}resubmit\(,3\)\n 3\. arp,arp_op=1, priority 32768\n {4}output:2\n/);
  assert.match(fromBytes, /\nMegaflow: recirc_id=0,eth,arp,in_port=1,[^\n]*arp_op=1\n/);
  assert.match(fromBytes, /\nDatapath actions: 2\n$/);
  const fields =
    "in_port=1,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=02:00:00:00:00:01";
  assert.equal(await output("trace", "--flows", "a.flows", fields), fromBytes);
  assert.match(await output("trace", "--flows", "a.flows", "--explain", "1", bytes), /\nWhy the megaflow /);
});
