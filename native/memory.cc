// The switch's linear memory as the kernel sees it: its address, and advice about its pages.
#include <sys/mman.h>

#include "napi-args.h"
#include "registers.h"

namespace {

constexpr uintptr_t kHugePage = 2 * 1024 * 1024;

Napi::Value memoryAddress(const Napi::CallbackInfo& info) {
  const Bytes bytes = bytesArg(info, 0, "memory");
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(reinterpret_cast<uintptr_t>(bytes.data)));
}

/** Advises the whole pages of `unit` bytes inside the slice given by the arguments; returns how many bytes that is. */
Napi::Value advise(const Napi::CallbackInfo& info, uintptr_t unit, int advice, const char* hint) {
  const Bytes slice = sliceArg(info, bytesArg(info, 0, "memory"), 1, 2);
  const auto start = (reinterpret_cast<uintptr_t>(slice.data) + unit - 1) / unit * unit;
  const auto end = (reinterpret_cast<uintptr_t>(slice.data) + slice.length) / unit * unit;
  if (start >= end) return Napi::Number::New(info.Env(), 0);
  check(madvise(reinterpret_cast<void*>(start), end - start, advice), "madvise", hint);
  return Napi::Number::New(info.Env(), static_cast<double>(end - start));
}

Napi::Value adviseHugePages(const Napi::CallbackInfo& info) {
  return advise(info, kHugePage, MADV_HUGEPAGE,
                "The kernel needs transparent huge pages: `cat /sys/kernel/mm/transparent_hugepage/enabled` should not say [never].");
}

Napi::Value populateMemory(const Napi::CallbackInfo& info) {
  constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, Linux 5.14; older headers lack the name
  return advise(info, static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)), kPopulateWrite,
                "The kernel must be 5.14 or later and have that much memory free.");
}

}  // namespace

void registerMemory(Napi::Env env, Napi::Object exports) {
  expose<memoryAddress>(env, exports, "memoryAddress");
  expose<adviseHugePages>(env, exports, "adviseHugePages");
  expose<populateMemory>(env, exports, "populateMemory");
}
