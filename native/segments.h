// Cuts a TCP or UDP packet that its sender left whole (TSO, USO) or that the kernel merged (GRO) into the packets that go
// over the wire, as a network card does: headers are repeated, lengths, sequence numbers and checksums made good.
#pragma once
#include <algorithm>
#include <arpa/inet.h>
#include <optional>

#include "checksum.h"
#include "virtio-header.h"

constexpr uint8_t kTcpFin = 0x01, kTcpPush = 0x08, kTcpCwr = 0x80;

class Segments {
 public:
  /** `packet` is changed in place; nothing when it is of no kind that can be cut. */
  static std::optional<Segments> of(const VirtioHeader& header, uint8_t* packet, size_t length) {
    const uint8_t type = header.gsoType & ~kGsoEcn;
    const bool tcp = type == kGsoTcp4 || type == kGsoTcp6;
    if ((!tcp && type != kGsoUdp) || (header.flags & kNeedsChecksum) == 0 || header.segmentSize == 0) return {};
    Segments cut;
    cut.packet_ = packet;
    cut.tcp_ = tcp;
    cut.l3_ = 14;
    for (uint16_t type = cut.get16(12); type == 0x8100 || type == 0x88a8; type = cut.get16(cut.l3_ - 2)) {
      cut.l3_ += 4;
      if (cut.l3_ + 2 > length) return {};
    }
    cut.ipv4_ = cut.get16(cut.l3_ - 2) == 0x0800;
    cut.l4_ = header.checksumStart;
    if (cut.l4_ < cut.l3_ + 20 || cut.l4_ + size_t{20} > length || length - cut.l4_ > 0xffff) return {};
    cut.headers_ = cut.l4_ + (tcp ? (packet[cut.l4_ + 12] >> 4) * size_t{4} : 8);
    if (cut.headers_ >= length) return {};
    cut.size_ = header.segmentSize;
    cut.payload_ = length - cut.headers_;
    cut.remember();
    return cut;
  }

  uint32_t count() const { return static_cast<uint32_t>((payload_ + size_ - 1) / size_); }
  size_t headerLength() const { return headers_; }
  /** Bytes of the longest one. */
  size_t longest() const { return headers_ + std::min(size_, payload_); }
  const uint8_t* payload(uint32_t index) const { return packet_ + headers_ + index * size_; }
  size_t payloadLength(uint32_t index) const { return std::min(size_, payload_ - index * size_); }

  /** Makes the headers those of segment `index`. */
  void writeHeaders(uint32_t index) const {
    const auto l4Length = static_cast<uint16_t>(headers_ - l4_ + payloadLength(index));
    writeIp(index, l4Length);
    const size_t field = l4_ + (tcp_ ? 16 : kUdpChecksumOffset);
    if (tcp_) {
      const uint32_t sequence = htonl(sequence_ + static_cast<uint32_t>(index * size_));
      std::memcpy(packet_ + l4_ + 4, &sequence, 4);
      uint8_t flags = tcpFlags_;
      if (index > 0) flags &= static_cast<uint8_t>(~kTcpCwr);
      if (index + 1 < count()) flags &= static_cast<uint8_t>(~(kTcpFin | kTcpPush));
      packet_[l4_ + 13] = flags;
    } else {
      put16(l4_ + 4, l4Length);
    }
    // The field had the pseudo-header's sum with the length of the whole; now it has the segment's.
    Checksum sum;
    put16(field, 0);
    sum.addWord(pseudo_);
    sum.addWord(static_cast<uint16_t>(~htons(wholeLength_)));
    sum.addWord(htons(l4Length));
    sum.add(packet_ + l4_, headers_ - l4_);
    sum.add(payload(index), payloadLength(index));
    const uint16_t value = sum.result(!tcp_);
    std::memcpy(packet_ + field, &value, 2);
  }

 private:
  void remember() {
    std::memcpy(&pseudo_, packet_ + l4_ + (tcp_ ? 16 : kUdpChecksumOffset), 2);
    wholeLength_ = static_cast<uint16_t>(headers_ - l4_ + payload_);
    uint32_t sequence;
    std::memcpy(&sequence, packet_ + l4_ + 4, 4);
    sequence_ = ntohl(sequence);
    tcpFlags_ = packet_[l4_ + 13];
    identification_ = get16(l3_ + 4);
  }

  void writeIp(uint32_t index, uint16_t l4Length) const {
    if (!ipv4_) return put16(l3_ + 4, static_cast<uint16_t>(l4_ - l3_ - 40 + l4Length));
    put16(l3_ + 2, static_cast<uint16_t>(l4_ - l3_ + l4Length));
    put16(l3_ + 4, static_cast<uint16_t>(identification_ + index));
    put16(l3_ + 10, 0);
    Checksum sum;
    sum.add(packet_ + l3_, l4_ - l3_);
    const uint16_t value = sum.result(false);
    std::memcpy(packet_ + l3_ + 10, &value, 2);
  }

  uint16_t get16(size_t at) const { return static_cast<uint16_t>(packet_[at] << 8 | packet_[at + 1]); }
  void put16(size_t at, uint16_t value) const {
    packet_[at] = static_cast<uint8_t>(value >> 8);
    packet_[at + 1] = static_cast<uint8_t>(value);
  }

  uint8_t* packet_;
  size_t l3_, l4_, headers_, size_, payload_;
  bool tcp_, ipv4_;
  uint32_t sequence_;
  uint16_t wholeLength_, pseudo_, identification_;
  uint8_t tcpFlags_;
};
