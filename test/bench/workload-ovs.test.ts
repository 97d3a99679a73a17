// The generator's packets and rules go through Open vSwitch and Megaflow: every packet leaves on the same
// ports with the same bytes, and both make the same number of masks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { workloadFrames, workloadRules } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec } from "../../src/bench/workload/spec.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { NEED_OVS, needs } from "../support/needs.ts";
import { OvsOracle } from "../support/ovs.ts";

const PACKETS = 200;
const PORTS = 3;
/** Presets whose name differs from another only in a count that is cut down here. */
const alike = new Set(["f8k-m1", "f100k-m1", "f1m-m1", "f10k-m16", "f100k-m16", "f100k-m64", "f100k-m128"]);

test("Open vSwitch and Megaflow send the same packets of every workload", {
  skip: needs(NEED_OVS),
}, async (t) => {
  await using ovs = await OvsOracle.start({ ports: PORTS });
  for (const [name, preset] of Object.entries(presets)) {
    if (alike.has(name)) continue;
    await t.test(name, async () => {
      const flows = Math.min(preset.flows ?? 1000, PACKETS);
      const masks = Math.min(preset.masks ?? 1, flows);
      const spec = completeSpec({ ...preset, packets: PACKETS, flows, masks, rules: 100 });
      const rules = [...workloadRules(spec)];
      await ovs.load({ flows: rules });
      const ours = new InlineSwitch({ settings: defaultSettings, seed: 0n });
      try {
        for (let port = 1; port <= PORTS; port++) {
          ours.addPort({ number: port as OfPort, name: `p${port}`, transmit: "ring" });
        }
        ours.addFlows(rules.join("\n"));
        const next = workloadFrames(spec);
        for (let i = 0; i < PACKETS; i++) {
          const bytes = Buffer.alloc(2048);
          const packet = bytes.subarray(0, next(bytes, 0));
          const theirs = (await ovs.send(1, packet.toString("hex"))).out;
          const sent = ours
            .send(1 as OfPort, packet)
            .sent.map((copy) => [copy.port, Buffer.from(copy.bytes).toString("hex")]);
          assert.deepEqual(sent, theirs, `packet ${i}: ${packet.toString("hex")}`);
        }
        if (preset.scheme === undefined && spec.masks > 1) {
          const distinct = new Set(ours.megaflows().map((megaflow) => megaflow.mask.join()));
          assert.equal(distinct.size, spec.masks);
        }
      } finally {
        await ours.close();
      }
    });
  }
});
