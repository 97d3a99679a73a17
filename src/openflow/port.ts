// OpenFlow port numbers: the reserved ones with their names, and the one place where OpenFlow ports and
// datapath ports are mapped to each other. Numbers are OpenFlow 1.1+ (32 bits); OpenFlow 1.0's 16-bit
// reserved ports (0xfff8 ...) are accepted in text and mean the same.

import type { OdpPort } from "../odp/action.ts";

/** An OpenFlow port number of a bridge, 32 bits, reserved ports included. */
export type OfPort = number & { readonly __ofPort: true };

/** Reserved ports, as OpenFlow 1.1+ numbers them. */
export const OFPP_MAX = 0xffffff00 as OfPort;
export const OFPP_UNSET = 0xfffffff7 as OfPort;
export const OFPP_IN_PORT = 0xfffffff8 as OfPort;
export const OFPP_TABLE = 0xfffffff9 as OfPort;
export const OFPP_NORMAL = 0xfffffffa as OfPort;
export const OFPP_FLOOD = 0xfffffffb as OfPort;
export const OFPP_ALL = 0xfffffffc as OfPort;
export const OFPP_CONTROLLER = 0xfffffffd as OfPort;
export const OFPP_LOCAL = 0xfffffffe as OfPort;
export const OFPP_ANY = 0xffffffff as OfPort;
/** "No port": the same number as OFPP_ANY. */
export const OFPP_NONE = OFPP_ANY;

/** Datapath port of the bridge's own interface. */
export const ODPP_LOCAL = 0 as OdpPort;

/** Highest port number that a switch port may have: what OpenFlow 1.0's 16 bits hold below OFPP_MAX. */
export const OF_PORT_NUMBER_MAX = 0xfeff;

const reservedNames: ReadonlyMap<number, string> = new Map<number, string>([
  [OFPP_IN_PORT, "IN_PORT"],
  [OFPP_TABLE, "TABLE"],
  [OFPP_NORMAL, "NORMAL"],
  [OFPP_FLOOD, "FLOOD"],
  [OFPP_ALL, "ALL"],
  [OFPP_CONTROLLER, "CONTROLLER"],
  [OFPP_LOCAL, "LOCAL"],
  [OFPP_ANY, "ANY"],
  [OFPP_UNSET, "UNSET"],
]);

const reservedByName: ReadonlyMap<string, OfPort> = new Map([
  ...[...reservedNames].map(([port, name]): [string, OfPort] => [name, port as OfPort]),
  ["NONE", OFPP_NONE],
]);

/** Returns the port that OpenFlow 1.0 writes in 16 bits: 0xff00 and up are reserved ports. */
export function ofPortFromU16(port: number): OfPort {
  return (port < 0xff00 ? port : (0xffff0000 | port) >>> 0) as OfPort;
}

/** Returns the number of a port as JSON and files have it: OpenFlow 1.0's 65534 for LOCAL, as `ovs-vsctl` shows it. */
export function jsonPortNumber(port: OfPort): number {
  return port === OFPP_LOCAL ? 65534 : port;
}

/** Returns whether `port` is one of OpenFlow's reserved ports. */
export function isReservedPort(port: OfPort): boolean {
  return port >= OFPP_UNSET;
}

/** Returns the name of a reserved port (`LOCAL`), or undefined. */
export function reservedPortName(port: OfPort): string | undefined {
  return reservedNames.get(port);
}

/** Returns the reserved port of that name, in any case, or undefined. */
export function reservedPortFromName(name: string): OfPort | undefined {
  return reservedByName.get(name.toUpperCase());
}

/** Returns the datapath port of a switch port or LOCAL; undefined for other reserved ports. */
export function ofPortToOdp(port: OfPort): OdpPort | undefined {
  if (port === OFPP_LOCAL) return ODPP_LOCAL;
  if (port >= 1 && port < OFPP_MAX) return port as number as OdpPort;
  return undefined;
}

/** Returns the OpenFlow port of a datapath port. */
export function odpPortToOf(port: OdpPort): OfPort {
  return port === ODPP_LOCAL ? OFPP_LOCAL : (port as number as OfPort);
}

/** Names of a bridge's ports, both ways, for text that uses names in place of numbers. */
export interface PortNames {
  readonly byName: ReadonlyMap<string, OfPort>;
  readonly byPort: ReadonlyMap<OfPort, string>;
}
