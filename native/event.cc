// Waking and waiting: eventfds, and a bounded wait of the calling thread on a list of descriptors, which is
// how an idle PMD sleeps until traffic or a command comes.
#include <poll.h>
#include <sys/eventfd.h>
#include <vector>

#include "hole.h"
#include "napi-args.h"
#include "registers.h"

namespace {

constexpr const char* kBadEvent = "The descriptor must come from openEvent and still be open.";

Napi::Value openEvent(const Napi::CallbackInfo& info) {
  const int fd = check(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd", "Raise the limit of open files (`ulimit -n`).");
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value notifyEvent(const Napi::CallbackInfo& info) {
  const uint64_t one = 1;
  const ssize_t written = write(fdArg(info, 0), &one, sizeof one);
  // EAGAIN: the counter is at its maximum, so whoever waits is awake already.
  if (written == -1 && errno != EAGAIN) throw SystemError{errno, "write", kBadEvent};
  return info.Env().Undefined();
}

Napi::Value drainEvent(const Napi::CallbackInfo& info) {
  uint64_t count = 0;
  if (read(fdArg(info, 0), &count, sizeof count) == -1) {
    if (errno != EAGAIN) throw SystemError{errno, "read", kBadEvent};
    count = 0;
  }
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

Napi::Int32Array int32Arg(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_int32_array) {
    return value.As<Napi::Int32Array>();
  }
  throw Napi::TypeError::New(info.Env(), std::string(name) + ": expected an Int32Array, got " + describe(value));
}

Napi::Value waitForEvents(const Napi::CallbackInfo& info) {
  Napi::Int32Array fds = int32Arg(info, 0, "fds");
  if (!info[1].IsNumber()) throw Napi::TypeError::New(info.Env(), "timeoutMs: expected a number, got " + describe(info[1]));
  const double timeoutMs = info[1].As<Napi::Number>().DoubleValue();
  thread_local std::vector<pollfd> polled;
  polled.clear();
  for (size_t i = 0; i < fds.ElementLength(); i++) polled.push_back({fds[i], POLLIN, 0});
  timespec timeout{};
  const bool bounded = timeoutMs >= 0 && timeoutMs < 1e12;
  if (bounded) {
    timeout.tv_sec = static_cast<time_t>(timeoutMs / 1000);
    timeout.tv_nsec = static_cast<long>((timeoutMs - static_cast<double>(timeout.tv_sec) * 1000) * 1e6);
  }
  int ready = ppoll(polled.data(), polled.size(), bounded ? &timeout : nullptr, nullptr);
  if (ready == -1) {
    if (errno != EINTR) throw SystemError{errno, "ppoll", "Wait on fewer descriptors, or raise the limit of open files (`ulimit -n`)."};
    ready = 0;
  }
  if (!info[2].IsUndefined()) {
    Napi::Int32Array events = int32Arg(info, 2, "events");
    for (size_t i = 0; i < events.ElementLength() && i < polled.size(); i++) events[i] = polled[i].revents;
  }
  return Napi::Number::New(info.Env(), ready);
}

Napi::Value closeFd(const Napi::CallbackInfo& info) {
  const int fd = fdArg(info, 0);
  if (SocketTable::of(info.Env()).has(fd)) throw SystemError{EINVAL, "close", "The descriptor has a ring in memory: close it with closePort."};
  check(close(fd), "close", "The descriptor was closed before: close each one once.");
  return info.Env().Undefined();
}

}  // namespace

void registerEvent(Napi::Env env, Napi::Object exports) {
  expose<openEvent>(env, exports, "openEvent");
  expose<notifyEvent>(env, exports, "notifyEvent");
  expose<drainEvent>(env, exports, "drainEvent");
  expose<waitForEvents>(env, exports, "waitForEvents");
  expose<closeFd>(env, exports, "closeFd");
}
