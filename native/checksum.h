// The Internet checksum (RFC 1071), as far as a sender left it to the hardware: the field holds the sum of
// the pseudo-header, and everything from `start` on is still to be added.
#pragma once
#include <cstdint>
#include <cstring>

/** A one's complement sum over pieces; in the machine's byte order, which the fold makes no difference to. */
class Checksum {
 public:
  void add(const uint8_t* bytes, size_t length) {
    uint64_t sum = 0;
    size_t at = 0;
    for (; at + 4 <= length; at += 4) {
      uint32_t word;
      std::memcpy(&word, bytes + at, 4);
      sum += word;
    }
    uint8_t rest[4] = {};
    std::memcpy(rest, bytes + at, length - at);
    uint32_t word;
    std::memcpy(&word, rest, 4);
    addPiece(fold(sum + word), length);
  }

  /** Adds a number in network byte order. */
  void addWord(uint16_t value) { sum_ += value; }

  /** The complement of the sum; 0 is written as 0xffff where 0 means that there is no checksum (UDP). */
  uint16_t result(bool zeroIsNone) const {
    const auto value = static_cast<uint16_t>(~fold(sum_));
    return value == 0 && zeroIsNone ? 0xffff : value;
  }

 private:
  static uint16_t fold(uint64_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
  }

  void addPiece(uint16_t sum, size_t length) {
    sum_ += odd_ ? __builtin_bswap16(sum) : sum;
    if (length % 2 != 0) odd_ = !odd_;
  }

  uint64_t sum_ = 0;
  bool odd_ = false;
};

/** Where UDP has its checksum, behind `start`. */
constexpr uint16_t kUdpChecksumOffset = 6;
