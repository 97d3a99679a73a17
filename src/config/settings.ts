// The settings of a switch, in one table: key, kind, range, default and meaning. Validation, `--help`,
// the YAML reader and docs/settings.md all come from here; profiles.ts names whole configurations.

import { BATCH_DEFAULT, BATCH_MAX, MASK_MAX } from "../../assembly/layout/limits.ts";
import { ConfigError } from "../errors.ts";
import { formatCount, parseCount } from "./number.ts";

/** A whole number between two limits. */
interface CountSetting {
  readonly kind: "count";
  readonly min: number;
  readonly max: number;
  /** A size that must be a power of two. */
  readonly powerOfTwo?: boolean;
  /** What 0 means, where 0 is taken below `min`. */
  readonly zero?: string;
  readonly default: number;
  /** May be changed while the switch runs. */
  readonly live?: boolean;
  readonly meaning: string;
}

/** One word of a few. */
interface WordSetting {
  readonly kind: "word";
  readonly words: readonly string[];
  /** Other spellings, each with the word it stands for. */
  readonly aliases?: Readonly<Record<string, string>>;
  readonly default: string;
  /** May be changed while the switch runs. */
  readonly live?: boolean;
  readonly meaning: string;
}

/** One row of the table. */
export type SettingSpec = CountSetting | WordSetting;

const table = {
  "microflow.entries": {
    kind: "count",
    min: 4,
    max: 1 << 22,
    powerOfTwo: true,
    zero: "off",
    default: 1 << 18,
    live: true,
    meaning: "Entries of the microflow cache of a PMD: this connection -> its megaflow.",
  },
  "microflow.mode": {
    kind: "word",
    words: ["signature", "exact"],
    default: "signature",
    live: true,
    meaning: "What a microflow entry holds: a signature verified by the megaflow, or the whole key.",
  },
  "microflow.insertInverse": {
    kind: "count",
    min: 1,
    max: 1 << 20,
    default: 1,
    live: true,
    meaning: "One in so many packets that missed the microflow cache is inserted.",
  },
  "microflow.bypass": {
    kind: "word",
    words: ["auto", "off"],
    aliases: { on: "auto" },
    default: "auto",
    live: true,
    meaning: "auto: go around the microflow cache while it is measured useless; off: always ask it.",
  },
  "maskCache.entries": {
    kind: "count",
    min: 1,
    max: 1 << 20,
    powerOfTwo: true,
    zero: "off",
    default: 1 << 12,
    live: true,
    meaning: "Entries of the mask cache of a PMD: skb hash -> the mask that matched last.",
  },
  "maskCache.victim": {
    kind: "word",
    words: ["lru", "kernel"],
    default: "lru",
    live: true,
    meaning: "Entry of the four probed that is replaced: the least recently used, or the lowest hash.",
  },
  pruning: {
    kind: "word",
    words: ["on", "off"],
    default: "on",
    live: true,
    meaning: "Bitmaps leave out masks that cannot match before the masked lookup tries them.",
  },
  "rank.intervalMs": {
    kind: "count",
    min: 1,
    max: 3_600_000,
    zero: "never",
    default: 1000,
    live: true,
    meaning: "Milliseconds between two sortings of the masks by their hits.",
  },
  batch: {
    kind: "count",
    min: 1,
    max: BATCH_MAX,
    default: BATCH_DEFAULT,
    live: true,
    meaning: "Most packets that go through the pipeline together.",
  },
  frames: {
    kind: "count",
    min: 512,
    max: 1 << 20,
    default: 1 << 14,
    meaning: "Frames of 2,048 bytes in the pool of a PMD.",
  },
  flowLimit: {
    kind: "count",
    min: 1,
    max: 1 << 22,
    default: 200_000,
    live: true,
    meaning: "Most megaflows in a PMD; above it packets are forwarded by the controller's answer alone.",
  },
  maxIdleMs: {
    kind: "count",
    min: 10,
    max: 3_600_000,
    default: 10_000,
    live: true,
    meaning: "Milliseconds without a packet after which a megaflow is taken out.",
  },
  revalidateMs: {
    kind: "count",
    min: 10,
    max: 60_000,
    default: 500,
    live: true,
    meaning: "Milliseconds between two readings of the megaflows' statistics, which reach the rules then.",
  },
  maskLimit: {
    kind: "count",
    min: 1,
    max: MASK_MAX,
    default: MASK_MAX,
    meaning: "Most masks in a PMD; above it a new megaflow takes an existing, more exact mask.",
  },
  "upcall.portRate": {
    kind: "count",
    min: 1,
    max: 1_000_000,
    zero: "any",
    default: 0,
    live: true,
    meaning:
      "Most upcalls a second of a port in a PMD, a tenth of a second's worth at once; what is over is dropped as `upcall lost`.",
  },
  conformance: {
    kind: "word",
    words: ["ovs", "openflow"],
    default: "ovs",
    meaning: "Where Open vSwitch departs from OpenFlow (push_vlan, push_mpls): which of them to follow.",
  },
} as const satisfies Record<string, SettingSpec>;

/** Name of a setting, as `--set` takes it. */
export type SettingKey = keyof typeof table;

/** Value of a setting: a number, or one of its words. */
export type SettingValue<K extends SettingKey> = (typeof table)[K] extends {
  readonly words: readonly (infer W)[];
}
  ? W
  : number;

/** A complete configuration: every key with a valid value. */
export type Settings = { readonly [K in SettingKey]: SettingValue<K> };

/** Every key, in the order of the documentation. */
export const settingKeys = Object.keys(table) as readonly SettingKey[];

/** Every setting at its default. */
export const defaultSettings: Settings = Object.fromEntries(
  settingKeys.map((key) => [key, table[key].default]),
) as unknown as Settings;

/** Returns the row of a key. */
export function settingSpec(key: SettingKey): SettingSpec {
  return table[key];
}

/** Whether the setting may be changed while the switch runs. */
export function isLiveSetting(key: SettingKey): boolean {
  return settingSpec(key).live === true;
}

/** Returns whether `key` names a setting. */
export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(table, key);
}

/** Returns what values a setting takes, for messages and documents: `0 (off) or a power of two 4 to 4M`. */
export function settingRange(key: SettingKey): string {
  const spec = settingSpec(key);
  if (spec.kind === "word") return spec.words.join(" or ");
  const limits = `${formatCount(spec.min)} to ${formatCount(spec.max)}`;
  const sizes = spec.powerOfTwo ? `a power of two, ${limits}` : limits;
  return spec.zero === undefined ? sizes : `0 (${spec.zero}) or ${sizes}`;
}

/** Checks a value that came from text, JSON or YAML. Throws ConfigError saying what the setting takes. */
export function parseSetting<K extends SettingKey>(key: K, value: unknown): SettingValue<K> {
  if (!isSettingKey(key)) throw unknownSetting(key);
  const spec = settingSpec(key);
  const parsed = spec.kind === "word" ? parseWord(spec, value) : parseSize(spec, value);
  if (parsed === undefined) {
    throw new ConfigError(`setting ${key}`, { expected: settingRange(key), got: String(value) });
  }
  return parsed as SettingValue<K>;
}

/** Parses `KEY=VALUE`. Throws ConfigError naming the keys when the key is unknown. */
export function parseAssignment(text: string): [SettingKey, Settings[SettingKey]] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new ConfigError("setting", { expected: "KEY=VALUE", got: text });
  const key = text.slice(0, equals).trim();
  if (!isSettingKey(key)) throw unknownSetting(key);
  return [key, parseSetting(key, text.slice(equals + 1).trim())];
}

/** Returns the error for a key that is not in the table, with the keys that are. */
export function unknownSetting(key: string): ConfigError {
  return new ConfigError("unknown setting", { expected: `one of ${settingKeys.join(", ")}`, got: key });
}

function parseWord(spec: WordSetting, value: unknown): string | undefined {
  // YAML 1.1 habits: an unquoted on or off may arrive as a truth value.
  const text = value === true ? "on" : value === false ? "off" : value;
  if (typeof text !== "string") return undefined;
  if (spec.words.includes(text)) return text;
  return spec.aliases !== undefined && Object.hasOwn(spec.aliases, text) ? spec.aliases[text] : undefined;
}

function parseSize(spec: CountSetting, value: unknown): number | undefined {
  const count = typeof value === "number" ? value : typeof value === "string" ? parseCount(value) : undefined;
  if (count === undefined || !Number.isInteger(count)) return undefined;
  if (count === 0 && spec.zero !== undefined) return 0;
  if (count < spec.min || count > spec.max) return undefined;
  if (spec.powerOfTwo && !isPowerOfTwo(count)) return undefined;
  return count;
}

function isPowerOfTwo(count: number): boolean {
  return count > 0 && (count & (count - 1)) === 0;
}
