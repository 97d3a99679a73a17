// MAC, IPv4 and IPv6 addresses: text to number and back.

/** Returns the 48-bit number of `aa:bb:cc:dd:ee:ff` (one or two digits a byte), or undefined. */
export function parseMac(text: string): bigint | undefined {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) return undefined;
  return BigInt(
    `0x${text
      .split(":")
      .map((byte) => byte.padStart(2, "0"))
      .join("")}`,
  );
}

/** Returns a MAC address as `aa:bb:cc:dd:ee:ff`. */
export function formatMac(mac: bigint): string {
  return mac.toString(16).padStart(12, "0").match(/../g)!.join(":");
}

/** Returns the 32-bit number of a dotted quad, or undefined. */
export function parseIpv4(text: string): number | undefined {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (bytes === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = Number(bytes[i]);
    if (byte > 255) return undefined;
    value = value * 256 + byte;
  }
  return value;
}

/** Returns a 32-bit number as a dotted quad. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Returns the 128-bit number of an IPv6 address (RFC 4291 section 2.2), or undefined. */
export function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseIpv6Groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseIpv6Groups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** Returns an IPv6 address as C's inet_ntop writes it (RFC 5952, dotted quad for ::a.b.c.d). */
export function formatIpv6(address: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((address >> shift) & 0xffffn));
  const [start, length] = longestZeroRun(groups);
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    const quad = formatIpv4(Number(address & 0xffffffffn));
    return length === 5 ? `::ffff:${quad}` : `::${quad}`;
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** Returns how many bits lead a mask of `width` bits, or undefined if other bits follow. */
export function prefixLength(mask: bigint, width: number): number | undefined {
  const inverted = mask ^ ((1n << BigInt(width)) - 1n);
  if ((inverted & (inverted + 1n)) !== 0n) return undefined;
  return width - (inverted === 0n ? 0 : inverted.toString(2).length);
}

/** Returns the mask of `width` bits whose first `length` are set. */
export function prefixMask(length: number, width: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(width - length);
}

/** Returns the numbers of colon-separated groups; a last dotted quad counts as two where allowed. */
function parseIpv6Groups(text: string, quadAllowed: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const quad = quadAllowed && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (quad === undefined) return undefined;
    groups.push(quad >>> 16, quad & 0xffff);
  }
  return groups;
}

function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [-1, 0];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > best[1]) best = [i, end - i];
    if (end > i) i = end;
  }
  return best;
}
