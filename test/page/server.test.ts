// Who may ask the page's server what: names, tokens, bodies, limits; and what its answers say of a real switch.

import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { parseListenAddress } from "../../src/config/listen-address.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { InlineSwitch } from "../../src/inline-switch.ts";
import { takeSnapshot } from "../../src/observe/snapshot.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { isHostAllowed } from "../../src/page/access.ts";
import { servePage } from "../../src/page/serve.ts";
import type { PageServer } from "../../src/page/server.ts";
import type { Curves, Description, Megaflows } from "../../src/page/shapes.ts";
import { ethernet, ipv4, packet, padTo, tcp, udp } from "../support/packet-builder.ts";

const owner = new InlineSwitch({ settings: defaultSettings, seed: 1n });
const problems: string[] = [];
let page: PageServer;

before(async () => {
  owner.addPort({ number: 1 as OfPort, name: "in", transmit: "ring" });
  owner.addPort({ number: 2 as OfPort, name: "out", transmit: "ring" });
  owner.addFlows("priority=2,tcp actions=output:2\npriority=1,udp,tp_dst=53 actions=output:2\n");
  for (let i = 0; i < 10; i++) {
    owner.send(
      1 as OfPort,
      padTo(packet(ethernet(), ipv4({ src: "10.1.0.1", dst: "10.0.0.9" }), udp({ src: i, dst: 53 }))),
    );
  }
  owner.send(
    1 as OfPort,
    padTo(packet(ethernet(), ipv4({ src: "10.1.0.1", dst: "10.0.0.9" }), tcp({ src: 7, dst: 80 }))),
  );
  page = await servePage(owner, {
    listen: "127.0.0.1:0",
    version: "1.2.3",
    log: (line) => problems.push(line),
  });
});

after(async () => {
  await page.close();
  await owner.close();
  assert.deepEqual(problems, []);
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

interface Question {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Asks as no browser would: any Host, any path, as it stands. */
function ask(path: string, question: Question = {}): Promise<Answer> {
  const { port } = new URL(page.url);
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, method: question.method ?? "GET", headers: question.headers ?? {} },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(question.body);
  });
}

function post(path: string, body: unknown, token = page.token, type = "application/json"): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": type };
  return ask(path, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
}

test("the page's files come with headers that keep other sites and inserted scripts out", async () => {
  const { status, headers, text } = await ask("/");
  assert.equal(status, 200);
  assert.match(text, /<title>Megaflow<\/title>/);
  const policy = String(headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'; script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|data:|https?:|\*/);
  assert.doesNotMatch(text, /<script(?![^>]* src="\/)|\son[a-z]+=|\sstyle=|(?:src|href)="(?:https?:)?\/\//);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["access-control-allow-origin"], undefined);
  for (const [, path] of text.matchAll(/(?:src|href)="(\/[^"]+)"/g))
    assert.equal((await ask(path as string)).status, 200, path);
  const again = await ask("/", { headers: { "If-None-Match": String(headers["etag"]) } });
  assert.equal(again.status, 304);
  assert.equal((await ask("/", { method: "HEAD" })).text, "");
});

test("only the page's own files are served", async () => {
  for (const path of [
    "/../package.json",
    "/%2e%2e/package.json",
    "/tsconfig.json",
    "/index.html",
    "//etc/passwd",
    "/api",
    "/.git",
  ]) {
    assert.equal((await ask(path)).status, 404, path);
  }
  assert.equal((await ask("/", { method: "DELETE" })).status, 405);
  assert.equal((await ask("/api/events", { method: "HEAD" })).status, 404);
});

test("a name that was made to point here is refused, and loopback's own names are not", async () => {
  for (const host of [
    "evil.example",
    "evil.example:9080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.0.2.1",
    "a b",
  ]) {
    assert.equal((await ask("/api/switch", { headers: { Host: host } })).status, 421, host);
  }
  for (const host of ["localhost", "localhost:1", "127.0.0.1:9080", "127.8.9.1", "[::1]:9080"]) {
    assert.equal((await ask("/api/switch", { headers: { Host: host } })).status, 200, host);
  }
  assert.equal(isHostAllowed("192.0.2.1:80", true), true);
  assert.equal(isHostAllowed("evil.example", true), false);
  assert.equal(isHostAllowed(undefined, true), false);
});

test("an address that other machines reach has to be asked for", () => {
  assert.deepEqual(parseListenAddress("9080", false), { host: "127.0.0.1", port: 9080 });
  assert.deepEqual(parseListenAddress("[::1]:0", false), { host: "::1", port: 0 });
  assert.deepEqual(parseListenAddress("0.0.0.0:80", true), { host: "0.0.0.0", port: 80 });
  for (const text of ["0.0.0.0:9080", "[::]:9080", "192.168.1.1:80"]) {
    assert.throws(() => parseListenAddress(text, false), /other machines reach .*--http-remote/);
  }
  for (const text of [
    "",
    "127.0.0.1",
    "127.0.0.1:65536",
    "example.org:80",
    "::1:80",
    "127.0.0.1:80:80",
    "-1",
  ]) {
    assert.throws(() => parseListenAddress(text, true), /expected ADDRESS:PORT/, text);
  }
});

test("without the token everything can be read and nothing changed", async () => {
  for (const path of ["/api/switch", "/api/history", "/api/megaflows", "/api/curves", "/metrics"]) {
    assert.equal((await ask(path)).status, 200, path);
  }
  const headers = { "Content-Type": "application/json" };
  const body = '{"maskCache.entries":256}';
  const wrong = [
    "",
    "Bearer ",
    "Bearer x",
    `Bearer ${page.token}x`,
    `Basic ${page.token}`,
    page.token,
    `Bearer ${page.token.slice(1)}`,
  ];
  for (const authorization of wrong) {
    for (const path of ["/api/settings", "/api/profiler", "/api/token"]) {
      const answer = await ask(path, {
        method: "POST",
        headers: { ...headers, Authorization: authorization },
        body,
      });
      assert.equal(answer.status, 401, `${path} with "${authorization}"`);
      assert.match(String(answer.headers["www-authenticate"]), /^Bearer/);
    }
  }
  assert.equal((await ask("/api/settings", { method: "POST", headers, body })).status, 401);
  assert.equal(owner.settings["maskCache.entries"], defaultSettings["maskCache.entries"]);
  assert.match(page.token, /^[\w-]{22}$/);
});

test("with the token a setting changes in the running PMD, or is refused with a reason and changes nothing", async () => {
  const answer = await post("/api/settings", { "microflow.entries": 1024, "maskCache.entries": "256" });
  assert.equal(answer.status, 200, answer.text);
  const { caches } = takeSnapshot(owner).pmds[0] as ReturnType<typeof takeSnapshot>["pmds"][number];
  assert.equal(caches.microflow.entries, 1024);
  assert.equal(caches.maskCache.entries, 256);
  const version = (JSON.parse(answer.text) as Description).settingsVersion;
  assert.equal((JSON.parse((await ask("/api/switch")).text) as Description).settingsVersion, version);
  for (const [body, reason] of [
    [{ "microflow.entries": 1000 }, /power of two.*1000/],
    [{ "microflow.entries": 2048, "maskCache.victim": "fifo" }, /lru or kernel/],
    [{ "microflow.size": 1 }, /unknown setting/],
    [{ frames: 512 }, /frames/],
  ] as const) {
    const refused = await post("/api/settings", body);
    assert.equal(refused.status, 400, refused.text);
    assert.match((JSON.parse(refused.text) as { error: string }).error, reason);
  }
  assert.equal(owner.settings["microflow.entries"], 1024);
});

test("a body has to be a short JSON object, and to say so", async () => {
  assert.equal((await post("/api/settings", "{}", page.token, "text/plain")).status, 415);
  assert.equal((await post("/api/settings", "[]")).status, 400);
  assert.equal((await post("/api/settings", "{")).status, 400);
  assert.equal((await post("/api/settings", `{"a":"${"x".repeat(20_000)}"}`)).status, 413);
  assert.equal((await post("/api/profiler", { on: 1 })).status, 400);
});

test("megaflows are searched, sorted and cut by the server", async () => {
  const list = async (query: string): Promise<Megaflows> =>
    JSON.parse((await ask(`/api/megaflows?${query}`)).text) as Megaflows;
  const all = await list("");
  assert.equal(all.total, 2);
  assert.deepEqual(
    all.rows.map((row) => row.packets),
    [9, 0],
  );
  assert.equal((await list("search=proto=6%20proto=17")).found, 0);
  const found = await list("search=in_port(1)%20PROTO=6%20");
  assert.deepEqual([found.total, found.found, found.rows.length], [2, 1, 1]);
  assert.match(found.rows[0]?.match ?? "", /proto=6\b/);
  assert.equal((await list("limit=1")).rows.length, 1);
  for (const query of ["sort=name", "limit=0", "limit=501", "limit=x", `search=${"x".repeat(201)}`]) {
    assert.equal((await ask(`/api/megaflows?${query}`)).status, 400, query);
  }
});

test("without a profile the curves say so", async () => {
  const curves = JSON.parse((await ask("/api/curves")).text) as Curves;
  assert.equal(curves.profiling, false);
  assert.match(curves.note, /^Not profiling/);
});

test("the stream begins with headers that no cache keeps, and ends with the server", async () => {
  const another = await servePage(owner, { listen: "127.0.0.1:0", version: "1.2.3" });
  const response = await fetch(`${another.url}api/events`);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  while (!text.includes("event: sample")) text += Buffer.from((await reader.read()).value ?? []).toString();
  assert.match(text, /"sample":\{"seq":1,/);
  await another.close();
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
    throw new Error("it ended");
  });
});
