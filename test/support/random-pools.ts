// The few values that random rules and random packets share, so that packets often match rules.

export const MACS = [
  "02:00:00:00:00:01",
  "02:00:00:00:00:02",
  "02:00:00:00:01:01",
  "52:54:00:12:34:56",
  "01:00:5e:00:00:05",
  "33:33:00:00:00:01",
  "ff:ff:ff:ff:ff:ff",
  "01:80:c2:00:00:00",
] as const;

export const VLAN_IDS = [0, 1, 5, 100, 4095] as const;

export const IPV4_ADDRESSES = [
  "10.0.0.1",
  "10.0.0.2",
  "10.0.1.1",
  "10.1.0.1",
  "192.168.0.1",
  "224.0.0.5",
  "255.255.255.255",
  "0.0.0.0",
] as const;

export const IPV6_ADDRESSES = [
  "2001:db8::1",
  "2001:db8::2",
  "2001:db8:0:1::1",
  "fe80::1",
  "ff02::1",
  "ff02::1:ff00:2",
  "::",
] as const;

export const L4_PORTS = [0, 1, 53, 80, 81, 443, 1024, 8080, 65535] as const;

export const MPLS_LABELS = [0, 3, 16, 100, 1048575] as const;

export const TTLS = [0, 1, 2, 64, 255] as const;

export const TOS_VALUES = [0, 0x28, 0xb8, 0x01, 0x03, 0xff] as const;

export const ETHERTYPES = [0x0800, 0x86dd, 0x0806, 0x8035, 0x8847, 0x8848, 0x88cc, 0x9000, 0x894f] as const;

/** The bytes of `aa:bb:...`. */
export function macBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

/** The four bytes of `a.b.c.d`. */
export function ipv4Bytes(text: string): Buffer {
  return Buffer.from(text.split(".").map(Number));
}

/** The sixteen bytes of an IPv6 address without an embedded IPv4 address. */
export function ipv6Bytes(text: string): Buffer {
  const [head = "", tail] = text.split("::");
  const groups = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const before = groups(head);
  const after = groups(tail);
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array<string>(zeros).fill("0"), ...after];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}
