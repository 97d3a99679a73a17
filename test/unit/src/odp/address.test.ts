// Addresses and flags: text to number and back.

import assert from "node:assert/strict";
import { isIPv6, SocketAddress } from "node:net";
import { test } from "node:test";
import { DropReason } from "../../../../assembly/layout/stat.ts";
import {
  formatIpv4,
  formatIpv6,
  formatMac,
  parseIpv4,
  parseIpv6,
  parseMac,
  prefixLength,
  prefixMask,
} from "../../../../src/odp/address.ts";
import { dropReasonFromName, dropReasonName, dropReasonNames } from "../../../../src/odp/drop-reason.ts";
import { formatFlagsMasked, parseFlags, TCP_FLAG_NAMES } from "../../../../src/odp/flags.ts";
import fc from "../../../support/fast-check.ts";

/** IPv6 addresses with runs of zeros, where the short forms are. */
const arbitraryIpv6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n));

test("IPv6 addresses print as the C library prints them, and read back", () => {
  fc.assert(
    fc.property(arbitraryIpv6, (address) => {
      const text = formatIpv6(address);
      assert.equal(text, new SocketAddress({ family: "ipv6", address: text }).address);
      assert.equal(parseIpv6(text), address);
    }),
  );
});

test("an IPv6 address is read exactly where Node reads one", () => {
  const part = fc.constantFrom("0", "1", "ffff", "12345", "", "g", "1.2.3.4", "1.2.3");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
      const text = parts.join(":");
      assert.equal(parseIpv6(text) !== undefined, isIPv6(text), text);
    }),
    { numRuns: 1500 },
  );
});

test("IPv4 and Ethernet addresses read back as they were printed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.bigInt(0n, (1n << 48n) - 1n), (ip, mac) => {
      assert.equal(parseIpv4(formatIpv4(ip)), ip);
      assert.equal(parseMac(formatMac(mac)), mac);
    }),
  );
  for (const wrong of ["1.2.3", "1.2.3.256", "1.2.3.4.5", "", "a.b.c.d"])
    assert.equal(parseIpv4(wrong), undefined);
  for (const wrong of ["1:2:3:4:5", "1:2:3:4:5:6:7", "1:2:3:4:5:fff", ""])
    assert.equal(parseMac(wrong), undefined);
  assert.equal(parseMac("1:2:3:4:5:6"), 0x010203040506n);
});

test("prefix masks and their lengths are each other's inverse", () => {
  for (let length = 0; length <= 32; length++) assert.equal(prefixLength(prefixMask(length, 32), 32), length);
  assert.equal(prefixLength(0xff00ff00n, 32), undefined);
});

test("flags read back as they were printed", () => {
  const bits = fc.integer({ min: 0, max: 0xfff });
  fc.assert(
    fc.property(bits, bits, (value, mask) => {
      const flags = parseFlags(formatFlagsMasked(value & mask, mask, TCP_FLAG_NAMES), TCP_FLAG_NAMES);
      assert.deepEqual(flags, { value: value & mask, mask: mask === 0xfff ? -1 : mask });
    }),
  );
  for (const wrong of ["+foo", "+syn+syn", "foo", "0x1000", "0x1000/0x1", "syn|"]) {
    assert.equal(parseFlags(wrong, TCP_FLAG_NAMES), undefined, wrong);
  }
});

test("every drop reason has a name of its own", () => {
  const names = dropReasonNames();
  assert.equal(names.length, DropReason.COUNT);
  assert.equal(new Set(names).size, names.length);
  for (let reason = 0; reason < DropReason.COUNT; reason++) {
    assert.equal(dropReasonFromName(dropReasonName(reason)), reason);
  }
});
