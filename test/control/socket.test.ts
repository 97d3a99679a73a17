// The control socket itself: who may open it, what it does with bad, huge and slow clients.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { defaultSettings } from "../../src/config/settings.ts";
import { ControlClient } from "../../src/control/client.ts";
import { JsonSplitter } from "../../src/control/json-splitter.ts";
import { type Control, openControl } from "../../src/control/open.ts";
import type { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { eventually } from "../support/eventually.ts";
import { labSwitch } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";
import { SeededRandom } from "../support/seeded-random.ts";

interface Lab {
  readonly sw: InlineSwitch;
  readonly control: Control;
  readonly path: string;
  readonly exits: () => number;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "megaflow-control-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function lab(t: TestContext, path = join(folder(t), "sw.ctl")): Promise<Lab> {
  const sw = labSwitch(defaultSettings);
  let exits = 0;
  const control = await openControl(sw, {
    socket: path,
    version: "1.2.3",
    exit: () => exits++,
    log: () => {},
  });
  assert.ok(control);
  t.after(async () => {
    await control.close();
    await sw.close();
  });
  return { sw, control, path, exits: () => exits };
}

/** Sends bytes and returns all that comes until the switch ends the connection, or `enough` is there. */
function talk(path: string, bytes: string, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
      if (enough(text)) socket.destroy();
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    socket.write(bytes);
  });
}

test("objects come out whole however the stream is cut", () => {
  const random = new SeededRandom(5);
  const objects = [
    { id: 0, method: "version", params: [] },
    { id: '}{\\"', method: 'a"b\\', params: ["[", "]", "{", "ü€😀", "\n"] },
    { deep: { er: [[{ x: [1, { y: "}" }] }]] } },
  ];
  const stream = Buffer.from(objects.map((one) => `${JSON.stringify(one, undefined, 1)}\n `).join(""));
  for (let round = 0; round < 200; round++) {
    const splitter = new JsonSplitter(1000);
    const found: unknown[] = [];
    for (let at = 0; at < stream.length; ) {
      const end = at + random.int(1, 9);
      found.push(...splitter.push(stream.subarray(at, end)));
      at = end;
    }
    assert.deepEqual(found, objects, `round ${round}`);
    assert.equal(splitter.partial, false);
  }
});

test("only its owner may open the socket, which goes with the switch", async (t) => {
  const { control, path } = await lab(t);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const client = await ControlClient.connect(path);
  assert.equal(await client.run("version"), "megaflow 1.2.3\n");
  client.close();
  await control.close();
  assert.equal(existsSync(path), false);
});

test("a socket that nobody answers at is replaced; a live one, and what is no socket, are refused", async (t) => {
  const where = folder(t);
  const stale = join(where, "stale.ctl");
  const dead = createServer().listen(stale);
  await new Promise((resolve) => dead.once("listening", resolve));
  // A process that dies leaves its socket behind: the same file without its listener.
  renameSync(stale, `${stale}.kept`);
  await new Promise((resolve) => dead.close(resolve));
  renameSync(`${stale}.kept`, stale);
  const { path } = await lab(t, stale);
  const client = await ControlClient.connect(path);
  assert.equal(await client.run("version"), "megaflow 1.2.3\n");
  client.close();
  const sw = labSwitch(defaultSettings);
  t.after(() => sw.close());
  const options = { version: "1", exit: () => {}, log: () => {} };
  await assert.rejects(openControl(sw, { ...options, socket: path }), {
    code: "CONTROL_IN_USE",
    message: /stale\.ctl belongs to a process that is running \(another switch\?\)/,
  });
  const file = join(where, "file.ctl");
  writeFileSync(file, "precious");
  await assert.rejects(openControl(sw, { ...options, socket: file }), { code: "CONTROL_PATH" });
  assert.equal(statSync(file).size, 8);
  await assert.rejects(openControl(sw, { ...options, socket: join(where, "x".repeat(120)) }), {
    code: "CONTROL_PATH",
    message: /has \d+ bytes, the path of a socket at most 107/,
  });
});

test("without a name, a second switch gets a socket of its own, and one that can have none runs on", async (t) => {
  const where = folder(t);
  const { MEGAFLOW_RUNDIR: kept } = process.env;
  t.after(() => {
    if (kept === undefined) delete process.env["MEGAFLOW_RUNDIR"];
    else process.env["MEGAFLOW_RUNDIR"] = kept;
  });
  process.env["MEGAFLOW_RUNDIR"] = where;
  const said: string[] = [];
  // Left by a process that is no more: its number is beyond what the system gives out.
  const left = join(where, "br0.99999999.ctl");
  const dead = createServer().listen(left);
  await new Promise((resolve) => dead.once("listening", resolve));
  renameSync(left, `${left}.kept`);
  await new Promise((resolve) => dead.close(resolve));
  renameSync(`${left}.kept`, left);
  const open = async () => {
    const sw = labSwitch(defaultSettings);
    t.after(() => sw.close());
    const control = await openControl(sw, { version: "1", exit: () => {}, log: (line) => said.push(line) });
    t.after(() => control?.close());
    return control?.path;
  };
  await assert.rejects(ControlClient.connect(), { code: "CONTROL_ABSENT", message: /no switch is running/ });
  assert.equal(await open(), join(where, "br0.ctl"));
  assert.equal(existsSync(left), false);
  (await ControlClient.connect()).close();
  (await ControlClient.connect("br0")).close();
  assert.equal(await open(), join(where, `br0.${process.pid}.ctl`));
  await assert.rejects(ControlClient.connect(), { code: "CONTROL_ABSENT", message: /several switches/ });
  assert.deepEqual(said, []);
  process.env["MEGAFLOW_RUNDIR"] = join(where, "br0.ctl");
  assert.equal(await open(), undefined);
  assert.match(said.join(), /^no control socket: /);
  chmodSync(where, 0o700);
});

test("requests may come in pieces or together; answers keep the order and the ids", async (t) => {
  const { path } = await lab(t);
  const requests = [1, "two", null, { three: 3 }].map((id) =>
    JSON.stringify({ id, method: "version", params: [] }),
  );
  const text = await talk(path, requests.join(""), (all) => all.split("\n").length > 4);
  const answers = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: unknown; result: string; error: null });
  assert.deepEqual(
    answers.map((one) => one.id),
    [1, "two", null, { three: 3 }],
  );
  for (const answer of answers) assert.deepEqual([answer.result, answer.error], ["megaflow 1.2.3\n", null]);
  const slowly = connect(path);
  t.after(() => slowly.destroy());
  let got = "";
  slowly.on("data", (chunk) => {
    got += chunk.toString();
  });
  for (const character of '{"id":7,"method":"version","params":[]}') {
    slowly.write(character);
    await sleep(1);
  }
  await eventually("the answer", () => got.endsWith("\n"));
  assert.equal((JSON.parse(got) as { id: number }).id, 7);
});

test("what is no request gets a sentence, and hurts nobody else", async (t) => {
  const { path } = await lab(t);
  const other = await ControlClient.connect(path);
  t.after(() => other.close());
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["hello, switch", /a JSON object begins with \{/],
    ['{"id":1,"method":}', /not JSON/],
    [`{"id":1,"method":"${"x".repeat(1 << 21)}"}`, /object of more than 1048576 bytes/],
    ["[1]", /begins with \{/],
  ];
  for (const [bytes, expected] of wrong) {
    const text = await talk(path, bytes, () => false);
    const answer = JSON.parse(text) as { id: null; result: null; error: string };
    assert.match(answer.error, expected);
    assert.equal(answer.result, null);
    assert.equal(await other.run("version"), "megaflow 1.2.3\n");
  }
  for (const bytes of ['{"id":5}', '{"id":5,"method":7}', '{"id":5,"method":"version","params":[1]}']) {
    const text = await talk(path, bytes, (all) => all.endsWith("\n"));
    assert.match((JSON.parse(text) as { error: string }).error, /^a request is /);
  }
  await assert.rejects(other.run("fly"), {
    code: "CONTROL_REFUSED",
    message: /"fly" is not a valid command/,
  });
  await assert.rejects(other.run("fdb/show"), /"fdb\/show" command requires at least 1 arguments/);
  await assert.rejects(other.run("version", "x"), /"version" command takes at most 0 arguments/);
});

test("a client that does not read its answers waits alone; one that goes away leaves nothing behind", async (t) => {
  const { sw, path } = await lab(t);
  sw.addFlows(
    Array.from(
      { length: 3000 },
      (_, i) => `priority=${i + 1},in_port=1,ip,nw_dst=10.1.${i >> 8}.${i & 255},actions=2`,
    ).join("\n"),
  );
  for (let i = 0; i < 3000; i++) {
    sw.send(
      1 as OfPort,
      packet(ethernet(), ipv4({ src: "10.0.0.1", dst: `10.1.${i >> 8}.${i & 255}` }), udp(), 10),
    );
  }
  const deaf = connect(path);
  t.after(() => deaf.destroy());
  deaf.pause();
  for (let i = 0; i < 20; i++)
    deaf.write(JSON.stringify({ id: i, method: "dpctl/dump-flows", params: ["-m"] }));
  const gone = connect(path);
  gone.write(JSON.stringify({ id: 1, method: "dpctl/dump-flows", params: ["-m"] }), () => gone.destroy());
  const client = await ControlClient.connect(path);
  t.after(() => client.close());
  const all = await client.run("dpctl/dump-flows");
  assert.equal(all.split("\n").length, 3002);
  for (let i = 0; i < 20; i++) assert.equal(await client.run("version"), "megaflow 1.2.3\n");
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed } = process.memoryUsage();
  assert.ok(heapUsed < 600e6, `${heapUsed} bytes`);
});

test("exit is answered first, then carried out", async (t) => {
  const { path, exits } = await lab(t);
  const client = await ControlClient.connect(path);
  t.after(() => client.close());
  assert.equal(await client.run("exit"), "");
  await eventually("the exit", () => exits() === 1);
});
