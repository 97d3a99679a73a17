// /metrics says what was counted, in a form that a strict reader takes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import { InlineSwitch } from "../../src/inline-switch.ts";
import { takeSnapshot } from "../../src/observe/snapshot.ts";
import { dropReasonNames } from "../../src/odp/drop-reason.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { metrics } from "../../src/page/metric-table.ts";
import { metricsText } from "../../src/page/metrics.ts";
import { ethernet, ipv4, packet, padTo, udp } from "../support/packet-builder.ts";
import { type ExpositionFamily, parseExposition } from "../support/prometheus-text.ts";

/** 30 packets of 3 connections to port 2, and 5 that no rule knows. */
async function families(): Promise<Map<string, ExpositionFamily>> {
  const owner = new InlineSwitch({ settings: defaultSettings, seed: 1n });
  try {
    owner.addPort({ number: 1 as OfPort, name: 'in "quoted" \\ back', transmit: "ring" });
    owner.addPort({ number: 2 as OfPort, name: "out", transmit: "ring" });
    owner.addFlows("ip,nw_dst=10.0.0.9 actions=output:2\n");
    const frame = (src: number, dst: string) =>
      padTo(packet(ethernet(), ipv4({ src: "10.1.0.1", dst }), udp({ src, dst: 53 })));
    for (let i = 0; i < 30; i++) owner.send(1 as OfPort, frame(1000 + (i % 3), "10.0.0.9"));
    for (let i = 0; i < 5; i++) owner.send(1 as OfPort, frame(1, "192.0.2.1"));
    return parseExposition(metricsText(takeSnapshot(owner), "1.2.3"));
  } finally {
    await owner.close();
  }
}

const found = await families();

function value(name: string, labels: Record<string, string>): number {
  const samples = found.get(name)?.samples ?? [];
  const matching = samples.filter((one) =>
    Object.entries(labels).every(([label, text]) => one.labels[label] === text),
  );
  assert.equal(matching.length, 1, `${name}${JSON.stringify(labels)}: ${JSON.stringify(samples)}`);
  return matching[0]?.value as number;
}

test("every metric is there with help and type, its counters and units named as Prometheus wants it", () => {
  assert.deepEqual(
    [...found.keys()],
    metrics.map(({ name }) => name),
  );
  for (const { name, type, help, samples } of found.values()) {
    assert.match(name, /^megaflow_[a-z0-9_]+$/);
    assert.ok(help.length > 10 && help.endsWith("."), name);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.doesNotMatch(name, /_(ms|ns|kib|mib|percent|bits)(_|$)/, "base units only");
    const { labels } = metrics.find((metric) => metric.name === name) as (typeof metrics)[number];
    for (const sample of samples) {
      assert.deepEqual(Object.keys(sample.labels), labels, name);
      if (type === "counter") assert.ok(sample.value >= 0, name);
    }
  }
});

test("the values are the switch's", () => {
  const pmd = { pmd: "0" };
  assert.equal(value("megaflow_pmd_rx_packets_total", pmd), 35);
  assert.equal(value("megaflow_pmd_forwarded_packets_total", pmd), 30);
  assert.equal(value("megaflow_pmd_dropped_packets_total", { ...pmd, reason: "no rule" }), 5);
  assert.equal(value("megaflow_pmd_upcalls_total", pmd), 2);
  assert.equal(value("megaflow_pmd_megaflows", pmd), 2);
  assert.equal(value("megaflow_port_rx_packets_total", { port: "1" }), 35);
  assert.equal(value("megaflow_port_tx_packets_total", { name: "out" }), 30);
  assert.equal(
    value("megaflow_pmd_cache_entries", { ...pmd, cache: "microflow" }),
    defaultSettings["microflow.entries"],
  );
  assert.equal(value("megaflow_info", { version: "1.2.3", bridge: "br0" }), 1);
  const lookups = found.get("megaflow_pmd_lookups_total")?.samples ?? [];
  assert.equal(
    lookups.reduce((sum, one) => sum + one.value, 0),
    35,
  );
});

test("a series is there before its first event, and names keep their quotes", () => {
  const reasons = (found.get("megaflow_pmd_dropped_packets_total")?.samples ?? []).map(
    (one) => one.labels["reason"],
  );
  assert.deepEqual(reasons, dropReasonNames().slice(1));
  assert.equal(value("megaflow_port_rx_packets_total", { name: 'in "quoted" \\ back' }), 35);
});

test("the reader refuses what is not the format", () => {
  const wrong = [
    "a 1",
    "a 1\n",
    "# TYPE a counter\na one\n",
    "# TYPE a counter\na{b=c} 1\n",
    '# TYPE a counter\na{b="c} 1\n',
    "# TYPE a counter\na 1\na 2\n",
    "# TYPE a counter\na 1\n# TYPE a counter\n",
    "# TYPE a number\na 1\n",
    "# TYPE a counter\n# TYPE b counter\na 1\n",
  ];
  for (const text of wrong) assert.throws(() => parseExposition(text), Error, text);
});
