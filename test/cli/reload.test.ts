// SIGHUP to `megaflow run`: all of the new rules or none, while packets flow.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { after, test } from "node:test";
import { pcapFile } from "../support/capture-builder.ts";
import { eventually } from "../support/eventually.ts";
import { jsonLines, startMegaflow } from "../support/megaflow-command.ts";
import { ethernet, ipv4, packet, padTo, udp } from "../support/packet-builder.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-reload-"));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);

const frame = padTo(packet(ethernet(), ipv4({ dst: "10.0.0.9" }), udp({ src: 1, dst: 53 })));
write("in.pcap", pcapFile([{ timeNs: 0n, bytes: frame }]));
write(
  "loop.yaml",
  "cores: [0]\nports:\n  - {number: 1, kind: trace, file: in.pcap}\n  - {number: 2, kind: null}\nflows: a.flows\n",
);

/** Resolves when the stream has said something like `pattern` since the last time. */
function listener(stream: Readable): (pattern: RegExp) => Promise<string> {
  let heard = "";
  stream.on("data", (chunk: Buffer) => {
    heard += chunk.toString();
  });
  return async (pattern) => {
    await eventually(
      () => `${pattern}, heard: ${heard}`,
      () => pattern.test(heard),
    );
    const [found] = heard.match(pattern) as [string];
    heard = heard.slice(heard.search(pattern) + found.length);
    return found;
  };
}

test("SIGHUP replaces the rules at once; a mistake is named with its line and changes nothing", async () => {
  write("a.flows", "cookie=1,arp actions=2\nip actions=drop\n");
  const command = startMegaflow(["run", "loop.yaml", "--every", "100ms", "--json"], folder);
  const out = listener(command.process.stdout as Readable);
  const errors = listener(command.process.stderr as Readable);
  await out(/"received":\d{3}/);
  write("a.flows", "cookie=1,arp actions=2\nip actions=output:2\nipv6 actions=output:2\n");
  command.process.kill("SIGHUP");
  assert.match(
    await errors(/megaflow: rules .*\n/),
    /1 added, 1 changed, 0 removed, 1 as before; in force after/,
  );
  write("a.flows", "arp actions=2\nip actions=output:nowhere\n");
  command.process.kill("SIGHUP");
  assert.match(await errors(/megaflow: rules .*\n/), /rules stay as they are: .*a\.flows:2:/);
  rmSync(join(folder, "a.flows"));
  command.process.kill("SIGHUP");
  assert.match(await errors(/megaflow: rules .*\n/), /rules stay as they are: .*a\.flows/);
  await out(/"received":\d+/);
  command.process.kill("SIGINT");
  const { status, stdout, stderr } = await command.result;
  assert.equal(status, 0, stderr);
  const { summary } = jsonLines(stdout).at(-1) as unknown as {
    summary: { megaflows: { actions: string }[]; forwarded: number };
  };
  assert.deepEqual(
    summary.megaflows.map(({ actions }) => actions),
    ["2"],
    "the new rules still forward",
  );
  assert.ok(summary.forwarded > 0);
});
