// `megaflow top`: its screen fits, its keys work, in a real terminal too; --once and --json for scripts.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { afterKey, firstTopState, keysOf, type TopState } from "../../src/cli/top/state.ts";
import { type TopFrame, topLines } from "../../src/cli/top/view.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { listMegaflows } from "../../src/observe/megaflows.ts";
import { ratesBetweenSnapshots } from "../../src/observe/rates.ts";
import { takeSnapshot } from "../../src/observe/snapshot.ts";
import { projectFile } from "../../src/project.ts";
import { pcapFile } from "../support/capture-builder.ts";
import { eventually } from "../support/eventually.ts";
import { labSwitch, sendAll } from "../support/lab-switch.ts";
import { megaflow, megaflowWords, type RunningCommand, startMegaflow } from "../support/megaflow-command.ts";
import { ethernet, ipv4, packet, padTo, udp } from "../support/packet-builder.ts";

async function frame(pmds: number): Promise<TopFrame> {
  const sw = labSwitch(defaultSettings);
  sw.addFlows(
    Array.from({ length: 64 }, (_, i) => `in_port=1,ip,nw_dst=10.0.${i}.0/24,actions=dec_ttl,2,3,4`).join(
      "\n",
    ),
  );
  const none = takeSnapshot(sw);
  const traffic = Array.from({ length: 300 }, (_, i) => ({
    port: 1,
    bytes: packet(ethernet(), ipv4({ src: "192.168.0.1", dst: `10.0.${i % 64}.7` }), udp(), 40),
  }));
  sendAll(sw, traffic, 10);
  const one = takeSnapshot(sw);
  const snapshot = {
    ...one,
    timeMs: none.timeMs + 1000,
    pmds: Array.from({ length: pmds }, (_, index) => ({
      ...one.pmds[0]!,
      index,
      core: index,
      stagePackets: 100,
    })),
  };
  const { total, matched, entries } = await listMegaflows(sw);
  await sw.close();
  return {
    snapshot,
    rates: ratesBetweenSnapshots({ ...none, pmds: [], timeMs: none.timeMs }, snapshot),
    megaflows: {
      total,
      matched,
      entries: entries.map((entry) => ({ ...entry, packetRate: 1e9, bitRate: 1e12 })),
    },
  };
}

const press = (keys: string, state: TopState = firstTopState): TopState =>
  keysOf(keys).reduce(afterKey, state);

test("every screen fits its terminal, whatever there is to show", async () => {
  for (const pmds of [1, 3, 20]) {
    const seen = await frame(pmds);
    for (const [width, height] of [
      [80, 24],
      [132, 50],
      [40, 12],
      [200, 8],
    ] as const) {
      for (const keys of ["", "1", "2", "3", "h", "/abc", "p"]) {
        const lines = topLines(seen, press(keys), width, height);
        assert.equal(lines.length, height, `${pmds} PMDs, ${width}x${height}, keys "${keys}"`);
        for (const { text } of lines) assert.ok(text.length <= width, `${text.length}: ${text}`);
      }
    }
  }
});

test("at 80x24 PMDs, stages, ports and megaflows are all there", async () => {
  const text = topLines(await frame(2), firstTopState, 80, 24).map((line) => line.text);
  assert.match(
    text[0] as string,
    /^megaflow br0 {2}\d\d:\d\d:\d\d {2}up \S+ {2}0\.000 Mpps in {2}0\.001 out$/,
  );
  assert.match(text[1] as string, /^64 megaflows {2}1 mask {2}64 rules {2}no drops$/);
  assert.match(
    text[2] as string,
    /^microflow 256k {2}mask cache 4k lru {2}pruning on {2}memory \d+ of \d+ MiB$/,
  );
  assert.match(
    text[3] as string,
    /^PMD core {2}busy% {4}Mpps {2}cyc\/pkt {2}micro% {2}mcach% {2}maskd% {3}upc\/s {2}lost\/s {2}masks$/,
  );
  assert.match(text[4] as string, /^ {2}0 {4}0 {6}- {3}0\.000 {8}- /);
  assert.ok(text.some((line) => line.startsWith("PMD cyc/pkt  receive  extract")));
  assert.ok(text.some((line) => /^1 p1 +0\.000/.test(line)));
  const head = text.findIndex((line) => line.includes("megaflows by rate of 64"));
  assert.ok(head > 0 && head < 20, text.join("\n"));
  assert.match(text[head + 1] as string, /^ +1\.00G +1\.00T +\d+ +\d\.\ds {2}in_port\(1\),ipv4\(dst=10\.0\./);
  assert.match(text[23] as string, /^q quit {2}h help .*Tab megaflows/);
});

test("keys sort, search, filter, scroll, pause and quit; escape sequences are keys", () => {
  assert.equal(press("s").sort, "packets");
  assert.equal(press("ssss").sort, "rate");
  assert.equal(press("/tcp 80\r").search, "tcp 80");
  assert.equal(press("/tcpx\u007f\r").search, "tcp");
  assert.equal(press("/tcp\u001b").search, "");
  assert.equal(press("fudp,tp_dst=53\r").filter, "udp,tp_dst=53");
  assert.equal(press("/q").quit, false);
  assert.equal(press("\u001b[B\u001b[B\u001b[A").scroll, 1);
  assert.equal(press("\u001b[6~").scroll, 10);
  assert.equal(press("\u001b[A").scroll, 0);
  assert.equal(press("\u001b[C\u001b[C\u001b[D").shift, 20);
  assert.equal(press("p").paused, true);
  assert.equal(press("pp").paused, false);
  assert.deepEqual([press("+").everyMs, press("-").everyMs], [1000, 4000]);
  assert.deepEqual([press("\t").part, press("\t\t").part, press("2").part], ["pmds", "ports", "ports"]);
  assert.deepEqual([press("h").help, press("hq").help, press("hq").quit], [true, false, false]);
  assert.ok(press("q").quit);
  assert.ok(press("/abc\u0003").quit);
});

describe("top on a running switch", () => {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-top-"));
  const socket = join(folder, "sw.ctl");
  let running: RunningCommand;
  before(async () => {
    const frames = Array.from({ length: 50 }, (_, i) =>
      padTo(packet(ethernet(), ipv4({ src: `10.1.0.${i}`, dst: "10.0.0.9" }), udp({ src: i, dst: 53 }))),
    );
    writeFileSync(
      join(folder, "in.pcap"),
      pcapFile(frames.map((bytes, i) => ({ timeNs: BigInt(i), bytes }))),
    );
    writeFileSync(
      join(folder, "switch.yaml"),
      `cores: [0]\ncontrol: ${socket}\nports:\n  - {number: 1, name: in, kind: trace, file: in.pcap}\n  - {number: 2, kind: null}\nflows: |\n  ip actions=output:2\n`,
    );
    running = startMegaflow(["run", "switch.yaml", "--for", "600s"], folder);
    const flows = async () => (await megaflow(["ctl", "dpctl/dump-flows", "--attach", socket])).stdout;
    await eventually("traffic", async () => (await flows()).includes("packets:"));
  });
  after(async () => {
    await megaflow(["ctl", "exit", "--attach", socket]);
    await running.result;
    rmSync(folder, { recursive: true, force: true });
  });

  test("--once prints one look, --json everything that was seen", async () => {
    const { status, stdout, stderr } = await megaflow(["top", "--once", "--every", "1s", "--attach", socket]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^megaflow br0 .* \d+\.\d{3} Mpps in /);
    assert.match(stdout, /\n {2}0 {4}0 +\d+\.\d +\d+\.\d{3} /);
    assert.match(stdout, /\n1 in +\d+\.\d{3} /);
    assert.match(stdout, / in_port\(1\),ipv4 -> 2\n/);
    assert.ok(!stdout.includes("\u001b"));
    const json = await megaflow([
      "top",
      "--once",
      "--json",
      "--every",
      "1s",
      "--attach",
      socket,
      "--filter",
      "udp",
    ]);
    const seen = JSON.parse(json.stdout) as TopFrame;
    assert.ok((seen.rates.pmds[0]?.rxPackets ?? 0) > 0);
    assert.equal(seen.megaflows.matched, 1);
    assert.ok((seen.megaflows.entries[0]?.packetRate ?? 0) > 0);
    assert.ok(seen.snapshot.pmds[0]?.stages.length === 7);
  });

  test("what cannot be is said in a line", async () => {
    const pipe = await megaflow(["top", "--attach", socket]);
    assert.deepEqual([pipe.status, pipe.stdout], [2, ""]);
    assert.match(pipe.stderr, /^megaflow: top needs a terminal; with --once or --json it does without\n$/);
    const sort = await megaflow(["top", "--once", "--sort", "colour"]);
    assert.match(sort.stderr, /--sort takes rate, packets, bytes, used, got "colour"/);
    const filter = await megaflow([
      "top",
      "--once",
      "--every",
      "50ms",
      "--filter",
      "tea=4",
      "--attach",
      socket,
    ]);
    assert.match(filter.stderr, /Failed to parse filter/);
    assert.equal(filter.status, 2);
  });

  const tmux = existsSync("/usr/bin/tmux");
  test("in a real terminal of 80x24: the screen moves, keys act, q gives the terminal back", {
    skip: tmux ? false : "tmux is not installed",
  }, async () => {
    const session = `megaflow-top-${process.pid}`;
    const command = (...args: string[]): string =>
      execFileSync("tmux", ["-L", session, ...args], { encoding: "utf8" });
    const screen = (): string => command("capture-pane", "-p", "-t", session);
    const until = async (what: RegExp): Promise<string> => {
      let text = "";
      await eventually(
        () => `${what} in\n${text}`,
        () => {
          text = screen();
          return what.test(text);
        },
      );
      return text;
    };
    const shell = [...megaflowWords, "top", "--every", "500ms", "--attach", socket]
      .map((word) => `'${word}'`)
      .join(" ");
    command(
      ...[
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-s",
        session,
        "-x",
        "80",
        "-y",
        "24",
        "-c",
        projectFile("."),
      ],
      `echo before; ${shell}; echo "status $?"; exec cat`,
    );
    try {
      const first = await until(/megaflows by rate of 1\n/);
      assert.match(first, /^megaflow br0 /);
      assert.equal(first.trimEnd().split("\n").length, 24);
      const packets = (text: string): string =>
        /-> 2/.exec(text) === null ? "" : (/\n +\S+ +\S+ +(\S+) +\S+ {2}in_port/.exec(text)?.[1] ?? "");
      const seen = packets(first);
      assert.notEqual(seen, "");
      await eventually("the numbers move", () => !["", seen].includes(packets(screen())));
      command("send-keys", "-t", session, "h");
      await until(/megaflow top: keys/);
      command("send-keys", "-t", session, "x", "s");
      await until(/megaflows by packets of 1\n/);
      command("send-keys", "-t", session, "/", "nothing like it", "Enter");
      await until(/\/nothing like it: 0 of 1\n/);
      command("send-keys", "-t", session, "/", "Enter", "f", "udp", "Enter");
      await until(/filter udp: 1 of 1\n/);
      command("resize-window", "-t", session, "-x", "120", "-y", "30");
      await until(/(.*\n){29}q quit/);
      command("send-keys", "-t", session, "q");
      const last = await until(/status 0/);
      assert.match(last, /before\nstatus 0\n/);
      assert.doesNotMatch(last, /q quit/);
    } finally {
      command("kill-server");
    }
  });
});
