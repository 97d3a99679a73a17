// The package as a user gets it: packed from a copy of the sources, installed into an empty folder and used,
// with a compiler and without, and without the addon at all.

import assert from "node:assert/strict";
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { projectFile } from "../../src/project.ts";

interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** What this test reads of the lines of `replay --json`. */
interface ReplayLine {
  readonly out?: unknown;
  readonly summary?: { readonly forwarded: number };
}

const scratch = mkdtempSync(join(tmpdir(), "megaflow-pack-"));
const frame =
  "0200000000020200000000010800450000280001000040113cc20a0000010a00000200010002001400000000000000000000000000000000";
let tarball = "";
let packed: readonly string[] = [];
let packedSize = 0;

before(
  () => {
    const copy = join(scratch, "sources");
    copySources(copy);
    const npm = spawnSync("npm", ["pack", "--json", "--pack-destination", scratch], {
      cwd: copy,
      encoding: "utf8",
    });
    assert.equal(npm.status, 0, npm.stdout + npm.stderr);
    const report = (JSON.parse(npm.stdout.slice(npm.stdout.indexOf("[\n"))) as PackReport[])[0]!;
    tarball = join(scratch, report.filename);
    packed = report.files.map((file) => file.path);
    packedSize = report.size;
  },
  { timeout: 580_000 },
);

after(() => rmSync(scratch, { recursive: true, force: true }));

/** Copies what git knows or would add, and lends it the dependencies installed here. */
function copySources(target: string): void {
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: projectFile("."),
    encoding: "utf8",
  });
  for (const path of list.split("\0").filter((name) => name !== "" && existsSync(projectFile(name)))) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(projectFile(path), join(target, path));
  }
  symlinkSync(projectFile("node_modules"), join(target, "node_modules"));
}

/** An empty folder with the tarball installed; its environment, and what npm said. */
function install(name: string, env: NodeJS.ProcessEnv): { folder: string; said: string } {
  const folder = join(scratch, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "name": "user", "version": "1.0.0", "private": true }');
  const npm = spawnSync("npm", ["install", "--prefer-offline", "--fetch-retries=6", tarball], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  assert.equal(npm.status, 0, npm.stderr);
  writeFileSync(join(folder, "rules.flows"), "priority=10,ip,actions=output:2\n");
  writeFileSync(join(folder, "packets.txt"), `1 ${frame} # a UDP packet\n`);
  return { folder, said: npm.stdout + npm.stderr };
}

function npx(folder: string, env: NodeJS.ProcessEnv, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync("npx", ["--no-install", "megaflow", ...args], { cwd: folder, env, encoding: "utf8" });
}

/** The command works: it knows its version and forwards a packet. */
function assertWorks(folder: string, env: NodeJS.ProcessEnv): void {
  const version = npx(folder, env, "--version");
  assert.match(version.stdout, /^megaflow \d+\.\d+\.\d+\n$/, version.stderr);
  const replay = npx(folder, env, "replay", "--flows", "rules.flows", "--packets", "packets.txt", "--json");
  assert.equal(replay.status, 0, replay.stderr);
  const lines = replay.stdout.trim().split("\n");
  const [packet, end] = lines.map((line) => JSON.parse(line) as ReplayLine);
  assert.deepEqual(packet?.out, [[2, frame]]);
  assert.equal(end?.summary?.forwarded, 1);
}

/** The library can be imported by its name, and its switch forwards the packet. */
function assertLibraryWorks(folder: string, env: NodeJS.ProcessEnv): void {
  const script = `
    import { defaultSettings, InlineSwitch } from "megaflow";
    const sw = new InlineSwitch({ settings: defaultSettings, seed: 1n });
    for (const number of [1, 2]) sw.addPort({ number, name: "p" + number, transmit: "ring" });
    sw.addFlows("ip,actions=output:2\\n");
    const { sent } = sw.send(1, Buffer.from("${frame}", "hex"));
    console.log(sent.map(({ port, bytes }) => port + " " + Buffer.from(bytes).toString("hex")).join());
    await sw.close();`;
  const args = ["--input-type=module", "-e", script];
  assert.equal(execFileSync(process.execPath, args, { cwd: folder, env, encoding: "utf8" }), `2 ${frame}\n`);
}

/** Where the installed package found its addon, or why not. */
function addonOf(folder: string, env: NodeJS.ProcessEnv): string {
  const script = `import("./node_modules/megaflow/dist/src/native.js").then(({ loadNative }) => {
    const loaded = loadNative();
    console.log(loaded.addon === undefined ? loaded.reason : loaded.path + " " + loaded.addon.getAffinity().length);
  })`;
  return execFileSync(process.execPath, ["-e", script], { cwd: folder, env, encoding: "utf8" });
}

/** A PATH with what npm itself needs and no compiler, make or python. */
function pathWithoutCompiler(): string {
  const folder = join(scratch, "bin");
  if (!existsSync(folder)) {
    mkdirSync(folder);
    for (const tool of ["node", "npm", "npx", "sh", "env", "uname", "dirname", "sed"]) {
      const found = spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim();
      if (found !== "") symlinkSync(found, join(folder, tool));
    }
  }
  return folder;
}

test("the tarball carries WebAssembly, JavaScript and the addon, and no sources of tests", () => {
  for (const path of [
    "build/datapath.wasm",
    "build/yardstick.wasm",
    "dist/src/cli/main.js",
    "scripts/install.js",
    "asconfig.json",
    "LICENSE",
    "page/index.html",
    "page/main.js",
    "page/style.css",
  ]) {
    assert.ok(packed.includes(path), `${path} is not in the tarball`);
  }
  assert.ok(packed.includes(`prebuilds/${process.platform}-${process.arch}/megaflow.node`));
  assert.deepEqual(
    packed.filter((path) =>
      /^(test|bench|src|assembly|native\/build|node_modules|build\/testing)/.test(path),
    ),
    [],
  );
  assert.ok(packedSize < 8 * 1024 * 1024, `${packedSize} bytes`);
});

test("installed into an empty folder it replays a packet", { timeout: 580_000 }, () => {
  const env = { ...process.env, MEGAFLOW_ADDON: "" };
  const { folder } = install("with-compiler", env);
  assertWorks(folder, env);
  assertLibraryWorks(folder, env);
  assert.match(addonOf(folder, env), /megaflow\.node [1-9]/);
  const off = { ...env, MEGAFLOW_ADDON: "off" };
  assertWorks(folder, off);
  assert.match(addonOf(folder, off), /^MEGAFLOW_ADDON=off turned it off/);
});

test("without a compiler the install succeeds, and the prebuilt addon is used", { timeout: 580_000 }, () => {
  const env = { ...process.env, MEGAFLOW_ADDON: "", PATH: pathWithoutCompiler() };
  assert.notEqual(
    spawnSync("sh", ["-c", "command -v g++ || command -v cc || command -v make"], { env }).status,
    0,
  );
  const { folder, said } = install("without-compiler", env);
  assert.ok((said.match(/megaflow: /g) ?? []).length <= 1, said);
  assertWorks(folder, env);
  assert.match(addonOf(folder, env), /prebuilds\/.*megaflow\.node [1-9]/);

  const script = join(folder, "node_modules/megaflow/scripts/install.js");
  const withPrebuilt = spawnSync(process.execPath, [script], { env, encoding: "utf8" });
  assert.equal(withPrebuilt.status, 0);
  assert.match(
    withPrebuilt.stderr,
    /^megaflow: the native addon was not built: no make on the PATH\. .*came with the package.*\n$/,
  );

  rmSync(join(folder, "node_modules/megaflow/prebuilds"), { recursive: true });
  const bare = spawnSync(process.execPath, [script], { env, encoding: "utf8" });
  assert.equal(bare.status, 0);
  assert.match(
    bare.stderr,
    /^megaflow: the native addon was not built: .*one PMD, not pinned to a core.*\n$/,
  );
  assertWorks(folder, env);
  assert.match(addonOf(folder, env), /^it has not been built: install g\+\+, make and python3/);
});
