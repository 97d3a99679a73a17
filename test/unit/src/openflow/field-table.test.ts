// The field table, held to the manual page that Open vSwitch installs, ovs-fields(7), and to itself.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  FIELDS,
  type Field,
  fieldByName,
  fieldByOxm,
  fieldByOxmName,
  fieldOf,
  formatSubfield,
  wholeField,
} from "../../../../src/openflow/field.ts";
import type { Prereq } from "../../../../src/openflow/field-kind.ts";
import {
  fieldGet,
  fieldMaskAll,
  fieldSet,
  fieldSetMasked,
  ones,
  subfieldGet,
  subfieldMask,
  subfieldSet,
} from "../../../../src/openflow/field-value.ts";
import { FLOW_SIZE, flowCreate } from "../../../../src/openflow/flow-layout.ts";
import { OFPP_LOCAL } from "../../../../src/openflow/port.ts";

const MANUAL = "/usr/share/man/man7/ovs-fields.7.gz";
const options = existsSync(MANUAL) ? {} : { skip: "ovs-fields(7) is not installed" };

/** The manual's names of prerequisites. */
const prereqs: Readonly<Record<string, Prereq>> = {
  none: "none",
  Ethernet: "ethernet",
  "VLAN VID": "vlan",
  MPLS: "mpls",
  ARP: "arp",
  IPv4: "ipv4",
  IPv6: "ipv6",
  "IPv4/IPv6": "ip",
  CT: "ct",
  TCP: "tcp",
  UDP: "udp",
  SCTP: "sctp",
  ICMPv4: "icmpv4",
  ICMPv6: "icmpv6",
  ND: "nd",
  "ND solicit": "ndSolicit",
  "ND advert": "ndAdvert",
};

/** Fields that the manual does not give a table of their own. */
const UNLISTED = /^(ipv6_exthdr|dp_hash|recirc_id|tun_ttl|tun_tos|dl_vlan|dl_vlan_pcp|x{0,2}reg[1-9]\d?)$/;

/** One field's table in the manual: row name to row text. */
type Entry = ReadonlyMap<string, string>;

function manualEntries(): Map<string, Entry> {
  const text = gunzipSync(readFileSync(MANUAL))
    .toString()
    .replace(/\\f[A-Z]/g, "")
    .replace(/\\-/g, "-");
  const entries = new Map<string, Entry>();
  for (const [table] of text.matchAll(/^\.TS\n[\s\S]*?^\.TE/gm)) {
    const joined = table.replace(/T\{\n([\s\S]*?)\nT\}/g, (_, inner: string) => inner.replace(/\n/g, " "));
    const rows = new Map(
      [...joined.matchAll(/^([\w .]+):;(.*)$/gm)].map((row): [string, string] => [row[1]!, row[2]!.trim()]),
    );
    const name = rows.get("Name");
    if (name !== undefined) entries.set(name.split(" ")[0]!, rows);
  }
  return entries;
}

function checkField(field: Field, entry: Entry): void {
  const aliases = [.../aka ([\w]+)/g[Symbol.matchAll](entry.get("Name")!)].map((found) => found[1]!);
  for (const alias of aliases) assert.equal(fieldByName(alias), field, `${field.name} aka ${alias}`);
  const width = /^(\d+) bits/.exec(entry.get("Width")!);
  const low = /only the (?:least-significant|low) (\d+)/.exec(entry.get("Width")!);
  assert.equal(field.width, Number(low?.[1] ?? width?.[1]), `width of ${field.name}: ${entry.get("Width")}`);
  assert.equal(field.maskable !== "none", entry.get("Masking") !== "not maskable", `mask of ${field.name}`);
  assert.equal(field.prereq, prereqs[entry.get("Prerequisites")!], `prerequisites of ${field.name}`);
  assert.equal(field.writable, entry.get("Access") === "read/write", `access to ${field.name}`);
  for (const text of [entry.get("OXM") ?? "", entry.get("NXM") ?? ""]) {
    for (const [, name, number] of text.matchAll(/([A-Z]\w+) \((\d+)\)/g)) {
      assert.equal(fieldByOxmName(name!), field, `${name} of ${field.name}`);
      const header = field.oxm.find((candidate) => candidate.name === name)!;
      assert.equal(header.number, Number(number), name);
      assert.equal(fieldByOxm(header.class, header.experimenter, header.number), field);
    }
  }
}

test("the field table says what ovs-fields(7) says", options, () => {
  const entries = manualEntries();
  const unlisted: string[] = [];
  let checked = 0;
  for (const field of FIELDS) {
    const entry = entries.get(field.name);
    if (entry === undefined) {
      if (!UNLISTED.test(field.name)) unlisted.push(field.name);
      continue;
    }
    checkField(field, entry);
    checked++;
  }
  assert.deepEqual(unlisted, []);
  assert.ok(checked > 60, `${checked} fields checked`);
});

test("every field reads back what was written, and writes nothing else", () => {
  for (const field of FIELDS) {
    for (const value of [field.valueMask, 0n, field.valueMask & 0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5an]) {
      const words = flowCreate();
      words.fill(0xffffffff);
      if (field.quirk === "port16") continue;
      fieldSet(words, field, value);
      assert.equal(fieldGet(words, field), value, `${field.name} = ${value}`);
      const mask = flowCreate();
      fieldMaskAll(mask, field);
      for (let i = 0; i < words.length; i++)
        assert.equal((words[i]! | mask[i]!) >>> 0, 0xffffffff, field.name);
    }
    assert.ok(field.offset + field.size <= FLOW_SIZE, field.name);
  }
});

test("names are unique, and every alias finds its field", () => {
  const names = FIELDS.flatMap((field) => [field.name, ...field.aliases]);
  assert.equal(new Set(names).size, names.length);
  for (const field of FIELDS) assert.equal(FIELDS[field.id], field);
});

test("a masked write leaves the other bits alone", () => {
  const words = flowCreate();
  const reg0 = fieldOf("reg0");
  fieldSet(words, reg0, 0x12345678n);
  fieldSetMasked(words, reg0, 0xff00ff00n, 0x0ff00000n);
  assert.equal(fieldGet(words, reg0), 0x1f045678n);
});

test("registers overlay: xreg0 is reg0 and reg1, xxreg0 is reg0 to reg3", () => {
  const words = flowCreate();
  for (let i = 0; i < 4; i++) fieldSet(words, fieldOf(`reg${i}`), BigInt(i + 1));
  assert.equal(fieldGet(words, fieldOf("xreg0")), 0x0000000100000002n);
  assert.equal(fieldGet(words, fieldOf("xreg1")), 0x0000000300000004n);
  assert.equal(fieldGet(words, fieldOf("xxreg0")), 0x00000001000000020000000300000004n);
});

test("setting a VLAN id or priority makes the tag present, dl_vlan 0xffff removes it", () => {
  const words = flowCreate();
  fieldSet(words, fieldOf("dl_vlan"), 5n);
  assert.equal(fieldGet(words, fieldOf("vlan_tci")), 0x1005n);
  fieldSet(words, fieldOf("vlan_pcp"), 3n);
  assert.equal(fieldGet(words, fieldOf("vlan_tci")), 0x7005n);
  assert.equal(fieldGet(words, fieldOf("vlan_vid")), 0x1005n);
});

test("in_port is 16 bits of the 32-bit port", () => {
  const words = flowCreate();
  fieldSet(words, fieldOf("in_port"), 0xfffen);
  assert.equal(fieldGet(words, fieldOf("in_port_oxm")), BigInt(OFPP_LOCAL));
  fieldSet(words, fieldOf("in_port_oxm"), 7n);
  assert.equal(fieldGet(words, fieldOf("in_port")), 7n);
});

test("subfields read, write and mark their own bits", () => {
  const words = flowCreate();
  const mask = flowCreate();
  const part = { field: fieldOf("eth_dst"), offset: 8, width: 16 };
  fieldSet(words, part.field, 0x112233445566n);
  assert.equal(subfieldGet(words, part), 0x4455n);
  subfieldSet(words, part, 0x1abcdn);
  assert.equal(fieldGet(words, part.field), 0x112233abcd66n);
  subfieldMask(mask, part);
  assert.equal(fieldGet(mask, part.field), ones(16) << 8n);
  assert.equal(formatSubfield(part), "NXM_OF_ETH_DST[8..23]");
  assert.equal(formatSubfield(wholeField(fieldOf("xreg1"))), "OXM_OF_PKT_REG1[]");
});
