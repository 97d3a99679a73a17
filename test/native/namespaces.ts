// Network namespaces and veth pairs for one test file, with names of their own, removed at its end.

import { execFileSync } from "node:child_process";

let counter = 0;

/** Runs a command; throws with what it said when it fails. */
export function sh(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Namespaces of one test: made on demand, gone after `remove`. */
export class Namespaces {
  readonly #prefix = `mf${process.pid}x${counter++}`;
  readonly #made: string[] = [];

  /** Creates a namespace with its loopback up and no IPv6 chatter; returns its name. */
  add(label: string): string {
    const name = `${this.#prefix}${label}`;
    sh("ip", "netns", "add", name);
    this.#made.push(name);
    sh("ip", "-n", name, "link", "set", "lo", "up");
    this.quiet(name, "default");
    return name;
  }

  /** A veth pair with one end in each namespace, both up. */
  veth(left: string, leftName: string, right: string, rightName: string, queues = 1, mtu = 1500): void {
    const count = ["numtxqueues", `${queues}`, "numrxqueues", `${queues}`];
    const peer = ["peer", "name", rightName, "netns", right, ...count];
    sh("ip", "-n", left, "link", "add", leftName, ...count, "type", "veth", ...peer);
    for (const [netns, name] of [
      [left, leftName],
      [right, rightName],
    ] as const) {
      sh("ip", "-n", netns, "link", "set", name, "mtu", `${mtu}`, "up");
    }
  }

  /** Turns off IPv6 on an interface, whose unasked packets would be in every capture. */
  quiet(netns: string, name: string): void {
    this.set(netns, `net/ipv6/conf/${name}/disable_ipv6`, 1);
  }

  /** Sets a kernel parameter, given as a path under /proc/sys. */
  set(netns: string, parameter: string, value: number): void {
    sh("ip", "netns", "exec", netns, "sh", "-c", `echo ${value} >/proc/sys/${parameter}`);
  }

  remove(): void {
    for (const name of this.#made.splice(0)) sh("ip", "netns", "del", name);
  }
}
