// The addon is one file for every supported Node, and its absence is a reason in words and never a crash.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { loadNative } from "../../src/native.ts";
import { projectFile } from "../../src/project.ts";

const { CI } = process.env;
const run = promisify(execFile);
const loaderUrl = new URL("../../src/native.ts", import.meta.url).href;

/** Runs the loader in a process of its own with MEGAFLOW_ADDON set; returns what it printed. */
async function loaderSays(choice: string): Promise<string> {
  const script = `import(${JSON.stringify(loaderUrl)}).then((native) => {
    const loaded = native.loadNative();
    console.log(loaded.addon === undefined ? loaded.reason : "loaded " + loaded.path);
    try { native.requireNative("a port of type afxdp"); } catch (error) { console.log(error.code + " " + error.message); }
  })`;
  const options = { cwd: projectFile("."), env: { ...process.env, MEGAFLOW_ADDON: choice } };
  return (await run(process.execPath, ["--import", "tsx", "-e", script], options)).stdout;
}

test("MEGAFLOW_ADDON=off leaves a reason, and who needs the addon is named", async () => {
  const said = await loaderSays("off");
  assert.match(said, /^MEGAFLOW_ADDON=off turned it off\n/);
  assert.match(
    said,
    /NATIVE_MISSING a port of type afxdp needs the native addon, and MEGAFLOW_ADDON=off turned it off/,
  );
});

test("a file that is no addon is a reason with a way out", async () => {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-loader-"));
  try {
    const broken = join(folder, "broken.node");
    writeFileSync(broken, "not an ELF file");
    assert.match(await loaderSays(broken), /broken\.node does not load: .*: install g\+\+, make and python3/);
    assert.match(await loaderSays(join(folder, "absent.node")), /absent\.node does not load: /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What a worker of another Node does with the addon: pins, waits, and lends its memory to AF_XDP when it may. */
const workerScript = `
  const { Worker } = require("node:worker_threads");
  new Worker(\`
    const addon = require(process.env.ADDON);
    const core = addon.getAffinity()[0];
    const bytes = new Uint8Array(new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true }).buffer);
    const aligned = addon.memoryAddress(bytes) % 65536n === 0n;
    const event = addon.openEvent();
    addon.notifyEvent(event);
    const ready = addon.waitForEvents(Int32Array.of(event), 1000);
    const umem = { umemOffset: 1 << 20, umemLength: 1 << 20, chunk: 2048 };
    if (process.env.AF_XDP === "yes") addon.closePort(addon.openAnchor(bytes, umem).fd);
    console.log(process.version, addon.setAffinity(core).join() === String(core), aligned, ready);
  \`, { eval: true });`;

for (const version of ["22", "24"]) {
  const name = `the same file loads, pins, waits and lends memory in a worker of Node ${version}`;
  test(name, { timeout: 580_000 }, async (context) => {
    const loaded = loadNative();
    assert.ok(loaded.addon !== undefined);
    const afXdp = process.getuid?.() === 0 ? "yes" : "no";
    // The download of another Node is not what is tested: npm tries again.
    const npm = { npm_config_fetch_retries: "6", npm_config_prefer_offline: "true" };
    const options = { env: { ...process.env, ...npm, ADDON: loaded.path, AF_XDP: afXdp } };
    try {
      const { stdout } = await run(
        "npx",
        ["-y", "-p", `node@${version}`, "node", "-e", workerScript],
        options,
      );
      assert.match(stdout, new RegExp(`^v${version}\\.[0-9.]+ true true 1\\n$`));
    } catch (error) {
      const { stderr = "" } = error as { stderr?: string };
      if (CI === "true" || !/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH/.test(stderr)) throw error;
      context.skip(`needs a package registry that has Node ${version}`);
    }
  });
}
