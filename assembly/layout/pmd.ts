// The control block of a PMD: what it needs to know, where its regions are, and what it counts.

/** Settings that a command may change while packets flow. u32 each, from PMD_SETTINGS. */
export enum Setting {
  BATCH = 0,
  MICROFLOW_MODE = 1,
  /** Buckets or sets - 1; meaningful when the region is there. */
  MICROFLOW_MASK = 2,
  /** 1/n of the misses is inserted. */
  MICROFLOW_INSERT_INVERSE = 3,
  MICROFLOW_BYPASS = 4,
  /** Entries - 1. */
  MASK_CACHE_MASK = 5,
  /** Bits between the four probes. */
  MASK_CACHE_SHIFT = 6,
  MASK_CACHE_VICTIM = 7,
  PRUNING = 8,
  RANK_INTERVAL_MS = 9,
  MASK_LIMIT = 10,
  FLOW_LIMIT = 11,
  /** Write the trace ring. */
  TRACE = 12,
  /** Upcalls a port may have queued: its fair share. */
  UPCALL_SHARE = 13,
  /** Free frames are taken first in, first out: a NIC's pattern. */
  FRAME_FIFO = 14,
  /** Fold every byte sent into PMD_DIGEST. */
  DIGEST = 15,
  /** Write the sample ring: 0 = off, 1 + n = one connection in 2^n. */
  SAMPLE = 16,
  /** Upcalls that a port may make a second, with a tenth of a second's worth at once; 0 = any number. */
  UPCALL_RATE = 17,
  COUNT = 18,
}

/** Memory of a PMD: base and bytes (u32 each), from PMD_REGIONS, 8 bytes apart. */
export enum RegionId {
  MICROFLOW = 0,
  MASK_CACHE = 1,
  BATCHES = 2,
  MASKS = 3,
  FRAMES = 4,
  BIG_FRAMES = 5,
  /** Stacks of free frames: small ones, then big ones. */
  FREE_FRAMES = 6,
  PORTS = 7,
  RXQS = 8,
  PRUNING = 9,
  UPCALL_RING = 10,
  COMMAND_RING = 11,
  TRACE_RING = 12,
  PROGRAMS = 13,
  PENDING = 14,
  FLOW_TABLE = 15,
  UFID_TABLE = 16,
  /** Meters; shared by all PMDs. */
  METERS = 17,
  /** layout/peer.ts; there only where ports are real. */
  PEERS = 18,
  /** Addresses of the queues that the thread is to do something for, u32 each. */
  KICKS = 19,
  /** Lookups of a sample of connections: layout/sample.ts. */
  SAMPLE_RING = 20,
  COUNT = 21,
}

/** Secret of all hashes, u64 x2. */
export const PMD_SEED: u32 = 0;
/** Clock in ms since the switch started, written by the poll loop. */
export const PMD_CLOCK: u32 = 16;
/** Number of the PMD. */
export const PMD_INDEX: u32 = 20;
export const PMD_SMALL_FRAMES: u32 = 24;
export const PMD_BIG_FRAMES: u32 = 28;
/** Set by the controller to make the worker's loop look up from its work. */
export const PMD_SIGNAL: u32 = 32;
/** What the controller may read at any time. */
export const PMD_FREE_SMALL: u32 = 36;
export const PMD_FREE_BIG: u32 = 40;
export const PMD_PARKED: u32 = 44;
export const PMD_FLOW_COUNT: u32 = 48;
export const PMD_MASK_COUNT: u32 = 52;
/** Free flow slots of each class. */
export const PMD_FREE_FLOWS: u32 = 56; // 3 x u32
/** 1 while the microflow cache is bypassed as useless. */
export const PMD_BYPASSED: u32 = 68;
/** Microseconds of the monotonic clock, modulo 2^32, at the start of the turn: the host writes it. */
export const PMD_CLOCK_US: u32 = 72;

/** Not 0: the worker shall end its loop. */
export const PMD_STOP: u32 = 88;
/** Receive queue records in use: 0 to n - 1. */
export const PMD_RXQ_COUNT: u32 = 92;
/** Queues in KICKS; the thread works them off before the next turn. */
export const PMD_KICK_COUNT: u32 = 96;
/** 1 while the thread waits in the kernel: whoever has work for it notifies its event. */
export const PMD_SLEEPING: u32 = 100;
/** Running digest of what was sent, in order; u64. */
export const PMD_DIGEST: u32 = 80;

export const PMD_SETTINGS: u32 = 128;
export const PMD_REGIONS: u32 = 256;
/** Table descriptors: flows by masked key, flows by UFID. TABLE_DESCRIPTOR_SIZE each. */
export const PMD_FLOW_TABLE: u32 = 512;
export const PMD_UFID_TABLE: u32 = 544;
/** PmdStat counters, u64 each. */
export const PMD_STATS: u32 = 1024;
/** Drops by DropReason, u64 each. */
export const PMD_DROPS: u32 = 1536;
/** Random multipliers of the masked hash: 16 bytes a lane. */
export const PMD_HASH_KEYS: u32 = 2048;
/** PROFILE_SIZE bytes: layout/profile.ts. */
export const PMD_PROFILE: u32 = 2688;
/** Slabs of flow records: count, then {base, end, class} each. */
export const PMD_SLAB_COUNT: u32 = 4096;
export const PMD_SLABS: u32 = 4112;
export const PMD_SLAB_MAX: u32 = 320;
export const PMD_CONTROL_SIZE: u32 = 8192;

/** Classes of Command.SLAB: the three of flow records, then action programs. */
export const SLAB_CLASS_PROGRAMS: u32 = 3;

/** A pending microflow: its upcall is with the controller. */
export const PENDING_HASH: u32 = 0; // 0 = not hashable: never joined
export const PENDING_HEAD: u32 = 4; // first frame; 0 = free
export const PENDING_TAIL: u32 = 8;
export const PENDING_PORT: u32 = 12;
export const PENDING_RECIRC_ID: u32 = 16;
export const PENDING_SINCE: u32 = 20; // clock
export const PENDING_NEXT: u32 = 24; // of its hash chain
/** Bumped at every use, so that a late answer does not hit another packet. */
export const PENDING_GENERATION: u32 = 28;
export const PENDING_SIZE: u32 = 32;
/** Heads of the hash chains, u32 each, behind the PENDING_MAX + 1 records (number 0 is never used). */
export const PENDING_CHAINS: u32 = 4096;

/** Accounts of packets whose copies outlive them, behind the chains: number 0 is never used. */
export const ACCOUNT_REFERENCES: u32 = 0; // next free account when free
export const ACCOUNT_FATE: u32 = 4;
export const ACCOUNT_REASON: u32 = 8;
export const ACCOUNT_SEQUENCE: u32 = 12;
export const ACCOUNT_SIZE: u32 = 16;
export const ACCOUNT_MAX: u32 = 4096;

/** What upcalls know of each port, PORT_MAX records behind the accounts. */
export const UPCALL_PORT_PARKED: u32 = 0; // frames that wait
export const UPCALL_PORT_TOKENS: u32 = 4; // thousandths of an upcall
export const UPCALL_PORT_FILLED: u32 = 8; // clock when the tokens were counted last
/** Packets that actions sent up, and how many of them the controller has taken (it writes this one). */
export const UPCALL_PORT_PUNTS: u32 = 12;
export const UPCALL_PORT_TAKEN: u32 = 16;
/** Packets lost, u32 by UpcallLoss; they wrap around. */
export const UPCALL_PORT_LOST: u32 = 24;
export const UPCALL_PORT_SIZE: u32 = 64;

/** Why an upcall was lost. The order is the ABI; names in src/upcall/upcall-stats.ts. */
export enum UpcallLoss {
  /** The port has used up its rate. */
  RATE = 0,
  /** The port has as many upcalls waiting as are left for all others. */
  SHARE = 1,
  /** The port has as many frames waiting as are left for all others. */
  FRAMES = 2,
  /** The upcall ring is full. */
  RING = 3,
  /** The controller did not answer in time. */
  TIMEOUT = 4,
  COUNT = 5,
}
