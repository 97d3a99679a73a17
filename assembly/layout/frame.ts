// A frame: one packet's buffer, whose shape equals an AF_XDP UMEM chunk.
//
//   +0    record: what the packet carries besides its bytes; written only off the fast path
//   +256  packet, after the headroom that the kernel keeps before XDP data
//
// Small frames are 2048-byte aligned chunks; packets over FRAME_DATA_MAX bytes live in big frames.

/** Bytes of a small frame. */
export const FRAME_SIZE: u32 = 2048;
/** Where a received packet starts in its frame; what is before it is room for pushed headers. */
export const FRAME_HEADROOM: u32 = 256;
/** Longest packet that a small frame receives: 2048 - 256. */
export const FRAME_DATA_MAX: u32 = 1792;
/** Bytes of a big frame: the headroom, 65,536 bytes of packet and 1,792 to grow. */
export const BIG_FRAME_SIZE: u32 = 67584;

/** Bytes of the record at the start of a frame; never overwritten by a pushed header. */
export const FRAME_RECORD_SIZE: u32 = 64;

/** Offsets in the record. All u32. */
export const FRAME_DATA: u32 = 0; // address of the packet's first byte
export const FRAME_LENGTH: u32 = 4; // bytes of packet
export const FRAME_IN_PORT: u32 = 8;
export const FRAME_RECIRC_ID: u32 = 12;
export const FRAME_PKT_MARK: u32 = 16;
export const FRAME_DP_HASH: u32 = 20;
export const FRAME_SKB_PRIORITY: u32 = 24;
/** What became of the packet so far: a union of FRAME_FATE_*. */
export const FRAME_FATE: u32 = 28;
/** Shared account of a packet whose copies outlive it; 0 when it answers for itself alone. */
export const FRAME_ACCOUNT: u32 = 32;
/** Names the packet in the trace ring; 0 when nobody asked. */
export const FRAME_SEQUENCE: u32 = 36;
/** Next frame of the same pending microflow; 0 ends the chain. */
export const FRAME_NEXT: u32 = 40;
/** Passes through the datapath so far. */
export const FRAME_DEPTH: u32 = 44;
/** While a copy runs inside its original's program: the original; else 0. */
export const FRAME_PARENT: u32 = 52;
/** Why the packet will be dropped if nobody gets it: a DropReason. */
export const FRAME_REASON: u32 = 56;
/** Which pool the frame goes home to: FRAME_POOL_*. Constant for the frame's life. */
export const FRAME_POOL: u32 = 48;

export const FRAME_POOL_SMALL: u32 = 0;
export const FRAME_POOL_BIG: u32 = 1;

/** At least one copy was sent. */
export const FRAME_FATE_SENT: u32 = 1;
/** At least one copy was handed to the controller by an action. */
export const FRAME_FATE_CONSUMED: u32 = 2;
/** The frame is a copy: when it ends it is not accounted as a received packet. */
export const FRAME_FATE_COPY: u32 = 4;
