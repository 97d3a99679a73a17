// The history is a quarter of an hour and no more, and a listener that does not read costs nothing.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, mock, test } from "node:test";
import { Feed, HISTORY_LENGTH, LISTENER_MAX, SAMPLE_INTERVAL_MS } from "../../src/page/feed.ts";
import type { History, Sample } from "../../src/page/shapes.ts";
import { eventually } from "../support/eventually.ts";

const latest = { ports: [], drops: {}, bypassed: [false], settingsVersion: 1 };

afterEach(() => mock.timers.reset());

/** A feed whose clock the test moves; sample n says that n packets came. */
function makeFeed(): Feed {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
  let reading = 0;
  return new Feed(() => ({ pmds: [[reading++, 0.123456789]], latest }));
}

function history(feed: Feed): History {
  return JSON.parse([...feed.historyJson()].join("")) as History;
}

test("the first sample is what happened since the start, and a second apart from the next", () => {
  const feed = makeFeed();
  assert.deepEqual(history(feed), { intervalMs: SAMPLE_INTERVAL_MS, samples: [] });
  mock.timers.tick(SAMPLE_INTERVAL_MS);
  mock.timers.tick(SAMPLE_INTERVAL_MS);
  assert.deepEqual(history(feed).samples, [
    { seq: 1, time: 1_001_000, pmds: [[1, 0.12346]] },
    { seq: 2, time: 1_002_000, pmds: [[2, 0.12346]] },
  ]);
  feed.close();
});

test("after 20 minutes the last 15 are kept, whole and in order", () => {
  const feed = makeFeed();
  mock.timers.tick(1200 * SAMPLE_INTERVAL_MS);
  const { samples } = history(feed);
  assert.equal(HISTORY_LENGTH * SAMPLE_INTERVAL_MS, 15 * 60 * 1000);
  assert.deepEqual(
    samples.map(({ seq }) => seq),
    Array.from({ length: 900 }, (_, i) => 301 + i),
  );
  assert.equal((samples.at(-1) as Sample).time, 2_200_000);
  feed.close();
});

test("a listener that does not read is left out, and gets the newest sample when it reads again", async () => {
  const feed = makeFeed();
  const responses: ServerResponse[] = [];
  const server = createServer((_, response) => {
    responses.push(response);
    feed.listen(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stream = await new Promise<import("node:http").IncomingMessage>((resolve) =>
    get({ port, host: "127.0.0.1" }, resolve),
  );
  stream.pause();
  const [response] = responses as [ServerResponse];
  // No turn of the event loop in between: nothing leaves.
  response.cork();
  mock.timers.tick(20_000 * SAMPLE_INTERVAL_MS);
  assert.ok(response.writableLength < 300 * 1024, `${response.writableLength} bytes wait`);
  response.uncork();
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  stream.resume();
  await eventually("all of it has left", () => response.writableLength === 0);
  mock.timers.tick(SAMPLE_INTERVAL_MS);
  await eventually("the newest sample", () => text.includes('"seq":20001,'));
  assert.match(text, /"seq":20001,/);
  assert.doesNotMatch(text, /"seq":20000,/);
  stream.destroy();
  feed.close();
  server.closeAllConnections();
  server.close();
});

test("so many listeners and no more", () => {
  const feed = makeFeed();
  const listener = () => ({ writeHead() {}, write() {}, on() {}, end() {} }) as unknown as ServerResponse;
  for (let i = 0; i < LISTENER_MAX; i++) assert.equal(feed.listen(listener()), true);
  assert.equal(feed.listen(listener()), false);
  assert.equal(feed.listenerCount, LISTENER_MAX);
  feed.close();
  assert.equal(feed.listenerCount, 0);
});
