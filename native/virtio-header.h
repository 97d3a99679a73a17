// The header that goes before a packet of a TAP device or an AF_PACKET socket with PACKET_VNET_HDR, in the
// machine's byte order: virtio 1.2, 5.1.6. (linux/virtio_net.h is not C++: it has a member called `class`.)
#pragma once
#include <cstdint>

struct VirtioHeader {
  uint8_t flags;
  /** kGso*: the packet is yet to be cut into segments of `segmentSize`. */
  uint8_t gsoType;
  uint16_t headerLength;
  uint16_t segmentSize;
  /** With kNeedsChecksum: sum from `checksumStart` on, and put the result `checksumOffset` bytes behind it. */
  uint16_t checksumStart;
  uint16_t checksumOffset;
};

constexpr uint8_t kNeedsChecksum = 1;
constexpr uint8_t kGsoTcp4 = 1, kGsoTcp6 = 4, kGsoUdp = 5;
/** Added to the type when the first segment says that congestion was seen. */
constexpr uint8_t kGsoEcn = 0x80;
