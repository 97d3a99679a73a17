// A virtual machine under QEMU's software emulation: Debian's own kernel with the virtio network card that
// every Linux guest has, and an initial file system of busybox and the card's modules, made on the spot. Its
// serial console is a shell, so that a test sees the switch from inside a guest. Up within seconds.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Need } from "./needs.ts";

/** What a guest needs from the machine. */
export const NEED_GUEST: readonly Need[] = [
  { command: "qemu-system-x86_64", package: "qemu-system-x86" },
  { command: "cpio", package: "cpio" },
  { command: "busybox", package: "busybox-static" },
  { file: "/boot/vmlinuz-*-cloud-amd64", package: "linux-image-cloud-amd64" },
];

/** Seconds are usual; emulated, on a machine whose cores others use, it may be minutes. */
const BOOT_MS = 300_000;
const COMMAND_MS = 120_000;
const MODULES = ["virtio_pci", "virtio_net"];

/** How a guest is attached. */
export interface GuestOptions {
  /** Namespace that QEMU runs in, where it looks for its TAP device. */
  readonly netns: string;
  /** QEMU's -netdev without its id, such as "tap,ifname=vm0,script=no,downscript=no". */
  readonly netdev: string;
  /** Descriptors that `netdev` names, as 3, 4 ... */
  readonly fds?: readonly number[];
  /** Address of its interface eth0 with the prefix's length. */
  readonly address: string;
  readonly mac?: string;
}

/** See the head of the file. */
export class Guest implements AsyncDisposable {
  /** Everything that the console said. */
  log = "";
  readonly #qemu: ChildProcess;
  readonly #folder: string;
  #commands = 0;

  /** Starts a guest and waits until its interface is up; throws with the console's text when it is not. */
  static async boot(options: GuestOptions): Promise<Guest> {
    const guest = new Guest(options);
    try {
      await guest.#said(/GUEST UP/, BOOT_MS);
    } catch (error) {
      await guest.close();
      throw error;
    }
    return guest;
  }

  private constructor({ netns, netdev, fds = [], address, mac = "52:54:00:12:34:56" }: GuestOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), "megaflow-guest-"));
    const release = kernelRelease();
    writeInitramfs(this.#folder, release, address);
    const qemu = [
      ...["qemu-system-x86_64", "-accel", "tcg", "-m", "128", "-nodefaults", "-no-user-config"],
      ...["-display", "none", "-no-reboot", "-serial", "stdio"],
      ...["-kernel", `/boot/vmlinuz-${release}`, "-initrd", join(this.#folder, "initramfs")],
      ...["-append", "console=ttyS0 quiet panic=-1 rdinit=/init"],
      ...["-netdev", `${netdev},id=net0`, "-device", `virtio-net-pci,netdev=net0,romfile=,mac=${mac}`],
    ];
    this.#qemu = spawn("ip", ["netns", "exec", netns, ...qemu], { stdio: ["pipe", "pipe", "pipe", ...fds] });
    for (const stream of [this.#qemu.stdout, this.#qemu.stderr]) {
      stream?.on("data", (text: Buffer) => {
        this.log += text.toString("latin1");
      });
    }
  }

  /** Runs a shell command in the guest; returns what it printed, throws when it fails or takes too long. */
  async run(command: string, timeoutMs = COMMAND_MS): Promise<string> {
    const number = ++this.#commands;
    const start = this.log.length;
    this.#qemu.stdin?.write(`${command}; echo "<done" ${number} $?">"\n`);
    const [, status = "?"] = await this.#said(new RegExp(`<done ${number} (\\d+)>`), timeoutMs);
    const text = this.log.slice(start).replaceAll("\r", "").split(`<done ${number}`)[0]!.trim();
    if (status !== "0") throw new Error(`in the guest, ${command} ended with ${status}: ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Ends the guest. */
  async close(): Promise<void> {
    if (this.#qemu.exitCode === null && this.#qemu.signalCode === null) {
      const ended = new Promise((resolve) => this.#qemu.once("exit", resolve));
      this.#qemu.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#folder, { recursive: true });
  }

  async #said(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.log);
      if (match !== null) return match;
      const ended = this.#qemu.exitCode !== null || this.#qemu.signalCode !== null;
      if (ended || performance.now() > deadline) {
        const what = ended ? "QEMU ended" : `not within ${timeoutMs} ms`;
        throw new Error(`${what}: ${pattern.source}; the console said:\n${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The newest of Debian's cloud kernels. */
function kernelRelease(): string {
  const kernels = readdirSync("/boot").filter((name) => /^vmlinuz-.*-cloud-amd64$/.test(name));
  const newest = kernels.sort().at(-1);
  if (newest === undefined) throw new Error("no kernel in /boot: apt-get install linux-image-cloud-amd64");
  return newest.slice("vmlinuz-".length);
}

/** Paths of the modules with all that they need, in the order in which they load. */
function moduleFiles(release: string): string[] {
  const root = `/lib/modules/${release}`;
  const needs = new Map<string, string[]>();
  for (const line of readFileSync(join(root, "modules.dep"), "utf8").split("\n")) {
    const [file = "", rest = ""] = line.split(":");
    needs.set(
      file,
      rest.split(" ").filter((one) => one !== ""),
    );
  }
  const ordered = new Set<string>();
  const add = (file: string): void => {
    for (const needed of needs.get(file) ?? []) add(needed);
    ordered.add(file);
  };
  for (const name of MODULES) {
    const file = [...needs.keys()].find((one) => basename(one).split(".")[0] === name);
    if (file !== undefined) add(file);
  }
  return [...ordered].map((file) => join(root, file));
}

function writeInitramfs(folder: string, release: string, address: string): void {
  const root = join(folder, "root");
  for (const name of ["bin", "dev", "modules", "proc", "sys"])
    mkdirSync(join(root, name), { recursive: true });
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  cpSync(busybox, join(root, "bin/busybox"), { dereference: true });
  const modules = moduleFiles(release);
  for (const file of modules) cpSync(file, join(root, "modules", basename(file)));
  const init = [
    "#!/bin/busybox sh",
    "/bin/busybox --install -s /bin",
    "mount -t proc none /proc",
    "mount -t sysfs none /sys",
    "mount -t devtmpfs none /dev",
    "stty -echo -F /dev/ttyS0",
    ...modules.map((file) => `insmod /modules/${basename(file)}`),
    "ip link set lo up",
    `ip addr add ${address} dev eth0`,
    "ip link set eth0 up",
    'echo "GUEST" "UP"',
    "export PS1= PS2=",
    "exec sh 2>&1",
  ];
  writeFileSync(join(root, "init"), `${init.join("\n")}\n`, { mode: 0o755 });
  const image = execFileSync("sh", ["-c", "find . | cpio --quiet -o -H newc"], {
    cwd: root,
    maxBuffer: 1 << 28,
  });
  writeFileSync(join(folder, "initramfs"), image);
}
