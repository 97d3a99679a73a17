// The calling thread: which cores it runs on, its id, the time it has run, and the cycle counter.
#include <ctime>
#include <sched.h>
#include <sys/syscall.h>
#include <vector>

#include "napi-args.h"
#include "registers.h"
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

/** Cores that a mask here can name; the kernel's own limit on x86-64 is 8,192. */
constexpr int64_t kCoreMax = 8192;
constexpr size_t kMaskBytes = kCoreMax / 8;

struct CoreMask {
  uint64_t words[kMaskBytes / 8] = {};

  void add(int64_t core) { words[core / 64] |= UINT64_C(1) << (core % 64); }
  bool has(int64_t core) const { return (words[core / 64] >> (core % 64) & 1) != 0; }
  cpu_set_t* set() { return reinterpret_cast<cpu_set_t*>(words); }
};

CoreMask currentMask() {
  CoreMask mask;
  check(sched_getaffinity(0, kMaskBytes, mask.set()), "sched_getaffinity", "This kernel has more cores than megaflow knows of.");
  return mask;
}

Napi::Array toArray(Napi::Env env, const CoreMask& mask) {
  Napi::Array cores = Napi::Array::New(env);
  uint32_t count = 0;
  for (int64_t core = 0; core < kCoreMax; core++) {
    if (mask.has(core)) cores.Set(count++, Napi::Number::New(env, static_cast<double>(core)));
  }
  return cores;
}

Napi::Value getAffinity(const Napi::CallbackInfo& info) { return toArray(info.Env(), currentMask()); }

Napi::Value setAffinity(const Napi::CallbackInfo& info) {
  const int64_t core = integerArg(info, 0, "core", 0, kCoreMax - 1);
  CoreMask mask;
  mask.add(core);
  check(sched_setaffinity(0, kMaskBytes, mask.set()), "sched_setaffinity",
        "Choose a core that exists and that this process may use: `taskset -cp $$` and `nproc` show them; in a container "
        "the cpuset decides. Asked for core " + std::to_string(core) + ".");
  return toArray(info.Env(), currentMask());
}

Napi::Value clearAffinity(const Napi::CallbackInfo& info) {
  CoreMask mask;
  for (uint64_t& word : mask.words) word = ~UINT64_C(0);
  check(sched_setaffinity(0, kMaskBytes, mask.set()), "sched_setaffinity", "The cpuset of this process has no core left.");
  return toArray(info.Env(), currentMask());
}

uint64_t cycles() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * UINT64_C(1000000000) + static_cast<uint64_t>(now.tv_nsec);
#endif
}

Napi::Value readTsc(const Napi::CallbackInfo& info) { return Napi::BigInt::New(info.Env(), cycles()); }

/** Cycles since the library was loaded: a double holds them exactly for a month at any clock rate. */
const uint64_t kLoadedAt = cycles();

Napi::Value readCycles(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(cycles() - kLoadedAt));
}

/** To the nanosecond; the kernel's text files tell it to a tick of the scheduler only. */
Napi::Value threadCpuMs(const Napi::CallbackInfo& info) {
  timespec ran;
  check(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran), "clock_gettime", "This kernel does not account for threads.");
  return Napi::Number::New(info.Env(), static_cast<double>(ran.tv_sec) * 1e3 + static_cast<double>(ran.tv_nsec) / 1e6);
}

Napi::Value threadId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(syscall(SYS_gettid)));
}

}  // namespace

void registerThread(Napi::Env env, Napi::Object exports) {
  expose<getAffinity>(env, exports, "getAffinity");
  expose<setAffinity>(env, exports, "setAffinity");
  expose<clearAffinity>(env, exports, "clearAffinity");
  expose<readTsc>(env, exports, "readTsc");
  expose<readCycles>(env, exports, "readCycles");
  expose<threadId>(env, exports, "threadId");
  expose<threadCpuMs>(env, exports, "threadCpuMs");
}
