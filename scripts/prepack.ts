// Before the package is packed: puts the addon that was built here into prebuilds/, so that an install that
// runs no scripts, or has no compiler, still pins its cores. docs/decisions says why this is safe.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { projectFile } from "../src/project.ts";

const built = projectFile("native/build/Release/megaflow.node");
const prebuilt = projectFile(`prebuilds/${process.platform}-${process.arch}/megaflow.node`);

rmSync(projectFile("prebuilds"), { recursive: true, force: true });
rmSync(projectFile("dist"), { recursive: true, force: true });
if (!existsSync(built))
  spawnSync(process.execPath, [projectFile("scripts/install.js")], { stdio: "inherit" });
if (existsSync(built)) {
  mkdirSync(dirname(prebuilt), { recursive: true });
  copyFileSync(built, prebuilt);
} else {
  process.stderr.write("megaflow: packed without a prebuilt addon; users need a C++ compiler for it\n");
}
