// Rates of a port: in a file of their own, because the live page's scripts read them too.

/** Rates of one port, a second. */
export interface PortRates {
  readonly name: string;
  readonly number: number;
  readonly rxPackets: number;
  readonly rxBits: number;
  readonly rxDrops: number;
  readonly txPackets: number;
  readonly txBits: number;
  readonly txDrops: number;
  readonly upcalls: number;
  readonly upcallsLost: number;
}
