// Walks a YAML document and gathers every mistake with its line and column, so that one run names them all.
// Knows YAML, not switches: run-config.ts says what may stand where.

import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type Scalar } from "yaml";
import { ConfigError, type SyntaxErrorDetail } from "../errors.ts";

/** A value of the document with the place to blame for it. */
export interface YamlValue {
  readonly node: Node | null | undefined;
  /** Offset in the text where a mistake in it is reported. */
  readonly offset: number;
}

/** One entry of a mapping. */
export interface YamlEntry extends YamlValue {
  readonly key: string;
  readonly keyOffset: number;
}

/** One YAML text and what is wrong with it so far. */
export class YamlReader {
  readonly root: YamlValue;
  readonly #text: string;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #problems: { offset: number; error: ConfigError }[] = [];

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const error of document.errors) this.problem(error.pos[0], `YAML: ${firstLine(error.message)}`);
    this.root = { node: document.contents, offset: document.contents?.range?.[0] ?? 0 };
  }

  /** Every mistake noted, in the order of the text. */
  get problems(): ConfigError[] {
    return [...this.#problems].sort((a, b) => a.offset - b.offset).map((problem) => problem.error);
  }

  /** Notes a mistake. */
  problem(offset: number, reason: string, detail: SyntaxErrorDetail = {}): void {
    const { line, col } = this.#lines.linePos(offset);
    const error = new ConfigError(reason, { ...detail, file: this.#file, line, column: col });
    this.#problems.push({ offset, error });
  }

  /** Returns the entries of a mapping; notes a mistake where `value` is none, or has keys not in `known`. */
  entries(value: YamlValue, what: string, known: readonly string[]): YamlEntry[] {
    if (!isMap(value.node)) {
      this.#wrongType(value, what, "a mapping");
      return [];
    }
    const found: YamlEntry[] = [];
    for (const pair of value.node.items) {
      const entry = toEntry(pair, value.offset);
      if (known.length === 0 || known.includes(entry.key)) {
        found.push(entry);
      } else {
        const expected = `one of ${known.join(", ")}`;
        this.problem(entry.keyOffset, `unknown key in ${what}`, { expected, got: entry.key });
      }
    }
    return found;
  }

  /** Returns the items of a list; notes a mistake where `value` is none. */
  items(value: YamlValue, what: string): YamlValue[] {
    if (!isSeq(value.node)) {
      this.#wrongType(value, what, "a list");
      return [];
    }
    return value.node.items.map((item) => toValue(item as Node | null, value.offset));
  }

  /** Returns a whole number between limits, or undefined having noted a mistake. */
  integer(value: YamlValue, what: string, min: number, max: number): number | undefined {
    const got = scalarOf(value);
    if (typeof got === "number" && Number.isInteger(got) && got >= min && got <= max) return got;
    this.#wrongType(value, what, `a whole number, ${min} to ${max}`);
    return undefined;
  }

  /** Returns a text that is not empty, or undefined having noted a mistake. */
  text(value: YamlValue, what: string, expected = "a text"): string | undefined {
    const got = scalarOf(value);
    if (typeof got === "string" && got !== "") return got;
    this.#wrongType(value, what, expected);
    return undefined;
  }

  /** Returns one of a few words, or undefined having noted a mistake. An unquoted `null` is a word too. */
  word<W extends string>(value: YamlValue, what: string, words: readonly W[]): W | undefined {
    const got = String(scalarOf(value));
    if (isScalar(value.node) && (words as readonly string[]).includes(got)) return got as W;
    this.#wrongType(value, what, words.join(" or "));
    return undefined;
  }

  /**
   * Returns the text of a block scalar (`|`) as it stands in the file, after as many empty lines as make its
   * line and column numbers those of the file; undefined when `value` is not one.
   */
  blockText(value: YamlValue): string | undefined {
    const node = value.node;
    if (!isScalar(node) || (node as Scalar).type !== "BLOCK_LITERAL" || node.range == null) return undefined;
    const bodyStart = this.#text.indexOf("\n", node.range[0]) + 1;
    const linesBefore = this.#lines.linePos(bodyStart).line - 1;
    return "\n".repeat(linesBefore) + this.#text.slice(bodyStart, node.range[1]);
  }

  #wrongType(value: YamlValue, what: string, expected: string): void {
    this.problem(value.offset, what, { expected, got: describe(value) });
  }
}

/** Returns what a scalar holds: text, number, truth value or null; undefined for lists and mappings. */
export function scalarOf(value: YamlValue): unknown {
  if (value.node === null || value.node === undefined) return null;
  return isScalar(value.node) ? value.node.value : undefined;
}

function describe(value: YamlValue): string {
  if (isMap(value.node)) return "a mapping";
  if (isSeq(value.node)) return "a list";
  const scalar = scalarOf(value);
  return scalar === null ? "" : (String(scalar).split("\n", 1)[0] as string);
}

function toValue(node: Node | null, fallback: number): YamlValue {
  return { node, offset: node?.range?.[0] ?? fallback };
}

function toEntry(pair: Pair, fallback: number): YamlEntry {
  const key = pair.key as Node | null;
  const keyOffset = key?.range?.[0] ?? fallback;
  const value = toValue(pair.value as Node | null, keyOffset);
  // An absent value has an empty range behind the key: the key is the better place to point at.
  const offset = isScalar(value.node) && value.node.value === null ? keyOffset : value.offset;
  return { node: value.node, offset, key: isScalar(key) ? String(key.value) : "", keyOffset };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] as string;
}
