// Reads Prometheus' text exposition format 0.0.4 as its specification has it, and refuses what a strict reader would:
// written from the specification alone, so that it is no mirror of the writer.

/** One value. */
export interface ExpositionSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Values of one name. */
export interface ExpositionFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: ExpositionSample[];
}

const types = ["counter", "gauge", "histogram", "summary", "untyped"];

/** Parses a whole exposition. Throws an Error with the line that is wrong. */
export function parseExposition(text: string): Map<string, ExpositionFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line has no line feed");
  const families = new Map<string, ExpositionFamily>();
  const helps = new Map<string, string>();
  const seen = new Set<string>();
  let open: ExpositionFamily | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const wrong = (what: string): Error => new Error(`${what}: ${line}`);
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (families.has(name)) throw wrong("said again, or after its values");
      if (kind === "HELP") {
        if (helps.has(name)) throw wrong("a second HELP");
        helps.set(name, unquote(rest, /\\([\\n])/g));
        continue;
      }
      if (!types.includes(rest)) throw wrong("not a type");
      open = { name, type: rest, help: helps.get(name) ?? "", samples: [] };
      families.set(name, open);
      continue;
    }
    if (line.startsWith("#") || line === "") continue;
    const sample = parseSample(line);
    if (sample === undefined) throw wrong("not a sample");
    if (open?.name !== sample.name) throw wrong("a value without its TYPE just before it");
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(key)) throw wrong("the same labels twice");
    seen.add(key);
    open.samples.push(sample);
  }
  return families;
}

function parseSample(line: string): ExpositionSample | undefined {
  const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{)?/.exec(line);
  if (head === null) return undefined;
  const labels: Record<string, string> = {};
  let at = head[0].length;
  if (head[2] !== undefined) {
    const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|(?=\}))/y;
    while (line[at] !== "}") {
      label.lastIndex = at;
      const found = label.exec(line);
      if (found === null || Object.hasOwn(labels, found[1] as string)) return undefined;
      labels[found[1] as string] = unquote(found[2] as string, /\\(["\\n])/g);
      at = label.lastIndex;
    }
    at++;
  }
  const tail = /^[ \t]+([-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|Inf)|NaN)(?:[ \t]+-?[0-9]+)?$/.exec(
    line.slice(at),
  );
  if (tail === null) return undefined;
  return { name: head[1] as string, labels, value: Number((tail[1] as string).replace("Inf", "Infinity")) };
}

function unquote(text: string, escapes: RegExp): string {
  return text.replace(escapes, (_, character: string) => (character === "n" ? "\n" : character));
}
