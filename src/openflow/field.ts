// What a match field is, and how to find one by name or by OXM header. The table itself is in
// field-table.ts; reading and writing the field in a flow is in field-value.ts.

import type { MaskKind, Prereq, ValueFormat } from "./field-kind.ts";
import { FIELD_TABLE } from "./field-table.ts";

/** One name under which a field travels in OpenFlow messages. */
export interface OxmHeader {
  /** `NXM_NX_REG0`, `OXM_OF_ETH_DST` ... */
  readonly name: string;
  /** 16-bit OXM class; 0xffff is experimenter. */
  readonly class: number;
  /** 7-bit field number. */
  readonly number: number;
  /** Experimenter id; 0 unless the class is 0xffff. */
  readonly experimenter: number;
  /** OpenFlow wire version from which the header is used in its place (1 is 1.0); 0 for Nicira's. */
  readonly version: number;
}

/** A match field: where it lies in a pipeline flow, and what may be done with it. */
export interface Field {
  /** Index into FIELDS. */
  readonly id: number;
  readonly name: string;
  readonly aliases: readonly string[];
  /** First byte of the container that holds the field, in a pipeline flow. */
  readonly offset: number;
  /** Bytes of the container. */
  readonly size: number;
  /** How far the value lies above bit 0 of the container. */
  readonly shift: number;
  /** Byte order of the container: wire fields `be`, metadata `le`. */
  readonly order: "be" | "le";
  /** Bits that `field[a..b]` can name. */
  readonly width: number;
  /** Bytes of the value in an OXM. */
  readonly bytes: number;
  /** Bits that a value may have set. */
  readonly valueMask: bigint;
  readonly format: ValueFormat;
  readonly maskable: MaskKind;
  readonly prereq: Prereq;
  readonly writable: boolean;
  /** What a plain load and store of the container would not do: see field-value.ts. */
  readonly quirk: "none" | "dlVlan" | "vlanPcp" | "port16" | "icmp";
  readonly oxm: readonly OxmHeader[];
}

/** Part of a field: bits `[offset, offset + width)`, bit 0 the least significant. */
export interface Subfield {
  readonly field: Field;
  readonly offset: number;
  readonly width: number;
}

/** Every field, in Open vSwitch's order; a field's `id` is its index. */
export const FIELDS: readonly Field[] = FIELD_TABLE.map((row, id) => ({ id, ...row }));

const byName = new Map<string, Field>();
const byOxmName = new Map<string, Field>();
for (const field of FIELDS) {
  for (const name of [field.name, ...field.aliases]) byName.set(name, field);
  for (const header of field.oxm) byOxmName.set(header.name, field);
}

const byHeader = new Map<string, Field>();
for (const field of FIELDS) {
  for (const h of field.oxm) byHeader.set(headerKey(h.class, h.experimenter, h.number), field);
}

/** Returns the field of that `ovs-ofctl` name or alias (`nw_src`), or undefined. */
export function fieldByName(name: string): Field | undefined {
  return byName.get(name);
}

/** Returns the field of that NXM or OXM name (`NXM_NX_REG0`), or undefined. */
export function fieldByOxmName(name: string): Field | undefined {
  return byOxmName.get(name);
}

/** Returns the field of an OXM header, or undefined. */
export function fieldByOxm(oxmClass: number, experimenter: number, number: number): Field | undefined {
  return byHeader.get(headerKey(oxmClass, experimenter, number));
}

/** Returns the field of that name; a wrong name is a bug of the caller. */
export function fieldOf(name: string): Field {
  const field = byName.get(name);
  if (field === undefined) throw new RangeError(`no field is called ${name}`);
  return field;
}

/** Returns the whole of a field as a subfield. */
export function wholeField(field: Field): Subfield {
  return { field, offset: 0, width: field.width };
}

/** Returns the name that actions print for a field: Nicira's where there is one, else OXM's. */
function fieldWireName(field: Field): string {
  const nicira = field.oxm.find((header) => header.version === 0);
  return (nicira ?? field.oxm[0])?.name ?? field.name;
}

/** Returns `NXM_NX_REG0[0..15]`, with `[]` for a whole field. */
export function formatSubfield(part: Subfield): string {
  const name = fieldWireName(part.field);
  if (part.offset === 0 && part.width === part.field.width) return `${name}[]`;
  if (part.width === 1) return `${name}[${part.offset}]`;
  return `${name}[${part.offset}..${part.offset + part.width - 1}]`;
}

function headerKey(oxmClass: number, experimenter: number, number: number): string {
  return `${oxmClass}/${experimenter}/${number}`;
}
