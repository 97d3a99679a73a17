// Flows in ovs-ofctl's syntax: one line, or a whole file as `ovs-ofctl add-flows FILE` takes it. A file
// is read all or nothing; the error names file, line and column.

import { KEY_TCP_FLAGS, KEY_TP_SRC } from "../../assembly/layout/flow-key.ts";
import { FlowSyntaxError } from "../errors.ts";
import { anyBits } from "../odp/flow-key.ts";
import { type ActionCheck, checkActions } from "./check-actions.ts";
import type { FlowMod, FlowModCommand } from "./flow-mod.ts";
import { GROUP_ANY } from "./group.ts";
import { FlowText, KeyValueScanner, type Piece } from "./key-value.ts";
import { textLines } from "./lines.ts";
import { compactMatch, type Match, matchCreate } from "./match.ts";
import { normalizeMatch } from "./match-normalize.ts";
import { type ParsedActions, parseActions } from "./parse-actions.ts";
import { parseMatchKey, unknownKey } from "./parse-match.ts";
import { parseU16, parseU64, parseUint } from "./parse-number.ts";
import { parsePort } from "./parse-port.ts";
import { parseTable, TABLE_ALL } from "./parse-table.ts";
import { OFPP_ANY, type PortNames } from "./port.ts";
import { isLaterFragment, prereqMet } from "./prereq.ts";
import {
  FLOW_CHECK_OVERLAP,
  FLOW_NO_BYTE_COUNTS,
  FLOW_NO_PACKET_COUNTS,
  FLOW_RESET_COUNTS,
  FLOW_SEND_FLOW_REM,
  PRIORITY_DEFAULT,
} from "./rule.ts";
import { USABLE_ANY, USABLE_OF11_UP, USABLE_OF12_UP, USABLE_OF13_UP } from "./usable.ts";

/** How to read flows. */
export interface FlowParseOptions {
  /** Name of the file, for errors. */
  readonly file?: string | undefined;
  /** Names of the bridge's ports. */
  readonly ports?: PortNames | undefined;
  /** Told what was understood but has no effect, with file and line. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

type Draft = { -readonly [K in keyof FlowMod]: FlowMod[K] };

const COMMANDS: readonly FlowModCommand[] = ["add", "delete", "delete_strict", "modify", "modify_strict"];

const FLAGS: Readonly<Record<string, readonly [flag: number, usable: number]>> = {
  send_flow_rem: [FLOW_SEND_FLOW_REM, USABLE_ANY],
  check_overlap: [FLOW_CHECK_OVERLAP, USABLE_ANY],
  reset_counts: [FLOW_RESET_COUNTS, USABLE_OF12_UP],
  no_packet_counts: [FLOW_NO_PACKET_COUNTS, USABLE_OF13_UP],
  no_byte_counts: [FLOW_NO_BYTE_COUNTS, USABLE_OF13_UP],
};

/** Keys of `ovs-ofctl dump-flows` that say what has been, not what shall be. */
const IGNORED = new Set(["duration", "n_packets", "n_bytes", "idle_age", "hard_age"]);
const IGNORED_FLAGS = new Set(["no_readonly_table", "allow_hidden_fields"]);

/** Reads one flow. `command` is what to do with it unless the line begins with a command of its own. */
export function parseFlow(text: string, options: FlowParseOptions = {}, command?: FlowModCommand): FlowMod {
  return new FlowParser(options).parse(new FlowText(text, { file: options.file }, options.ports), command);
}

/**
 * Reads every flow of a file's text; comments begin with `#`. Lines may begin with a command, unless `command`
 * says what to do with all of them.
 */
export function parseFlows(
  text: string,
  options: FlowParseOptions = {},
  command?: FlowModCommand,
): FlowMod[] {
  const parser = new FlowParser(options);
  const mods: FlowMod[] = [];
  for (const [line, content] of textLines(text)) {
    mods.push(parser.parse(new FlowText(content, { file: options.file, line }, options.ports), command));
  }
  return mods;
}

/** Reads flows one after another; equal action lists become one object. */
class FlowParser {
  private readonly options: FlowParseOptions;
  private readonly match: Match = matchCreate();
  private readonly actionLists = new Map<string, ParsedActions>();
  private usable = USABLE_ANY;

  constructor(options: FlowParseOptions) {
    this.options = options;
  }

  parse(source: FlowText, fixedCommand?: FlowModCommand): FlowMod {
    const [command, start] = fixedCommand ? [fixedCommand, 0] : leadingCommand(source.text);
    this.usable = USABLE_ANY;
    this.match.words.fill(0);
    this.match.mask.fill(0);
    const takesActions = command === "add" || command.startsWith("modify");
    const [end, actionsAt] = takesActions ? findActions(source, start) : [source.text.length, 0];
    const draft = emptyDraft(command);
    const scan = new KeyValueScanner(source.text, start, end);
    while (scan.next()) this.parseKey(source, scan, draft);
    if (takesActions) draft.actions = this.parseActions(source, actionsAt, draft);
    const dropped = normalizeMatch(this.match);
    if (dropped.length > 0) this.warn(source, dropped);
    refusePortsOfFragments(source, this.match, start);
    if (command.startsWith("modify") && draft.newCookie === undefined && draft.cookieMask === 0n)
      draft.newCookie = 0n;
    draft.match = compactMatch(this.match);
    return draft;
  }

  private parseKey(source: FlowText, pair: KeyValueScanner, draft: Draft): void {
    if (parseMatchKey(source, this.match, pair)) return;
    const { key } = pair;
    const flag = draft.command.startsWith("delete") || !Object.hasOwn(FLAGS, key) ? undefined : FLAGS[key];
    if (flag !== undefined) {
      draft.flags |= flag[0];
      this.usable &= flag[1];
      return;
    }
    if (IGNORED_FLAGS.has(key)) return;
    const value = { text: pair.value, at: pair.valueAt };
    const known = this.parseProperty(source, key, value, draft) || IGNORED.has(key);
    if (!known) throw unknownKey(source, pair);
  }

  /** Reads a property that is neither match nor flag; returns false if there is none of that name. */
  private parseProperty(source: FlowText, key: string, value: Piece, draft: Draft): boolean {
    const deletes = draft.command.startsWith("delete");
    switch (key) {
      case "table":
        draft.tableId = parseTable(source, value);
        return true;
      case "cookie":
        parseCookie(source, value, draft);
        return true;
      case "priority":
        if (draft.command === "delete") return false;
        draft.priority = parseU16(source, value, key);
        return true;
      case "idle_timeout":
        if (deletes) return false;
        draft.idleTimeout = parseU16(source, value, key);
        return true;
      case "hard_timeout":
        if (deletes) return false;
        draft.hardTimeout = parseU16(source, value, key);
        return true;
      case "importance":
        if (draft.command !== "add") return false;
        draft.importance = parseU16(source, value, key);
        return true;
      case "out_port":
        if (!deletes) return false;
        draft.outPort = parsePort(source, value);
        return true;
      case "out_group":
        if (!deletes) return false;
        draft.outGroup = /^(any|all)$/i.test(value.text)
          ? GROUP_ANY
          : parseUint(source, value, key, GROUP_ANY);
        this.usable &= USABLE_OF11_UP;
        return true;
      default:
        return false;
    }
  }

  private parseActions(source: FlowText, start: number, draft: Draft): FlowMod["actions"] {
    const text = source.text.slice(start);
    let list = this.actionLists.get(text);
    if (list === undefined) {
      list = parseActions(source, start, source.text.length, "rule");
      this.actionLists.set(text, { ...list, offsets: list.offsets.map((offset) => offset - start) });
    } else {
      list = { ...list, offsets: list.offsets.map((offset) => offset + start) };
    }
    const tableId = draft.tableId === TABLE_ALL && draft.command === "add" ? 0 : draft.tableId;
    const check = checkActions(list.actions, this.match, tableId);
    refuseFault(source, check, list, start);
    if ((check.usable ?? 0) & list.usable & this.usable) return list.actions;
    throw source.error(
      start,
      "no version of OpenFlow can express this flow (OFPBAC_MATCH_INCONSISTENT)",
      "actions whose headers the match guarantees",
    );
  }

  private warn(source: FlowText, dropped: readonly string[]): void {
    const { file, line } = source.at;
    const where = [file, line].filter((part) => part !== undefined).join(":");
    const prefix = where === "" ? "" : `${where}: `;
    this.options.onWarning?.(
      `${prefix}ignored ${dropped.join(", ")}: the match does not say what they belong to`,
    );
  }
}

/** Returns the command that a line begins with, and where the flow itself starts. */
function leadingCommand(text: string): [command: FlowModCommand, start: number] {
  const first = /^\s*([^,\s]*)/.exec(text)!;
  const command = COMMANDS.find((name) => name === first[1]);
  return command === undefined ? ["add", 0] : [command, first[0].length];
}

/** Returns where the match ends and where the actions start. */
function findActions(source: FlowText, start: number): [matchEnd: number, actionsAt: number] {
  const { text } = source;
  const word = text.indexOf("action", start);
  const equals = word < 0 ? -1 : text.indexOf("=", word);
  if (equals < 0)
    throw source.error(text.length, "must specify an action", "actions=...", text.slice(start).trim());
  return [word, equals + 1];
}

function emptyDraft(command: FlowModCommand): Draft {
  return {
    command,
    tableId: TABLE_ALL,
    priority: PRIORITY_DEFAULT,
    match: { mask: { indexes: [], bits: [] }, values: [] },
    actions: [],
    newCookie: command === "add" ? 0n : undefined,
    cookie: 0n,
    cookieMask: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    importance: 0,
    flags: 0,
    outPort: OFPP_ANY,
    outGroup: GROUP_ANY,
  };
}

/** `cookie=V` gives a cookie, `cookie=V/M` chooses rules by theirs. */
function parseCookie(source: FlowText, piece: Piece, draft: Draft): void {
  const slash = piece.text.indexOf("/");
  if (slash < 0) {
    if (draft.command.startsWith("delete")) {
      throw source.error(
        piece.at,
        "deleting gives no cookie",
        "cookie=VALUE/MASK to choose rules",
        piece.text,
      );
    }
    draft.newCookie = parseU64(source, piece, "cookie");
    return;
  }
  if (draft.command === "add")
    throw source.error(piece.at, "adding takes no cookie mask", "cookie=VALUE", piece.text);
  draft.cookie = parseU64(source, { text: piece.text.slice(0, slash), at: piece.at }, "cookie");
  const mask = { text: piece.text.slice(slash + 1), at: piece.at + slash + 1 };
  draft.cookieMask = parseU64(source, mask, "cookie mask");
}

/** A fragment other than the first has no ports. */
function refusePortsOfFragments(source: FlowText, match: Match, at: number): void {
  if (!isLaterFragment(match.words) || prereqMet("icmpv4", match.words) || prereqMet("icmpv6", match.words))
    return;
  if (!anyBits(match.mask, KEY_TP_SRC, 4) && !anyBits(match.mask, KEY_TCP_FLAGS, 2)) return;
  throw source.error(at, "ports of a later fragment (OFPBMC_BAD_PREREQ)", "ip_frag=no, first or not_later");
}

function refuseFault(
  source: FlowText,
  check: ActionCheck,
  list: ParsedActions,
  start: number,
): asserts check is Extract<ActionCheck, { fault: undefined }> {
  if (check.fault === undefined) return;
  const { index, code, reason } = check.fault;
  const position = source.position(list.offsets[index] ?? start);
  throw new FlowSyntaxError(`actions are invalid with specified match (${code}): ${reason}`, position);
}
