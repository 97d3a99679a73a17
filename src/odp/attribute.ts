// Cutting datapath-flow syntax into attributes, `name(body)` or a bare `name`, and their bodies into
// `field=value/mask`. Offsets count from the start of the whole text, for errors.

import { OdpSyntaxError } from "../errors.ts";

/** One attribute; `body` is undefined where there are no parentheses. */
export interface Attribute {
  readonly name: string;
  readonly at: number;
  readonly body: string | undefined;
  readonly bodyAt: number;
}

/** One field of an attribute's body. */
export interface OdpField {
  readonly name: string;
  readonly at: number;
  readonly value: string;
  /** Text behind the slash; undefined where there is none. */
  readonly mask: string | undefined;
  readonly valueAt: number;
}

/** Returns the attributes of `text`, whose first character lies at `offset`. */
export function splitAttributes(text: string, offset = 0): Attribute[] {
  const attributes: Attribute[] = [];
  let i = 0;
  while (i < text.length) {
    if (/[\s,]/.test(text[i]!)) {
      i++;
      continue;
    }
    const start = i;
    while (i < text.length && !/[\s,()]/.test(text[i]!)) i++;
    const name = text.slice(start, i);
    const at = offset + start;
    if (name === "") throw new OdpSyntaxError("parenthesis without a name", { column: at + 1 });
    if (text[i] !== "(") {
      attributes.push({ name, at, body: undefined, bodyAt: offset + i });
      continue;
    }
    const close = matchingParenthesis(text, i);
    if (close < 0) throw new OdpSyntaxError(`${name}( is not closed`, { column: at + 1, expected: ")" });
    attributes.push({ name, at, body: text.slice(i + 1, close), bodyAt: offset + i + 1 });
    i = close + 1;
  }
  return attributes;
}

/** Returns the fields of an attribute's body. */
export function splitFields(attribute: Attribute): OdpField[] {
  const fields: OdpField[] = [];
  let start = 0;
  const body = attribute.body ?? "";
  for (const part of body.split(",")) {
    const at = attribute.bodyAt + start;
    start += part.length + 1;
    if (part.trim() === "") continue;
    const found = /^\s*([\w.]+)\s*=\s*([^/]*)(?:\/(.*))?$/.exec(part);
    if (found === null) {
      throw new OdpSyntaxError(`bad field of ${attribute.name}`, {
        column: at + 1,
        expected: "name=value",
        got: part,
      });
    }
    const [, name, value, mask] = found;
    fields.push({
      name: name!,
      at,
      value: value!.trim(),
      mask: mask?.trim(),
      valueAt: at + part.indexOf("=") + 1,
    });
  }
  return fields;
}

/** Returns the error for a value that its field cannot have. */
export function badValue(field: OdpField, expected: string): OdpSyntaxError {
  const got = field.mask === undefined ? field.value : `${field.value}/${field.mask}`;
  return new OdpSyntaxError(`bad value for ${field.name}`, { column: field.valueAt + 1, expected, got });
}

/** Returns the error for a name that means nothing here. */
export function unknownName(what: string, name: string, at: number, expected: string): OdpSyntaxError {
  return new OdpSyntaxError(`unknown ${what}`, { column: at + 1, expected, got: name });
}

function matchingParenthesis(text: string, open: number): number {
  let level = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "(") level++;
    else if (text[i] === ")" && --level === 0) return i;
  }
  return -1;
}
