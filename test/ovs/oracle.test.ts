// The oracle itself: what the Open vSwitch harness reports for rules whose answer is known by heart.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { OFPP_LOCAL, OvsOracle, type OvsRefusal, ovsMissing } from "../support/ovs.ts";
import { randomPackets } from "../support/random-packets.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const UDP = "0200000000020200000000010800" + "4500001c00000000401166cf0a0000010a000002" + "0001000200080000";

describe("the Open vSwitch oracle", { skip: ovsMissing() ?? false }, () => {
  let oracle: OvsOracle;
  before(async () => {
    oracle = await OvsOracle.start({ ports: 4 });
  });
  after(() => oracle.close());

  it("reports every output by port, by upcall and by cache", async () => {
    await oracle.load({ flows: ["in_port=1,ip,actions=3,dec_ttl,2,LOCAL", "actions=drop"] });
    const lower = UDP.replace("401166cf", "3f1167cf");
    const expected = {
      out: [
        [2, lower],
        [3, UDP],
        [OFPP_LOCAL, lower],
      ],
      controller: [],
    };
    assert.deepEqual(await oracle.send(1, UDP), expected);
    assert.deepEqual(await oracle.send(1, UDP), expected);
    const [megaflow, ...others] = await oracle.megaflows();
    assert.equal(others.length, 0);
    assert.match(megaflow ?? "", /in_port\(1\).*packets:1,.*actions:3,set\(ipv4\(ttl=63\)\),2,/);
    assert.deepEqual(await oracle.send(2, UDP), { out: [], controller: [] });
  });

  it("reports packet-ins with their reason, table and cookie", async () => {
    const flows = [
      "table=0,cookie=0x5,udp,actions=controller,goto_table:1",
      "table=1,priority=0,actions=controller",
    ];
    await oracle.load({ flows });
    const { controller } = await oracle.send(1, UDP);
    const common = { totalLen: UDP.length / 2, hex: UDP };
    assert.deepEqual(controller, [
      { reason: "action", table: 0, cookie: "0x5", ...common },
      { reason: "no_match", table: 1, cookie: "0x0", ...common },
    ]);
  });

  it("counts distinct masks and forgets everything at the next load", async () => {
    await oracle.load({
      flows: ["in_port=1,udp,nw_dst=10.0.0.0/24,actions=2", "in_port=2,actions=1", "actions=drop"],
    });
    await oracle.send(1, UDP);
    await oracle.send(2, UDP);
    await oracle.send(3, UDP);
    assert.equal((await oracle.megaflows()).length, 3);
    assert.equal(await oracle.maskCount(), 1 + 1);
    await oracle.load({ flows: [] });
    assert.deepEqual(await oracle.megaflows(), []);
  });

  it("forgets megaflows also while a revalidator looks at them", async () => {
    const flows = Array.from({ length: 300 }, (_, i) => `in_port=1,udp,udp_src=${i},actions=2`);
    for (let round = 0; round < 3; round++) {
      await oracle.load({ flows });
      for (let i = 0; i < flows.length; i++)
        await oracle.send(1, UDP.replace("00010002", `${i.toString(16).padStart(4, "0")}0002`));
      assert.equal((await oracle.megaflows()).length, flows.length);
      await oracle.ofctl("add-flow", "br0", "table=9,priority=9,actions=drop");
      // A round of the revalidators begins, and is not waited for.
      await oracle.appctl("time/warp", "101");
    }
    await oracle.load({ flows: [] });
    assert.deepEqual(await oracle.megaflows(), []);
  });

  it("settles learned rules", async () => {
    const learn = "learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])";
    await oracle.load({ flows: [`table=0,actions=${learn},resubmit(,1)`, "table=1,priority=0,actions=4"] });
    const back = `020000000001020000000002${UDP.slice(24)}`;
    assert.deepEqual((await oracle.send(2, back)).out, [[4, back]]);
    assert.deepEqual((await oracle.send(1, UDP)).out, [[2, UDP]]);
    await oracle.settle();
    assert.deepEqual((await oracle.send(2, back)).out, [[1, back]]);
  });

  it("loads groups and meters, and names what was refused", async () => {
    await oracle.load({
      meters: ["meter=1,pktps,bands=type=drop,rate=1000"],
      groups: ["group_id=1,type=all,bucket=actions=2,bucket=actions=3"],
      flows: ["actions=meter:1,group:1"],
    });
    assert.deepEqual((await oracle.send(1, UDP)).out, [
      [2, UDP],
      [3, UDP],
    ]);
    const refused = oracle.load({ flows: ["actions=1", "bad=1,actions=2"] });
    await assert.rejects(refused, (error: OvsRefusal) => error.what === "flows" && error.line === 2);
  });

  it("takes every random frame and floods it unchanged", async () => {
    await oracle.load({ flows: ["actions=flood"] });
    const packets = randomPackets(new SeededRandom(1), { count: 400, ports: 4 });
    for (const { port, hex } of packets) {
      const { out } = await oracle.send(port, hex);
      const others = [1, 2, 3, 4, OFPP_LOCAL].filter((other) => other !== port);
      assert.deepEqual(
        out,
        others.map((other) => [other, hex]),
      );
    }
  });
});
