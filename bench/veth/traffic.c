// The generator of bench/veth.
//   traffic CORE flood DEVICE SECONDS LENGTH FLOWS           as fast as it goes: live frames of BPF_PROG_TEST_RUN, redirected
//                                                            to the device, their source ports drawn at random
//   traffic CORE paced DEVICE SECONDS LENGTH FLOWS RATE [NETNS DEVICE]   at a rate: AF_PACKET; with a far end it receives one
//                                                            frame in 64 there and prints how long they were under way
// Prints one JSON object. Frames are UDP over IPv4 to 02:00:00:00:00:02, checksum 0, with a mark and the time in them.
#include "common.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

enum { PORT_AT = 34, MARK_AT = 42, TIME_AT = 46, BATCH = 64, SAMPLE_EVERY = 64, LENGTH_MAX = 1514 };
#define MARK 0x4d464c54u

static void make_frame(uint8_t* frame, size_t length) {
  static const uint8_t start[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 9};
  memset(frame, 0, length);
  memcpy(frame, start, sizeof start);
  const uint16_t ip = htons((uint16_t)(length - 14)), udp = htons((uint16_t)(length - 34));
  memcpy(frame + 16, &ip, 2);
  memcpy(frame + 38, &udp, 2);
  uint32_t sum = 0;
  for (size_t at = 14; at < 34; at += 2) sum += (uint32_t)(frame[at] << 8 | frame[at + 1]);
  sum = (sum & 0xffff) + (sum >> 16);
  const uint16_t checksum = htons((uint16_t)~(sum + (sum >> 16)));
  memcpy(frame + 24, &checksum, 2);
}

static void flood(const char* device, double seconds, size_t length, int flows) {
  const struct bpf_insn code[] = {
      {BPF_LDX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_1, offsetof(struct xdp_md, data), 0},
      {BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct xdp_md, data_end), 0},
      {BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_6, 0, 0},
      {BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, MARK_AT},
      {BPF_JMP | BPF_JGT | BPF_X, BPF_REG_3, BPF_REG_2, 3, 0},
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32},
      {BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, flows - 1},
      {BPF_STX | BPF_MEM | BPF_H, BPF_REG_6, BPF_REG_0, PORT_AT, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, (int)index_of(device)},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0},
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  uint8_t frame[LENGTH_MAX];
  make_frame(frame, length);
  union bpf_attr run = {0};
  run.test.prog_fd = (uint32_t)load_xdp(code, sizeof code);
  run.test.data_in = (uint64_t)frame;
  run.test.data_size_in = (uint32_t)length;
  run.test.repeat = 1 << 18;
  run.test.flags = 1 << 1;  // BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18
  run.test.batch_size = 64;
  uint64_t sent = 0;
  const uint64_t start = now_ns(CLOCK_MONOTONIC), end = start + (uint64_t)(seconds * 1e9);
  while (now_ns(CLOCK_MONOTONIC) < end) {
    const int result = bpf(BPF_PROG_TEST_RUN, &run);
    if (result < 0 && errno == EINTR) continue;
    check(result, "bpf(BPF_PROG_TEST_RUN): live frames need Linux 5.18");
    sent += run.test.repeat;
  }
  printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, (double)(now_ns(CLOCK_MONOTONIC) - start) / 1e9);
}

static int packet_socket(const char* device, int protocol) {
  const int fd = (int)check(socket(AF_PACKET, SOCK_RAW, 0), "socket(AF_PACKET)");
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol), .sll_ifindex = (int)index_of(device)};
  check(bind(fd, (struct sockaddr*)&address, sizeof address), "bind(AF_PACKET)");
  return fd;
}

/** Receives marked frames only, each with the time the kernel took it. */
static int far_end(const char* netns, const char* device) {
  const int home = open("/proc/self/ns/net", O_RDONLY), away = (int)check(open(netns, O_RDONLY), netns);
  check(setns(away, CLONE_NEWNET), "setns");
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, MARK_AT),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 128),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const struct sock_fprog program = {4, code};
  const int fd = (int)check(socket(AF_PACKET, SOCK_RAW, 0), "socket(AF_PACKET)"), on = 1, room = 256 << 20;
  check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "SO_ATTACH_FILTER");
  check(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), "SO_TIMESTAMPNS");
  check(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room), "SO_RCVBUFFORCE");
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index_of(device)};
  check(bind(fd, (struct sockaddr*)&address, sizeof address), "bind(AF_PACKET)");
  check(setns(home, CLONE_NEWNET), "setns");
  // The kernel begins to take times a little later, by a worker of its own; until then it would say when we read.
  usleep(200000);
  return fd;
}

static int ascending(const void* left, const void* right) {
  const int64_t x = *(const int64_t*)left, y = *(const int64_t*)right;
  return (x > y) - (x < y);
}

static void print_latencies(int fd) {
  enum { SAMPLES_MAX = 1 << 20 };
  int64_t* times = malloc(SAMPLES_MAX * sizeof *times);
  size_t count = 0;
  usleep(100000);
  for (;;) {
    uint8_t frame[128];
    char control[128];
    struct iovec part = {frame, sizeof frame};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, MSG_DONTWAIT) < (ssize_t)(TIME_AT + 8)) break;
    struct timespec taken = {0};
    for (struct cmsghdr* one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one))
      if (one->cmsg_type == SCM_TIMESTAMPNS) memcpy(&taken, CMSG_DATA(one), sizeof taken);
    int64_t sent;
    memcpy(&sent, frame + TIME_AT, sizeof sent);
    if (count < SAMPLES_MAX) times[count++] = (int64_t)taken.tv_sec * 1000000000 + taken.tv_nsec - sent;
  }
  qsort(times, count, sizeof *times, ascending);
  if (count == 0) return;
  printf(",\"samples\":%zu,\"p50Us\":%.2f,\"p99Us\":%.2f,\"p999Us\":%.2f", count, (double)times[count / 2] / 1e3,
         (double)times[count * 99 / 100] / 1e3, (double)times[count * 999 / 1000] / 1e3);
}

static void paced(const char* device, double seconds, size_t length, int flows, double rate, const char* netns, const char* far) {
  static uint8_t frames[BATCH][LENGTH_MAX];
  const int receiver = netns ? far_end(netns, far) : -1, fd = packet_socket(device, 0), on = 1;
  check(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on), "PACKET_QDISC_BYPASS");
  struct mmsghdr messages[BATCH] = {0};
  struct iovec parts[BATCH];
  for (int i = 0; i < BATCH; i++) {
    make_frame(frames[i], length);
    parts[i] = (struct iovec){frames[i], length};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  // Steps of at least 20 us: smaller ones cost more system calls than the core has time for.
  int step = (int)(rate / 50000);
  step = step < 1 ? 1 : step > BATCH ? BATCH : step;
  uint64_t sent = 0, refused = 0;
  uint32_t flow = 1;
  const uint64_t start = now_ns(CLOCK_MONOTONIC), end = start + (uint64_t)(seconds * 1e9);
  for (uint64_t now = start; now < end; now = now_ns(CLOCK_MONOTONIC)) {
    if ((double)(now - start) * rate / 1e9 < (double)sent) continue;
    for (int i = 0; i < step; i++) {
      flow = flow * 1664525 + 1013904223;
      const uint16_t port = (uint16_t)((flow >> 16) & (uint32_t)(flows - 1));
      memcpy(frames[i] + PORT_AT, &port, 2);
      const int marked = (sent + (uint64_t)i) % SAMPLE_EVERY == 0;
      const uint32_t mark = marked ? htonl(MARK) : 0;
      memcpy(frames[i] + MARK_AT, &mark, 4);
      const uint64_t stamp = marked ? now_ns(CLOCK_REALTIME) : 0;
      memcpy(frames[i] + TIME_AT, &stamp, 8);
    }
    const int result = sendmmsg(fd, messages, (unsigned)step, 0);
    if (result < 0 && errno != ENOBUFS && errno != EAGAIN) check(result, "sendmmsg");
    if (result < step) refused += (uint64_t)(step - (result < 0 ? 0 : result));
    sent += (uint64_t)step;
  }
  const double took = (double)(now_ns(CLOCK_MONOTONIC) - start) / 1e9;
  printf("{\"sent\":%llu,\"refused\":%llu,\"seconds\":%.6f", (unsigned long long)sent, (unsigned long long)refused, took);
  if (receiver >= 0) print_latencies(receiver);
  printf("}\n");
}

int main(int count, char** words) {
  if (count < 7) return fprintf(stderr, "traffic CORE flood|paced DEVICE SECONDS LENGTH FLOWS [RATE [NETNS DEVICE]]\n"), 2;
  pin(atoi(words[1]));
  const double seconds = atof(words[4]);
  const size_t length = (size_t)atoi(words[5]);
  const int flows = atoi(words[6]);
  if (length < 60 || length > LENGTH_MAX || flows < 1 || flows > 65536 || (flows & (flows - 1)) != 0) return fprintf(stderr, "60 to 1514 bytes; flows are a power of two up to 65536\n"), 2;
  if (strcmp(words[2], "flood") == 0) flood(words[3], seconds, length, flows);
  else paced(words[3], seconds, length, flows, count > 7 ? atof(words[7]) : 1e5, count > 9 ? words[8] : NULL, count > 9 ? words[9] : NULL);
  return 0;
}
