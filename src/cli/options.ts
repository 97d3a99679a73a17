// The options of a command as a table: parsing, checking, help and docs/cli.md all come from it.

import { type ParseArgsConfig, parseArgs } from "node:util";
import { parseCount, parseDuration } from "../config/number.ts";
import { UsageError } from "../errors.ts";
import { closestWord } from "./closest-word.ts";

/** One option of a command. */
export interface OptionSpec {
  readonly name: string;
  /** What stands for its value in help: `FILE`; absent for a flag. */
  readonly value?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly meaning: string;
  /** Shown in help as the value when the option is not given. */
  readonly default?: string;
}

/** What a person can read about a command, and what it takes. */
export interface CommandSpec {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Lines after `megaflow NAME`. */
  readonly usage: readonly string[];
  /** Paragraphs. */
  readonly details: readonly string[];
  readonly options: readonly OptionSpec[];
  /** What stands for the operands in messages, with the fewest and the most of them. */
  readonly operands?: { readonly what: string; readonly min: number; readonly max: number };
  /** Options that it does not know are operands: the command hands them on. */
  readonly passOptions?: boolean;
  /** Command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
}

/** Options that every command takes. */
export const commonOptions: readonly OptionSpec[] = [
  { name: "help", meaning: "Print this help and exit." },
  { name: "verbose", meaning: "Print the stack of an error too." },
];

/** A parsed command line. */
export class Arguments {
  readonly operands: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>, operands: readonly string[]) {
    this.#values = values;
    this.operands = operands;
  }

  /** Whether a flag is there. */
  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  /** The value of an option, or undefined. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** The values of an option that may be given several times. */
  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? (value as string[]) : [];
  }

  /** The value of an option that has to be there. Throws UsageError. */
  required(name: string, what: string): string {
    const value = this.text(name);
    if (value === undefined) throw new UsageError(`--${name} ${what} is missing`);
    return value;
  }

  /** A whole number (`4k`, `0x10`) between limits, or `fallback`. Throws UsageError. */
  count(name: string, min: number, max: number, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const count = parseCount(text);
    if (count === undefined || count < min || count > max) {
      throw new UsageError(`--${name} takes a whole number, ${min} to ${max}, got "${text}"`);
    }
    return count;
  }

  /** Milliseconds of a duration (`10s`, `500ms`) that is not 0, or `fallback`. Throws UsageError. */
  durationMs(name: string, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const duration = parseDuration(text);
    if (duration === undefined || duration <= 0 || duration > DURATION_MAX_MS) {
      throw new UsageError(`--${name} takes a time such as 10s or 500ms, got "${text}"`);
    }
    return duration;
  }
}

/** A month: longer than anybody waits for a command. */
const DURATION_MAX_MS = 31 * 24 * 3_600_000;

/** Parses the arguments after a command's name. Throws UsageError. */
export function parseArguments(spec: CommandSpec, args: readonly string[]): Arguments {
  const all = [...spec.options, ...commonOptions];
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const option of all) {
    const type = option.value === undefined ? "boolean" : "string";
    const short = option.name === "help" ? { short: "h" } : {};
    options[option.name] = { type, multiple: option.multiple ?? false, ...short };
  }
  // Not strict: the messages are our own. Tokens say what stood where.
  const given = spec.passOptions === true ? ownOptionsFirst(all, args) : [...args];
  const config = { args: given, options, strict: false, allowPositionals: true, tokens: true } as const;
  const { values, positionals, tokens } = parseArgs(config);
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    checkOption(spec, all, token.rawName, token.name, token.value);
    const option = all.find((one) => one.name === token.name);
    if (seen.has(token.name) && option?.value !== undefined && !option.multiple) {
      throw new UsageError(`${token.rawName} is there twice`);
    }
    seen.add(token.name);
  }
  const parsed = new Arguments(values, positionals);
  if (!parsed.flag("help")) checkOperands(spec, positionals);
  return parsed;
}

/** The same arguments, the known options first and then, behind `--`, everything else. */
function ownOptionsFirst(all: readonly OptionSpec[], args: readonly string[]): string[] {
  const own: string[] = [];
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    const option = all.find(
      ({ name }) => arg === `--${name}` || arg.startsWith(`--${name}=`) || (arg === "-h" && name === "help"),
    );
    if (option === undefined) rest.push(arg);
    else {
      own.push(arg);
      if (option.value !== undefined && arg === `--${option.name}` && i + 1 < args.length)
        own.push(args[++i] as string);
    }
  }
  return [...own, "--", ...rest];
}

function checkOption(
  spec: CommandSpec,
  all: readonly OptionSpec[],
  rawName: string,
  name: string,
  value: string | undefined,
): void {
  const isNamed = rawName.startsWith("--") || rawName === "-h";
  const option = isNamed ? all.find((one) => one.name === name) : undefined;
  if (option === undefined) {
    const closest = closestWord(
      name,
      all.map((one) => one.name),
    );
    const hint = closest === undefined ? `see megaflow ${spec.name} --help` : `did you mean --${closest}?`;
    throw new UsageError(`unknown option ${rawName}; ${hint}`);
  }
  if (option.value === undefined && value !== undefined) throw new UsageError(`${rawName} takes no value`);
  // An option in place of a value is nearly always a forgotten value.
  if (option.value !== undefined && (value === undefined || value.startsWith("--"))) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value}`);
  }
}

function checkOperands(spec: CommandSpec, operands: readonly string[]): void {
  const { what, min, max } = spec.operands ?? { what: "", min: 0, max: 0 };
  if (operands.length > max) throw new UsageError(`unexpected argument "${operands[max]}"`);
  if (operands.length < min) throw new UsageError(`${what} is missing; see megaflow ${spec.name} --help`);
}
