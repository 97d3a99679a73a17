// AF_XDP sockets whose packet memory is a slice of linear memory and whose four rings are mapped into it.
// The anchor owns the packet memory, so that interfaces come and go; every other socket shares it.
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "hole.h"
#include "netns.h"
#include "options.h"
#include "registers.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

namespace {

constexpr uint16_t kUseSg = 1 << 4;      // XDP_USE_SG, Linux 6.6: a packet may take several descriptors
constexpr int kMaxTxBudget = 9;          // XDP_MAX_TX_SKB_BUDGET, Linux 6.17
constexpr uint32_t kTxBudget = 255;
constexpr uint32_t kAnchorRing = 64;
constexpr uint32_t kRingMax = 1 << 20;
constexpr const char* kRingHint = "Ring sizes must be powers of two.";

struct Umem {
  uint8_t* address;
  size_t length;
  uint32_t chunk;
  uint32_t headroom;
};

struct Sizes {
  uint32_t fill, completion, rx, tx;
};

Fd openSocket() {
  const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd >= 0) return Fd(fd);
  throw SystemError{errno, "socket(AF_XDP)", errno == EAFNOSUPPORT ? "The kernel is built without CONFIG_XDP_SOCKETS: use afpacket ports."
                                                                   : "AF_XDP needs CAP_NET_RAW: run as root."};
}

void setOption(int fd, int option, const void* value, socklen_t length, const char* name, const std::string& hint) {
  check(setsockopt(fd, SOL_XDP, option, value, length), (std::string("setsockopt(") + name + ")").c_str(), hint);
}

void registerUmem(int fd, const Umem& umem) {
  xdp_umem_reg request{};
  request.addr = reinterpret_cast<uint64_t>(umem.address);
  request.len = umem.length;
  request.chunk_size = umem.chunk;
  request.headroom = umem.headroom;
  setOption(fd, XDP_UMEM_REG, &request, sizeof request, "XDP_UMEM_REG",
            "ENOBUFS or ENOMEM: the limit of locked memory is too small for " + std::to_string(umem.length >> 20) +
                " MiB (`ulimit -l unlimited`, LimitMEMLOCK=infinity in a systemd unit, or CAP_IPC_LOCK). EINVAL: chunks are 2048 or "
                "4096 bytes, and the memory must start at a page and be whole pages.");
}

void setRings(int fd, const Sizes& sizes) {
  setOption(fd, XDP_UMEM_FILL_RING, &sizes.fill, 4, "XDP_UMEM_FILL_RING", kRingHint);
  setOption(fd, XDP_UMEM_COMPLETION_RING, &sizes.completion, 4, "XDP_UMEM_COMPLETION_RING", kRingHint);
  if (sizes.rx != 0) setOption(fd, XDP_RX_RING, &sizes.rx, 4, "XDP_RX_RING", kRingHint);
  if (sizes.tx != 0) setOption(fd, XDP_TX_RING, &sizes.tx, 4, "XDP_TX_RING", kRingHint);
}

std::string bindHint(int error) {
  switch (error) {
    case EBUSY: return "The queue has an AF_XDP socket already, or one that was closed less than 200 ms ago: try again, or stop who holds it (`ss --xdp -p`).";
    case EOPNOTSUPP: return "The driver cannot do zero-copy: use mode native or best-effort.";
    case EINVAL: return "The queue must be below the interface's number of queues (`ethtool -l NAME`).";
    case ENETDOWN: return "Set the interface up first: `ip link set NAME up`.";
    case ENODEV: return "The interface is gone.";
    case EBADF:
    case ENOTSOCK: return "The anchor is closed, or belongs to other memory: open it first and close it last.";
    case EPERM: return "AF_XDP needs CAP_NET_RAW and CAP_NET_ADMIN: run as root.";
    default: return "`megaflow doctor` says what AF_XDP can do here.";
  }
}

int bindSocket(int fd, uint32_t index, uint32_t queue, uint16_t flags, int sharedWith) {
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_ifindex = index;
  address.sxdp_queue_id = queue;
  address.sxdp_flags = flags;
  if (sharedWith >= 0) address.sxdp_shared_umem_fd = static_cast<uint32_t>(sharedWith);
  return bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

xdp_mmap_offsets ringOffsets(int fd) {
  xdp_mmap_offsets offsets{};
  socklen_t length = sizeof offsets;
  check(getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length), "getsockopt(XDP_MMAP_OFFSETS)", "The kernel must be 5.4 or later.");
  return offsets;
}

size_t wholePages(size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

/** The rings in the order in which they lie in a socket's block of linear memory. */
struct Ring {
  const char* name;
  xdp_ring_offset offset;
  uint32_t size;
  size_t entry;
  off_t pageOffset;

  size_t bytes() const { return wholePages(offset.desc + size * entry); }
};

std::vector<Ring> ringsOf(int fd, const Sizes& sizes) {
  const xdp_mmap_offsets offsets = ringOffsets(fd);
  return {
      {"fill", offsets.fr, sizes.fill, sizeof(uint64_t), static_cast<off_t>(XDP_UMEM_PGOFF_FILL_RING)},
      {"completion", offsets.cr, sizes.completion, sizeof(uint64_t), static_cast<off_t>(XDP_UMEM_PGOFF_COMPLETION_RING)},
      {"rx", offsets.rx, sizes.rx, sizeof(xdp_desc), XDP_PGOFF_RX_RING},
      {"tx", offsets.tx, sizes.tx, sizeof(xdp_desc), static_cast<off_t>(XDP_PGOFF_TX_RING)},
  };
}

Sizes sizesOf(const Options& options) {
  const auto size = [&](const char* name) { return static_cast<uint32_t>(options.integer(name, 1, kRingMax)); };
  return {size("fillSize"), size("completionSize"), size("rxSize"), size("txSize")};
}

Umem umemOf(const Napi::CallbackInfo& info, const Options& options, const Bytes& memory) {
  const auto offset = static_cast<size_t>(options.integer("umemOffset", 0, static_cast<int64_t>(memory.length)));
  const auto length = static_cast<size_t>(options.integer("umemLength", 1, static_cast<int64_t>(memory.length)));
  if (length > memory.length - offset) throw Napi::RangeError::New(info.Env(), "umemOffset + umemLength ends behind the memory");
  return {memory.data + offset, length, static_cast<uint32_t>(options.integer("chunk", 2048, 4096)),
          static_cast<uint32_t>(options.integerOr("headroom", 0, 2048, 0))};
}

MappedSocket mapped(const Napi::CallbackInfo& info, Fd&& fd, std::vector<HoleMapping>&& holes) {
  return {Napi::ObjectReference::New(info[0].As<Napi::Object>(), 1), std::move(holes), std::move(fd)};
}

void loopbackUp() {
  const Fd control(check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", "Raise the limit of open files (`ulimit -n`)."));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check(ioctl(control.get(), SIOCSIFFLAGS, &request), "ioctl(SIOCSIFFLAGS)", "Setting an interface up needs CAP_NET_ADMIN: run as root.");
}

Napi::Value openAnchor(const Napi::CallbackInfo& info) {
  const Options options(info, 1);
  const Umem umem = umemOf(info, options, bytesArg(info, 0, "memory"));
  Fd fd;
  bool multiBuffer = true;
  // A loopback interface of our own: two switches on one machine do not meet on it.
  inNewNamespace([&] {
    loopbackUp();
    fd = openSocket();
    registerUmem(fd.get(), umem);
    setRings(fd.get(), {kAnchorRing, kAnchorRing, kAnchorRing, 0});
    const uint32_t loopback = if_nametoindex("lo");
    constexpr uint16_t flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
    if (bindSocket(fd.get(), loopback, 0, flags | kUseSg, -1) == 0) return;
    multiBuffer = false;
    if (bindSocket(fd.get(), loopback, 0, flags, -1) == -1) throw SystemError{errno, "bind(AF_XDP)", bindHint(errno)};
  });
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("fd", SocketTable::of(info.Env()).add(mapped(info, std::move(fd), {})));
  result.Set("multiBuffer", multiBuffer);
  return result;
}

Napi::Value xskBlockSize(const Napi::CallbackInfo& info) {
  const Sizes sizes = sizesOf(Options(info, 0));
  const Fd fd = openSocket();
  size_t total = 0;
  for (const Ring& ring : ringsOf(fd.get(), sizes)) total += ring.bytes();
  return Napi::Number::New(info.Env(), static_cast<double>(total));
}

Napi::Object describeRing(Napi::Env env, const Ring& ring, size_t at) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("producer", static_cast<double>(at + ring.offset.producer));
  result.Set("consumer", static_cast<double>(at + ring.offset.consumer));
  result.Set("flags", static_cast<double>(at + ring.offset.flags));
  result.Set("entries", static_cast<double>(at + ring.offset.desc));
  result.Set("size", ring.size);
  return result;
}

bool isZeroCopy(int fd) {
  xdp_options options{};
  socklen_t length = sizeof options;
  return getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &length) == 0 && (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

Napi::Value openXsk(const Napi::CallbackInfo& info) {
  const Bytes memory = bytesArg(info, 0, "memory");
  const Options options(info, 1);
  const auto index = static_cast<uint32_t>(options.integer("index", 1, INT32_MAX));
  const auto queue = static_cast<uint32_t>(options.integer("queue", 0, 65535));
  const auto block = static_cast<size_t>(options.integer("block", 0, static_cast<int64_t>(memory.length)));
  const Sizes sizes = sizesOf(options);
  const auto anchor = static_cast<int>(options.integerOr("anchor", 0, INT32_MAX, -1));
  const Umem umem = anchor >= 0 ? Umem{} : umemOf(info, options, memory);
  uint16_t flags = anchor >= 0 ? XDP_SHARED_UMEM : (options.flag("zeroCopy") ? XDP_ZEROCOPY : XDP_COPY);
  if (anchor < 0 && options.flag("needWakeup")) flags |= XDP_USE_NEED_WAKEUP;
  if (anchor < 0 && options.flag("multiBuffer")) flags |= kUseSg;
  if (reinterpret_cast<uintptr_t>(memory.data + block) % wholePages(1) != 0) throw Napi::RangeError::New(info.Env(), "block: expected the start of a page");

  Fd fd;
  inNamespace(options.netns(), [&] { fd = openSocket(); });
  if (anchor < 0) registerUmem(fd.get(), umem);
  setRings(fd.get(), sizes);
  Napi::Object result = Napi::Object::New(info.Env());
  std::vector<HoleMapping> holes;
  size_t at = block;
  for (const Ring& ring : ringsOf(fd.get(), sizes)) {
    if (ring.bytes() > memory.length - at) throw Napi::RangeError::New(info.Env(), "block: the rings end behind the memory");
    holes.emplace_back(fd.get(), memory.data + at, ring.bytes(), ring.pageOffset, "The kernel could not map an AF_XDP ring: make the rings smaller.");
    result.Set(ring.name, describeRing(info.Env(), ring, at));
    at += ring.bytes();
  }
  if (bindSocket(fd.get(), index, queue, flags, anchor) == -1) {
    const SystemError failure{errno, "bind(AF_XDP)", bindHint(errno)};
    fd = Fd();
    throw failure;
  }
  // Older kernels send 32 packets a kick and do not know the option.
  setsockopt(fd.get(), SOL_XDP, kMaxTxBudget, &kTxBudget, sizeof kTxBudget);
  result.Set("zeroCopy", isZeroCopy(fd.get()));
  result.Set("fd", SocketTable::of(info.Env()).add(mapped(info, std::move(fd), std::move(holes))));
  return result;
}

Napi::Value xskStatistics(const Napi::CallbackInfo& info) {
  xdp_statistics counters{};
  socklen_t length = sizeof counters;
  check(getsockopt(fdArg(info, 0), SOL_XDP, XDP_STATISTICS, &counters, &length), "getsockopt(XDP_STATISTICS)", "The descriptor must come from openXsk and still be open.");
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("rxDropped", static_cast<double>(counters.rx_dropped));
  result.Set("rxInvalidDescriptors", static_cast<double>(counters.rx_invalid_descs));
  result.Set("txInvalidDescriptors", static_cast<double>(counters.tx_invalid_descs));
  result.Set("rxRingFull", static_cast<double>(counters.rx_ring_full));
  result.Set("rxFillRingEmpty", static_cast<double>(counters.rx_fill_ring_empty_descs));
  result.Set("txRingEmpty", static_cast<double>(counters.tx_ring_empty_descs));
  return result;
}

Napi::Value closePort(const Napi::CallbackInfo& info) {
  const int fd = fdArg(info, 0);
  if (!SocketTable::of(info.Env()).close(fd)) throw SystemError{EBADF, "close", "Descriptor " + std::to_string(fd) + " is no open socket of this thread: the thread that opened it closes it, once."};
  return info.Env().Undefined();
}

/** 0 or an errno: it is called between batches, where an exception would be too dear. */
Napi::Value wakeTx(const Napi::CallbackInfo& info) {
  const ssize_t sent = sendto(fdArg(info, 0), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
  return Napi::Number::New(info.Env(), sent == -1 ? errno : 0);
}

Napi::Value wakeRx(const Napi::CallbackInfo& info) {
  const ssize_t received = recvfrom(fdArg(info, 0), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
  return Napi::Number::New(info.Env(), received == -1 ? errno : 0);
}

}  // namespace

void registerXsk(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new SocketTable());
  expose<openAnchor>(env, exports, "openAnchor");
  expose<xskBlockSize>(env, exports, "xskBlockSize");
  expose<openXsk>(env, exports, "openXsk");
  expose<xskStatistics>(env, exports, "xskStatistics");
  expose<closePort>(env, exports, "closePort");
  expose<wakeTx>(env, exports, "wakeTx");
  expose<wakeRx>(env, exports, "wakeRx");
}
