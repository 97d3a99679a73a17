// A system call that failed: which one, with what errno, and what the user can do about it.
// Thrown by everything in native/ and turned into a JavaScript Error by napi-args.h.
#pragma once
#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>
#include <utility>

struct SystemError {
  int error;
  std::string syscall;
  /** A whole sentence: what to do. */
  std::string hint;

  /** The errno's symbol, as Node names it ("EPERM"). */
  std::string code() const {
#ifdef __GLIBC__
    if (const char* name = strerrorname_np(error)) return name;
#endif
    std::string number = std::to_string(error);
    return number.insert(0, 1, 'E');
  }

  std::string message() const {
    return syscall + " failed: " + std::strerror(error) + " (" + code() + "). " + hint;
  }
};

/** Passes a system call's result through; throws SystemError with the present errno when it is -1. */
template <typename Result>
Result check(Result result, const char* syscall, const std::string& hint) {
  if (result == static_cast<Result>(-1)) throw SystemError{errno, syscall, hint};
  return result;
}

/** Owns one file descriptor. */
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  /** Gives the descriptor away. */
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};
