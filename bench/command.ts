// What the benches have in common as commands: help out of the head of their file, and mistakes in one line instead of a stack.
import { readFileSync } from "node:fs";

/** Exit status of a command line that makes no sense, as the `megaflow` command has it. */
const EXIT_USAGE = 2;

/** A mistake on the command line. */
export class UsageMistake extends Error {}

/** Runs a bench's `main`, or prints the comment at the head of `file` where --help is asked for. */
export async function runCommand(file: string, main: () => Promise<void>): Promise<void> {
  if (process.argv.includes("--help")) {
    process.stdout.write(`${headComment(readFileSync(file, "utf8"))}\n`);
    return;
  }
  try {
    await main();
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    const usage = error instanceof UsageMistake || code.startsWith("ERR_PARSE_ARGS");
    process.stderr.write(`${message}${usage ? "\n--help says what there is" : ""}\n`);
    process.exitCode = usage ? EXIT_USAGE : 1;
  }
}

/** A number of at least `least`. Throws UsageMistake naming the option. */
export function numberOption(name: string, text: string, least: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= least && value < Number.POSITIVE_INFINITY) return value;
  throw new UsageMistake(`--${name} takes a number of at least ${least}, got "${text}"`);
}

/** The same, and a whole one. */
export function countOption(name: string, text: string, least: number): number {
  const value = numberOption(name, text, least);
  if (Number.isInteger(value)) return value;
  throw new UsageMistake(`--${name} takes a whole number, got "${text}"`);
}

function headComment(source: string): string {
  const lines = source.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^\/\/ ?/, ""))
    .join("\n");
}
