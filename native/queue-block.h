// A queue of a real port as the kernel would see it: the other side of the four rings that
// assembly/layout/queue.ts lays out. Used by the PMD's own thread between its turns, so nothing is atomic.
#pragma once
#include <algorithm>
#include <cstring>
#include <sys/uio.h>

#include "layout.generated.h"
#include "napi-args.h"

/** Frames that the longest packet takes, 65,536 bytes. */
constexpr uint32_t kPartsMax = 37;

/** Frames that a packet takes. */
constexpr uint32_t partsOf(size_t length) {
  return length == 0 ? 1 : static_cast<uint32_t>((length + layout::FRAME_DATA_MAX - 1) / layout::FRAME_DATA_MAX);
}

/** An entry of the rx and tx rings, xdp_desc of linux/if_xdp.h. */
struct Descriptor {
  uint64_t address;
  uint32_t length;
  uint32_t options;
};

template <typename Entry>
struct QueueRing {
  uint32_t* producer;
  uint32_t* consumer;
  Entry* entries;
  uint32_t mask;

  uint32_t size() const { return mask + 1; }
  uint32_t ready() const { return *producer - *consumer; }
  uint32_t room() const { return size() - ready(); }
  Entry& at(uint32_t index) const { return entries[index & mask]; }
};

class QueueBlock {
 public:
  /** Throws RangeError when the block or a ring is not inside the memory. */
  QueueBlock(const Napi::CallbackInfo& info, size_t memoryIndex, size_t blockIndex)
      : env_(info.Env()), memory_(bytesArg(info, memoryIndex, "memory")) {
    const auto last = static_cast<int64_t>(memory_.length) - layout::QUEUE_SIZE;
    block_ = memory_.data + integerArg(info, blockIndex, "block", 0, last);
    fill = ring<uint64_t>(layout::QUEUE_FILL);
    completion = ring<uint64_t>(layout::QUEUE_COMPLETION);
    rx = ring<Descriptor>(layout::QUEUE_RX);
    tx = ring<Descriptor>(layout::QUEUE_TX);
    umemSize_ = word(layout::QUEUE_UMEM_SIZE);
    umem_ = part<uint8_t>(word(layout::QUEUE_UMEM), umemSize_);
  }

  uint32_t& word(uint32_t offset) const { return *reinterpret_cast<uint32_t*>(block_ + offset); }
  void count(uint32_t counter) const { ++*reinterpret_cast<uint64_t*>(block_ + counter); }

  /** `length` bytes of linear memory from `address`. */
  template <typename Type>
  Type* part(uint32_t address, size_t length) const {
    if (address > memory_.length || length > memory_.length - address) throw Napi::RangeError::New(env_, "block: it names an address behind the memory");
    return reinterpret_cast<Type*>(memory_.data + address);
  }

  /** Entries that received packets may take now. */
  uint32_t receivable() const { return std::min(fill.ready(), rx.room()); }
  /** Entries that one packet can ever take. */
  uint32_t receivableEver() const { return std::min({fill.size(), rx.size()}); }

  /** Room for packet bytes in the empty frame `index` places behind the next one; throws when it is not in the packet memory. */
  uint8_t* emptyFrame(uint32_t index) const { return umem_ + emptyOffset(index); }

  /** Hands over the next empty frames, filled with a packet of `length` bytes. */
  void deliver(size_t length) const {
    const uint32_t parts = partsOf(length);
    for (uint32_t i = 0; i < parts; i++) {
      const bool last = i + 1 == parts;
      const size_t taken = last ? length - size_t{i} * layout::FRAME_DATA_MAX : layout::FRAME_DATA_MAX;
      rx.at(*rx.producer + i) = {emptyOffset(i), static_cast<uint32_t>(taken), last ? 0 : layout::QUEUE_OPTION_CONTINUED};
    }
    *rx.producer += parts;
    *fill.consumer += parts;
  }

  /**
   * Pieces of the packet that starts `skipped` entries behind the next one to send, at most kPartsMax; returns
   * how many, 0 when there is no whole packet or no room for its completion. A bad entry throws.
   */
  uint32_t outgoing(uint32_t skipped, iovec* pieces) const {
    const uint32_t ready = std::min(tx.ready(), completion.room());
    for (uint32_t parts = 0; skipped + parts < ready && parts < kPartsMax;) {
      const Descriptor& entry = tx.at(*tx.consumer + skipped + parts);
      if (entry.address > umemSize_ || entry.length > umemSize_ - entry.address) throw Napi::RangeError::New(env_, "block: a packet to send is not in the packet memory");
      pieces[parts++] = {umem_ + entry.address, entry.length};
      if ((entry.options & layout::QUEUE_OPTION_CONTINUED) == 0) return parts;
    }
    return 0;
  }

  /** Free bytes in a frame before the piece of a packet in it. */
  size_t headroom(const iovec& piece) const {
    const size_t used = static_cast<size_t>(static_cast<uint8_t*>(piece.iov_base) - umem_) & (layout::FRAME_SIZE - 1);
    return used < layout::FRAME_RECORD_SIZE ? 0 : used - layout::FRAME_RECORD_SIZE;
  }

  /** The next `parts` entries are sent or dropped: their frames go back. */
  void complete(uint32_t parts) const {
    for (uint32_t i = 0; i < parts; i++) completion.at(*completion.producer + i) = tx.at(*tx.consumer + i).address;
    *completion.producer += parts;
    *tx.consumer += parts;
  }

  QueueRing<uint64_t> fill, completion;
  QueueRing<Descriptor> rx, tx;

 private:
  template <typename Entry>
  QueueRing<Entry> ring(uint32_t offset) const {
    const uint32_t mask = word(offset + layout::QUEUE_RING_MASK);
    return {part<uint32_t>(word(offset + layout::QUEUE_RING_PRODUCER), 4), part<uint32_t>(word(offset + layout::QUEUE_RING_CONSUMER), 4),
            part<Entry>(word(offset + layout::QUEUE_RING_ENTRIES), (size_t{mask} + 1) * sizeof(Entry)), mask};
  }

  /** As the kernel does, whatever points into a frame names it. */
  uint64_t emptyOffset(uint32_t index) const {
    const uint64_t frame = fill.at(*fill.consumer + index) & ~uint64_t{layout::FRAME_SIZE - 1};
    if (frame + layout::FRAME_SIZE > umemSize_) throw Napi::RangeError::New(env_, "block: an empty frame is not in the packet memory");
    return frame + layout::FRAME_HEADROOM;
  }

  Napi::Env env_;
  Bytes memory_;
  uint8_t* block_;
  uint8_t* umem_;
  uint32_t umemSize_;
};

/** Writes one packet into empty frames; the caller has made sure that there are enough. */
class PacketWriter {
 public:
  explicit PacketWriter(const QueueBlock& queue) : queue_(queue) {}

  void append(const uint8_t* bytes, size_t length) {
    while (length > 0) {
      const auto used = static_cast<uint32_t>(length_ % layout::FRAME_DATA_MAX);
      const size_t now = std::min<size_t>(length, layout::FRAME_DATA_MAX - used);
      std::memcpy(queue_.emptyFrame(static_cast<uint32_t>(length_ / layout::FRAME_DATA_MAX)) + used, bytes, now);
      bytes += now;
      length -= now;
      length_ += now;
    }
  }

  void deliver() const { queue_.deliver(length_); }

 private:
  const QueueBlock& queue_;
  size_t length_ = 0;
};
