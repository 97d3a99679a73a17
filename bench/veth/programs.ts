// The bench's C programs, compiled once a run with the system's gcc.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { projectFile } from "../../src/project.ts";

const FOLDER = projectFile("build/bench-veth");

/** Why they cannot be compiled, or undefined. */
export function compilerMissing(): string | undefined {
  try {
    execFileSync("gcc", ["--version"], { stdio: "ignore" });
  } catch {
    return "gcc is not there: apt-get install gcc libc6-dev";
  }
  return existsSync("/usr/include/linux/if_xdp.h")
    ? undefined
    : "kernel headers are not there: apt-get install linux-libc-dev";
}

/** Compiles one of them; returns the path of the program. Throws with what gcc said. */
export function compile(name: "traffic" | "forwarder"): string {
  mkdirSync(FOLDER, { recursive: true });
  const program = `${FOLDER}/${name}`;
  const flags = ["-O3", "-march=native", "-std=gnu11", "-Wall", "-Wextra", "-Werror"];
  execFileSync("gcc", [...flags, "-o", program, projectFile(`bench/veth/${name}.c`)], { stdio: "pipe" });
  return program;
}
