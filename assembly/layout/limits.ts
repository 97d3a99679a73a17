// Every maximum of the datapath, each with its arithmetic.

/** Most packets in one batch; the default is `BATCH_DEFAULT`. Scratch is sized for this many. */
export const BATCH_MAX: u32 = 256;
/** Batch size that measured best: deep enough to overlap cache misses, small enough for L1. */
export const BATCH_DEFAULT: u32 = 64;

/** Datapath ports; a port number is an index into the port tables. */
export const PORT_MAX: u32 = 1024;
/** Receive queues that one PMD can poll. */
export const RXQ_MAX: u32 = 256;
/** PMDs of one switch. */
export const PMD_MAX: u32 = 64;

/** Masks in the mask array: a bitmap row is at most 1024 / 8 = 128 bytes. */
export const MASK_MAX: u32 = 1024;

/** Passes through the datapath that recirculation may add; Open vSwitch's MAX_RECIRC_DEPTH. */
export const RECIRC_DEPTH_MAX: u32 = 8;
/** Nesting of sample, clone and check_pkt_len lists; the kernel's OVS_COPY_ACTIONS_MAX_DEPTH. */
export const ACTION_DEPTH_MAX: u32 = 16;
/** Bytes of one encoded action program: what fits the largest command with its key and mask. */
export const ACTION_PROGRAM_MAX: u32 = 32 * 1024;

/** Longest frame the switch carries, in bytes; a longer one is dropped as `oversize`. */
export const PACKET_MAX: u32 = 65536;

/** Microflows that may wait for an upcall's answer at once, a PMD. */
export const PENDING_MAX: u32 = 4096;

/** VLAN tags that the key holds. */
export const VLAN_MAX: u32 = 2;
/** MPLS labels that the key holds. */
export const MPLS_MAX: u32 = 3;
