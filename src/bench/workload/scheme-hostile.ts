// Traffic that means harm: a port scan, and the tuple-space explosion (L. Csikor et al., CoNEXT 2019).
// In both, the living connections are honest ones, and every packet of the churn share is a probe that
// is seen once.
import { packetKind } from "./packet-kind.ts";
import { scramble } from "./random.ts";
import type { WorkloadSpec } from "./spec.ts";
import { ipv4Text, type Scheme, type Tuple } from "./tuple.ts";

const SERVER_NETWORK = 0x0a000000; // 10.0.0.0
const SERVERS = 64;
const SERVICE_PORT = 80;
const CLIENT_NETWORK = 0xc0a80000; // 192.168.0.0
const SCANNER = 0xcb007107; // 203.0.113.7

/** 64 servers with one open port each; a scanner tries every port of every address of their /24. */
export function scanScheme(spec: WorkloadSpec): Scheme {
  return {
    *rules() {
      for (let server = 0; server < SERVERS; server++) {
        const address = ipv4Text(SERVER_NETWORK + 1 + server);
        yield `priority=100,in_port=1,tcp,nw_dst=${address},tp_dst=${SERVICE_PORT} actions=output:2`;
      }
      yield "priority=1,in_port=1 actions=drop";
    },
    fill(flow, tuple) {
      tuple.kind = packetKind("tcp")!;
      if (flow < spec.flows) fillHonest(flow, tuple);
      else fillProbe(flow - spec.flows, tuple);
    },
  };
}

const ALLOWED_SOURCE = 0x0a000a0a; // 10.0.10.10
const ALLOWED_SOURCE_PORT = 12345;

/**
 * Three rules that each permit by one field. A packet that differs from each of the three values first
 * in a different bit makes a mask of its own: 32 x 16 x 16 = 8,192 combinations.
 */
export function explosionScheme(spec: WorkloadSpec): Scheme {
  return {
    *rules() {
      yield `priority=300,in_port=1,tcp,tp_dst=${SERVICE_PORT} actions=output:2`;
      yield `priority=200,in_port=1,tcp,nw_src=${ipv4Text(ALLOWED_SOURCE)} actions=output:2`;
      yield `priority=100,in_port=1,tcp,tp_src=${ALLOWED_SOURCE_PORT} actions=output:2`;
      yield "priority=1,in_port=1 actions=drop";
    },
    fill(flow, tuple) {
      tuple.kind = packetKind("tcp")!;
      if (flow < spec.flows) fillHonest(flow, tuple);
      else fillExplosive(flow - spec.flows, tuple);
    },
  };
}

function fillHonest(flow: number, tuple: Tuple): void {
  const mixed = scramble(flow);
  tuple.source[3] = CLIENT_NETWORK + (mixed >>> 16);
  tuple.target[3] = SERVER_NETWORK + 1 + (flow % SERVERS);
  tuple.sourcePort = mixed & 0xffff;
  tuple.targetPort = SERVICE_PORT;
}

/** The probe's number tells the host (changing fastest) and the port. */
function fillProbe(number: number, tuple: Tuple): void {
  tuple.source[3] = SCANNER;
  tuple.target[3] = SERVER_NETWORK + (number & 255);
  tuple.sourcePort = 40000 + (number & 1023);
  tuple.targetPort = (number >>> 8) & 0xffff;
}

function fillExplosive(number: number, tuple: Tuple): void {
  const mixed = scramble(number);
  tuple.source[3] = differAt(ALLOWED_SOURCE, 32, number & 31, mixed);
  tuple.target[3] = SERVER_NETWORK + 1 + (mixed % SERVERS);
  tuple.targetPort = differAt(SERVICE_PORT, 16, (number >>> 5) & 15, mixed);
  tuple.sourcePort = differAt(ALLOWED_SOURCE_PORT, 16, (number >>> 9) & 15, mixed >>> 8);
}

/** `value` up to bit `bit` from the top, that bit turned, and random ones behind it. */
function differAt(value: number, width: number, bit: number, noise: number): number {
  const turned = 2 ** (width - 1 - bit);
  const keep = ~(turned * 2 - 1);
  return (((value & keep) | (~value & turned) | (noise & (turned - 1))) >>> 0) % 2 ** width;
}
