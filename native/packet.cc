// AF_PACKET and TAP: a receive ring mapped into linear memory, TAP devices, and functions that move a list of
// packets, {address u32, length u32} in linear memory, in one call. Ports are worked by pump.cc instead.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>

#include "hole.h"
#include "netns.h"
#include "options.h"
#include "registers.h"

namespace {

constexpr const char* kRawPrivilege = "A packet socket needs CAP_NET_RAW: run as root.";

template <typename Value>
void setPacketOption(int fd, int option, const Value& value, const char* name, const char* hint) {
  check(setsockopt(fd, SOL_PACKET, option, &value, sizeof value), (std::string("setsockopt(") + name + ")").c_str(), hint);
}

/** How an AF_PACKET port receives; `ring` is all zero for a socket that only sends. */
struct PacketSetup {
  sockaddr_ll address;
  tpacket_req3 ring;
  int fanout;
  int header;
};

PacketSetup packetSetupOf(const Options& options) {
  PacketSetup setup{};
  setup.address.sll_family = AF_PACKET;
  setup.address.sll_protocol = htons(ETH_P_ALL);
  setup.address.sll_ifindex = static_cast<int>(options.integer("index", 1, INT32_MAX));
  setup.ring.tp_block_size = static_cast<uint32_t>(options.integer("blockSize", 4096, 1 << 30));
  setup.ring.tp_block_nr = static_cast<uint32_t>(options.integer("blockCount", 1, 1 << 20));
  setup.ring.tp_frame_size = 2048;
  setup.ring.tp_frame_nr = setup.ring.tp_block_size / 2048 * setup.ring.tp_block_nr;
  setup.ring.tp_retire_blk_tov = static_cast<uint32_t>(options.integerOr("retireMs", 1, 1000, 1));
  setup.header = options.flag("header") ? 1 : 0;
  setup.fanout = static_cast<int>(options.integerOr("fanoutGroup", 0, 65535, -1));
  return setup;
}

Fd openPacketSocket(const PacketSetup& setup) {
  Fd fd(check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket(AF_PACKET)", kRawPrivilege));
  const int on = 1, version = TPACKET_V3;
  setPacketOption(fd.get(), PACKET_VERSION, version, "PACKET_VERSION", "The kernel must know TPACKET_V3.");
  setPacketOption(fd.get(), PACKET_IGNORE_OUTGOING, on, "PACKET_IGNORE_OUTGOING", "The kernel must be 4.20 or later.");
  setPacketOption(fd.get(), PACKET_QDISC_BYPASS, on, "PACKET_QDISC_BYPASS", "The kernel must be 3.14 or later.");
  setPacketOption(fd.get(), PACKET_VNET_HDR, setup.header, "PACKET_VNET_HDR", "The kernel must be 4.6 or later.");
  setPacketOption(fd.get(), PACKET_RX_RING, setup.ring, "PACKET_RX_RING",
                  "Blocks must be whole pages and a power of two, and there must be memory for all of them.");
  return fd;
}

Napi::Value openPacketRing(const Napi::CallbackInfo& info) {
  const Bytes memory = bytesArg(info, 0, "memory");
  const Options options(info, 1);
  const PacketSetup setup = packetSetupOf(options);
  const auto block = static_cast<size_t>(options.integer("block", 0, static_cast<int64_t>(memory.length)));
  const size_t length = static_cast<size_t>(setup.ring.tp_block_size) * setup.ring.tp_block_nr;
  if (length > memory.length - block) throw Napi::RangeError::New(info.Env(), "block: the ring ends behind the memory");
  Fd fd;
  inNamespace(options.netns(), [&] { fd = openPacketSocket(setup); });
  std::vector<HoleMapping> holes;
  holes.emplace_back(fd.get(), memory.data + block, length, 0, "`block` must be the start of a page.");
  check(bind(fd.get(), reinterpret_cast<const sockaddr*>(&setup.address), sizeof setup.address), "bind(AF_PACKET)",
        "The interface must be there and up: `ip link` shows it.");
  if (setup.fanout >= 0) {
    const int fanout = setup.fanout | PACKET_FANOUT_HASH << 16;
    setPacketOption(fd.get(), PACKET_FANOUT, fanout, "PACKET_FANOUT", "All sockets of the group must be on the same interface.");
  }
  MappedSocket opened{Napi::ObjectReference::New(info[0].As<Napi::Object>(), 1), std::move(holes), std::move(fd)};
  return Napi::Number::New(info.Env(), SocketTable::of(info.Env()).add(std::move(opened)));
}

Napi::Value packetStatistics(const Napi::CallbackInfo& info) {
  tpacket_stats_v3 counters{};
  socklen_t length = sizeof counters;
  check(getsockopt(fdArg(info, 0), SOL_PACKET, PACKET_STATISTICS, &counters, &length), "getsockopt(PACKET_STATISTICS)",
        "The descriptor must come from openPacketRing and still be open.");
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("packets", counters.tp_packets);
  result.Set("drops", counters.tp_drops);
  return result;
}

/** What a TAP device's queues have in common; `persist` is 0 or 1, or -1 to leave it as it is. */
struct TapSetup {
  int headerSize;
  int persist;
};

/** One queue of the TAP device that the request names; the request returns with the kernel's choice of name. */
Fd openTapQueue(ifreq& request, const TapSetup& setup) {
  Fd fd(check(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), "open(/dev/net/tun)", "TAP needs the tun module (`modprobe tun`) and permission to open /dev/net/tun."));
  check(ioctl(fd.get(), TUNSETIFF, &request), "ioctl(TUNSETIFF)",
        "EPERM: creating a TAP device needs CAP_NET_ADMIN. EBUSY: another process holds it. EINVAL: it exists with other options (multi_queue, vnet_hdr, tun), "
        "so delete it with `ip link del` or match them.");
  if (setup.persist >= 0) check(ioctl(fd.get(), TUNSETPERSIST, setup.persist), "ioctl(TUNSETPERSIST)", "Changing whether a TAP device stays needs CAP_NET_ADMIN: run as root.");
  if (setup.headerSize == 0) return fd;
  check(ioctl(fd.get(), TUNSETVNETHDRSZ, &setup.headerSize), "ioctl(TUNSETVNETHDRSZ)", "The virtio-net header is 10 or 12 bytes long.");
  check(ioctl(fd.get(), TUNSETOFFLOAD, static_cast<unsigned long>(TUN_F_CSUM)), "ioctl(TUNSETOFFLOAD)", "The kernel must know TUN_F_CSUM.");
  return fd;
}

Napi::Value openTap(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  const std::string name = options.text("name");
  const auto queues = static_cast<uint32_t>(options.integerOr("queues", 1, 256, 1));
  const TapSetup setup{static_cast<int>(options.integerOr("headerSize", 0, 12, 0)), options.has("persist") ? options.flag("persist") : -1};
  if (name.size() >= IFNAMSIZ) throw Napi::RangeError::New(info.Env(), "name: expected at most 15 bytes, got " + name);
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | (queues > 1 || options.flag("multiQueue") ? IFF_MULTI_QUEUE : 0) | (setup.headerSize != 0 ? IFF_VNET_HDR : 0));
  std::vector<Fd> fds;
  inNamespace(options.netns(), [&] {
    while (fds.size() < queues) fds.push_back(openTapQueue(request, setup));
  });
  Napi::Array numbers = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < queues; i++) numbers.Set(i, fds[i].release());
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("name", static_cast<const char*>(request.ifr_name));
  result.Set("fds", numbers);
  return result;
}

/** What a list entry in linear memory says. */
struct Frame {
  uint32_t address;
  uint32_t length;
};

/** The arguments of the functions that move packets: (fd, memory, list, count). */
struct FrameList {
  int fd;
  Bytes memory;
  Frame* frames;
  uint32_t count;

  explicit FrameList(const Napi::CallbackInfo& info) : fd(fdArg(info, 0)), memory(bytesArg(info, 1, "memory")) {
    const auto list = static_cast<size_t>(integerArg(info, 2, "list", 0, static_cast<int64_t>(memory.length)));
    count = static_cast<uint32_t>(integerArg(info, 3, "count", 0, static_cast<int64_t>((memory.length - list) / sizeof(Frame))));
    frames = reinterpret_cast<Frame*>(memory.data + list);
  }

  bool inside(const Frame& frame) const { return frame.length <= memory.length && frame.address <= memory.length - frame.length; }
  uint8_t* bytes(const Frame& frame) const { return memory.data + frame.address; }
};

/** How many packets were moved; when it is none, why: a negative errno, or 0 when there is just nothing to do now. */
Napi::Value outcome(Napi::Env env, uint32_t moved, int error) {
  if (moved > 0 || error == EAGAIN || error == ENOBUFS) return Napi::Number::New(env, moved);
  return Napi::Number::New(env, -error);
}

Napi::Value readFrames(const Napi::CallbackInfo& info) {
  const FrameList list(info);
  uint32_t moved = 0;
  for (; moved < list.count; moved++) {
    Frame& frame = list.frames[moved];
    if (!list.inside(frame)) return outcome(info.Env(), moved, EFAULT);
    const ssize_t length = read(list.fd, list.bytes(frame), frame.length);
    if (length == -1) return outcome(info.Env(), moved, errno);
    frame.length = static_cast<uint32_t>(length);
  }
  return outcome(info.Env(), moved, 0);
}

Napi::Value writeFrames(const Napi::CallbackInfo& info) {
  const FrameList list(info);
  uint32_t moved = 0;
  for (; moved < list.count; moved++) {
    const Frame& frame = list.frames[moved];
    if (!list.inside(frame)) return outcome(info.Env(), moved, EFAULT);
    if (write(list.fd, list.bytes(frame), frame.length) == -1) return outcome(info.Env(), moved, errno);
  }
  return outcome(info.Env(), moved, 0);
}

Napi::Value sendFrames(const Napi::CallbackInfo& info) {
  const FrameList list(info);
  constexpr uint32_t kBatch = 64;
  uint32_t moved = 0;
  while (moved < list.count) {
    const uint32_t count = std::min(kBatch, list.count - moved);
    mmsghdr messages[kBatch] = {};
    iovec parts[kBatch];
    for (uint32_t i = 0; i < count; i++) {
      const Frame& frame = list.frames[moved + i];
      if (!list.inside(frame)) return outcome(info.Env(), moved, EFAULT);
      parts[i] = {list.bytes(frame), frame.length};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(list.fd, messages, count, MSG_DONTWAIT);
    if (sent == -1) return outcome(info.Env(), moved, errno);
    moved += static_cast<uint32_t>(sent);
    if (static_cast<uint32_t>(sent) < count) break;
  }
  return outcome(info.Env(), moved, 0);
}

}  // namespace

void registerPacket(Napi::Env env, Napi::Object exports) {
  expose<openPacketRing>(env, exports, "openPacketRing");
  expose<packetStatistics>(env, exports, "packetStatistics");
  expose<openTap>(env, exports, "openTap");
  expose<readFrames>(env, exports, "readFrames");
  expose<writeFrames>(env, exports, "writeFrames");
  expose<sendFrames>(env, exports, "sendFrames");
}
