// The mask of a megaflow as Open vSwitch prints it: which fields it matches and with which bits, without the values.
// Fields that share a place in the flow key (ports of TCP and UDP, type and code of ICMP, ...) get one name, and
// fields that are not matched none, so that two megaflows have the same text when they have the same mask.

const SHARED: Record<string, string> = {
  "ipv6.tclass": "nw.tos",
  "ipv6.hlimit": "nw.ttl",
  "ipv6.proto": "nw.proto",
  "ipv6.frag": "nw.frag",
  "ipv4.tos": "nw.tos",
  "ipv4.ttl": "nw.ttl",
  "ipv4.proto": "nw.proto",
  "ipv4.frag": "nw.frag",
  "ipv4.src": "nw.src",
  "ipv4.dst": "nw.dst",
  "arp.sip": "nw.src",
  "arp.tip": "nw.dst",
  "arp.op": "nw.proto",
  "arp.sha": "arp.sha",
  "nd.sll": "arp.sha",
  "nd.tll": "arp.tha",
};

/** The canonical mask of a line of `dpctl/dump-flows -m`. */
export function maskOf(line: string): string {
  const text = line.replace(/^ufid:[^,]*, /, "").replace(/, packets:.*$/, "");
  const fields: string[] = [];
  collect(text, "", fields);
  return fields.sort().join(" ");
}

/** Walks `name(k=v/m,...)` groups, nested for encap(). */
function collect(text: string, outer: string, fields: string[]): void {
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("(", at);
    if (open < 0) return;
    const name = text.slice(at, open).replace(/^,+/, "");
    const close = closing(text, open);
    const body = text.slice(open + 1, close);
    if (name === "encap") collect(body, `${outer}encap.`, fields);
    else addGroup(name, body, outer, fields);
    at = close + 1;
  }
}

function addGroup(name: string, body: string, outer: string, fields: string[]): void {
  const transport = ["tcp", "udp", "sctp", "icmp", "icmpv6"].includes(name);
  for (const [index, part] of body.split(",").entries()) {
    const [key, value] = part.includes("=") ? part.split(/=(.*)/s) : ["", part];
    const mask = /\/(.*)$/.exec(value ?? "")?.[1] ?? "exact";
    if (/^[0:x./]*$/.test(mask)) continue;
    const full = transport ? `tp.${index}` : `${name === "vlan" ? outer : ""}${name}.${key ?? ""}`;
    fields.push(`${SHARED[full] ?? full}/${canonicalMask(mask)}`);
  }
}

/** All bits set is `exact`, however long the field. */
function canonicalMask(mask: string): string {
  return /^(0x)?[f:]+$/.test(mask) || mask === "255.255.255.255" ? "exact" : mask;
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "(") depth++;
    else if (text[at] === ")" && --depth === 0) return at;
  }
  return text.length;
}
