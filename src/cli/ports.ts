// Ports as the command line and packet lists name them: 1 to N, and LOCAL where there is one.

import { PORT_MAX } from "../../assembly/layout/limits.ts";
import { UsageError } from "../errors.ts";
import { jsonPortNumber, OFPP_LOCAL, type OfPort } from "../openflow/port.ts";

/** OpenFlow 1.0's number of LOCAL, as `ovs-vsctl` shows it: what JSON and files call it. */
export const LOCAL_NUMBER = 65534;

/** Ports that a switch has when nobody says how many. */
export const PORTS_DEFAULT = 8;
/** Most ports: what the datapath has, less LOCAL. */
export const PORTS_MAX = PORT_MAX - 1;

/** The ports that a replay has. */
export class PortRange {
  readonly count: number;
  readonly local: boolean;

  constructor(count: number, local: boolean) {
    this.count = count;
    this.local = local;
  }

  /** For messages: `1 to 8`. */
  get text(): string {
    const numbers = this.count === 1 ? "1" : `1 to ${this.count}`;
    return this.local ? `${numbers} or LOCAL` : numbers;
  }

  /** Every port number, in order. */
  get numbers(): number[] {
    const numbers = Array.from({ length: this.count }, (_, i) => i + 1);
    return this.local ? [...numbers, LOCAL_NUMBER] : numbers;
  }

  /** Returns the port that a text names, or undefined when there is no such port. */
  find(text: string): number | undefined {
    if (/^local$/i.test(text) || text === String(LOCAL_NUMBER)) return this.local ? LOCAL_NUMBER : undefined;
    if (!/^[0-9]{1,5}$/.test(text)) return undefined;
    const number = Number(text);
    return number >= 1 && number <= this.count ? number : undefined;
  }
}

/** Splits `PORT=FILE`. Throws UsageError where it is not that, or the port does not exist. */
export function parsePortFile(text: string, ports: PortRange): { port: number; file: string } {
  const equals = text.indexOf("=");
  const file = text.slice(equals + 1);
  if (equals < 1 || file === "") throw new UsageError(`--pcap takes PORT=FILE, got "${text}"`);
  const port = ports.find(text.slice(0, equals));
  if (port === undefined) {
    throw new UsageError(`--pcap ${text}: no port ${text.slice(0, equals)}, the ports are ${ports.text}`);
  }
  return { port, file };
}

/** Returns the OpenFlow port of a number on the command line or in JSON. */
export function toOfPort(number: number): OfPort {
  return number === LOCAL_NUMBER ? OFPP_LOCAL : (number as OfPort);
}

/** Returns the number of an OpenFlow port as JSON has it. */
export function fromOfPort(port: OfPort): number {
  return jsonPortNumber(port);
}

/** Returns the name of a port for file names and people: its number, or LOCAL. */
export function portName(port: number): string {
  return port === LOCAL_NUMBER ? "LOCAL" : String(port);
}
