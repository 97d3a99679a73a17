// The plain parser against Open vSwitch itself: `ovs-ofctl parse-pcap` prints the flow that it extracts from
// each frame. What the datapath is compared with is thereby what Open vSwitch says, as far as it is printed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { KEY_ETH_TYPE } from "../../../../assembly/layout/flow-key.ts";
import { allCornerFrames } from "../../../support/corner-frames.ts";
import { mutateFrame, randomFrame } from "../../../support/frame-mutator.ts";
import { parsePcapLine } from "../../../support/ovs-flow-text.ts";
import { parsePlainly } from "../../../support/plain-parser.ts";
import { testSeed } from "../../../support/seed.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";

const seed = testSeed;
/** Network service header: Open vSwitch has fields for it, the datapath's key has none. */
const ETH_TYPE_NSH = 0x894f;

const version = ofctlVersion();
const skip = version?.startsWith("3.1.") === true ? false : `needs ovs-ofctl 3.1, found ${version ?? "none"}`;

test("the plain parser says of every corner frame what ovs-ofctl says", { skip }, () => {
  const corners = allCornerFrames();
  compare(
    corners.map(([, frame]) => frame),
    (i) => corners[i]![0],
  );
});

test(`the plain parser says of mutated and random frames what ovs-ofctl says (seed ${seed})`, {
  skip,
}, () => {
  const random = new SeededRandom(seed);
  const originals = allCornerFrames().map(([, frame]) => frame);
  const frames: Buffer[] = [];
  while (frames.length < 12_000) {
    const frame = random.chance(75)
      ? mutateFrame(random.pick(originals), random, originals)
      : randomFrame(random);
    if (frame.length > 0 && new DataView(parsePlainly(frame).buffer).getUint16(KEY_ETH_TYPE) !== ETH_TYPE_NSH)
      frames.push(frame);
  }
  compare(frames, (i) => `seed ${seed}, frame ${i}`);
});

function compare(frames: readonly Buffer[], told: (index: number) => string): void {
  const lines = parsePcap(frames);
  assert.equal(lines.length, frames.length);
  for (const [i, frame] of frames.entries()) {
    assert.equal(parsePcapLine(parsePlainly(frame)), lines[i], `${told(i)}\n${frame.toString("hex")}`);
  }
}

function parsePcap(frames: readonly Buffer[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-key-"));
  try {
    const file = join(folder, "frames.pcap");
    writeFileSync(
      file,
      Buffer.concat([pcapHeader(), ...frames.flatMap((frame) => [recordHeader(frame), frame])]),
    );
    const output = execFileSync("ovs-ofctl", ["parse-pcap", file], { encoding: "utf8", maxBuffer: 1 << 28 });
    return output.trimEnd().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A little-endian pcap of Ethernet frames. */
function pcapHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  return header;
}

function recordHeader(frame: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(frame.length, 8);
  header.writeUInt32LE(frame.length, 12);
  return header;
}

function ofctlVersion(): string | undefined {
  try {
    const text = execFileSync("ovs-ofctl", ["--version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return /\d+\.\d+\.\d+/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}
