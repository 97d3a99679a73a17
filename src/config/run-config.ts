// The YAML file of `megaflow run`: what a switch is made of. Reading it names every mistake at once.
//
//   bridge: br0                      profile: default            seed: 1 (random when absent)
//   cores: [0, 1]                    one PMD a core
//   settings: {microflow.entries: 64k}
//   idle: block                      or busy, or sleep with pmd-sleep-max: 100 (microseconds)
//   ports: [{number: 1, kind: trace, file: in.pcap}, {number: 2, kind: pcap, write: out.pcap}]
//   flows: rules.flows               a file, a list of files, or the rules themselves after `|`
//   groups: rules.groups             the same
//   meters: rules.meters             the same
//   control: br0                     control socket: a name, a path, or off
//   http: 127.0.0.1:9080             the live page; or {listen: 0.0.0.0:9080, remote: true}

import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { isMap, isSeq } from "yaml";
import { PMD_MAX, PORT_MAX } from "../../assembly/layout/limits.ts";
import { ConfigError, ConfigFileError } from "../errors.ts";
import { parseListenAddress } from "./listen-address.ts";
import { type ProfileName, profileNames } from "./profiles.ts";
import { readText } from "./read-text.ts";
import {
  isRealPortKind,
  type RealPortConfig,
  type RealPortKind,
  readRealPort,
  realPortKeys,
  realPortKinds,
} from "./real-port-config.ts";
import { isSettingKey, parseSetting, type SettingKey, type Settings, unknownSetting } from "./settings.ts";
import { scalarOf, type YamlEntry, YamlReader, type YamlValue } from "./yaml-reader.ts";

/** Kinds of port that a file can name. */
export const portKinds = ["trace", "pcap", "null", ...realPortKinds] as const;
export type PortKindName = (typeof portKinds)[number];

/** A port of the switch. */
export interface PortConfig {
  readonly number: number;
  readonly name: string;
  readonly kind: PortKindName;
  /** Capture that packets come from (`trace`, `pcap`); as seen from the working directory. */
  readonly read?: string;
  /** Capture that sent packets go to (`pcap`). */
  readonly write?: string;
  /** Interface and how it is attached to, for the kinds of real port. */
  readonly real?: RealPortConfig;
}

/** Text in `ovs-ofctl` syntax with the file to name in messages; line numbers are that file's. */
export interface RuleText {
  readonly file: string;
  readonly text: string;
}

/** Where the live page is served. */
export interface HttpConfig {
  readonly listen: string;
  /** Whether the address may be one that other machines reach. */
  readonly remote: boolean;
}

/** What a switch is made of. */
export interface RunConfig {
  readonly bridge: string;
  /** CPU numbers, one PMD each. */
  readonly cores: readonly number[];
  readonly idle: { readonly mode: (typeof idleModes)[number]; readonly maxUs: number };
  readonly profile: ProfileName;
  readonly settings: Partial<Settings>;
  /** Seed of every hash; undefined = from a secure random source. */
  readonly seed: number | undefined;
  readonly ports: readonly PortConfig[];
  readonly flows: readonly RuleText[];
  readonly groups: readonly RuleText[];
  readonly meters: readonly RuleText[];
  /** Name or path of the control socket; undefined = the bridge's name, null = none. */
  readonly control: string | null | undefined;
  /** Undefined = no live page. */
  readonly http: HttpConfig | undefined;
}

/** OpenFlow number of the port that is the host itself. */
const LOCAL_NUMBER = 65_534;
/** Highest CPU number that a file can name: what a Linux affinity mask of 1,024 bits holds. */
const CPU_MAX = 1023;
/** Keys of the file. */
export const runConfigKeys = [
  "bridge",
  "cores",
  "idle",
  "pmd-sleep-max",
  "profile",
  "settings",
  "seed",
  "ports",
  "flows",
  "groups",
  "meters",
  "control",
  "http",
];
const fileKeys = ["file", "read", "write"];
const portKeys = ["number", "name", "kind", ...fileKeys, ...realPortKeys];
/** What a PMD does while nothing comes: waits in the kernel, polls on, or sleeps for up to `pmd-sleep-max`. */
export const idleModes = ["block", "busy", "sleep"] as const;
/** Longest sleep between two polls, in microseconds, as Open vSwitch's pmd-sleep-max allows. */
const SLEEP_MAX_US = 10_000;
const SLEEP_DEFAULT_US = 100;

/** Reads a configuration file. Throws ConfigFileError with every mistake, or the file system's error. */
export function loadRunConfig(file: string): RunConfig {
  return parseRunConfig(readText(file), file);
}

/** Reads a configuration from its text; files it names are looked for beside `file`. Throws ConfigFileError. */
export function parseRunConfig(text: string, file: string): RunConfig {
  const reader = new YamlReader(text, file);
  if (reader.problems.length > 0) throw new ConfigFileError(reader.problems);
  const found = new Map<string, YamlEntry>();
  for (const entry of reader.entries(reader.root, "the configuration", runConfigKeys))
    found.set(entry.key, entry);
  for (const key of ["ports", "flows"]) {
    if (isMap(reader.root.node) && !found.has(key)) reader.problem(reader.root.offset, `${key} missing`);
  }
  const folder = dirname(file);
  const part = <T>(key: string, read: (entry: YamlEntry) => T | undefined): T | undefined => {
    const entry = found.get(key);
    return entry === undefined ? undefined : read(entry);
  };
  const config: RunConfig = {
    bridge: part("bridge", (entry) => reader.text(entry, "bridge", "the bridge's name")) ?? "br0",
    cores: part("cores", (entry) => readCores(reader, entry)) ?? [0],
    idle: {
      mode: part("idle", (entry) => reader.word(entry, "idle", idleModes)) ?? "block",
      maxUs:
        part("pmd-sleep-max", (entry) => reader.integer(entry, "pmd-sleep-max", 1, SLEEP_MAX_US)) ??
        SLEEP_DEFAULT_US,
    },
    profile: part("profile", (entry) => reader.word(entry, "profile", profileNames)) ?? "default",
    settings: part("settings", (entry) => readSettings(reader, entry)) ?? {},
    seed: part("seed", (entry) => reader.integer(entry, "seed", 0, Number.MAX_SAFE_INTEGER)),
    ports: part("ports", (entry) => readPorts(reader, entry, folder)) ?? [],
    flows: part("flows", (entry) => readRules(reader, entry, "flows", file)) ?? [],
    groups: part("groups", (entry) => readRules(reader, entry, "groups", file)) ?? [],
    meters: part("meters", (entry) => readRules(reader, entry, "meters", file)) ?? [],
    control: part("control", (entry) => readControl(reader, entry)),
    http: part("http", (entry) => readHttp(reader, entry)),
  };
  if (reader.problems.length > 0) throw new ConfigFileError(reader.problems);
  return config;
}

function readCores(reader: YamlReader, entry: YamlEntry): number[] {
  const items = isSeq(entry.node) ? reader.items(entry, "cores") : [entry];
  const cores: number[] = [];
  for (const item of items) {
    const core = reader.integer(item, "core", 0, CPU_MAX);
    if (core === undefined) continue;
    if (cores.includes(core)) reader.problem(item.offset, `core ${core} is named twice`);
    cores.push(core);
  }
  if (items.length === 0 || items.length > PMD_MAX) {
    reader.problem(entry.offset, "cores", {
      expected: `1 to ${PMD_MAX} CPU numbers`,
      got: `${items.length}`,
    });
  }
  return cores;
}

function readSettings(reader: YamlReader, entry: YamlEntry): Partial<Settings> {
  const settings: Partial<Record<SettingKey, string | number>> = {};
  for (const setting of reader.entries(entry, "settings", [])) {
    try {
      if (!isSettingKey(setting.key)) {
        const { reason, expected, got } = unknownSetting(setting.key);
        reader.problem(setting.keyOffset, reason, { expected, got });
        continue;
      }
      settings[setting.key] = parseSetting(setting.key, scalarOf(setting));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      reader.problem(setting.offset, error.reason, { expected: error.expected, got: error.got });
    }
  }
  return settings as Partial<Settings>;
}

function readPorts(reader: YamlReader, entry: YamlEntry, folder: string): PortConfig[] {
  const ports: PortConfig[] = [];
  const items = reader.items(entry, "ports");
  if (isSeq(entry.node) && items.length === 0) reader.problem(entry.offset, "ports: at least one is needed");
  for (const item of items) {
    const port = readPort(reader, item, folder);
    if (port === undefined) continue;
    if (ports.some((other) => other.number === port.number)) {
      reader.problem(item.offset, `port ${port.number} is there twice`);
    }
    if (ports.some((other) => other.name === port.name)) {
      reader.problem(item.offset, `the port name ${port.name} is there twice`);
    }
    ports.push(port);
  }
  return ports;
}

function readPort(reader: YamlReader, item: YamlValue, folder: string): PortConfig | undefined {
  const fields = new Map(reader.entries(item, "a port", portKeys).map((entry) => [entry.key, entry]));
  if (fields.size === 0) return undefined;
  const numberEntry = fields.get("number");
  const kindEntry = fields.get("kind");
  if (numberEntry === undefined) reader.problem(item.offset, "port without a number");
  if (kindEntry === undefined)
    reader.problem(item.offset, "port without a kind", { expected: portKinds.join(" or ") });
  const number = numberEntry && readPortNumber(reader, numberEntry);
  const kind = kindEntry && reader.word(kindEntry, "kind of port", portKinds);
  const nameEntry = fields.get("name");
  const name = nameEntry && reader.text(nameEntry, "port name");
  if (number === undefined || kind === undefined) return undefined;
  if (isRealPortKind(kind)) {
    for (const key of fileKeys) {
      const entry = fields.get(key);
      if (entry !== undefined) reader.problem(entry.keyOffset, `a port of kind ${kind} has no ${key}`);
    }
    const real = readRealPort(reader, kind, fields, item.offset);
    return { number, kind, name: name ?? real.dev ?? `p${number}`, real };
  }
  for (const key of realPortKeys) {
    const entry = fields.get(key);
    if (entry !== undefined) reader.problem(entry.keyOffset, `a ${kind} port has no ${key}`);
  }
  const files = readPortFiles(reader, item, kind, fields, folder);
  return { number, kind, name: name ?? `p${number}`, ...files };
}

/** A port number; LOCAL is 65534, as `ovs-ofctl` has it. */
function readPortNumber(reader: YamlReader, entry: YamlEntry): number | undefined {
  if (/^local$/i.test(String(scalarOf(entry))) || scalarOf(entry) === LOCAL_NUMBER) return LOCAL_NUMBER;
  return reader.integer(entry, "port number", 1, PORT_MAX - 1);
}

function readPortFiles(
  reader: YamlReader,
  item: YamlValue,
  kind: Exclude<PortKindName, RealPortKind>,
  fields: ReadonlyMap<string, YamlEntry>,
  folder: string,
): { read?: string; write?: string } {
  const taken = { trace: ["file"], pcap: ["read", "write"], null: [] as string[] }[kind];
  const files: Record<string, string> = {};
  for (const key of fileKeys) {
    const entry = fields.get(key);
    if (entry === undefined) continue;
    if (!taken.includes(key)) {
      reader.problem(entry.keyOffset, `a ${kind} port has no ${key}`);
      continue;
    }
    const name = reader.text(entry, key, "a file name");
    if (name === undefined) continue;
    const path = beside(folder, name);
    if (key === "write") checkFolder(reader, entry, path);
    else checkFile(reader, entry, path, name);
    files[key === "write" ? "write" : "read"] = path;
  }
  if (kind === "trace" && !fields.has("file")) reader.problem(item.offset, "trace port without a file");
  if (kind === "pcap" && !fields.has("read") && !fields.has("write")) {
    reader.problem(item.offset, "pcap port with neither read nor write");
  }
  return files;
}

function readRules(reader: YamlReader, entry: YamlEntry, what: string, file: string): RuleText[] {
  const items = isSeq(entry.node) ? reader.items(entry, what) : [entry];
  const rules: RuleText[] = [];
  for (const item of items) {
    const inline = reader.blockText(item);
    if (inline !== undefined) {
      rules.push({ file, text: inline });
      continue;
    }
    const name = reader.text(item, what, "a file name, a list of them, or rules after |");
    if (name === undefined) continue;
    const path = beside(dirname(file), name);
    if (checkFile(reader, item, path, name)) rules.push({ file: path, text: readText(path) });
  }
  return rules;
}

/** A name, a path, or `off`, which YAML may read as a truth value. */
function readControl(reader: YamlReader, entry: YamlEntry): string | null | undefined {
  const scalar = scalarOf(entry);
  if (scalar === false || scalar === "off") return null;
  return reader.text(entry, "control", "a socket's name or path, or off");
}

/** `ADDRESS:PORT`, a port, or both parts by name. */
function readHttp(reader: YamlReader, entry: YamlEntry): HttpConfig | undefined {
  if (!isMap(entry.node)) return readAddress(reader, entry, false);
  const fields = new Map(reader.entries(entry, "http", ["listen", "remote"]).map((one) => [one.key, one]));
  const listen = fields.get("listen");
  const remote = fields.get("remote");
  if (listen === undefined) reader.problem(entry.offset, "http without listen");
  const word = remote === undefined ? "false" : reader.word(remote, "remote", ["true", "false"]);
  return listen && readAddress(reader, listen, word === "true");
}

function readAddress(reader: YamlReader, value: YamlValue, remote: boolean): HttpConfig | undefined {
  const scalar = scalarOf(value);
  const expected = "an address to listen on, such as 127.0.0.1:9080";
  const listen = typeof scalar === "number" ? String(scalar) : reader.text(value, "http", expected);
  if (listen === undefined) return undefined;
  try {
    parseListenAddress(listen, remote);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    reader.problem(value.offset, error.reason, { expected: error.expected, got: error.got });
  }
  return { listen, remote };
}

/** Returns the path of a file that is named in a file of `folder`. */
function beside(folder: string, name: string): string {
  return isAbsolute(name) ? name : join(folder, name);
}

function checkFile(reader: YamlReader, entry: YamlValue, path: string, name: string): boolean {
  const isFile = existsSync(path) && !statSync(path).isDirectory();
  if (!isFile) reader.problem(entry.offset, `no file ${name}`);
  return isFile;
}

function checkFolder(reader: YamlReader, entry: YamlValue, path: string): void {
  if (!existsSync(dirname(path))) reader.problem(entry.offset, `no folder ${dirname(path)}`);
}
