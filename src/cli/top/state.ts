// What a person has set `megaflow top` to show, and how keys change it.

/** Orders of the megaflow table. */
export const topSorts = ["rate", "packets", "bytes", "used"] as const;
export type TopSort = (typeof topSorts)[number];

/** The part of the screen that gets the lines that are left. */
export type TopPart = "pmds" | "ports" | "megaflows";

/** See the head of the file. */
export interface TopState {
  readonly sort: TopSort;
  /** Words that have to be in a megaflow's text. */
  readonly search: string;
  /** A match in `ovs-ofctl` syntax. */
  readonly filter: string;
  readonly part: TopPart;
  readonly paused: boolean;
  readonly help: boolean;
  /** Lines scrolled down in the part that has the room. */
  readonly scroll: number;
  /** Characters by which the megaflows' text is moved to the left. */
  readonly shift: number;
  /** What is being typed, and for which of the two; undefined when nothing is. */
  readonly typing: { readonly what: "search" | "filter"; readonly text: string } | undefined;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  readonly quit: boolean;
}

/** How it begins. */
export const firstTopState: TopState = {
  sort: "rate",
  search: "",
  filter: "",
  part: "megaflows",
  paused: false,
  help: false,
  scroll: 0,
  shift: 0,
  typing: undefined,
  everyMs: 2000,
  quit: false,
};

/** Shortest and longest time between two looks. */
const EVERY_MIN_MS = 250;
const EVERY_MAX_MS = 60_000;
/** Characters that one key moves. */
const SHIFT = 20;

/** The keys, for the help screen. */
export const topKeys: readonly (readonly [key: string, does: string])[] = [
  ["q, Ctrl-C", "quit"],
  ["h, ?", "this help; any key leaves it"],
  ["s", `sort megaflows by ${topSorts.join(", ")} in turn`],
  ["/", "show megaflows whose text has these words; empty = all"],
  ["f", "show megaflows that fit a match, as tcp,tp_dst=80; empty = all"],
  ["1 2 3, Tab", "give the room that is left to PMDs, ports or megaflows"],
  ["up down, PgUp PgDn", "scroll there"],
  ["left right", "move the megaflows' text"],
  ["p, space", "stand still, or go on"],
  ["+ -", "look more often, or less"],
];

/** Returns the state after a key, given as the terminal sends it. */
export function afterKey(state: TopState, key: string): TopState {
  if (key === "\u0003") return { ...state, quit: true };
  if (state.typing !== undefined) return afterTyping(state, state.typing, key);
  if (state.help) return { ...state, help: false };
  const scrolled = scrollBy(key);
  if (scrolled !== undefined) return { ...state, scroll: Math.max(0, state.scroll + scrolled) };
  switch (key) {
    case "\u001b[C":
      return { ...state, shift: state.shift + SHIFT };
    case "\u001b[D":
      return { ...state, shift: Math.max(0, state.shift - SHIFT) };
    case "q":
      return { ...state, quit: true };
    case "h":
    case "?":
      return { ...state, help: true };
    case "s":
      return { ...state, sort: next(topSorts, state.sort), scroll: 0 };
    case "/":
      return { ...state, typing: { what: "search", text: "" } };
    case "f":
      return { ...state, typing: { what: "filter", text: "" } };
    case "1":
    case "2":
    case "3":
      return { ...state, part: parts[Number(key) - 1] as TopPart, scroll: 0 };
    case "\t":
      return { ...state, part: next(parts, state.part), scroll: 0 };
    case "p":
    case " ":
      return { ...state, paused: !state.paused };
    case "+":
      return { ...state, everyMs: Math.max(EVERY_MIN_MS, state.everyMs / 2) };
    case "-":
      return { ...state, everyMs: Math.min(EVERY_MAX_MS, state.everyMs * 2) };
    default:
      return state;
  }
}

/** Splits what a terminal has sent into keys: escape sequences stay whole. */
export function keysOf(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals send.
  return text.match(/\u001b\[[0-9;]*[A-Za-z~]|\u001bO[A-Z]|[\s\S]/g) ?? [];
}

const parts: readonly TopPart[] = ["pmds", "ports", "megaflows"];

function afterTyping(state: TopState, typing: NonNullable<TopState["typing"]>, key: string): TopState {
  if (key === "\r" || key === "\n")
    return { ...state, [typing.what]: typing.text, typing: undefined, scroll: 0 };
  if (key === "\u001b") return { ...state, typing: undefined };
  if (key === "\u007f" || key === "\b")
    return { ...state, typing: { ...typing, text: typing.text.slice(0, -1) } };
  if (key === "\u0015") return { ...state, typing: { ...typing, text: "" } };
  if (key.length > 1 || key < " ") return state;
  return { ...state, typing: { ...typing, text: typing.text + key } };
}

function scrollBy(key: string): number | undefined {
  return { "\u001b[A": -1, "\u001b[B": 1, k: -1, j: 1, "\u001b[5~": -10, "\u001b[6~": 10 }[key];
}

function next<T>(all: readonly T[], one: T): T {
  return all[(all.indexOf(one) + 1) % all.length] as T;
}
