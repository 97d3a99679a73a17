// The XDP program of an interface: six instructions that hand a packet to the AF_XDP socket of its receive
// queue, or to the kernel when the queue has none. Bare bpf() calls; the link ends with its descriptor.
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/syscall.h>

#include "netns.h"
#include "options.h"
#include "registers.h"

namespace {

constexpr const char* kPrivilege = "XDP needs CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN on some kernels: run as root.";
/** BPF_F_XDP_HAS_FRAGS (Linux 5.18): packets larger than a page are welcome. */
constexpr uint32_t kHasFrags = 1U << 5;

int bpf(bpf_cmd command, bpf_attr& attributes) { return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes)); }

Fd createMap(uint32_t queues) {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_XSKMAP;
  attributes.key_size = 4;
  attributes.value_size = 4;
  attributes.max_entries = queues;
  return Fd(check(bpf(BPF_MAP_CREATE, attributes), "bpf(BPF_MAP_CREATE)", kPrivilege));
}

/** return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS); */
int loadProgram(int map, uint32_t flags) {
  const auto move = static_cast<uint8_t>(BPF_ALU64 | BPF_MOV | BPF_K);
  const bpf_insn program[] = {
      {BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(xdp_md, rx_queue_index), 0},
      {BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map},
      {0, 0, 0, 0, 0},
      {move, BPF_REG_3, 0, 0, XDP_PASS},
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_XDP;
  attributes.insns = reinterpret_cast<uint64_t>(program);
  attributes.insn_cnt = sizeof program / sizeof *program;
  attributes.license = reinterpret_cast<uint64_t>("Apache-2.0");
  attributes.prog_flags = flags;
  std::memcpy(attributes.prog_name, "megaflow_xsk", 13);
  return bpf(BPF_PROG_LOAD, attributes);
}

SystemError linkFailure(int error, uint32_t index) {
  char name[IF_NAMESIZE];
  // The kernel says EINVAL for an interface that is gone, as for much else.
  if (if_indextoname(index, name) == nullptr) return {ENODEV, "bpf(BPF_LINK_CREATE)", "The interface is gone: `ip link` shows those there are."};
  std::string hint = "`dmesg` may say more.";
  if (error == EPERM) hint = kPrivilege;
  if (error == EBUSY || error == EEXIST) hint = "The interface has an XDP program already: `ip link set dev NAME xdp off` takes it away, or stop the process that holds it.";
  if (error == EOPNOTSUPP || error == EINVAL) hint = "The driver cannot run XDP this way, for instance with this MTU: use mode generic.";
  return {error, "bpf(BPF_LINK_CREATE)", hint};
}

Napi::Value attachProgram(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  const auto index = static_cast<uint32_t>(options.integer("index", 1, INT32_MAX));
  const auto queues = static_cast<uint32_t>(options.integer("queues", 1, 65536));
  const bool generic = options.flag("generic");
  Fd map, link;
  inNamespace(options.netns(), [&] {
    map = createMap(queues);
    int loaded = loadProgram(map.get(), kHasFrags);
    if (loaded == -1 && errno == EINVAL) loaded = loadProgram(map.get(), 0);
    const Fd program(check(loaded, "bpf(BPF_PROG_LOAD)", kPrivilege));
    bpf_attr attributes{};
    attributes.link_create.prog_fd = static_cast<uint32_t>(program.get());
    attributes.link_create.target_ifindex = index;
    attributes.link_create.attach_type = BPF_XDP;
    attributes.link_create.flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
    const int created = bpf(BPF_LINK_CREATE, attributes);
    if (created == -1) throw linkFailure(errno, index);
    link = Fd(created);
  });
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("map", map.release());
  result.Set("link", link.release());
  return result;
}

Napi::Value steerQueue(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  const auto queue = static_cast<uint32_t>(options.integer("queue", 0, 65535));
  const auto socket = static_cast<uint32_t>(options.integer("socket", 0, INT32_MAX));
  bpf_attr attributes{};
  attributes.map_fd = static_cast<uint32_t>(options.integer("map", 0, INT32_MAX));
  attributes.key = reinterpret_cast<uint64_t>(&queue);
  attributes.value = reinterpret_cast<uint64_t>(&socket);
  check(bpf(BPF_MAP_UPDATE_ELEM, attributes), "bpf(BPF_MAP_UPDATE_ELEM)", "The map must come from attachProgram and the socket from openXsk, both open.");
  return info.Env().Undefined();
}

}  // namespace

void registerBpf(Napi::Env env, Napi::Object exports) {
  expose<attachProgram>(env, exports, "attachProgram");
  expose<steerQueue>(env, exports, "steerQueue");
}
