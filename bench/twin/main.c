// Drives the datapath printed as C as a PMD's thread drives the WebAssembly one: loads the memory image
// and the commands that the bench prepared, checks one pass of the trace, then measures windows, with
// one batch in 256 timed stage by stage. Prints one JSON object.
#define _GNU_SOURCE
#include "runtime.h"
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <x86intrin.h>

#include "datapath.generated.c"

#define TURNS 64
// Bursts of timed batches as in src/pmd/stage-profiler.ts.
#define BURST 8
#define REMINDERS 2
#define BURST_INTERVAL (256 * (BURST - REMINDERS))

static const char *const stage_names[] = {
    "stageReceive",
#define NAME(stage) #stage,
    STAGES(NAME)
#undef NAME
};
enum { STAGE_COUNT = sizeof stage_names / sizeof stage_names[0] };

static u64 stage_cycles[STAGE_COUNT];
static u64 stage_packets;

static void fail(const char *what) {
  fprintf(stderr, "twin: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Time that this thread had its core: what others take of it is not the twin's.
static double own_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static u32 clock_ms(double start) { return (u32)((now_seconds() - start) * 1000); }

static void load_image(const char *path) {
  void *memory = mmap((void *)MEMORY_BASE, 1ull << 32, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail(path);
  u32 piece[2];
  while (fread(piece, sizeof piece, 1, file) == 1) {
    if (fread(AT(piece[0], 0), 1, piece[1], file) != piece[1]) fail(path);
  }
  fclose(file);
}

// Replies are not looked at here: the bench has seen the same commands succeed.
static void drop_replies(u32 upcalls) { as_store_u32(upcalls, as_load_u32(upcalls, RING_HEAD), RING_TAIL); }

static void apply_commands(const char *path, u32 commands, u32 upcalls) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail(path);
  u32 head[2];
  while (fread(head, sizeof head, 1, file) == 1) {
    u32 record;
    while ((record = ringReserve(commands, head[0], head[1])) == 0) {
      poll(1, 0);
      drop_replies(upcalls);
    }
    if (fread(AT(record, 8), 1, head[0] - 8, file) != head[0] - 8) fail(path);
    ringCommit(commands);
  }
  fclose(file);
  for (int i = 0; i < 100000 && as_load_u32(commands, RING_HEAD) != as_load_u32(commands, RING_TAIL); i++) {
    poll(1, 0);
    drop_replies(upcalls);
  }
}

static u64 counter(u32 control, u32 stat) { return as_load_u64(control + PMD_STATS, stat * 8); }

// As src/pmd/stage-profiler.ts: a batch that took far longer than usual was interrupted and is left out.
static void timed_batch(bool counts) {
  static double usual;
  u64 batch[STAGE_COUNT];
  u64 start = __rdtsc();
  u32 context = stageReceive(0);
  u64 before = __rdtsc();
  if (context == 0) return;
  u32 packets = as_load_u32(context, BATCH_COUNT);
  batch[0] = before - start;
  int stage = 1;
#define TIME(function)                                                                                       \
  function(context);                                                                                         \
  {                                                                                                          \
    u64 after = __rdtsc();                                                                                   \
    batch[stage++] = after - before;                                                                         \
    before = after;                                                                                          \
  }
  STAGES(TIME)
#undef TIME
  if (!counts) return;
  double each = (double)(before - start) / packets;
  if (usual != 0 && each > usual * 4) {
    usual *= 1 + 1.0 / 16;
    return;
  }
  usual = usual == 0 ? each : usual + (each - usual) / 16;
  for (int i = 0; i < STAGE_COUNT; i++) stage_cycles[i] += batch[i];
  stage_packets += packets;
}

// Packets a second of running over one window.
static double window(u32 control, double start, double seconds) {
  u64 packets = counter(control, STAT_RX);
  double own = own_seconds();
  double from = now_seconds();
  double to = from;
  while (to - from < seconds) {
    for (int i = 0; i < BURST_INTERVAL / TURNS; i++) poll(TURNS, clock_ms(start));
    for (int i = 0; i < BURST; i++) timed_batch(i >= REMINDERS);
    to = now_seconds();
  }
  return (double)(counter(control, STAT_RX) - packets) / (own_seconds() - own);
}

// One pass of the trace with every sent byte folded into a digest: the two sides must agree.
static void check_pass(u32 control, u32 rxq, u32 ports) {
  as_store_u32(rxq, 0, RXQ_TRACE_ROUNDS);
  as_store_u32(rxq, 1, RXQ_TRACE_LIMIT);
  for (u32 i = 0; i < PORT_MAX; i++) {
    u32 port = ports + i * PORT_SIZE;
    u32 word = as_load_u32(port, PORT_KIND);
    if (word != 0) as_store_u32(port, word | PORT_FLAG_DIGEST, PORT_KIND);
  }
  while (poll(TURNS, 0) != 0) {
  }
  printf("{\"digest\":\"%016llx\",\"received\":%llu,\"sent\":%llu,\"misses\":%llu", (unsigned long long)as_load_u64(control, PMD_DIGEST),
         (unsigned long long)counter(control, STAT_RX), (unsigned long long)counter(control, STAT_TX),
         (unsigned long long)counter(control, STAT_MISS));
  as_store_u32(rxq, 0, RXQ_TRACE_LIMIT);
  for (u32 i = 0; i < PORT_MAX; i++) {
    u32 port = ports + i * PORT_SIZE;
    u32 word = as_load_u32(port, PORT_KIND);
    as_store_u32(port, word & ~(u32)PORT_FLAG_DIGEST, PORT_KIND);
  }
}

int main(int argc, char **argv) {
  if (argc != 8) {
    fprintf(stderr, "usage: twin IMAGE COMMANDS CONTROL CORE WARMUP WINDOWS SECONDS\n");
    return 2;
  }
  u32 control = (u32)strtoul(argv[3], NULL, 10);
  int core = atoi(argv[4]);
  double warmup = atof(argv[5]);
  int windows = atoi(argv[6]);
  double seconds = atof(argv[7]);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (core >= 0 && sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
  load_image(argv[1]);
  pmdInit(control);
  u32 regions = control + PMD_REGIONS;
  u32 upcalls = as_load_u32(regions, REGION_UPCALL_RING * 8);
  apply_commands(argv[2], as_load_u32(regions, REGION_COMMAND_RING * 8), upcalls);
  check_pass(control, as_load_u32(regions, REGION_RXQS * 8), as_load_u32(regions, REGION_PORTS * 8));

  double start = now_seconds();
  u64 tsc = __rdtsc();
  window(control, start, warmup);
  double tsc_ghz = (double)(__rdtsc() - tsc) / (now_seconds() - start) * 1e-9;
  memset(stage_cycles, 0, sizeof stage_cycles);
  stage_packets = 0;
  printf(",\"tscGhz\":%.6f,\"windows\":[", tsc_ghz);
  for (int i = 0; i < windows; i++) printf("%s%.1f", i == 0 ? "" : ",", window(control, start, seconds));
  printf("],\"stages\":{");
  for (int i = 0; i < STAGE_COUNT; i++) {
    printf("%s\"%s\":%.4f", i == 0 ? "" : ",", stage_names[i], (double)stage_cycles[i] / (double)stage_packets);
  }
  printf("}}\n");
  return 0;
}
