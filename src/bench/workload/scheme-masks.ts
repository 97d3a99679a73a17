// Rules that make a known number of datapath masks, in Open vSwitch as in Megaflow.
//
// One mask: one rule a protocol. More: a pipeline of a service table (exact destination port), a source
// table for every source prefix length and a destination table for every destination prefix length. A
// packet visits one table of each sort and finds its rule there, and no table holds two masks, so the
// megaflow's mask is exactly the union of the three, whatever a classifier optimises.
import { type PacketKind, packetKind } from "./packet-kind.ts";
import { permutation, Random, scramble } from "./random.ts";
import type { ActionName, WorkloadSpec } from "./spec.ts";
import { ipv4Text, ipv6Text, prefixMask, type Scheme, type Tuple } from "./tuple.ts";

const actionText: Record<ActionName, string> = {
  output: "output:2",
  "set-mac-ttl": "mod_dl_src:02:00:00:00:00:0a,mod_dl_dst:02:00:00:00:00:0b,dec_ttl,output:2",
  "push-vlan": "mod_vlan_vid:100,output:2",
  multicast: "output:2,output:3",
};

const SOURCE_TABLE = 1;
const TURN_TABLE = 40;
const TARGET_TABLE = 41;
/** IPv6 tables lie this far behind their IPv4 siblings. */
const FAMILY_SPAN = 100;
const PORT_FIRST = 1024;
/** Words 0 and 1 of every IPv6 address: 2001:db8::/32. */
const IPV6_NETWORK = 0x20010db8;

/** Connections for the scheme `masks`. */
export function maskScheme(spec: WorkloadSpec): Scheme {
  return spec.masks === 1 ? new OneMask(spec) : new ManyMasks(spec);
}

/** One rule that matches nothing but the port: Open vSwitch finds such a flow without a classifier. */
export function portScheme(spec: WorkloadSpec): Scheme {
  return new PortRule(spec);
}

/** One exact rule a connection: as many megaflows as connections, all under one mask. */
export function exactScheme(spec: WorkloadSpec): Scheme {
  return new ExactRules(spec);
}

class OneMask implements Scheme {
  protected readonly kinds: KindTable;

  constructor(protected readonly spec: WorkloadSpec) {
    this.kinds = new KindTable(spec.mix);
  }

  *rules(): Iterable<string> {
    const names = new Set(this.kinds.all.map(protocolName));
    for (const name of names) yield `priority=100,in_port=1,${name} actions=${actionText[this.spec.action]}`;
  }

  fill(flow: number, tuple: Tuple): void {
    tuple.kind = this.kinds.of(flow);
    const mixed = scramble(flow ^ 0x5bd1e995);
    const hosts = scramble(mixed ^ this.spec.seed);
    setAddress(tuple.source, 0x0a000000 | (hosts >>> 8));
    setAddress(tuple.target, 0xac100000 | ((mixed >>> 16) << 4) | (hosts & 15));
    tuple.sourcePort = mixed & 0xffff;
    tuple.targetPort = PORT_FIRST + (hosts & 1023);
  }
}

class PortRule extends OneMask {
  override *rules(): Iterable<string> {
    yield `priority=100,in_port=1 actions=${actionText[this.spec.action]}`;
  }
}

class ExactRules extends OneMask {
  override *rules(): Iterable<string> {
    const tuple: Tuple = {
      kind: packetKind("udp")!,
      source: new Uint32Array(4),
      target: new Uint32Array(4),
      sourcePort: 0,
      targetPort: 0,
      vlans: [],
    };
    const actions = actionText[this.spec.action];
    for (let flow = 0; flow < this.spec.flows; flow++) {
      this.fill(flow, tuple);
      const source = addressMatch("src", tuple.kind, tuple.source);
      const target = addressMatch("dst", tuple.kind, tuple.target);
      const ports = `tp_src=${tuple.sourcePort},tp_dst=${tuple.targetPort}`;
      yield `priority=100,in_port=1,${protocolName(tuple.kind)},${source},${target},${ports} actions=${actions}`;
    }
  }
}

class ManyMasks implements Scheme {
  private readonly kinds: KindTable;
  private readonly sourceLengths: number[];
  private readonly targetLengths: number[];
  private readonly services: number;
  private readonly zones: number;
  private readonly ports: Uint32Array;

  constructor(private readonly spec: WorkloadSpec) {
    this.kinds = new KindTable(spec.mix);
    const sources = Math.min(16, Math.ceil(Math.sqrt(spec.masks)));
    const targets = Math.ceil(spec.masks / sources);
    this.sourceLengths = Array.from({ length: sources }, (_, i) => 24 - Math.floor((i * 16) / sources));
    this.targetLengths = Array.from({ length: targets }, (_, i) => 32 - Math.floor((i * 32) / targets));
    this.services = Math.ceil(Math.sqrt(spec.megaflowsPerMask));
    this.zones = Math.ceil(spec.megaflowsPerMask / this.services);
    this.ports = permutation(65536 - PORT_FIRST, new Random(spec.seed, "ports"));
  }

  *rules(): Iterable<string> {
    for (let mask = 0; mask < this.spec.masks; mask++) yield* this.serviceRules(mask);
    for (const kind of this.families()) {
      const shift = kind.family === 4 ? 0 : FAMILY_SPAN;
      const name = kind.family === 4 ? "ip" : "ipv6";
      for (let i = 0; i < this.sourceLengths.length; i++) {
        for (let zone = 0; zone < this.zones; zone++) {
          const match = addressMatch("src", kind, this.sourcePrefix(i, zone), this.sourceLengths[i]!);
          yield `table=${SOURCE_TABLE + shift + i},priority=100,${name},${match} actions=resubmit(,${TURN_TABLE + shift})`;
        }
      }
      for (let j = 0; j < this.targetLengths.length; j++) {
        const table = TARGET_TABLE + shift + j;
        yield `table=${TURN_TABLE + shift},priority=100,reg0=${j} actions=resubmit(,${table})`;
        const match = addressMatch("dst", kind, this.targetPrefix(j), this.targetLengths[j]!);
        yield `table=${table},priority=100,${name},${match} actions=${actionText[this.spec.action]}`;
      }
    }
  }

  fill(flow: number, tuple: Tuple): void {
    const mask = flow % this.spec.masks;
    const within = Math.floor(flow / this.spec.masks);
    const megaflow = within % this.spec.megaflowsPerMask;
    const serial = spread24(Math.floor(within / this.spec.megaflowsPerMask));
    const i = mask % this.sourceLengths.length;
    const j = Math.floor(mask / this.sourceLengths.length);
    const free = scramble(flow ^ this.spec.seed);
    tuple.kind = this.kinds.of(mask);
    const source = this.sourcePrefix(i, Math.floor(megaflow / this.services));
    const target = this.targetPrefix(j);
    hostBits(tuple.source, source, this.sourceLengths[i]!, (free & 0xffffff00) | (serial >>> 16));
    hostBits(tuple.target, target, this.targetLengths[j]!, scramble(free));
    tuple.sourcePort = serial & 0xffff;
    tuple.targetPort = this.port(mask, megaflow % this.services);
  }

  private *serviceRules(mask: number): Iterable<string> {
    const kind = this.kinds.of(mask);
    const i = mask % this.sourceLengths.length;
    const j = Math.floor(mask / this.sourceLengths.length);
    const table = SOURCE_TABLE + i + (kind.family === 4 ? 0 : FAMILY_SPAN);
    for (let service = 0; service < this.services; service++) {
      const match = `in_port=1,${protocolName(kind)},tp_dst=${this.port(mask, service)}`;
      yield `priority=100,${match} actions=load:${j}->NXM_NX_REG0[],resubmit(,${table})`;
    }
  }

  private families(): PacketKind[] {
    const families = new Map<number, PacketKind>();
    for (let mask = 0; mask < this.spec.masks; mask++) {
      const kind = this.kinds.of(mask);
      families.set(kind.family, kind);
    }
    return [...families.values()];
  }

  private port(mask: number, service: number): number {
    return PORT_FIRST + this.ports[mask * this.services + service]!;
  }

  private sourcePrefix(i: number, zone: number): Uint32Array {
    // Zones differ in the upper eight bits, which every source prefix covers.
    const upper = (10 + zone) << 24;
    return prefixWords(upper | (scramble(i * 64 + zone + this.spec.seed) >>> 8), this.sourceLengths[i]!);
  }

  private targetPrefix(j: number): Uint32Array {
    return prefixWords(scramble(j + 4096 + this.spec.seed) & 0x7fffffff, this.targetLengths[j]!);
  }
}

/** Which kind a connection or a mask is of: the same one every time, in the shares of the mix. */
class KindTable {
  readonly all: PacketKind[];
  private readonly limits: number[] = [];

  constructor(mix: WorkloadSpec["mix"]) {
    this.all = mix.map(([name]) => packetKind(name)!);
    const total = mix.reduce((sum, [, weight]) => sum + weight, 0);
    let sum = 0;
    for (const [, weight] of mix) {
      sum += weight / total;
      this.limits.push(sum);
    }
  }

  of(index: number): PacketKind {
    const at = scramble(index + 0x2545f491) / 4294967296;
    const found = this.limits.findIndex((limit) => at < limit);
    return this.all[found < 0 ? this.all.length - 1 : found]!;
  }
}

function protocolName(kind: PacketKind): string {
  return kind.family === 4 ? kind.protocol : `${kind.protocol}6`;
}

/** A match on a source or destination address; on all of it where no length (counted as of IPv4) is given. */
function addressMatch(side: "src" | "dst", kind: PacketKind, words: Uint32Array, length?: number): string {
  if (kind.family === 4) {
    const address = ipv4Text(words[3]!);
    return length === undefined ? `nw_${side}=${address}` : `nw_${side}=${address}/${length}`;
  }
  if (length === undefined) return `ipv6_${side}=${ipv6Text(words)}`;
  return `ipv6_${side}=${ipv6Text(Uint32Array.of(words[0]!, words[3]!, 0, 0))}/${32 + length}`;
}

/** `prefix` with the given bits behind it. IPv6: 2001:db8::/32, then the 32 bits, then the host part. */
function hostBits(address: Uint32Array, prefix: Uint32Array, length: number, bits: number): void {
  setAddress(address, (prefix[3]! | (bits & ~prefixMask(length))) >>> 0);
}

function prefixWords(value: number, length: number): Uint32Array {
  const words = new Uint32Array(4);
  setAddress(words, (value & prefixMask(length)) >>> 0);
  return words;
}

/** Word 3 is the IPv4 address; the same 32 bits follow the network in the IPv6 one. */
function setAddress(words: Uint32Array, value: number): void {
  words[0] = IPV6_NETWORK;
  words[1] = value;
  words[2] = 0;
  words[3] = value;
}

/** Scrambles the lower 24 bits reversibly. */
function spread24(value: number): number {
  const x = Math.imul(value, 0x9e3779b1) & 0xffffff;
  return x ^ (x >>> 12);
}
