// Groups in ovs-ofctl's syntax: one line, or a whole file as `ovs-ofctl add-groups FILE` takes it.

import { type Field, fieldByName } from "./field.ts";
import { ones } from "./field-value.ts";
import { BUCKET_ID_MAX, GROUP_ANY, GROUP_ID_MAX, type GroupSelection, type GroupType } from "./group.ts";
import {
  BUCKET_ALL,
  BUCKET_FIRST,
  BUCKET_LAST,
  type BucketSpec,
  GROUP_ALL,
  type GroupMod,
  type GroupModCommand,
} from "./group-mod.ts";
import { FlowText, KeyValueScanner, type Piece } from "./key-value.ts";
import { textLines } from "./lines.ts";
import { ActionList } from "./parse-actions.ts";
import type { FlowParseOptions } from "./parse-flow.ts";
import { parseU16, parseU32, parseU64 } from "./parse-number.ts";
import { readPort } from "./parse-port.ts";
import { parseExactValue } from "./parse-value.ts";
import { OFPP_ANY, OFPP_CONTROLLER, type OfPort } from "./port.ts";

type Draft = { -readonly [K in keyof GroupMod]: GroupMod[K] };
type SelectionDraft = { -readonly [K in keyof GroupSelection]: GroupSelection[K] };

const COMMANDS: readonly GroupModCommand[] = [
  "add",
  "delete",
  "modify",
  "add_or_mod",
  "insert_bucket",
  "remove_bucket",
];

const TYPES: Readonly<Record<string, GroupType>> = {
  all: "all",
  select: "select",
  indirect: "indirect",
  ff: "fast_failover",
  fast_failover: "fast_failover",
};

/** What every bucket begins with. */
const BUCKET_WORD = "bucket=";

/** Reads one group. `command` is what to do with it unless the line begins with a command of its own. */
export function parseGroup(
  text: string,
  options: FlowParseOptions = {},
  command?: GroupModCommand,
): GroupMod {
  return new GroupParser(new FlowText(text, { file: options.file }, options.ports)).parse(command);
}

/** Reads every group of a file's text; comments begin with `#`. Lines may begin with a command. */
export function parseGroups(text: string, options: FlowParseOptions = {}): GroupMod[] {
  const mods: GroupMod[] = [];
  for (const [line, content] of textLines(text)) {
    mods.push(new GroupParser(new FlowText(content, { file: options.file, line }, options.ports)).parse());
  }
  return mods;
}

/** Where a bucket ends, given where the next one's content starts. */
function bucketEnd(next: number | undefined, text: string): number {
  return next === undefined ? text.length : next - BUCKET_WORD.length;
}

class GroupParser {
  private readonly source: FlowText;
  private hasType = false;
  private hasCommandBucket = false;
  private readonly selection: SelectionDraft = { method: "", param: 0n, fields: [] };

  constructor(source: FlowText) {
    this.source = source;
  }

  parse(fixedCommand?: GroupModCommand): GroupMod {
    const { source } = this;
    const [command, start] = fixedCommand ? [fixedCommand, 0] : leadingCommand(source.text);
    const draft: Draft = {
      command,
      groupId: GROUP_ANY,
      type: "all",
      selection: this.selection,
      buckets: [],
      commandBucketId: BUCKET_ALL,
    };
    if (command === "delete" && source.text.slice(start).trim() === "")
      return { ...draft, groupId: GROUP_ALL };
    const bucketsAt = bucketStarts(source.text, start);
    if (bucketsAt.length > 0 && (command === "delete" || command === "remove_bucket")) {
      throw source.error(bucketsAt[0]!, `${command} takes no buckets`, "no bucket=");
    }
    const headEnd = (bucketsAt[0] ?? source.text.length + BUCKET_WORD.length) - BUCKET_WORD.length;
    const scan = new KeyValueScanner(source.text, start, headEnd);
    while (scan.next()) this.parseKey(scan, draft);
    this.checkHead(draft);
    draft.buckets = bucketsAt.map((at, i) =>
      this.parseBucket(at, bucketEnd(bucketsAt[i + 1], source.text), draft),
    );
    if (draft.type === "indirect" && draft.buckets.length > 1) {
      throw source.error(bucketsAt[1]!, "an indirect group with two buckets", "one bucket at most");
    }
    return draft;
  }

  private parseKey(pair: KeyValueScanner, draft: Draft): void {
    const { source } = this;
    const { key } = pair;
    const value = { text: pair.value, at: pair.valueAt };
    const shapes = draft.command === "add" || draft.command === "modify" || draft.command === "add_or_mod";
    if (key === "group_id") draft.groupId = this.groupId(value);
    else if (key === "command_bucket_id") draft.commandBucketId = this.commandBucket(value, draft.command);
    else if (!shapes) throw this.unknownKey(pair, draft.command);
    else if (key === "type") draft.type = this.groupType(value);
    else if (key === "selection_method") this.selection.method = this.selectionMethod(value);
    else if (key === "selection_method_param") this.selection.param = parseU64(source, value, key);
    else if (key === "fields") this.selection.fields = this.selectionFields(value);
    else throw this.unknownKey(pair, draft.command);
  }

  private unknownKey(pair: KeyValueScanner, command: GroupModCommand): Error {
    const expected = "group_id, type, selection_method, selection_method_param, fields or bucket";
    return this.source.error(pair.keyAt, `unknown keyword in a group to ${command}`, expected, pair.key);
  }

  private groupId(value: Piece): number {
    if (value.text === "all") return GROUP_ALL;
    const id = parseU32(this.source, value, "group id");
    if (id <= GROUP_ID_MAX || id === GROUP_ALL) return id;
    throw this.source.error(value.at, "invalid group id", `0 to ${GROUP_ID_MAX}`, value.text);
  }

  private groupType(value: Piece): GroupType {
    this.hasType = true;
    const type = Object.hasOwn(TYPES, value.text) ? TYPES[value.text] : undefined;
    if (type !== undefined) return type;
    throw this.source.error(
      value.at,
      "invalid group type",
      "all, select, indirect, ff or fast_failover",
      value.text,
    );
  }

  private selectionMethod(value: Piece): GroupSelection["method"] {
    if (value.text === "hash" || value.text === "dp_hash") return value.text;
    throw this.source.error(value.at, "unknown selection method", "hash or dp_hash", value.text);
  }

  /** `fields(eth_dst,ip_src=255.255.0.0)`: fields to hash, each with the mask to apply. */
  private selectionFields(value: Piece): GroupSelection["fields"] {
    const { source } = this;
    const chosen = new Map<Field, bigint>();
    const scan = new KeyValueScanner(source.text, value.at, value.at + value.text.length);
    while (scan.next()) {
      const field = fieldByName(scan.key);
      if (field === undefined)
        throw source.error(scan.keyAt, "unknown field", "the name of a field", scan.key);
      if (chosen.has(field)) throw source.error(scan.keyAt, "duplicate field", "each field once", scan.key);
      chosen.set(field, this.fieldMask(field, { text: scan.value, at: scan.valueAt }));
    }
    return [...chosen].sort(([a], [b]) => a.id - b.id).map(([field, mask]) => ({ field, mask }));
  }

  private fieldMask(field: Field, value: Piece): bigint {
    if (value.text === "") return field.valueMask;
    const mask = parseExactValue(this.source, field, value);
    const partial = mask !== ones(field.bytes * 8);
    if (mask === 0n || (field.maskable === "none" && partial)) {
      throw this.source.error(
        value.at,
        `invalid mask for ${field.name}`,
        "bits to hash, in a field that takes a mask",
        value.text,
      );
    }
    return mask & field.valueMask;
  }

  private commandBucket(value: Piece, command: GroupModCommand): number {
    if (command !== "insert_bucket" && command !== "remove_bucket") {
      throw this.source.error(value.at, `${command} takes no command_bucket_id`, "no command_bucket_id");
    }
    this.hasCommandBucket = true;
    const words: Readonly<Record<string, number>> = {
      all: BUCKET_ALL,
      first: BUCKET_FIRST,
      last: BUCKET_LAST,
    };
    const word = Object.hasOwn(words, value.text) ? words[value.text] : undefined;
    const id = word ?? parseU32(this.source, value, "bucket id");
    const valid = id <= BUCKET_ID_MAX || id >= BUCKET_FIRST;
    if (!valid || (id === BUCKET_ALL && command === "insert_bucket")) {
      throw this.source.error(
        value.at,
        "invalid bucket id",
        "a bucket id, first or last (or all, to remove)",
        value.text,
      );
    }
    return id;
  }

  /** Checks what only the whole head shows. */
  private checkHead(draft: Draft): void {
    const { source } = this;
    const shapes = draft.command === "add" || draft.command === "modify" || draft.command === "add_or_mod";
    if (draft.groupId === GROUP_ANY) throw source.error(0, "must specify a group_id", "group_id=ID");
    if (shapes && !this.hasType)
      throw source.error(0, "must specify a type", "type=all, select, indirect or ff");
    if (this.selection.method !== "" && draft.type !== "select") {
      throw source.error(0, "a selection method in a group that does not select", "type=select");
    }
    if (this.selection.method !== "hash" && this.selection.fields.length > 0) {
      throw source.error(0, "fields without selection_method=hash", "selection_method=hash,fields(...)");
    }
    if (this.selection.method === "" && this.selection.param !== 0n) {
      throw source.error(
        0,
        "selection_method_param without selection_method",
        "selection_method=hash or dp_hash",
      );
    }
    if (draft.command === "insert_bucket" && !this.hasCommandBucket) {
      throw source.error(0, "must specify a command bucket id", "command_bucket_id=ID, first or last");
    }
  }

  private parseBucket(start: number, end: number, draft: Draft): BucketSpec {
    const { source } = this;
    const selects = draft.type === "select";
    const bucket = {
      bucketId: BUCKET_ALL,
      weight: selects ? 1 : 0,
      watchPort: OFPP_ANY,
      watchGroup: GROUP_ANY,
    };
    const list = new ActionList(source, "bucket");
    let hasActions = false;
    const scan = new KeyValueScanner(source.text, start, end);
    while (scan.next()) {
      const value = { text: scan.value, at: scan.valueAt };
      const key = scan.key.toLowerCase();
      if (key === "weight") bucket.weight = this.weight(value, draft);
      else if (key === "watch_port") bucket.watchPort = this.watchPort(value);
      else if (key === "watch_group") bucket.watchGroup = this.watchGroup(value);
      else if (key === "bucket_id") bucket.bucketId = this.bucketId(value);
      else {
        hasActions = true;
        if (key === "action" || key === "actions") addFirst(source, value, list);
        else list.add(scan);
      }
    }
    if (!hasActions) throw source.error(start, "bucket must specify actions", "actions=...");
    if (draft.type === "fast_failover" && bucket.watchPort === OFPP_ANY && bucket.watchGroup === GROUP_ANY) {
      throw source.error(
        start,
        "a fast failover bucket that watches nothing",
        "watch_port=PORT or watch_group=ID",
      );
    }
    return { ...bucket, actions: list.finish(start).actions };
  }

  private weight(value: Piece, draft: Draft): number {
    const weight = parseU16(this.source, value, "weight");
    if (weight !== 0 && draft.command !== "insert_bucket" && draft.type !== "select") {
      throw this.source.error(
        value.at,
        "a weight in a group that does not select",
        "type=select",
        value.text,
      );
    }
    return weight;
  }

  private watchPort(value: Piece): OfPort {
    const port = readPort(value.text, this.source);
    if (port !== undefined && (port < 0xff00 || port === OFPP_ANY || port === OFPP_CONTROLLER)) return port;
    throw this.source.error(value.at, "invalid watch_port", "a port of the switch", value.text);
  }

  private watchGroup(value: Piece): number {
    const id = parseU32(this.source, value, "watch_group");
    if (id <= GROUP_ID_MAX) return id;
    throw this.source.error(value.at, "invalid watch_group", `0 to ${GROUP_ID_MAX}`, value.text);
  }

  private bucketId(value: Piece): number {
    const id = parseU32(this.source, value, "bucket_id");
    if (id <= BUCKET_ID_MAX) return id;
    throw this.source.error(value.at, "invalid bucket_id", `0 to ${BUCKET_ID_MAX}`, value.text);
  }
}

/** `actions=A,B`: the scanner has taken A as the value; B follows as a pair of its own. */
function addFirst(source: FlowText, value: Piece, list: ActionList): void {
  const scan = new KeyValueScanner(source.text, value.at, value.at + value.text.length);
  while (scan.next()) list.add(scan);
}

function leadingCommand(text: string): [command: GroupModCommand, start: number] {
  const first = /^\s*([^,\s]*)/.exec(text)!;
  const command = COMMANDS.find((name) => name === first[1]);
  return command === undefined ? ["add", 0] : [command, first[0].length];
}

/** Returns where the content of every `bucket=` starts. */
function bucketStarts(text: string, from: number): number[] {
  const starts: number[] = [];
  for (let at = text.indexOf(BUCKET_WORD, from); at >= 0; at = text.indexOf(BUCKET_WORD, at + 1)) {
    starts.push(at + BUCKET_WORD.length);
  }
  return starts;
}
