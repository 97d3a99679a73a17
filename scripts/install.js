// Builds the native addon when the package is installed, and never fails an install: without a compiler it
// says in one line what will be missing. Plain JavaScript, because it runs before anything is built.
// `node scripts/install.js --required` is for developers and CI: there a failure is a failure.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const consequence =
  "Megaflow works without it: one PMD, not pinned to a core, and no afxdp, tap or afpacket ports.";

const problem = buildAddon();
if (problem !== undefined) {
  const prebuilt = existsSync(
    join(root, "prebuilds", `${process.platform}-${process.arch}`, "megaflow.node"),
  );
  const rest = prebuilt ? "The addon that came with the package is used." : consequence;
  process.stderr.write(`megaflow: the native addon was not built: ${problem}. ${rest}\n`);
  if (process.argv.includes("--required")) process.exitCode = 1;
}

/** Returns why the addon could not be built, or undefined when it was. */
function buildAddon() {
  if (process.platform !== "linux") return `it is for Linux, this is ${process.platform}`;
  for (const tool of ["make", process.env.CXX || "g++"]) {
    if (!isOnPath(tool)) return `no ${tool} on the PATH`;
  }
  const nodeGyp = findNodeGyp();
  if (nodeGyp === undefined) return "node-gyp was not found";
  const directory = headersPrefix();
  const args = [nodeGyp, "configure", "build", "--directory", join(root, "native"), "--loglevel", "warn"];
  if (directory !== undefined) args.push("--nodedir", directory);
  const built = spawnSync(process.execPath, args, {
    cwd: root,
    // Warnings are errors in a checkout; a user's compiler may know warnings that ours does not.
    env: existsSync(join(root, "src")) ? { ...process.env, GYP_DEFINES: "strict=1" } : process.env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (built.status === 0) return undefined;
  const output = `${built.stdout ?? ""}${built.stderr ?? ""}${built.error ?? ""}`;
  if (process.argv.includes("--required") || process.env.npm_config_loglevel === "verbose")
    process.stderr.write(output);
  return `node-gyp ended with status ${built.status} (${firstError(output)}; all of it: node scripts/install.js --required)`;
}

/** The first line of a build's output that says error. */
function firstError(output) {
  const lines = output.split("\n").map((line) => line.trim());
  return (
    lines.find((line) => /\berror:/i.test(line)) ?? lines.find((line) => line !== "") ?? "it printed nothing"
  );
}

/** @param {string} tool a command's name, its path, or a command with arguments as CXX may be. */
function isOnPath(tool) {
  const command = tool.split(" ")[0] ?? tool;
  if (command.includes("/")) return existsSync(command);
  return (process.env.PATH ?? "")
    .split(":")
    .some((folder) => folder !== "" && existsSync(join(folder, command)));
}

/** Our own node-gyp in a checkout, npm's in an installed package. */
function findNodeGyp() {
  try {
    return createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
  } catch {
    const carried = process.env.npm_config_node_gyp;
    if (carried !== undefined && existsSync(carried)) return carried;
    const beside = resolve(
      process.execPath,
      "../../lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js",
    );
    return existsSync(beside) ? beside : undefined;
  }
}

/**
 * Where Node's headers lie on this machine, so that nothing is downloaded; undefined leaves it to node-gyp.
 * The addon uses only Node-API, whose headers fit every version.
 */
function headersPrefix() {
  const prefixes = [process.env.npm_config_nodedir, resolve(process.execPath, "../.."), "/usr", "/usr/local"];
  return prefixes.find(
    (prefix) => prefix !== undefined && existsSync(join(prefix, "include/node/node_api.h")),
  );
}
