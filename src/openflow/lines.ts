// The lines of a file of flows, groups or meters.

/**
 * Returns the lines that say something, with their numbers from 1. A `#` outside of double quotes begins
 * a comment; columns of what is left stay as they were.
 */
export function* textLines(text: string): Generator<[line: number, content: string]> {
  let line = 0;
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    line++;
    const content = withoutComment(text.slice(start, end));
    start = end + 1;
    if (/\S/.test(content)) yield [line, content];
  }
}

function withoutComment(content: string): string {
  if (!content.includes("#")) return content;
  let quoted = false;
  for (let i = 0; i < content.length; i++) {
    const c = content[i];
    if (c === '"') quoted = !quoted;
    else if (c === "#" && !quoted) return content.slice(0, i);
  }
  return content;
}
