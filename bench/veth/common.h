// What the bench's two C programs share: failing with a reason, bare bpf() calls, pinning, time.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline long check(long result, const char* what) {
  if (result >= 0) return result;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline int bpf(int command, union bpf_attr* attributes) { return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes); }

static inline int load_xdp(const struct bpf_insn* code, size_t bytes) {
  static char log[65536];
  union bpf_attr attributes = {0};
  attributes.prog_type = BPF_PROG_TYPE_XDP;
  attributes.insns = (uint64_t)code;
  attributes.insn_cnt = (uint32_t)(bytes / sizeof *code);
  attributes.license = (uint64_t) "Apache-2.0";
  attributes.log_buf = (uint64_t)log;
  attributes.log_size = sizeof log;
  attributes.log_level = 1;
  const int fd = bpf(BPF_PROG_LOAD, &attributes);
  if (fd < 0) fprintf(stderr, "%s\n", log);
  return (int)check(fd, "bpf(BPF_PROG_LOAD)");
}

static inline unsigned index_of(const char* device) {
  const unsigned index = if_nametoindex(device);
  if (index != 0) return index;
  fprintf(stderr, "no interface %s\n", device);
  exit(1);
}

static inline void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  check(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

static inline uint64_t now_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}
