// Plays the kernel's part at the rings of a queue whose device has none of its own: TAP by readv and writev,
// AF_PACKET by its receive ring and sendmmsg. Called by the PMD's thread between its turns; moves what is
// there, allocates nothing, and completes checksums that a sender left to the hardware.
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue-block.h"
#include "registers.h"
#include "segments.h"

namespace {

constexpr uint32_t kHeaderMax = 12;
constexpr uint32_t kBatch = 64;
constexpr uint32_t kBatchPieces = 256;
constexpr uint8_t kNoHeader[kHeaderMax] = {};

iovec headerPiece(size_t length) { return {const_cast<uint8_t*>(kNoHeader), length}; }

/** What a pump call has done so far. */
struct Progress {
  uint32_t received = 0;
  uint32_t sent = 0;
  /** The first errno that dropped a packet or ended a direction; 0 = none. */
  int error = 0;

  void fail(int cause) {
    if (error == 0) error = cause;
  }
  Napi::Value result(Napi::Env env) const {
    const auto moved = static_cast<int>(received + sent);
    return Napi::Number::New(env, moved > 0 ? moved : -error);
  }
};

/** The device cannot take more just now: what is in the ring stays there. */
bool isFull(int error) { return error == EAGAIN || error == ENOBUFS; }

/** A packet that came with NEEDS_CSUM and lies in `pieces`; false when the header names no place in it. */
bool completeChecksum(const VirtioHeader& header, const iovec* pieces, size_t length) {
  const size_t start = header.checksumStart, field = start + header.checksumOffset;
  if (field + 2 > std::min(length, pieces[0].iov_len) || start >= length) return false;
  Checksum sum;
  size_t skipped = start;
  size_t left = length;
  for (const iovec* piece = pieces; left > 0; piece++) {
    const size_t here = std::min(left, piece->iov_len);
    sum.add(static_cast<const uint8_t*>(piece->iov_base) + skipped, here - skipped);
    skipped = 0;
    left -= here;
  }
  const uint16_t value = sum.result(header.checksumOffset == kUdpChecksumOffset);
  std::memcpy(static_cast<uint8_t*>(pieces[0].iov_base) + field, &value, 2);
  return true;
}

/** Bytes of a TAP's virtio_net_hdr; it lies in the headroom right before the packet, so that both are one piece. */
uint32_t tapHeaderSize(const QueueBlock& queue) { return std::min(queue.word(layout::QUEUE_PUMP_HEADER), kHeaderMax); }

/** A packet that fills all its room was cut off: from the next one on there is room for the longest there is. */
void growRoom(const QueueBlock& queue, uint32_t parts) {
  if (parts < kPartsMax) queue.word(layout::QUEUE_PUMP_PACKET_MAX) = (kPartsMax - 1) * layout::FRAME_DATA_MAX;
}

void receiveFromTap(int fd, const QueueBlock& queue, uint32_t budget, Progress& progress) {
  const uint32_t headerSize = tapHeaderSize(queue);
  const uint32_t parts = std::min(queue.word(layout::QUEUE_PUMP_PACKET_MAX) / layout::FRAME_DATA_MAX + 1, kPartsMax);
  iovec pieces[kPartsMax];
  while (progress.received < budget && queue.receivable() >= parts) {
    for (uint32_t i = 0; i < parts; i++) pieces[i] = {queue.emptyFrame(i), layout::FRAME_DATA_MAX};
    uint8_t* const start = queue.emptyFrame(0) - headerSize;
    pieces[0] = {start, headerSize + layout::FRAME_DATA_MAX};
    const ssize_t taken = parts == 1 ? read(fd, start, pieces[0].iov_len) : readv(fd, pieces, static_cast<int>(parts));
    if (taken == -1) {
      if (!isFull(errno)) progress.fail(errno);
      return;
    }
    const size_t length = static_cast<size_t>(taken) - std::min(static_cast<size_t>(taken), size_t{headerSize});
    progress.received++;
    if (length == size_t{parts} * layout::FRAME_DATA_MAX) growRoom(queue, parts);
    bool whole = length > 0 && length < size_t{parts} * layout::FRAME_DATA_MAX;
    VirtioHeader header{};
    std::memcpy(&header, start, std::min<size_t>(headerSize, sizeof header));
    if (whole && (header.flags & kNeedsChecksum) != 0) {
      pieces[0] = {start + headerSize, layout::FRAME_DATA_MAX};
      whole = completeChecksum(header, pieces, length);
    }
    if (whole) {
      queue.deliver(length);
    } else {
      queue.count(layout::QUEUE_PUMP_RX_DROPS);
    }
  }
}

/** Writes a packet behind an empty header: in its headroom where there is some, else as a piece of its own. */
ssize_t writeToTap(int fd, const QueueBlock& queue, uint32_t headerSize, iovec* pieces, uint32_t parts) {
  iovec& first = pieces[1];
  if (queue.headroom(first) < headerSize) return writev(fd, pieces, static_cast<int>(1 + parts));
  uint8_t* const start = static_cast<uint8_t*>(first.iov_base) - headerSize;
  std::memset(start, 0, headerSize);
  first = {start, first.iov_len + headerSize};
  return parts == 1 ? write(fd, start, first.iov_len) : writev(fd, &first, static_cast<int>(parts));
}

void sendToTap(int fd, const QueueBlock& queue, uint32_t budget, Progress& progress) {
  const uint32_t headerSize = tapHeaderSize(queue);
  iovec pieces[1 + kPartsMax];
  pieces[0] = headerPiece(headerSize);
  while (progress.sent < budget) {
    const uint32_t parts = queue.outgoing(0, pieces + 1);
    if (parts == 0) return;
    if (writeToTap(fd, queue, headerSize, pieces, parts) == -1) {
      if (isFull(errno)) return;
      progress.fail(errno);
      queue.count(layout::QUEUE_PUMP_TX_DROPS);
    }
    queue.complete(parts);
    progress.sent++;
  }
}

Napi::Value pumpTap(const Napi::CallbackInfo& info) {
  const int fd = fdArg(info, 0);
  const QueueBlock queue(info, 1, 2);
  const auto budget = static_cast<uint32_t>(integerArg(info, 3, "budget", 0, UINT32_MAX));
  Progress progress;
  sendToTap(fd, queue, budget, progress);
  receiveFromTap(fd, queue, budget, progress);
  return progress.result(info.Env());
}

/** Our place in a TPACKET_V3 receive ring, kept in the queue block between calls. */
class PacketRing {
 public:
  explicit PacketRing(const QueueBlock& queue)
      : blockSize_(queue.word(layout::QUEUE_PUMP_BLOCK_SIZE)), blockCount_(queue.word(layout::QUEUE_PUMP_BLOCK_COUNT)),
        block_(queue.word(layout::QUEUE_PUMP_BLOCK)), left_(queue.word(layout::QUEUE_PUMP_LEFT)), next_(queue.word(layout::QUEUE_PUMP_NEXT)),
        ring_(queue.part<uint8_t>(queue.word(layout::QUEUE_PUMP_RING), size_t{blockSize_} * blockCount_)) {}

  /** The packet to take next; null when there is none. */
  tpacket3_hdr* next() {
    while (left_ == 0) {
      if (blockCount_ == 0 || (__atomic_load_n(&head().block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) return nullptr;
      left_ = head().num_pkts;
      next_ = head().offset_to_first_pkt;
      if (left_ == 0) giveBack();
    }
    return next_ < blockSize_ ? reinterpret_cast<tpacket3_hdr*>(start() + next_) : nullptr;
  }

  /** Where the packet's bytes begin; null when they are not inside its block. */
  uint8_t* bytes(const tpacket3_hdr& packet) const {
    const size_t at = size_t{next_} + packet.tp_mac;
    return packet.tp_mac >= sizeof(VirtioHeader) && at + packet.tp_snaplen <= blockSize_ ? start() + at : nullptr;
  }

  /** The packet that next() gave is done with; its block goes back behind its last one. */
  void pass(const tpacket3_hdr& packet) {
    next_ += packet.tp_next_offset;
    if (--left_ == 0) giveBack();
  }

  void save(const QueueBlock& queue) const {
    queue.word(layout::QUEUE_PUMP_BLOCK) = block_;
    queue.word(layout::QUEUE_PUMP_LEFT) = left_;
    queue.word(layout::QUEUE_PUMP_NEXT) = next_;
  }

 private:
  uint8_t* start() const { return ring_ + size_t{block_} * blockSize_; }
  tpacket_hdr_v1& head() const { return reinterpret_cast<tpacket_block_desc*>(start())->hdr.bh1; }
  void giveBack() {
    __atomic_store_n(&head().block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    block_ = block_ + 1 >= blockCount_ ? 0 : block_ + 1;
  }

  uint32_t blockSize_, blockCount_, block_, left_, next_;
  uint8_t* ring_;
};

/** Bytes of a tag that the kernel took out of the packet, to be put back behind the addresses; none or 4. */
struct VlanTag {
  uint8_t bytes[4];
  size_t length;

  explicit VlanTag(const tpacket3_hdr& packet) : length((packet.tp_status & TP_STATUS_VLAN_VALID) != 0 ? 4 : 0) {
    const uint16_t type = (packet.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? packet.hv1.tp_vlan_tpid : 0x8100;
    const auto tag = static_cast<uint16_t>(packet.hv1.tp_vlan_tci);
    const uint16_t words[2] = {htons(type), htons(tag)};
    std::memcpy(bytes, words, 4);
  }
};

constexpr size_t kAddresses = 12;

/** `head` is all of a packet but its last `tailLength` bytes, which lie elsewhere. */
void deliverPacket(const QueueBlock& queue, const VlanTag& tag, const uint8_t* head, size_t headLength, const uint8_t* tail, size_t tailLength) {
  PacketWriter writer(queue);
  writer.append(head, kAddresses);
  writer.append(tag.bytes, tag.length);
  writer.append(head + kAddresses, headLength - kAddresses);
  writer.append(tail, tailLength);
  writer.deliver();
}

enum class Taken { Whole, NoRoom, Refused };

Taken takeSegments(const QueueBlock& queue, const VlanTag& tag, const Segments& segments, uint8_t* bytes) {
  const uint32_t parts = segments.count() * partsOf(segments.longest() + tag.length);
  if (parts > queue.receivableEver()) return Taken::Refused;
  if (parts > queue.receivable()) return Taken::NoRoom;
  for (uint32_t i = 0; i < segments.count(); i++) {
    segments.writeHeaders(i);
    deliverPacket(queue, tag, bytes, segments.headerLength(), segments.payload(i), segments.payloadLength(i));
  }
  return Taken::Whole;
}

Taken takePacket(const QueueBlock& queue, const tpacket3_hdr& packet, uint8_t* bytes) {
  if (bytes == nullptr || packet.tp_snaplen < packet.tp_len || packet.tp_len < 14) return Taken::Refused;
  const VlanTag tag(packet);
  VirtioHeader header;
  std::memcpy(&header, bytes - sizeof header, sizeof header);
  if (header.gsoType != 0) {
    const auto segments = Segments::of(header, bytes, packet.tp_len);
    return segments ? takeSegments(queue, tag, *segments, bytes) : Taken::Refused;
  }
  const uint32_t parts = partsOf(packet.tp_len + tag.length);
  if (parts > queue.receivableEver()) return Taken::Refused;
  if (parts > queue.receivable()) return Taken::NoRoom;
  const iovec whole{bytes, packet.tp_len};
  if ((header.flags & kNeedsChecksum) != 0 && !completeChecksum(header, &whole, packet.tp_len)) return Taken::Refused;
  deliverPacket(queue, tag, bytes, packet.tp_len, nullptr, 0);
  return Taken::Whole;
}

void receiveFromRing(const QueueBlock& queue, uint32_t budget, Progress& progress) {
  PacketRing ring(queue);
  while (progress.received < budget) {
    tpacket3_hdr* packet = ring.next();
    if (packet == nullptr) break;
    const Taken taken = takePacket(queue, *packet, ring.bytes(*packet));
    if (taken == Taken::NoRoom) break;
    if (taken == Taken::Refused) queue.count(layout::QUEUE_PUMP_RX_DROPS);
    ring.pass(*packet);
    progress.received++;
  }
  ring.save(queue);
}

/** Packets for one sendmmsg, each behind an empty virtio_net_hdr. */
struct Batch {
  mmsghdr messages[kBatch];
  iovec pieces[kBatchPieces];
  uint32_t parts[kBatch];
  uint32_t count = 0;

  Batch(const QueueBlock& queue, uint32_t most) {
    uint32_t used = 0, entries = 0;
    for (; count < std::min(most, kBatch) && used + 1 + kPartsMax <= kBatchPieces; count++) {
      parts[count] = queue.outgoing(entries, pieces + used + 1);
      if (parts[count] == 0) return;
      pieces[used] = headerPiece(sizeof(VirtioHeader));
      messages[count] = {};
      messages[count].msg_hdr.msg_iov = pieces + used;
      messages[count].msg_hdr.msg_iovlen = 1 + parts[count];
      used += 1 + parts[count];
      entries += parts[count];
    }
  }
};

void sendBatches(int fd, const QueueBlock& queue, uint32_t budget, Progress& progress) {
  while (progress.sent < budget) {
    Batch batch(queue, budget - progress.sent);
    if (batch.count == 0) return;
    int done = sendmmsg(fd, batch.messages, batch.count, MSG_DONTWAIT);
    if (done == -1) {
      if (isFull(errno)) return;
      progress.fail(errno);
      queue.count(layout::QUEUE_PUMP_TX_DROPS);
      done = 1;
    }
    for (int i = 0; i < done; i++) queue.complete(batch.parts[i]);
    progress.sent += static_cast<uint32_t>(done);
  }
}

Napi::Value pumpPacket(const Napi::CallbackInfo& info) {
  const int fd = fdArg(info, 0);
  const QueueBlock queue(info, 1, 2);
  const auto budget = static_cast<uint32_t>(integerArg(info, 3, "budget", 0, UINT32_MAX));
  Progress progress;
  sendBatches(fd, queue, budget, progress);
  receiveFromRing(queue, budget, progress);
  return progress.result(info.Env());
}

}  // namespace

void registerPump(Napi::Env env, Napi::Object exports) {
  expose<pumpTap>(env, exports, "pumpTap");
  expose<pumpPacket>(env, exports, "pumpPacket");
}
