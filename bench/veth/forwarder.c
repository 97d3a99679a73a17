// The yardstick of bench/veth: the smallest AF_XDP forwarder in C. It polls queue 0 of one interface and sends every
// descriptor out of another one (or, with "-", gives the frame back: receive only), on one packet memory in copy mode.
//   forwarder CORE IN OUT|-     prints {"received":N,"sent":N} once a second, and at its end on SIGTERM
#include "common.h"

#include <linux/if_xdp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { RING = 4096, CHUNK = 2048, CHUNKS = 16384, BATCH = 64 };

struct ring {
  volatile uint32_t *producer, *consumer, *flags;
  void* entries;
};

struct port {
  int fd;
  struct ring fill, completion, rx, tx;
};

static volatile sig_atomic_t over;
static void stop(int signal) { over = signal; }

static void option(int fd, int name, int value) { check(setsockopt(fd, SOL_XDP, name, &value, sizeof value), "setsockopt(SOL_XDP)"); }

static struct ring map_ring(int fd, const struct xdp_ring_offset* offset, size_t entry, off_t page) {
  uint8_t* base = mmap(NULL, offset->desc + RING * entry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page);
  if (base == MAP_FAILED) check(-1, "mmap");
  return (struct ring){(uint32_t*)(base + offset->producer), (uint32_t*)(base + offset->consumer), (uint32_t*)(base + offset->flags), base + offset->desc};
}

static struct port open_port(const char* device, void* umem, int shared) {
  struct port port = {.fd = (int)check(socket(AF_XDP, SOCK_RAW, 0), "socket(AF_XDP)")};
  const struct xdp_umem_reg memory = {.addr = (uint64_t)umem, .len = (uint64_t)CHUNKS * CHUNK, .chunk_size = CHUNK};
  if (shared < 0) check(setsockopt(port.fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof memory), "XDP_UMEM_REG");
  for (int name = XDP_RX_RING; name <= XDP_TX_RING; name++) option(port.fd, name, RING);
  option(port.fd, XDP_UMEM_FILL_RING, RING);
  option(port.fd, XDP_UMEM_COMPLETION_RING, RING);
  struct xdp_mmap_offsets offsets;
  socklen_t length = sizeof offsets;
  check(getsockopt(port.fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length), "XDP_MMAP_OFFSETS");
  port.fill = map_ring(port.fd, &offsets.fr, 8, (off_t)XDP_UMEM_PGOFF_FILL_RING);
  port.completion = map_ring(port.fd, &offsets.cr, 8, (off_t)XDP_UMEM_PGOFF_COMPLETION_RING);
  port.rx = map_ring(port.fd, &offsets.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
  port.tx = map_ring(port.fd, &offsets.tx, sizeof(struct xdp_desc), (off_t)XDP_PGOFF_TX_RING);
  struct sockaddr_xdp address = {.sxdp_family = AF_XDP, .sxdp_ifindex = index_of(device)};
  address.sxdp_flags = shared < 0 ? XDP_COPY | XDP_USE_NEED_WAKEUP : XDP_SHARED_UMEM;
  if (shared >= 0) address.sxdp_shared_umem_fd = (uint32_t)shared;
  check(bind(port.fd, (struct sockaddr*)&address, sizeof address), "bind(AF_XDP)");
  const int budget = 255;
  setsockopt(port.fd, SOL_XDP, 9, &budget, sizeof budget);  // XDP_MAX_TX_SKB_BUDGET, where there is one
  return port;
}

static void attach(const char* device, int socket) {
  union bpf_attr map = {.map_type = BPF_MAP_TYPE_XSKMAP, .key_size = 4, .value_size = 4, .max_entries = 1};
  const int fd = (int)check(bpf(BPF_MAP_CREATE, &map), "bpf(BPF_MAP_CREATE)");
  const struct bpf_insn code[] = {
      {BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct xdp_md, rx_queue_index), 0},
      {BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, fd},
      {0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS},
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  union bpf_attr link = {0};
  link.link_create.prog_fd = (uint32_t)load_xdp(code, sizeof code);
  link.link_create.target_ifindex = index_of(device);
  link.link_create.attach_type = BPF_XDP;
  link.link_create.flags = XDP_FLAGS_DRV_MODE;
  check(bpf(BPF_LINK_CREATE, &link), "bpf(BPF_LINK_CREATE)");
  const uint32_t key = 0;
  union bpf_attr entry = {.map_fd = (uint32_t)fd, .key = (uint64_t)&key, .value = (uint64_t)&socket};
  check(bpf(BPF_MAP_UPDATE_ELEM, &entry), "bpf(BPF_MAP_UPDATE_ELEM)");
}

static void give(struct ring* fill, const uint64_t* chunks, uint32_t count) {
  const uint32_t at = *fill->producer;
  for (uint32_t i = 0; i < count; i++) ((uint64_t*)fill->entries)[(at + i) & (RING - 1)] = chunks[i] & ~(uint64_t)(CHUNK - 1);
  __atomic_store_n(fill->producer, at + count, __ATOMIC_RELEASE);
}

/** Takes up to a batch of what was received. */
static uint32_t receive(struct ring* rx, struct xdp_desc* batch) {
  const uint32_t at = *rx->consumer;
  uint32_t count = __atomic_load_n(rx->producer, __ATOMIC_ACQUIRE) - at;
  if (count > BATCH) count = BATCH;
  for (uint32_t i = 0; i < count; i++) batch[i] = ((struct xdp_desc*)rx->entries)[(at + i) & (RING - 1)];
  __atomic_store_n(rx->consumer, at + count, __ATOMIC_RELEASE);
  return count;
}

static uint32_t reclaim(struct ring* completion, struct ring* fill) {
  const uint32_t at = *completion->consumer;
  uint64_t chunks[BATCH];
  uint32_t count = __atomic_load_n(completion->producer, __ATOMIC_ACQUIRE) - at;
  if (count > BATCH) count = BATCH;
  for (uint32_t i = 0; i < count; i++) chunks[i] = ((uint64_t*)completion->entries)[(at + i) & (RING - 1)];
  __atomic_store_n(completion->consumer, at + count, __ATOMIC_RELEASE);
  if (count > 0) give(fill, chunks, count);
  return count;
}

static uint32_t transmit(struct port* out, const struct xdp_desc* batch, uint32_t count) {
  const uint32_t at = *out->tx.producer, room = RING - (at - __atomic_load_n(out->tx.consumer, __ATOMIC_ACQUIRE));
  if (count > room) count = room;
  for (uint32_t i = 0; i < count; i++) ((struct xdp_desc*)out->tx.entries)[(at + i) & (RING - 1)] = batch[i];
  __atomic_store_n(out->tx.producer, at + count, __ATOMIC_RELEASE);
  sendto(out->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
  return count;
}

int main(int count, char** words) {
  if (count != 4) return fprintf(stderr, "forwarder CORE IN OUT|-\n"), 2;
  pin(atoi(words[1]));
  signal(SIGTERM, stop);
  signal(SIGINT, stop);
  const int forwards = strcmp(words[3], "-") != 0;
  void* umem = mmap(NULL, (size_t)CHUNKS * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  struct port in = open_port(words[2], umem, -1), out = forwards ? open_port(words[3], umem, in.fd) : in;
  uint64_t received = 0, sent = 0, second = now_ns(CLOCK_MONOTONIC);
  for (uint64_t chunk = 0; chunk < RING; chunk++) give(&in.fill, &(uint64_t){chunk * CHUNK}, 1);
  attach(words[2], in.fd);
  printf("ready\n");
  fflush(stdout);
  for (uint32_t rounds = 0; !over; rounds++) {
    struct xdp_desc batch[BATCH];
    const uint32_t got = receive(&in.rx, batch);
    received += got;
    uint32_t moved = 0;
    if (forwards && got > 0) moved = transmit(&out, batch, got);
    sent += moved;
    for (uint32_t i = moved; i < got; i++) give(&in.fill, &(uint64_t){batch[i].addr}, 1);
    if (forwards) while (reclaim(&out.completion, &in.fill) == BATCH) continue;
    if (got == 0 && (*in.fill.flags & XDP_RING_NEED_WAKEUP)) recvfrom(in.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    if (rounds % 4096 != 0 || now_ns(CLOCK_MONOTONIC) < second) continue;
    second += 1000000000;
    printf("{\"received\":%llu,\"sent\":%llu}\n", (unsigned long long)received, (unsigned long long)sent);
    fflush(stdout);
  }
  printf("{\"received\":%llu,\"sent\":%llu}\n", (unsigned long long)received, (unsigned long long)sent);
  return 0;
}
