// Groups over the control socket: what they are, and what went through them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings } from "../../src/config/settings.ts";
import type { ControlContext } from "../../src/control/command.ts";
import { runControlCommand } from "../../src/control/commands.ts";
import { UsageHistory } from "../../src/control/usage-history.ts";
import { takeSnapshot } from "../../src/observe/snapshot.ts";
import { labSwitch, sendAll } from "../support/lab-switch.ts";
import { ethernet, ipv4, packet, udp } from "../support/packet-builder.ts";

test("groups and their counters have the form of ovs-ofctl, and cached packets count", async (t) => {
  const sw = labSwitch(defaultSettings);
  t.after(() => sw.close());
  const history = new UsageHistory(() => takeSnapshot(sw));
  t.after(() => history.close());
  const context: ControlContext = { owner: sw, version: "1", history, exit: () => {} };
  const ask = (name: string, ...args: string[]) => runControlCommand(context, name, args);
  assert.deepEqual(await ask("bridge/dump-groups", "br0"), []);
  sw.addGroups(
    "group_id=9,type=indirect,bucket=actions=output:3\n" +
      "group_id=7,type=all,bucket=actions=output:2,bucket=bucket_id:5,actions=group:9",
  );
  sw.addFlows("udp,actions=group:7");
  const bytes = packet(ethernet(), ipv4({}), udp({ src: 7, dst: 9 }), 18);
  for (let i = 0; i < 5; i++) sendAll(sw, [{ port: 1, bytes }], 1);
  assert.deepEqual(await ask("bridge/dump-groups", "br0"), [
    "group_id=7,type=all,bucket=bucket_id:0,actions=output:2,bucket=bucket_id:5,actions=group:9",
    "group_id=9,type=indirect,bucket=bucket_id:0,actions=output:3",
  ]);
  const counts = `packet_count=5,byte_count=${5 * bytes.length}`;
  assert.deepEqual(await ask("bridge/dump-group-stats", "br0"), [
    `group_id=7,${counts},bucket0:${counts},bucket1:${counts}`,
    `group_id=9,${counts},bucket0:${counts}`,
  ]);
  assert.deepEqual(await ask("bridge/dump-group-stats", "br0", "9"), [
    `group_id=9,${counts},bucket0:${counts}`,
  ]);
  await assert.rejects(ask("bridge/dump-groups", "br0", "8"), /there is no group 8/);
  await assert.rejects(ask("bridge/dump-groups", "br7"), /no such bridge/);
});
