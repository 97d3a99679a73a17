// Options that several commands share, and what they make: a profile with settings, rules, a seed.

import {
  findProfile,
  type Profile,
  parseAssignments,
  profileNames,
  resolveSettings,
} from "../config/profiles.ts";
import { readText } from "../config/read-text.ts";
import type { RuleText } from "../config/run-config.ts";
import type { Settings } from "../config/settings.ts";
import { ConfigError, UsageError } from "../errors.ts";
import type { EngineOptions } from "./engine.ts";
import type { Arguments, OptionSpec } from "./options.ts";

/** `--profile` and `--set`. */
export const settingOptions: readonly OptionSpec[] = [
  {
    name: "profile",
    value: "NAME",
    meaning: `Caches and lookups as a whole: ${profileNames.join(", ")}.`,
    default: "default",
  },
  {
    name: "set",
    value: "KEY=VALUE",
    multiple: true,
    meaning: "Change one setting of the profile; megaflow help settings lists them.",
  },
];

/** `--flows`, `--groups` and `--meters`. */
export const ruleOptions: readonly OptionSpec[] = [
  { name: "flows", value: "FILE", meaning: "Rules in ovs-ofctl add-flows syntax. Required." },
  { name: "groups", value: "FILE", meaning: "Groups in ovs-ofctl add-groups syntax." },
  { name: "meters", value: "FILE", meaning: "Meters in ovs-ofctl add-meter syntax, one a line." },
];

/** `--seed`, whose default a command gives. */
export const seedOption: OptionSpec = {
  name: "seed",
  value: "S",
  meaning: "Fixes hashes, sampling, selection and insertion: a whole number below 2^64.",
};

/** Returns the profile and the settings that `--profile` and `--set` say. Throws UsageError. */
export function readSettings(
  args: Arguments,
  base: { readonly profile?: string; readonly settings?: Partial<Settings> } = {},
): { profile: Profile; settings: Settings } {
  const profile = misuse("--profile", () => findProfile(args.text("profile") ?? base.profile ?? "default"));
  const overrides = misuse("--set", () => parseAssignments(args.list("set")));
  return { profile, settings: resolveSettings(profile, { ...base.settings, ...overrides }) };
}

/** Calls `read`; says which option a ConfigError is about. */
export function misuse<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(`${option}: ${error.message}`);
    throw error;
  }
}

/** Returns what `--seed` says, or `fallback`. Throws UsageError. */
export function readSeed<T>(args: Arguments, fallback: T): bigint | T {
  const text = args.text("seed");
  if (text === undefined) return fallback;
  if (!/^(0x[0-9a-fA-F]+|[0-9]+)$/.test(text) || BigInt(text) >= 1n << 64n) {
    throw new UsageError(`--seed takes a whole number below 2^64, got "${text}"`);
  }
  return BigInt(text);
}

/** Returns the texts that `--flows` (required), `--groups` and `--meters` name. Throws UsageError, or the file system's error. */
export function readRules(args: Arguments): Pick<EngineOptions, "flows" | "groups" | "meters"> {
  const flows = args.required("flows", "FILE");
  const groups = args.text("groups");
  const meters = args.text("meters");
  return {
    flows: [readRuleFile(flows)],
    groups: groups === undefined ? [] : [readRuleFile(groups)],
    meters: meters === undefined ? [] : [readRuleFile(meters)],
  };
}

function readRuleFile(file: string): RuleText {
  return { file, text: readText(file) };
}
