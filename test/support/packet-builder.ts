// Builds test packets from layers, outermost first:
//
//   packet(ethernet(), vlan({ vid: 10 }), ipv4({ dst: "10.0.0.9" }), udp({ dst: 53 }), 18)
//
// EtherTypes, protocol numbers, lengths and checksums are filled in from what follows; every one of them
// can be given instead, right or wrong. What is not a layer is payload: bytes, a text, or a count of bytes.

import type { Layer } from "./packet/layer.ts";
import { arp, ethernet, ethernet8023, llc, mpls, qinq, rarp, snap, vlan } from "./packet/link.ts";
import {
  authentication,
  destinationOptions,
  esp,
  fragmentHeader,
  hopByHop,
  ipv4,
  ipv6,
  noNextHeader,
  routing,
} from "./packet/network.ts";
import {
  icmp,
  icmpv6,
  igmp,
  ndOption,
  neighbourAdvertisement,
  neighbourSolicitation,
  sctp,
  sourceLinkLayer,
  targetLinkLayer,
  tcp,
  udp,
} from "./packet/transport.ts";

/** Returns the bytes of the layers. */
export function packet(...parts: (Layer | Uint8Array | string | number)[]): Buffer {
  const layers = parts.map((part) =>
    typeof part === "object" && !(part instanceof Uint8Array) ? part : payload(part),
  );
  let bytes: Buffer = Buffer.alloc(0);
  for (let i = layers.length - 1; i >= 0; i--) {
    bytes = layers[i]!.encode(bytes, { outer: layers.slice(0, i), next: layers[i + 1] });
  }
  return bytes;
}

/** Bytes as given, the UTF-8 of a text, or so many bytes counting up. */
export function payload(content: Uint8Array | string | number): Layer {
  const own =
    typeof content === "number"
      ? Buffer.from(Array.from({ length: content }, (_, i) => i))
      : Buffer.from(content);
  return { encode: (inside) => Buffer.concat([own, inside]) };
}

/** The frame, padded with zeros to `length` (60: what Ethernet needs without its checksum). */
export function padTo(frame: Buffer, length = 60): Buffer {
  return frame.length >= length ? frame : Buffer.concat([frame, Buffer.alloc(length - frame.length)]);
}

export {
  arp,
  authentication,
  destinationOptions,
  esp,
  ethernet,
  ethernet8023,
  fragmentHeader,
  hopByHop,
  icmp,
  icmpv6,
  igmp,
  ipv4,
  ipv6,
  llc,
  mpls,
  ndOption,
  neighbourAdvertisement,
  neighbourSolicitation,
  noNextHeader,
  qinq,
  rarp,
  routing,
  sctp,
  snap,
  sourceLinkLayer,
  targetLinkLayer,
  tcp,
  udp,
  vlan,
};
